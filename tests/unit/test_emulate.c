// Emulated instructions against what the CPU's manuals say they do.
#include "dom0/vmm/emulate_operation.h"
#include "emulate_machine.h"
#include <setjmp.h>
#include <stdarg.h>
// cmocka wants the headers above
#include <cmocka.h>

static struct emulate_machine m;

static enum emulate_result run_at(uint64_t rip, const char *code, size_t bytes) {
    memcpy(m.ram + rip, code, bytes);
    m.cpu.rip = rip;
    return emulate_instruction(&m.e);
}

#define RUN(code) run_at(EMULATE_CODE, code, sizeof(code) - 1)
#define DONE(code)                                                                                                     \
    (assert_int_equal(RUN(code), EMULATE_DONE), assert_int_equal(m.cpu.rip, EMULATE_CODE + sizeof(code) - 1))

static uint64_t device(unsigned offset, unsigned bytes) {
    uint64_t value = 0;
    memcpy(&value, m.device + offset, bytes);
    return value;
}

static void set_device(unsigned offset, uint64_t value) {
    memcpy(m.device + offset, &value, 8);
}

static void test_moves(void **state) {
    emulate_machine_init(&m, 64);
    m.cpu.gpr[RDI] = EMULATE_DEVICE;
    m.cpu.gpr[RAX] = 0x1122334455667788;
    DONE("\x89\x47\x10"); // mov [rdi+10h], eax
    assert_int_equal(device(0x10, 8), 0x55667788);
    assert_int_equal(m.last_bytes, 4);
    DONE("\x48\x89\x47\x18"); // mov [rdi+18h], rax
    assert_int_equal(device(0x18, 8), 0x1122334455667788);
    DONE("\x88\x67\x01"); // mov [rdi+1], ah
    assert_int_equal(device(1, 1), 0x77);
    DONE("\x8b\x5f\x18"); // mov ebx, [rdi+18h]: clears the upper half
    assert_int_equal(m.cpu.gpr[RBX], 0x55667788);
    m.cpu.gpr[RCX] = UINT64_MAX;
    DONE("\x66\x8b\x4f\x18"); // mov cx, [rdi+18h]: leaves the rest
    assert_int_equal(m.cpu.gpr[RCX], 0xffffffffffff7788);
    DONE("\xc7\x47\x20\xfe\xff\xff\xff"); // mov dword [rdi+20h], -2
    assert_int_equal(device(0x20, 8), 0xfffffffe);
    DONE("\x48\xc7\x47\x20\xfe\xff\xff\xff"); // mov qword: sign-extended
    assert_int_equal(device(0x20, 8), UINT64_MAX - 1);
    DONE("\x48\x0f\xb6\x5f\x18"); // movzx rbx, byte [rdi+18h]
    assert_int_equal(m.cpu.gpr[RBX], 0x88);
    DONE("\x48\x0f\xbe\x5f\x18"); // movsx rbx, byte [rdi+18h]
    assert_int_equal(m.cpu.gpr[RBX], 0xffffffffffffff88);
    DONE("\x8c\x5f\x30"); // mov [rdi+30h], ds
    assert_int_equal(device(0x30, 8), 8);
    DONE("\xa1\x18\x00\x10\x00\x00\x00\x00\x00"); // mov eax, [100018h]
    assert_int_equal(m.cpu.gpr[RAX], 0x55667788);
    DONE("\x8b\x05\x12\xf0\x0f\x00"); // mov eax, [rip + ...]: 1006h + FF012h = 100018h
    assert_int_equal(m.last_gpa, EMULATE_DEVICE + 0x18);
}

static void test_known_gpa(void **state) {
    emulate_machine_init(&m, 64);
    // The hardware's address wins over the tables, where page offsets agree.
    m.cpu.gpr[RDI] = 0x5010;
    m.e.gpa_known = true;
    m.e.gpa = EMULATE_DEVICE + 0x10;
    m.cpu.gpr[RAX] = 7;
    DONE("\x89\x07");
    assert_int_equal(device(0x10, 4), 7);
    m.e.gpa = EMULATE_DEVICE + 0x20; // not where the operand is: the walk decides
    DONE("\x89\x07");
    assert_int_equal(m.ram[0x5010], 7);
}

static void test_arithmetic(void **state) {
    emulate_machine_init(&m, 64);
    m.cpu.gpr[RDI] = EMULATE_DEVICE;
    set_device(0, 0x7fffffff);
    m.cpu.gpr[RAX] = 1;
    DONE("\x01\x07"); // add [rdi], eax
    assert_int_equal(device(0, 4), 0x80000000);
    assert_int_equal(m.cpu.rflags, 2 | RFLAGS_OF | RFLAGS_SF | RFLAGS_AF | RFLAGS_PF);
    assert_int_equal(m.reads + m.writes, 2);
    set_device(0, 0);
    DONE("\x83\x2f\x01"); // sub dword [rdi], 1
    assert_int_equal(device(0, 4), 0xffffffff);
    assert_int_equal(m.cpu.rflags, 2 | RFLAGS_CF | RFLAGS_SF | RFLAGS_AF | RFLAGS_PF);
    DONE("\x83\x17\x00"); // adc dword [rdi], 0: with that carry
    assert_int_equal(device(0, 4), 0);
    assert_int_equal(m.cpu.rflags, 2 | RFLAGS_CF | RFLAGS_ZF | RFLAGS_AF | RFLAGS_PF);
    DONE("\xfe\x07"); // inc byte [rdi]: keeps the carry
    assert_int_equal(m.cpu.rflags, 2 | RFLAGS_CF);
    unsigned writes = m.writes;
    DONE("\x83\x3f\x01"); // cmp dword [rdi], 1
    assert_int_equal(m.cpu.rflags, 2 | RFLAGS_ZF | RFLAGS_PF);
    DONE("\xf6\x07\x80"); // test byte [rdi], 80h
    assert_int_equal(m.writes, writes);
    set_device(0, 0xf0);
    DONE("\xf7\x17"); // not dword [rdi]
    assert_int_equal(device(0, 4), 0xffffff0f);
    DONE("\xf7\x1f"); // neg dword [rdi]
    assert_int_equal(device(0, 4), 0xf1);
    DONE("\xd1\x27"); // shl dword [rdi], 1
    assert_int_equal(device(0, 4), 0x1e2);
    DONE("\x0f\xba\x2f\x1f"); // bts dword [rdi], 31
    assert_int_equal(device(0, 4), 0x800001e2);
    assert_false(m.cpu.rflags & RFLAGS_CF);
    m.cpu.gpr[RCX] = 33;
    set_device(0, 0x200000000);
    DONE("\x0f\xa3\x0f"); // bt [rdi], ecx: the bit lies in the next dword
    assert_true(m.cpu.rflags & RFLAGS_CF);
    assert_int_equal(m.last_gpa, EMULATE_DEVICE + 4);
}

static void test_exchange(void **state) {
    emulate_machine_init(&m, 64);
    m.cpu.gpr[RDI] = EMULATE_DEVICE;
    set_device(0, 5);
    m.cpu.gpr[RAX] = 9;
    DONE("\x87\x07"); // xchg [rdi], eax
    assert_int_equal(device(0, 4), 9);
    assert_int_equal(m.cpu.gpr[RAX], 5);
    m.cpu.gpr[RBX] = 77;
    DONE("\xf0\x0f\xb1\x1f"); // lock cmpxchg [rdi], ebx: 5 is not 9
    assert_int_equal(device(0, 4), 9);
    assert_int_equal(m.cpu.gpr[RAX], 9);
    assert_false(m.cpu.rflags & RFLAGS_ZF);
    DONE("\xf0\x0f\xb1\x1f");
    assert_int_equal(device(0, 4), 77);
    assert_true(m.cpu.rflags & RFLAGS_ZF);
    DONE("\x0f\xc1\x1f"); // xadd [rdi], ebx
    assert_int_equal(device(0, 4), 154);
    assert_int_equal(m.cpu.gpr[RBX], 77);
    DONE("\xff\x37"); // push qword [rdi]
    assert_int_equal(m.cpu.gpr[RSP], 0x2ff8);
    assert_int_equal(m.ram[0x2ff8], 154);
    DONE("\x8f\x47\x40"); // pop qword [rdi+40h]
    assert_int_equal(m.cpu.gpr[RSP], 0x3000);
    assert_int_equal(device(0x40, 8), 154);
    set_device(8, 0x2222);
    assert_int_equal(RUN("\xff\x57\x08"), EMULATE_DONE); // call [rdi+8]
    assert_int_equal(m.cpu.rip, 0x2222);
    assert_int_equal(m.ram[0x2ff8] | m.ram[0x2ff9] << 8, EMULATE_CODE + 3);
}

static void test_strings(void **state) {
    emulate_machine_init(&m, 64);
    m.cpu.gpr[RDI] = EMULATE_DEVICE + 0x100;
    m.cpu.gpr[RCX] = 4;
    m.cpu.gpr[RAX] = 0xabcd;
    DONE("\xf3\x66\xab"); // rep stosw
    assert_int_equal(device(0x100, 8), 0xabcdabcdabcdabcd);
    assert_int_equal(m.cpu.gpr[RCX], 0);
    assert_int_equal(m.cpu.gpr[RDI], EMULATE_DEVICE + 0x108);
    m.cpu.gpr[RSI] = EMULATE_DEVICE + 0x104;
    m.cpu.gpr[RDI] = EMULATE_DATA + 4;
    m.cpu.gpr[RCX] = 4;
    m.cpu.rflags |= RFLAGS_DF;
    DONE("\xf3\xa4"); // rep movsb, downwards
    assert_int_equal(m.ram[EMULATE_DATA + 4], 0xcd);
    assert_int_equal(m.ram[EMULATE_DATA + 1], 0xab);
    assert_int_equal(m.ram[EMULATE_DATA], 0);
    assert_int_equal(m.cpu.gpr[RDI], EMULATE_DATA);
    m.cpu.rflags &= ~RFLAGS_DF;
    m.cpu.gpr[RDI] = EMULATE_DEVICE + 0x100;
    m.cpu.gpr[RCX] = 100;
    m.cpu.gpr[RAX] = 0;
    DONE("\xf2\xae"); // repne scasb
    assert_int_equal(m.cpu.gpr[RCX], 91);
    assert_true(m.cpu.rflags & RFLAGS_ZF);
    m.cpu.gpr[RCX] = 0;
    DONE("\xf3\xaa"); // nothing
    m.cpu.gpr[RSI] = EMULATE_DEVICE + 0x100;
    DONE("\xac"); // lodsb
    assert_int_equal(m.cpu.gpr[RAX], 0xcd);
}

static void test_string_faults(void **state) {
    emulate_machine_init(&m, 64);
    m.cpu.gpr[RDI] = 0x100ff8; // ends at 101000h, which nothing maps
    m.cpu.gpr[RCX] = 4;
    assert_int_equal(RUN("\xf3\x48\xab"), EMULATE_AGAIN); // rep stosq
    assert_int_equal(m.cpu.gpr[RCX], 3);
    assert_int_equal(m.cpu.gpr[RDI], 0x101000);
    assert_int_equal(m.cpu.rip, EMULATE_CODE);
    assert_int_equal(RUN("\xf3\x48\xab"), EMULATE_FAULT);
    assert_int_equal(m.cpu.cr2, 0x101000);
    assert_int_equal(m.e.exception, EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_VALID | 14 | EVENT_ERROR(2));
    assert_int_equal(m.cpu.gpr[RCX], 3);
    m.cpu.gpr[RDI] = 0x100ffd; // across the two pages: nothing may be written
    unsigned writes = m.writes;
    assert_int_equal(RUN("\x48\x89\x07"), EMULATE_FAULT);
    assert_int_equal(m.writes, writes);
    m.cpu.gpr[RDI] = 0x100ffc; // across RAM... within the device: one access of 4
    DONE("\x89\x07");
}

static void test_ports(void **state) {
    emulate_machine_init(&m, 16);
    m.cpu.segment[SEGMENT_ES].base = 0x100;
    m.cpu.gpr[RDI] = 0xff0100;
    m.cpu.gpr[RCX] = 0xff0008;
    m.cpu.gpr[RDX] = 0x1f0;
    DONE("\xf3\x6d"); // rep insw, 16-bit addresses
    assert_int_equal(m.ram[0x200 + 15], 15);
    assert_int_equal(m.cpu.gpr[RDI], 0xff0110);
    assert_int_equal(m.cpu.gpr[RCX], 0xff0000);
    assert_int_equal(m.port_elements, 8);
    m.cpu.gpr[RSI] = 0x208;
    m.cpu.segment[SEGMENT_DS].base = 0;
    m.port_at = 0;
    DONE("\x6e"); // outsb
    assert_int_equal(m.port_data[0], 8);
}

static void test_segments(void **state) {
    emulate_machine_init(&m, 32);
    m.cpu.gpr[RDI] = EMULATE_DEVICE;
    m.cpu.segment[SEGMENT_DS].limit = EMULATE_DEVICE + 2;
    assert_int_equal(RUN("\x89\x07"), EMULATE_FAULT); // mov [edi], eax
    assert_int_equal(EVENT_VECTOR(m.e.exception), 13);
    assert_int_equal(RUN("\x36\x89\x07"), EMULATE_DONE); // ss:
    m.cpu.segment[SEGMENT_SS].limit = 0;
    assert_int_equal(RUN("\x36\x89\x07"), EMULATE_FAULT);
    assert_int_equal(EVENT_VECTOR(m.e.exception), 12);
    m.cpu.segment[SEGMENT_ES].attributes = 0xc91; // read-only
    assert_int_equal(RUN("\x26\x89\x07"), EMULATE_FAULT);
    assert_int_equal(RUN("\x26\x8b\x07"), EMULATE_DONE);
    m.cpu.segment[SEGMENT_FS].base = EMULATE_DEVICE;
    m.cpu.gpr[RDI] = 0xfffffff0;
    m.cpu.segment[SEGMENT_FS].limit = 0xffffffff;
    m.cpu.segment[SEGMENT_FS].base += 0x20;
    assert_int_equal(RUN("\x64\x89\x07"), EMULATE_DONE); // wraps at 4 GiB
    assert_int_equal(m.last_gpa, EMULATE_DEVICE + 0x10);
}

static void test_ends(void **state) {
    emulate_machine_init(&m, 64);
    m.cpu.gpr[RDI] = EMULATE_DEVICE;
    m.cpu.rflags |= RFLAGS_RF | RFLAGS_TF;
    m.cpu.interruptibility = VCPU_SHADOW;
    DONE("\x89\x07");
    assert_true(m.e.single_step);
    assert_int_equal(m.cpu.interruptibility, 0);
    assert_false(m.cpu.rflags & RFLAGS_RF);
    assert_true(m.cpu.dirty & GROUP_RIP);
    m.cpu.rflags &= ~RFLAGS_TF;
    assert_int_equal(RUN("\x0f\x0b"), EMULATE_UNHANDLED);     // ud2 is decoded, not emulated
    assert_int_equal(RUN("\x0f\xff\xff"), EMULATE_UNHANDLED); // ud0
    assert_int_equal(RUN("\x06"), EMULATE_FAULT);             // push es: not in 64-bit mode
    assert_int_equal(EVENT_VECTOR(m.e.exception), 6);
    // An instruction across two pages
    m.cpu.gpr[RAX] = 0x99;
    assert_int_equal(run_at(0x1ffe, "\x89\x47\x10", 3), EMULATE_DONE);
    assert_int_equal(m.cpu.rip, 0x2001);
    assert_int_equal(device(0x10, 4), 0x99);
    // Writes to ROM change nothing
    m.cpu.gpr[RDI] = EMULATE_ROM;
    DONE("\x89\x07");
    assert_int_equal(m.ram[EMULATE_ROM], 0);
    // Code where no RAM is
    m.cpu.rip = EMULATE_DEVICE;
    assert_int_equal(emulate_instruction(&m.e), EMULATE_NO_RAM);
}

static void test_lengths(void **state) {
    static const uint8_t cpuid[] = {0x0f, 0xa2}, pause[] = {0x90};
    unsigned length;
    emulate_machine_init(&m, 64);
    memcpy(m.ram + EMULATE_CODE, "\x66\x48\x0f\xa2", 4);
    assert_int_equal(emulate_length(&m.e, cpuid, 2, &length), EMULATE_DONE);
    assert_int_equal(length, 4);
    memcpy(m.ram + EMULATE_CODE, "\xf3\x90", 2);
    assert_int_equal(emulate_length(&m.e, pause, 1, &length), EMULATE_DONE);
    assert_int_equal(length, 2);
    assert_int_equal(emulate_length(&m.e, cpuid, 2, &length), EMULATE_UNHANDLED);
    m.cpu.rip = 0x1fff; // across two pages
    memcpy(m.ram + 0x1fff, "\x0f\xa2", 2);
    assert_int_equal(emulate_length(&m.e, cpuid, 2, &length), EMULATE_DONE);
    assert_int_equal(length, 2);
    // A page that was unmapped since must not be fetched from
    m.cpu.rip = EMULATE_CODE;
    memcpy(m.ram + EMULATE_CODE, "\x0f\xa2", 2);
    assert_int_equal(emulate_length(&m.e, cpuid, 2, &length), EMULATE_DONE);
    memset(m.ram + 0xd008, 0, 8);
    assert_int_equal(emulate_length(&m.e, cpuid, 2, &length), EMULATE_FAULT);
}

static void map_page(unsigned page, uint64_t gpa) {
    uint64_t entry = gpa | 7;
    memcpy(m.ram + 0xd000 + page * 8, &entry, 8);
}

static enum emulate_result length_at(uint64_t rip) {
    static const uint8_t cpuid[] = {0x0f, 0xa2};
    unsigned length = 0;
    m.cpu.rip = rip;
    return emulate_length(&m.e, cpuid, 2, &length);
}

// Pages that code was fetched from are remembered, as long as nothing that led there changes.
static void test_fetched_pages(void **state) {
    emulate_machine_init(&m, 64);
    memcpy(m.ram + 0x1000, "\x0f\xa2", 2);
    memcpy(m.ram + 0x2000, "\x0f\xa2", 2);
    assert_int_equal(length_at(0x1000), EMULATE_DONE);
    assert_int_equal(length_at(0x2000), EMULATE_DONE);
    map_page(2, 0x3000); // mapped elsewhere: what is there now counts
    assert_int_equal(length_at(0x2000), EMULATE_UNHANDLED);
    assert_int_equal(length_at(0x1000), EMULATE_DONE);
    map_page(0x11, 0x4000); // shares its place in the cache with page 1
    assert_int_equal(length_at(0x11000), EMULATE_UNHANDLED);
    assert_int_equal(length_at(0x1000), EMULATE_DONE);
    map_page(1, 0x1000); // the same, but for the accessed bit: another walk sets it
    assert_int_equal(length_at(0x1000), EMULATE_DONE);
    assert_int_equal(m.ram[0xd008] & 0x20, 0x20);
    m.cpu.cpl = 3;
    uint64_t supervisor = 0x1003;
    memcpy(m.ram + 0xd008, &supervisor, 8);
    assert_int_equal(length_at(0x1000), EMULATE_FAULT);
    m.cpu.cpl = 0;
    assert_int_equal(length_at(0x1000), EMULATE_DONE);
    m.cpu.cpl = 3; // and what the kernel may fetch from is not for the user
    assert_int_equal(length_at(0x1000), EMULATE_FAULT);
    // Other tables
    m.cpu.cpl = 0;
    m.cpu.cr3 = 0xe000;
    assert_int_equal(length_at(0x1000), EMULATE_FAULT);
    m.cpu.cr3 = 0xa000;
    assert_int_equal(length_at(0x1000), EMULATE_DONE);
    // Memory moved in this program
    emulate_map_changed(&m.e);
    for (unsigned i = 0; i < FETCH_CACHE_PAGES; i++)
        assert_null(m.e.fetch_cache.entry[i].page);
    assert_int_equal(length_at(0x1000), EMULATE_DONE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),    cmocka_unit_test(test_known_gpa),     cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_exchange), cmocka_unit_test(test_strings),       cmocka_unit_test(test_string_faults),
        cmocka_unit_test(test_ports),    cmocka_unit_test(test_segments),      cmocka_unit_test(test_ends),
        cmocka_unit_test(test_lengths),  cmocka_unit_test(test_fetched_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
