// Model, microcode and errata of the host's CPU.
#include "dom0/domain/cpu_text.h"

#include "kernel/abi.h"
#include "lib/format.h"
#include "lib/string.h"
#include "lib/tsc_deadline.h"

static uint32_t family_of(uint32_t signature) {
    uint32_t base = signature >> 8 & 0xf;
    return base == 0xf ? base + (signature >> 20 & 0xff) : base;
}

static uint32_t model_of(uint32_t signature) {
    uint32_t base = signature >> 8 & 0xf, model = signature >> 4 & 0xf;
    return base == 0xf || base == 6 ? model | (signature >> 12 & 0xf0) : model;
}

void cpu_text(uint32_t signature, uint32_t microcode, char *to, size_t size) {
    char revision[16] = "unknown";
    if (microcode)
        format(revision, sizeof revision, "%#x", microcode);
    format(to, size, "family %u model %u stepping %u, microcode %s", family_of(signature), model_of(signature),
           signature & 0xf, revision);
}

static const char c1e[] = "400: timer may not wake an idle CPU; turn C1E off in the firmware";

// Sources: AMD's revision guides 33610 and 41322 (errata 383, 400).
static const struct erratum {
    uint32_t vendor, family, model_first, model_last;
    const char *text;
} errata[] = {
    {HOST_VENDOR_SVM, 0x10, 0, 0xff, "383: a guest can cause a machine check by its page tables"},
    {HOST_VENDOR_SVM, 0x0f, 0x42, 0xff, c1e},
    {HOST_VENDOR_SVM, 0x10, 2, 0xff, c1e},
};

void cpu_errata_text(uint32_t vendor, uint32_t signature, uint32_t microcode, char *to, size_t size) {
    uint32_t family = family_of(signature), model = model_of(signature);
    uint32_t needed = vendor == HOST_VENDOR_VMX ? tsc_deadline_microcode(signature) : 0;
    size_t used = 0;
    format(to, size, "none known");
    for (size_t i = 0; i < sizeof errata / sizeof *errata; i++) {
        const struct erratum *e = &errata[i];
        if (e->vendor != vendor || e->family != family || model < e->model_first || model > e->model_last)
            continue;
        format(to + used, size - used, "%s%s", used ? "; " : "", e->text);
        used = strlen(to);
    }
    if (microcode < needed)
        format(to + used, size - used,
               "TSC deadline timer may be late with microcode before %#x, and is not used for that", needed);
}
