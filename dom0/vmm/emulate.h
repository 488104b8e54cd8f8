// Execution of single guest instructions that touch what the CPU cannot: memory-mapped registers, ROM, and ports by
// string instructions. Pure: state is a vCPU page, everything else is reached through struct emulate_host. emulate.c
// fetches and finishes instructions, emulate_memory.c addresses memory and operands; emulate_move.c, emulate_arith.c,
// emulate_multiply.c, emulate_bits.c, emulate_string.c and emulate_vector.c hold the operations.
#pragma once
#include "dom0/vmm/decode.h"
#include "dom0/vmm/page_walk.h"
#include "kernel/abi.h"

// How a vector register is accessed.
enum vector_bank {
    VECTOR_MMX,     // 8 bytes
    VECTOR_XMM,     // 16 bytes; a write leaves what is above them
    VECTOR_XMM_VEX, // 16 bytes; a write clears what is above them
    VECTOR_YMM      // 32 bytes; a write clears what is above them
};

struct emulate_host {
    void *context;
    // RAM; and guest-physical memory that is not RAM, or not writable: 1, 2, 4 or 8 bytes within one page.
    struct page_walk_memory memory;
    void (*write)(void *context, uint64_t gpa, unsigned bytes, uint64_t value);

    // `count` accesses of `width` 1, 2, 4 bytes at one port.
    void (*port_read)(void *context, uint16_t port, unsigned width, void *to, size_t count);
    void (*port_write)(void *context, uint16_t port, unsigned width, const void *from, size_t count);

    // Vector registers, which the guest's CR0, CR4 and XCR0 let it use; number below 16, of MMX below 8.
    void (*vector_read)(void *context, enum vector_bank bank, unsigned number, void *to);
    void (*vector_write)(void *context, enum vector_bank bank, unsigned number, const void *from);
    uint64_t (*xcr0)(void *context);
};

enum emulate_result {
    EMULATE_DONE,      // finished: the instruction pointer is behind it
    EMULATE_AGAIN,     // a part of a REP is done; enter the guest, which comes back for the rest
    EMULATE_FAULT,     // raises `exception`; nothing else changed, but what a REP had done
    EMULATE_UNHANDLED, // an instruction that is not emulated
    EMULATE_NO_RAM,    // code does not lie in RAM
};

// Pages that instructions were fetched from, by their linear address. A kernel's exits come from a few of them by
// turns.
#define FETCH_CACHE_PAGES 16u

struct fetch_cache {
    struct fetch_page {
        uint64_t linear_page;
        uint64_t cr0, cr3, cr4, efer;
        const uint8_t *page; // in this program; null: unused
        uint8_t access;
        struct page_walk walk;
    } entry[FETCH_CACHE_PAGES];
};

struct emulate {
    const struct emulate_host *host;
    struct vcpu_page *cpu; // GPR, RIP, CONTROL, CS_SS and SEGMENT are valid
    uint8_t physical_bits; // MAXPHYADDR of the guest
    struct fetch_cache fetch_cache;
    struct decode_cache decode_cache;

    // Where the hardware says that the one memory operand lies; spares a page walk.
    bool gpa_known;
    uint64_t gpa;

    // Out
    uint64_t exception; // EVENT_* format, at EMULATE_FAULT
    bool single_step;   // RFLAGS.TF was set: #DB is due, with DR6.BS

    // Within an instruction
    const struct instruction *instruction;
    bool jumped;
};

// Fetches and decodes the instruction at RIP, whatever it is: `instruction` points to it. EMULATE_FAULT: it cannot be.
enum emulate_result emulate_decode(struct emulate *e);

// Fetches, decodes and executes the instruction at RIP.
enum emulate_result emulate_instruction(struct emulate *e);

// Length of the instruction at RIP, which the hardware says to be the one with this opcode. EMULATE_UNHANDLED: it is
// not.
enum emulate_result emulate_length(struct emulate *e, const uint8_t *opcode, unsigned opcode_bytes, unsigned *length);

// Up to 15 bytes at RIP, those on its page. EMULATE_FAULT only if there is none.
enum emulate_result emulate_fetch(struct emulate *e, uint8_t bytes[16], unsigned *count);

// Adds the bytes on the next page, where the instruction turned out to go on there.
enum emulate_result emulate_fetch_more(struct emulate *e, uint8_t bytes[16], unsigned *count);

// Moves RIP behind an instruction of this length: interrupt shadow and RFLAGS.RF end, TF asks for a single step.
void emulate_skip(struct emulate *e, unsigned length);

// Does it lead beyond 4 GiB? Only then does the mode matter, and with it GROUP_CONTROL and GROUP_CS_SS.
static inline bool emulate_skip_wraps(const struct vcpu_page *cpu, unsigned length) {
    return (cpu->rip + length) >> 32 != cpu->rip >> 32;
}

// 16, 32 or 64: how code is decoded now.
unsigned emulate_mode_bits(const struct vcpu_page *cpu);

// What lies at guest-physical addresses has changed: nothing is fetched from where it lay before.
void emulate_map_changed(struct emulate *e);
