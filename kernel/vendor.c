// The vendors there are, and the one that this machine has.
#include "kernel/vendor.h"
#include "kernel/panic.h"

static const struct vendor *const vendors[] = {&svm_vendor, &vmx_vendor};

const struct vendor *vendor;
char vendor_reason[128];

void vendor_detect(void) {
    for (unsigned i = 0; i < sizeof(vendors) / sizeof(vendors[0]); i++)
        if (vendors[i]->detect(vendor_reason, sizeof(vendor_reason))) {
            vendor = vendors[i];
            return;
        }
}

void vendor_start(struct cpu *cpu) {
    bool started = true;
    if (vendor)
        VENDOR_RESULT(started =, cpu_start, cpu);
    if (!started)
        PANIC("no memory for %s", vendor->name);
}
