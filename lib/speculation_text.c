// What people are told of the host's defences against speculative execution.
#include "lib/speculation_text.h"
#include "kernel/abi.h"
#include "lib/format.h"
#include "lib/string.h"

struct word {
    uint32_t bit;
    const char *text;
};

static const struct word in_force[] = {
    {SPECULATION_IBPB, "IBPB between domains (Spectre v2)"},
    {SPECULATION_IBRS, "IBRS (Spectre v2)"},
    {SPECULATION_AUTO_IBRS, "automatic IBRS (Spectre v2)"},
    {SPECULATION_STIBP, "STIBP (Spectre v2 between threads of a core)"},
    {SPECULATION_L1D_FLUSH, "L1D flush between domains (L1TF)"},
    {SPECULATION_SPEC_REDUCE, "BP_SPEC_REDUCE (SRSO)"},
    {SPECULATION_ZENBLEED, "FP_BACKUP_FIX (Zenbleed)"},
    {SPECULATION_MCU_OPT, "microcode (SRBDS, GDS)"},
    {SPECULATION_LFENCE, "LFENCE made serializing (Spectre v1)"},
    {SPECULATION_VERW, "VERW"},
    {0},
};

static const struct word verw_for[] = {
    {SPECULATION_FOR_MDS, "MDS"},   {SPECULATION_FOR_TAA, "TAA"}, {SPECULATION_FOR_MMIO, "MMIO stale data"},
    {SPECULATION_FOR_RFDS, "RFDS"}, {SPECULATION_FOR_TSA, "TSA"}, {0},
};

static const struct word open[] = {
    {SPECULATION_OPEN_BRANCHES, "branches between domains (no IBPB)"},
    {SPECULATION_OPEN_SIBLINGS, "branches between threads of a core (no STIBP)"},
    {SPECULATION_OPEN_RETURNS, "the core's returns, by guests (SRSO or Retbleed)"},
    {SPECULATION_OPEN_L1D, "L1TF (no L1D flush)"},
    {SPECULATION_OPEN_MDS, "MDS (no VERW for it)"},
    {SPECULATION_OPEN_TAA, "TAA (no VERW for it)"},
    {SPECULATION_OPEN_MMIO, "MMIO stale data (no VERW for it)"},
    {SPECULATION_OPEN_RFDS, "RFDS (no VERW for it)"},
    {SPECULATION_OPEN_TSA, "TSA (no VERW for it)"},
    {SPECULATION_OPEN_SHARED, "MDS or L1TF between threads of a core"},
    {SPECULATION_OPEN_MELTDOWN, "Meltdown from dom0 and VMMs, not from guests"},
    {SPECULATION_OPEN_MULTIHIT, "guests can stop the machine (iTLB multihit)"},
    {0},
};

static void append(char *to, size_t size, const char *before, const char *text) {
    size_t length = strlen(to);
    format(to + length, size - length, "%s%s", before, text);
}

static void append_words(const struct word *word, uint32_t bits, char *to, size_t size, const char *before) {
    for (; word->bit; word++)
        if (bits & word->bit) {
            append(to, size, before, word->text);
            before = ", ";
        }
}

void speculation_text(uint32_t speculation, char *to, size_t size) {
    format(to, size, "returns after exits");
    append_words(in_force, speculation, to, size, ", ");
    size_t length = strlen(to);
    append_words(verw_for, speculation, to, size, " (");
    if (to[length])
        append(to, size, ")", "");
    if (speculation & SPECULATION_ASKED)
        append(to, size, "; ", "with the option spec-ctrl");
}

void speculation_open_text(uint32_t speculation, char *to, size_t size) {
    format(to, size, "%s", "");
    append_words(open, speculation, to, size, "");
    if (!*to)
        append(to, size, "", "nothing known");
}
