// Access to the vector registers, which the compiler knows nothing of. One instruction for each, as their numbers are
// in the opcode.
#include "dom0/vmm/vector_registers.h"
#include "lib/string.h"

#define XSAVE_AVX 576u // offset of the first component behind the header
#define AVX_BYTES 256u

#define EACH_OF_8(INSTRUCTION)                                                                                         \
    INSTRUCTION(0)                                                                                                     \
    INSTRUCTION(1)                                                                                                     \
    INSTRUCTION(2)                                                                                                     \
    INSTRUCTION(3)                                                                                                     \
    INSTRUCTION(4)                                                                                                     \
    INSTRUCTION(5)                                                                                                     \
    INSTRUCTION(6)                                                                                                     \
    INSTRUCTION(7)
#define EACH_OF_16(INSTRUCTION)                                                                                        \
    EACH_OF_8(INSTRUCTION)                                                                                             \
    INSTRUCTION(8)                                                                                                     \
    INSTRUCTION(9)                                                                                                     \
    INSTRUCTION(10)                                                                                                    \
    INSTRUCTION(11)                                                                                                    \
    INSTRUCTION(12)                                                                                                    \
    INSTRUCTION(13)                                                                                                    \
    INSTRUCTION(14)                                                                                                    \
    INSTRUCTION(15)

#define STORE(opcode, name, n)                                                                                         \
    case n:                                                                                                            \
        __asm__ volatile(opcode " %%" name #n ", (%0)" : : "r"(to) : "memory");                                        \
        break;
#define LOAD(opcode, name, n)                                                                                          \
    case n:                                                                                                            \
        __asm__ volatile(opcode " (%0), %%" name #n : : "r"(from) : "memory");                                         \
        break;
#define STORE_MMX(n) STORE("movq", "mm", n)
#define STORE_XMM(n) STORE("movups", "xmm", n)
#define STORE_YMM(n) STORE("vmovups", "ymm", n)
#define LOAD_MMX(n)  LOAD("movq", "mm", n)
#define LOAD_XMM(n)  LOAD("movups", "xmm", n)
#define LOAD_VEX(n)  LOAD("vmovups", "xmm", n)
#define LOAD_YMM(n)  LOAD("vmovups", "ymm", n)

static void mmx_read(unsigned number, void *to) {
    switch (number) { EACH_OF_8(STORE_MMX) }
}

static void xmm_read(unsigned number, void *to) {
    switch (number) { EACH_OF_16(STORE_XMM) }
}

static void ymm_read(unsigned number, void *to) {
    switch (number) { EACH_OF_16(STORE_YMM) }
}

static void mmx_write(unsigned number, const void *from) {
    switch (number) { EACH_OF_8(LOAD_MMX) }
}

static void xmm_write(unsigned number, const void *from) {
    switch (number) { EACH_OF_16(LOAD_XMM) }
}

static void xmm_vex_write(unsigned number, const void *from) {
    switch (number) { EACH_OF_16(LOAD_VEX) }
}

static void ymm_write(unsigned number, const void *from) {
    switch (number) { EACH_OF_16(LOAD_YMM) }
}

void vector_registers_read(void *context, enum vector_bank bank, unsigned number, void *to) {
    static void (*const banks[])(unsigned, void *) = {
        [VECTOR_MMX] = mmx_read, [VECTOR_XMM] = xmm_read, [VECTOR_XMM_VEX] = xmm_read, [VECTOR_YMM] = ymm_read};
    banks[bank](number, to);
}

void vector_registers_write(void *context, enum vector_bank bank, unsigned number, const void *from) {
    static void (*const banks[])(unsigned, const void *) = {
        [VECTOR_MMX] = mmx_write, [VECTOR_XMM] = xmm_write, [VECTOR_XMM_VEX] = xmm_vex_write, [VECTOR_YMM] = ymm_write};
    banks[bank](number, from);
}

uint64_t vector_registers_xcr0(void *context) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

bool vector_registers_xsavec_good(void) {
    static const char ymm0[] = "the lower half, upper half of it";
    static char area[XSAVE_AVX + AVX_BYTES] __attribute__((aligned(64)));
    __asm__ volatile("vmovups (%0), %%ymm0; xsavec64 (%1); vxorps %%ymm0, %%ymm0, %%ymm0"
                     :
                     : "r"(ymm0), "r"(area), "a"(7), "d"(0)
                     : "memory");
    return memcmp(area + XSAVE_AVX, ymm0 + 16, 16) == 0;
}
