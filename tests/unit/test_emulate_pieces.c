// Emulated instructions that come in pieces or are refused: across pages, in the middle of a REP, with page tables in a
// device's memory, without the right to a port or to the vector registers.
#include "dom0/vmm/emulate_operation.h"
#include "emulate_machine.h"
#include <setjmp.h>
#include <stdarg.h>
// cmocka wants the headers above
#include <cmocka.h>

#define PAGE_ENTRY(page) (0xd000u + (page)*8u) // in the 64-bit machine's page table
#define PRESENT          7u
#define VECTOR_NM        7u
#define VECTOR_UD        6u
#define VECTOR_GP        13u
#define VECTOR_PF        14u

static struct emulate_machine m;

static enum emulate_result run_at(uint64_t rip, const char *code, size_t bytes) {
    memcpy(m.ram + rip, code, bytes);
    m.cpu.rip = rip;
    return emulate_instruction(&m.e);
}

#define RUN(code) run_at(EMULATE_CODE, code, sizeof(code) - 1)

static void map_page(unsigned page, uint64_t entry) {
    memcpy(m.ram + PAGE_ENTRY(page), &entry, 8);
}

static void assert_fault(enum emulate_result result, unsigned vector) {
    assert_int_equal(result, EMULATE_FAULT);
    assert_int_equal(EVENT_VECTOR(m.e.exception), vector);
}

// ---- Across pages

static void test_operand_across_ram_and_device(void **state) {
    emulate_machine_init(&m, 64);
    map_page(5, EMULATE_DEVICE | PRESENT);
    m.cpu.gpr[RDI] = 0x4ffd;
    m.cpu.gpr[RAX] = 0x8877665544332211;
    assert_int_equal(RUN("\x48\x89\x07"), EMULATE_DONE); // mov [rdi], rax: three bytes of RAM, five of the device
    assert_memory_equal(m.ram + 0x4ffd, "\x11\x22\x33", 3);
    assert_memory_equal(m.device, "\x44\x55\x66\x77\x88\0", 6);
    assert_int_equal(m.writes, 2);                       // 4 and 1
    assert_int_equal(RUN("\x48\x8b\x1f"), EMULATE_DONE); // mov rbx, [rdi]
    assert_int_equal(m.cpu.gpr[RBX], m.cpu.gpr[RAX]);
    for (unsigned i = 0; i < 16; i++)
        m.ymm[1][i] = (uint8_t)(i + 1);
    assert_int_equal(RUN("\x0f\x11\x0f"), EMULATE_DONE); // movups [rdi], xmm1
    assert_memory_equal(m.ram + 0x4ffd, "\1\2\3", 3);
    assert_memory_equal(m.device, m.ymm[1] + 3, 13);
    assert_int_equal(RUN("\x0f\x10\x17"), EMULATE_DONE); // movups xmm2, [rdi]
    assert_memory_equal(m.ymm[2], m.ymm[1], 16);
    // Nothing is written where the second page is missing, and CR2 is its beginning.
    map_page(5, 0);
    m.cpu.gpr[RAX] = 0;
    assert_fault(RUN("\x48\x89\x07"), VECTOR_PF);
    assert_int_equal(m.cpu.cr2, 0x5000);
    assert_memory_equal(m.ram + 0x4ffd, "\1\2\3", 3);
}

static void test_code_across_pages(void **state) {
    emulate_machine_init(&m, 64);
    m.cpu.gpr[RDI] = EMULATE_DEVICE;
    m.cpu.gpr[RAX] = 0x99;
    // The second page lies elsewhere than behind the first.
    map_page(2, 0x6000 | PRESENT);
    memcpy(m.ram + 0x1ffe, "\x89\x47", 2);
    m.ram[0x6000] = 0x10; // mov [rdi+10h], eax
    m.cpu.rip = 0x1ffe;
    assert_int_equal(emulate_instruction(&m.e), EMULATE_DONE);
    assert_int_equal(m.cpu.rip, 0x2001);
    assert_int_equal(m.device[0x10], 0x99);
    // And may be missing: a fault of the fetch, at its beginning.
    map_page(2, 0);
    m.cpu.rip = 0x1ffe;
    assert_fault(emulate_instruction(&m.e), VECTOR_PF);
    assert_int_equal(m.cpu.cr2, 0x2000);
    assert_int_equal(m.e.exception >> 32, PAGE_FAULT_FETCH);
    // An instruction that ends with its page does not need the next one.
    memcpy(m.ram + 0x1ffd, "\x89\x47\x20", 3);
    m.cpu.rip = 0x1ffd;
    assert_int_equal(emulate_instruction(&m.e), EMULATE_DONE);
    assert_int_equal(m.device[0x20], 0x99);
}

// Without paging nothing but the VMM's word tells that other memory lies at an address now.
static void test_map_change(void **state) {
    emulate_machine_init(&m, 16);
    m.cpu.segment[SEGMENT_ES].base = EMULATE_DEVICE;
    m.cpu.gpr[RAX] = 0x55;
    assert_int_equal(RUN("\x26\xa2\x10\x00"), EMULATE_DONE); // mov es:[10h], al
    memcpy(m.ram + 0x7000, "\x26\xa2\x20\x00", 4);
    m.code_moved = 0x7000 - EMULATE_CODE;
    emulate_map_changed(&m.e);
    m.cpu.rip = EMULATE_CODE;
    assert_int_equal(emulate_instruction(&m.e), EMULATE_DONE);
    assert_int_equal(m.device[0x20], 0x55);
}

// ---- Page tables in a device's memory

static void test_page_table_of_a_device(void **state) {
    emulate_machine_init(&m, 64);
    uint64_t directory = EMULATE_DEVICE | PRESENT, entry = 0x4000 | PRESENT;
    memcpy(m.ram + 0xc008, &directory, 8); // 200000h to 3FFFFFh
    memcpy(m.device, &entry, 8);
    m.cpu.gpr[RDI] = 0x200008;
    m.cpu.gpr[RAX] = 0x1234;
    assert_int_equal(RUN("\x89\x07"), EMULATE_DONE);
    assert_memory_equal(m.ram + 0x4008, "\x34\x12", 2);
    assert_int_equal(m.reads, 1);
    // Where nothing is all bits are read as ones, which is no entry.
    directory = 0x7000000 | PRESENT;
    memcpy(m.ram + 0xc008, &directory, 8);
    assert_fault(RUN("\x89\x07"), VECTOR_PF);
    assert_int_equal(m.e.exception >> 32, PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE | PAGE_FAULT_RESERVED);
    assert_int_equal(m.cpu.cr2, 0x200008);
}

// Accessed bits of a table in ROM cannot be set; the access is done without.
static void test_page_table_in_rom(void **state) {
    emulate_machine_init(&m, 64);
    uint64_t directory = EMULATE_ROM | PRESENT, entry = 0x4000 | PRESENT;
    memcpy(m.ram + 0xc008, &directory, 8);
    memcpy(m.ram + EMULATE_ROM, &entry, 8);
    m.cpu.gpr[RDI] = 0x200008;
    assert_int_equal(RUN("\x0f\xba\x2f\x04"), EMULATE_DONE); // bts dword [rdi], 4
    assert_int_equal(m.ram[0x4008], 0x10);
    assert_memory_equal(m.ram + EMULATE_ROM, &entry, 8);
}

// ---- REP

#define BATCH 16384u

static void test_rep_between_batches(void **state) {
    emulate_machine_init(&m, 64);
    m.cpu.gpr[RSI] = EMULATE_DATA;
    m.cpu.gpr[RCX] = 20000;
    m.ram[EMULATE_DATA + BATCH - 1] = 0x77;
    m.ram[EMULATE_DATA + 19999] = 0x88;
    assert_int_equal(RUN("\xf3\xac"), EMULATE_AGAIN); // rep lodsb: interrupts are taken here
    assert_int_equal(m.cpu.gpr[RCX], 20000 - BATCH);
    assert_int_equal(m.cpu.gpr[RSI], EMULATE_DATA + BATCH);
    assert_int_equal(m.cpu.gpr[RAX], 0x77);
    assert_int_equal(m.cpu.rip, EMULATE_CODE);
    assert_int_equal(emulate_instruction(&m.e), EMULATE_DONE);
    assert_int_equal(m.cpu.gpr[RCX], 0);
    assert_int_equal(m.cpu.gpr[RAX], 0x88);
    assert_int_equal(m.cpu.rip, EMULATE_CODE + 2);
}

// From RAM into a device and out of it, with elements that lie across pages on either side.
static void test_rep_across_pages(void **state) {
    emulate_machine_init(&m, 64);
    map_page(0x50, EMULATE_DEVICE | PRESENT);
    map_page(0x51, 0x6000 | PRESENT);
    for (unsigned i = 0; i < 64; i++)
        m.ram[0x4fe1 + i] = (uint8_t)(i + 1);
    m.cpu.gpr[RSI] = 0x4fe1;
    m.cpu.gpr[RDI] = 0x50fee;
    m.cpu.gpr[RCX] = 16;
    assert_int_equal(RUN("\xf3\xa5"), EMULATE_DONE); // rep movsd
    assert_memory_equal(m.device + 0xfee, m.ram + 0x4fe1, 18);
    assert_memory_equal(m.ram + 0x6000, m.ram + 0x4fe1 + 18, 46);
    assert_int_equal(m.cpu.gpr[RSI], 0x4fe1 + 64);
    assert_int_equal(m.cpu.gpr[RDI], 0x50fee + 64);
}

static void test_rep_fault_of_the_other_side(void **state) {
    emulate_machine_init(&m, 64);
    map_page(5, 0);
    m.cpu.gpr[RSI] = 0x4ff0;
    m.cpu.gpr[RDI] = EMULATE_DEVICE + 0x100;
    m.cpu.gpr[RCX] = 10;
    assert_int_equal(RUN("\xf3\xa5"), EMULATE_AGAIN); // four elements are there
    assert_int_equal(m.cpu.gpr[RCX], 6);
    assert_int_equal(m.cpu.gpr[RSI], 0x5000);
    assert_int_equal(m.cpu.gpr[RDI], EMULATE_DEVICE + 0x110);
    assert_fault(emulate_instruction(&m.e), VECTOR_PF);
    assert_int_equal(m.cpu.cr2, 0x5000);
    map_page(5, 0x5000 | PRESENT);
    assert_int_equal(emulate_instruction(&m.e), EMULATE_DONE);
    assert_int_equal(m.cpu.gpr[RCX], 0);
}

static void test_rep_single_step(void **state) {
    emulate_machine_init(&m, 64);
    m.cpu.gpr[RDI] = EMULATE_DEVICE;
    m.cpu.gpr[RCX] = 3;
    m.cpu.rflags |= RFLAGS_TF;
    for (unsigned left = 3; left-- > 0;) {
        assert_int_equal(RUN("\xf3\xaa"), left ? EMULATE_AGAIN : EMULATE_DONE); // rep stosb
        assert_true(m.e.single_step);
        assert_int_equal(m.cpu.gpr[RCX], left);
    }
}

// ---- Rights

#define TSS    0x5000u
#define IO_MAP (TSS + 0x68)

static void user_with_tss(void) {
    emulate_machine_init(&m, 64);
    m.cpu.cpl = 3;
    m.cpu.segment[SEGMENT_TR] = (struct vcpu_segment){0x28, 0x8b, 0x68 + 0x41, TSS};
    m.ram[TSS + 102] = 0x68;
    memset(m.ram + IO_MAP, 0xff, 0x42);
    m.cpu.gpr[RSI] = EMULATE_DATA;
}

static void test_port_rights(void **state) {
    user_with_tss();
    m.cpu.gpr[RDX] = 0x1f7;
    assert_fault(RUN("\x6e"), VECTOR_GP); // outsb
    assert_int_equal(m.port_elements, 0);
    m.ram[IO_MAP + 0x1f7 / 8] = 0x7f;
    assert_int_equal(RUN("\x6e"), EMULATE_DONE);
    assert_int_equal(m.port_elements, 1);
    assert_fault(RUN("\x66\x6f"), VECTOR_GP); // outsw: its second port is 1F8h
    m.ram[IO_MAP + 0x1f8 / 8] = 0xfe;
    assert_int_equal(RUN("\x66\x6f"), EMULATE_DONE);
    m.cpu.gpr[RDX] = 0x210; // behind the map
    assert_fault(RUN("\x6e"), VECTOR_GP);
    m.cpu.rflags |= 0x3000; // IOPL 3
    assert_int_equal(RUN("\x6e"), EMULATE_DONE);
    m.cpu.rflags |= RFLAGS_VM; // which virtual-8086 mode does not ask for
    m.cpu.efer = 0;
    m.cpu.cr0 = 0x11;
    m.cpu.segment[SEGMENT_CS].attributes = 0xf3;
    assert_fault(RUN("\x6e"), VECTOR_GP);
    user_with_tss();
    m.cpu.segment[SEGMENT_TR].limit = 0x67; // without a map
    m.ram[IO_MAP + 0x1f0 / 8] = 0;
    m.cpu.gpr[RDX] = 0x1f0;
    assert_fault(RUN("\x6e"), VECTOR_GP);
    m.cpu.cpl = 0;
    assert_int_equal(RUN("\x6e"), EMULATE_DONE);
}

// The TSS is read with a supervisor's rights: SMAP, and pages that the program may not read, do not count.
static void test_port_rights_are_the_systems(void **state) {
    user_with_tss();
    map_page(5, TSS | 3); // a supervisor's page
    m.cpu.gpr[RDX] = 0x1f0;
    m.ram[IO_MAP + 0x1f0 / 8] = 0;
    assert_int_equal(RUN("\x6e"), EMULATE_DONE);
}

#define STORE_XMM "\x0f\x11\x07"     // movups [rdi], xmm0
#define STORE_MMX "\x0f\x7f\x07"     // movq [rdi], mm0
#define STORE_YMM "\xc5\xfc\x11\x07" // vmovups [rdi], ymm0

static void test_vector_rights(void **state) {
    emulate_machine_init(&m, 64);
    m.cpu.gpr[RDI] = EMULATE_DEVICE;
    memset(m.ymm[0], 0xab, 32);
    memset(m.mmx[0], 0xcd, 8);
    const uint64_t cr0 = m.cpu.cr0, cr4 = m.cpu.cr4;
    m.cpu.cr0 = cr0 | CR0_TS; // the registers may be another program's
    assert_fault(RUN(STORE_XMM), VECTOR_NM);
    assert_fault(RUN(STORE_MMX), VECTOR_NM);
    assert_fault(RUN(STORE_YMM), VECTOR_NM);
    m.cpu.cr0 = cr0 | CR0_EM;
    assert_fault(RUN(STORE_XMM), VECTOR_UD);
    assert_fault(RUN(STORE_MMX), VECTOR_UD);
    m.cpu.cr0 = cr0;
    m.cpu.cr4 = cr4 & ~0x200ull; // OSFXSR
    assert_fault(RUN(STORE_XMM), VECTOR_UD);
    m.cpu.cr4 = cr4 & ~CR4_OSXSAVE;
    assert_fault(RUN(STORE_YMM), VECTOR_UD);
    m.cpu.cr4 = cr4;
    m.xcr0 = 3;
    assert_fault(RUN(STORE_YMM), VECTOR_UD);
    assert_int_equal(m.writes, 0);
    m.xcr0 = 7;
    assert_int_equal(RUN(STORE_YMM), EMULATE_DONE);
    assert_memory_equal(m.device, m.ymm[0], 32);
    assert_int_equal(m.writes, 4); // of eight bytes
    assert_int_equal(RUN(STORE_MMX), EMULATE_DONE);
    assert_memory_equal(m.device, m.mmx[0], 8);
    assert_int_equal(RUN("\x0f\x58\x07"), EMULATE_UNHANDLED);         // addps
    assert_int_equal(RUN("\x0f\x28\xc1"), EMULATE_UNHANDLED);         // movaps xmm0, xmm1: no memory
    assert_int_equal(RUN("\xf2\x0f\xc2\x07\x00"), EMULATE_UNHANDLED); // cmpsd of SSE is no string instruction
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operand_across_ram_and_device),
        cmocka_unit_test(test_code_across_pages),
        cmocka_unit_test(test_map_change),
        cmocka_unit_test(test_page_table_of_a_device),
        cmocka_unit_test(test_page_table_in_rom),
        cmocka_unit_test(test_rep_between_batches),
        cmocka_unit_test(test_rep_across_pages),
        cmocka_unit_test(test_rep_fault_of_the_other_side),
        cmocka_unit_test(test_rep_single_step),
        cmocka_unit_test(test_port_rights),
        cmocka_unit_test(test_port_rights_are_the_systems),
        cmocka_unit_test(test_vector_rights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
