// What `info` says of the host's defences against speculative execution.
#include "dom0/domain/speculation_text.h"
#include "kernel/abi.h"
#include "lib/format.h"
#include "lib/string.h"

static const struct {
    uint32_t bit;
    const char *text;
} words[] = {
    {SPECULATION_IBPB, "IBPB between domains"},
    {SPECULATION_IBRS, "IBRS"},
    {SPECULATION_AUTO_IBRS, "automatic IBRS"},
    {SPECULATION_STIBP, "STIBP"},
    {SPECULATION_VERW, "VERW"},
    {SPECULATION_L1D_FLUSH, "L1D flush between domains"},
    {SPECULATION_OPEN_BRANCHES, "branches between domains (no IBPB)"},
    {SPECULATION_OPEN_SIBLINGS, "branches between threads of a core (no STIBP)"},
    {SPECULATION_OPEN_BUFFERS, "MDS (no MD_CLEAR)"},
    {SPECULATION_OPEN_L1D, "L1TF (no L1D_FLUSH)"},
    {SPECULATION_OPEN_SHARED, "MDS or L1TF between threads of a core"},
    {SPECULATION_OPEN_MELTDOWN, "Meltdown from dom0 and VMMs, not from guests"},
};

static void append(char *to, size_t size, const char *before, const char *text) {
    size_t length = strlen(to);
    format(to + length, size - length, "%s%s", before, text);
}

void speculation_text(uint32_t speculation, char *to, size_t size) {
    bool open = false;
    to[0] = '\0';
    append(to, size, "", "returns after exits");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!(speculation & words[i].bit))
            continue;
        bool first = words[i].bit >= SPECULATION_OPEN_BRANCHES && !open;
        open = open || first;
        append(to, size, first ? "; open: " : ", ", words[i].text);
    }
}
