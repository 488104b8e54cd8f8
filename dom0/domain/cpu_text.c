// Model, microcode and errata of the host's CPU.
#include "dom0/domain/cpu_text.h"

#include "kernel/abi.h"
#include "lib/format.h"
#include "lib/string.h"

#define ANY_STEPPING 16u
#define NO_FIX       UINT32_MAX

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

static const char deadline[] = "TSC deadline timer may be late";
static const char multimatch[] = "383: a guest can cause a machine check by its page tables";
static const char c1e[] = "400: timer may not wake an idle CPU; turn C1E off in the firmware";

// Sources: AMD's revision guides 33610 and 41322 (errata 383, 400); Intel's specification updates by way of the table
// of the microcode that mends the deadline timer, in Linux (arch/x86/kernel/apic/apic.c).
static const struct erratum {
    uint32_t vendor, family, model_first, model_last, stepping, fixed_by; // microcode from which on it is gone
    const char *text;
} errata[] = {
    {HOST_VENDOR_SVM, 0x10, 0, 0xff, ANY_STEPPING, NO_FIX, multimatch},
    {HOST_VENDOR_SVM, 0x0f, 0x42, 0xff, ANY_STEPPING, NO_FIX, c1e},
    {HOST_VENDOR_SVM, 0x10, 2, 0xff, ANY_STEPPING, NO_FIX, c1e},
    {HOST_VENDOR_VMX, 6, 0x3c, 0x3c, ANY_STEPPING, 0x22, deadline},
    {HOST_VENDOR_VMX, 6, 0x3f, 0x3f, 2, 0x3a, deadline},
    {HOST_VENDOR_VMX, 6, 0x3f, 0x3f, 4, 0x0f, deadline},
    {HOST_VENDOR_VMX, 6, 0x45, 0x45, ANY_STEPPING, 0x20, deadline},
    {HOST_VENDOR_VMX, 6, 0x46, 0x46, ANY_STEPPING, 0x17, deadline},
    {HOST_VENDOR_VMX, 6, 0x3d, 0x3d, ANY_STEPPING, 0x25, deadline},
    {HOST_VENDOR_VMX, 6, 0x47, 0x47, ANY_STEPPING, 0x17, deadline},
    {HOST_VENDOR_VMX, 6, 0x4f, 0x4f, ANY_STEPPING, 0x0b000020, deadline},
    {HOST_VENDOR_VMX, 6, 0x55, 0x55, 3, 0x01000136, deadline},
    {HOST_VENDOR_VMX, 6, 0x55, 0x55, 4, 0x02000014, deadline},
    {HOST_VENDOR_VMX, 6, 0x4e, 0x4e, ANY_STEPPING, 0xb2, deadline},
    {HOST_VENDOR_VMX, 6, 0x5e, 0x5e, ANY_STEPPING, 0xb2, deadline},
    {HOST_VENDOR_VMX, 6, 0x8e, 0x8e, ANY_STEPPING, 0x52, deadline},
    {HOST_VENDOR_VMX, 6, 0x9e, 0x9e, ANY_STEPPING, 0x52, deadline},
};

void cpu_errata_text(uint32_t vendor, uint32_t signature, uint32_t microcode, char *to, size_t size) {
    uint32_t family = family_of(signature), model = model_of(signature), stepping = signature & 0xf;
    size_t used = 0;
    format(to, size, "none known");
    for (size_t i = 0; i < sizeof errata / sizeof *errata; i++) {
        const struct erratum *e = &errata[i];
        if (e->vendor != vendor || e->family != family || model < e->model_first || model > e->model_last ||
            (e->stepping != ANY_STEPPING && e->stepping != stepping) || microcode >= e->fixed_by)
            continue;
        format(to + used, size - used, "%s%s", used ? "; " : "", e->text);
        used = strlen(to);
        if (e->fixed_by != NO_FIX)
            format(to + used, size - used, " with microcode before %#x", e->fixed_by);
        used = strlen(to);
    }
}
