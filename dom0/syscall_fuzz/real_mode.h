// A state of a guest in real mode that both processors take (SDM 3C 29.3.1, APM 2 15.5.1).
#pragma once
#include "kernel/abi.h"

// Writes what is not 0 of it; not which groups are dirty.
static inline void real_mode_state(struct vcpu_page *page) {
    for (unsigned i = 0; i < sizeof(page->segment) / sizeof(page->segment[0]); i++)
        page->segment[i] = (struct vcpu_segment){.attributes = 0x93, .limit = 0xffff};
    page->segment[SEGMENT_CS].attributes = 0x9b;
    page->segment[SEGMENT_LDTR].attributes = 0x82;
    page->segment[SEGMENT_TR].attributes = 0x8b;
    page->gdtr.limit = page->idtr.limit = 0xffff;
    page->rflags = 2;
    page->cr0 = 0x10;
    page->pat = 0x0007040600070406ull;
    page->dr6 = 0xffff0ff0;
    page->dr7 = 0x400;
    page->xcr0 = 1;
}
