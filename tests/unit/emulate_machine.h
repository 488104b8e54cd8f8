// A machine of 64 KiB of RAM, one page of device registers and a port, for tests of the emulator.
#pragma once
#include "dom0/vmm/emulate.h"
#include <string.h>

#define EMULATE_RAM    0x10000u
#define EMULATE_CODE   0x1000u
#define EMULATE_DATA   0x4000u
#define EMULATE_DEVICE 0x100000u // 4 KiB that remember what is written
#define EMULATE_ROM    0x8000u   // 4 KiB of the RAM that cannot be written

struct emulate_machine {
    uint8_t ram[EMULATE_RAM], device[PAGE_SIZE];
    unsigned reads, writes;
    uint64_t last_gpa;
    unsigned last_bytes;
    uint8_t port_data[64];
    size_t port_at, port_elements;
    uint8_t mmx[8][8], ymm[16][32];
    uint64_t xcr0;
    uint64_t code_moved; // how far behind its address the page at EMULATE_CODE lies in the RAM
    struct vcpu_page cpu;
    struct emulate e;
    struct emulate_host host;
};

static inline void *emulate_machine_pointer(void *context, uint64_t gpa, size_t bytes, bool write) {
    struct emulate_machine *m = context;
    if (gpa / PAGE_SIZE == EMULATE_CODE / PAGE_SIZE)
        gpa += m->code_moved;
    if (gpa >= EMULATE_RAM || bytes > EMULATE_RAM - gpa || (write && gpa / PAGE_SIZE == EMULATE_ROM / PAGE_SIZE))
        return NULL;
    return m->ram + gpa;
}

static inline uint64_t emulate_machine_read(void *context, uint64_t gpa, unsigned bytes) {
    struct emulate_machine *m = context;
    uint64_t value = UINT64_MAX;
    m->reads++;
    m->last_gpa = gpa;
    m->last_bytes = bytes;
    if (gpa - EMULATE_DEVICE <= PAGE_SIZE - bytes)
        memcpy(&value, m->device + (gpa - EMULATE_DEVICE), bytes);
    return value;
}

static inline void emulate_machine_write(void *context, uint64_t gpa, unsigned bytes, uint64_t value) {
    struct emulate_machine *m = context;
    m->writes++;
    m->last_gpa = gpa;
    m->last_bytes = bytes;
    if (gpa - EMULATE_DEVICE <= PAGE_SIZE - bytes)
        memcpy(m->device + (gpa - EMULATE_DEVICE), &value, bytes);
}

static inline void emulate_machine_in(void *context, uint16_t port, unsigned width, void *to, size_t count) {
    struct emulate_machine *m = context;
    m->port_elements += count;
    for (size_t i = 0; i < count * width; i++)
        ((uint8_t *)to)[i] = (uint8_t)m->port_at++;
}

static inline void emulate_machine_out(void *context, uint16_t port, unsigned width, const void *from, size_t count) {
    struct emulate_machine *m = context;
    m->port_elements += count;
    for (size_t i = 0; i < count * width; i++)
        m->port_data[m->port_at++ % sizeof m->port_data] = ((const uint8_t *)from)[i];
}

static inline uint8_t *emulate_machine_vector(struct emulate_machine *m, enum vector_bank bank, unsigned number,
                                              size_t *bytes) {
    *bytes = bank == VECTOR_MMX ? 8 : bank == VECTOR_YMM ? 32 : 16;
    return bank == VECTOR_MMX ? m->mmx[number] : m->ymm[number];
}

static inline void emulate_machine_vector_read(void *context, enum vector_bank bank, unsigned number, void *to) {
    size_t bytes;
    const uint8_t *from = emulate_machine_vector(context, bank, number, &bytes);
    memcpy(to, from, bytes);
}

static inline void emulate_machine_vector_write(void *context, enum vector_bank bank, unsigned number,
                                                const void *from) {
    size_t bytes;
    uint8_t *to = emulate_machine_vector(context, bank, number, &bytes);
    memcpy(to, from, bytes);
    if (bank == VECTOR_XMM_VEX)
        memset(to + bytes, 0, 32 - bytes);
}

static inline uint64_t emulate_machine_xcr0(void *context) {
    return ((struct emulate_machine *)context)->xcr0;
}

// Flat 64-bit, 32-bit or 16-bit (real mode) code at EMULATE_CODE. 64-bit code maps addresses 0..10_0000h + 4 KiB one to
// one.
static inline void emulate_machine_init(struct emulate_machine *m, unsigned mode_bits) {
    memset(m, 0, sizeof *m);
    struct vcpu_segment flat = {8, mode_bits == 16 ? 0x93 : 0xc93, mode_bits == 16 ? 0xffff : 0xffffffff, 0};
    for (unsigned i = 0; i < 8; i++)
        m->cpu.segment[i] = flat;
    m->cpu.segment[SEGMENT_CS].attributes = mode_bits == 64 ? 0xa9b : mode_bits == 32 ? 0xc9b : 0x9b;
    m->cpu.cr0 = mode_bits == 16 ? 0x10 : 0x11;
    if (mode_bits == 64) {
        m->cpu.cr0 = 0x80010011;
        m->cpu.cr3 = 0xa000;
        m->cpu.cr4 = 0x40620; // PAE, OSFXSR, OSXMMEXCPT, OSXSAVE
        m->xcr0 = 7;
        m->cpu.efer = EFER_LMA | EFER_LME | EFER_NXE;
        uint64_t tables[3] = {0xb007, 0xc007, 0xd007};
        for (unsigned i = 0; i < 3; i++)
            memcpy(m->ram + 0xa000 + i * 0x1000, &tables[i], 8);
        for (uint64_t page = 0; page < 0x101; page++) {
            uint64_t entry = page << 12 | 7;
            memcpy(m->ram + 0xd000 + page * 8, &entry, 8);
        }
    }
    m->cpu.rip = EMULATE_CODE;
    m->cpu.rflags = 2;
    m->cpu.gpr[RSP] = 0x3000;
    m->host = (struct emulate_host){m,
                                    {m, emulate_machine_pointer, emulate_machine_read},
                                    emulate_machine_write,
                                    emulate_machine_in,
                                    emulate_machine_out,
                                    emulate_machine_vector_read,
                                    emulate_machine_vector_write,
                                    emulate_machine_xcr0};
    m->e.host = &m->host;
    m->e.cpu = &m->cpu;
    m->e.physical_bits = 40;
}
