// Hardware task switches: what moves between registers, TSSs and descriptors, and each fault in its task.
#include "dom0/vmm/emulate_operation.h"
#include "dom0/vmm/task.h"
#include "emulate_machine.h"
#include <setjmp.h>
#include <stdarg.h>
// cmocka wants the headers above
#include <cmocka.h>

#define GDT       0x2000u
#define LDT       0x2800u
#define TSS_OLD   0x4000u
#define TSS_NEW   0x5000u
#define DIRECTORY 0x6000u
#define TABLE     0x7000u
#define STACK     0xa000u

// Selectors
#define CODE       0x08u
#define DATA       0x10u
#define OLD        0x18u
#define NEW        0x20u
#define LOCAL      0x28u
#define USER_CODE  0x33u
#define USER_DATA  0x3bu
#define CONFORMING 0x40u
#define BEYOND     0x48u

#define NT  0x4000ull
#define EXT 1u

static struct emulate_machine m;

static void put(uint32_t at, uint64_t value, unsigned bytes) {
    memcpy(m.ram + at, &value, bytes);
}

static uint64_t get(uint32_t at, unsigned bytes) {
    uint64_t value = 0;
    memcpy(&value, m.ram + at, bytes);
    return value;
}

static uint64_t descriptor(uint32_t base, uint32_t limit, uint16_t attributes) {
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(attributes & 0xff) << 40 |
           (uint64_t)(limit >> 16 & 0xf) << 48 | (uint64_t)(attributes >> 8 & 0xf) << 52 | (uint64_t)(base >> 24) << 56;
}

static void set_descriptor(uint16_t selector, uint64_t value) {
    put(GDT + (selector & 0xfff8u), value, 8);
}

static uint8_t type_of(uint16_t selector) {
    return m.ram[GDT + selector + 5];
}

// A task of CPL 0 in protected mode without paging, with a TSS of 32 bits (or of 16), and another such that can be
// switched to.
static void setup(bool old_small, bool new_small) {
    emulate_machine_init(&m, 32);
    uint16_t old_type = old_small ? 0x83 : 0x8b, new_type = new_small ? 0x81 : 0x89;
    set_descriptor(CODE, descriptor(0, 0xfffff, 0xc9b));
    set_descriptor(DATA, descriptor(0, 0xfffff, 0xc92)); // not accessed
    set_descriptor(OLD, descriptor(TSS_OLD, old_small ? 0x2b : 0x67, old_type));
    set_descriptor(NEW, descriptor(TSS_NEW, new_small ? 0x2b : 0x67, new_type));
    set_descriptor(LOCAL, descriptor(LDT, 0xf, 0x82));
    set_descriptor(USER_CODE, descriptor(0, 0xfffff, 0xcfb));
    set_descriptor(USER_DATA, descriptor(0, 0xfffff, 0xcf3));
    set_descriptor(CONFORMING, descriptor(0, 0xfffff, 0xc9f));
    put(LDT + 8, descriptor(0x1000, 0xfff, 0x493), 8);
    m.cpu.gdtr = (struct vcpu_segment){.limit = BEYOND - 1, .base = GDT};
    for (unsigned i = SEGMENT_ES; i <= SEGMENT_GS; i++)
        m.cpu.segment[i].selector = i == SEGMENT_CS ? CODE : DATA;
    m.cpu.segment[SEGMENT_TR] = (struct vcpu_segment){OLD, old_type, old_small ? 0x2b : 0x67, TSS_OLD};
    m.cpu.segment[SEGMENT_LDTR] = (struct vcpu_segment){0};
    m.cpu.dr7 = 0x7ff;
    for (unsigned i = 0; i < 8; i++)
        m.cpu.gpr[i] = 0x11111110u + i;
    if (new_small) {
        put(TSS_NEW + 0x0e, 0x1234, 2);
        put(TSS_NEW + 0x10, 0x0287, 2);
        for (unsigned i = 0; i < 8; i++)
            put(TSS_NEW + 0x12 + 2 * i, i == RSP ? STACK : 0x2220 + i, 2);
        for (unsigned i = 0; i < 4; i++)
            put(TSS_NEW + 0x22 + 2 * i, i == SEGMENT_CS ? CODE : DATA, 2);
        return;
    }
    put(TSS_NEW + 0x1c, DIRECTORY, 4);
    put(TSS_NEW + 0x20, 0x1234, 4);
    put(TSS_NEW + 0x24, 0xffc08287, 4); // with bits that there are not
    for (unsigned i = 0; i < 8; i++)
        put(TSS_NEW + 0x28 + 4 * i, i == RSP ? STACK : 0x22222220 + i, 4);
    for (unsigned i = 0; i < 6; i++)
        put(TSS_NEW + 0x48 + 4 * i, i == SEGMENT_CS ? CODE : DATA, 2);
}

static enum emulate_result change(enum task_source source, uint16_t selector, unsigned length, uint64_t event) {
    struct task_request request = {selector, source, length, event};
    return task_switch(&m.e, &request);
}

static void assert_fault(enum emulate_result result, unsigned vector, uint32_t error) {
    assert_int_equal(result, EMULATE_FAULT);
    assert_int_equal(m.e.exception, EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_VALID | vector | (uint64_t)error << 32);
}

// ---- What moves

static void test_jump(void **state) {
    setup(false, false);
    memset(m.ram + TSS_OLD, 0xee, 0x68);
    m.cpu.rflags = 0x10246;
    m.cpu.interruptibility = VCPU_SHADOW | VCPU_NMI_BLOCKED;
    assert_int_equal(change(TASK_JMP, NEW, 7, 0), EMULATE_DONE);
    assert_int_equal(get(TSS_OLD + 0x20, 4), EMULATE_CODE + 7);
    assert_int_equal(get(TSS_OLD + 0x24, 4), 0x10246);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(get(TSS_OLD + 0x28 + 4 * i, 4), i == RSP ? 0x11111114 : 0x11111110 + i);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(get(TSS_OLD + 0x48 + 4 * i, 4), 0xeeee0000 | (i == SEGMENT_CS ? CODE : DATA));
    assert_int_equal(get(TSS_OLD + 0x1c, 4), 0xeeeeeeee); // CR3, LDT and link are not saved
    assert_int_equal(get(TSS_OLD + 0x60, 4), 0xeeeeeeee);
    assert_int_equal(get(TSS_OLD, 4), 0xeeeeeeee);
    assert_int_equal(get(TSS_NEW, 4), 0);
    assert_int_equal(type_of(OLD), 0x89);
    assert_int_equal(type_of(NEW), 0x8b);
    assert_int_equal(m.cpu.rip, 0x1234);
    assert_int_equal(m.cpu.rflags, 0x8287 & 0x3f7fd7);
    assert_int_equal(m.cpu.gpr[RSP], STACK);
    assert_int_equal(m.cpu.gpr[RDI], 0x22222227);
    assert_int_equal(m.cpu.cr0 & CR0_TS, CR0_TS);
    assert_int_equal(m.cpu.cr3, 0); // no paging
    assert_int_equal(m.cpu.dr7, 0x6aa);
    assert_int_equal(m.cpu.interruptibility, VCPU_NMI_BLOCKED);
    struct vcpu_segment tr = m.cpu.segment[SEGMENT_TR], ss = m.cpu.segment[SEGMENT_SS];
    assert_int_equal(tr.selector, NEW);
    assert_int_equal(tr.attributes, 0x8b);
    assert_int_equal(tr.base, TSS_NEW);
    assert_int_equal(tr.limit, 0x67);
    assert_int_equal(ss.attributes, 0xc93);
    assert_int_equal(ss.limit, 0xffffffff);
    assert_int_equal(type_of(DATA), 0x93); // accessed
    assert_int_equal(m.cpu.dirty, GROUP_RIP | GROUP_CONTROL | GROUP_CS_SS | GROUP_SEGMENT | GROUP_DEBUG);
}

static void test_call_and_return(void **state) {
    setup(false, false);
    m.cpu.dr7 = 0x400;
    assert_int_equal(change(TASK_CALL, NEW, 7, 0), EMULATE_DONE);
    assert_int_equal(get(TSS_NEW, 2), OLD);
    assert_int_equal(m.cpu.rflags & NT, NT);
    assert_int_equal(type_of(OLD), 0x8b);
    assert_int_equal(type_of(NEW), 0x8b);
    assert_int_equal(m.cpu.dirty & GROUP_DEBUG, 0);
    m.cpu.interruptibility = VCPU_NMI_BLOCKED;
    put(TSS_OLD + 0x24, 0x202, 4);
    assert_int_equal(change(TASK_IRET, OLD, 1, 0), EMULATE_DONE);
    assert_int_equal(get(TSS_NEW + 0x20, 4), 0x1235);
    assert_int_equal(get(TSS_NEW + 0x24, 4) & NT, 0);
    assert_int_equal(type_of(OLD), 0x8b);
    assert_int_equal(type_of(NEW), 0x89);
    assert_int_equal(m.cpu.rip, EMULATE_CODE + 7);
    assert_int_equal(m.cpu.rflags, 0x202);
    assert_int_equal(m.cpu.gpr[RBX], 0x11111113);
    assert_int_equal(m.cpu.interruptibility, 0);
}

static void test_small_tasks(void **state) {
    setup(false, true);
    m.cpu.cr0 |= CR0_PG; // whose CR3 stays: the TSS has none
    m.cpu.cr3 = DIRECTORY;
    for (unsigned i = 0; i < EMULATE_RAM / PAGE_SIZE; i++)
        put(TABLE + 4 * i, i << 12 | 7, 4);
    put(DIRECTORY, TABLE | 7, 4);
    assert_int_equal(change(TASK_CALL, NEW, 2, 0), EMULATE_DONE);
    assert_int_equal(m.cpu.cr3, DIRECTORY);
    assert_int_equal(m.cpu.rip, 0x1234);
    assert_int_equal(m.cpu.rflags, 0x0287 | NT);
    assert_int_equal(m.cpu.gpr[RBX] & 0xffff, 0x2223);
    assert_int_equal(m.cpu.segment[SEGMENT_FS].selector, 0);
    assert_int_equal(m.cpu.segment[SEGMENT_FS].attributes & 0x80, 0);
    assert_int_equal(m.cpu.segment[SEGMENT_TR].attributes, 0x83);
    m.cpu.gpr[RBX] = 0x56789abc;
    memset(m.ram + TSS_NEW + 0x2a, 0xee, 2);
    put(TSS_OLD + 0x1c, DIRECTORY, 4);
    assert_int_equal(change(TASK_IRET, OLD, 1, 0), EMULATE_DONE);
    assert_int_equal(get(TSS_NEW + 0x0e, 2), 0x1235);
    assert_int_equal(get(TSS_NEW + 0x10, 2), 0x0287);
    assert_int_equal(get(TSS_NEW + 0x18, 2), 0x9abc);
    assert_int_equal(get(TSS_NEW + 0x28, 4), 0xeeee0010); // DS; the LDT is not saved
    assert_int_equal(type_of(NEW), 0x81);
    assert_int_equal(m.cpu.gpr[RBX], 0x11111113);
}

// The error code is pushed in the width of the TSS, on the stack of the new task.
static void test_error_code(void **state) {
    uint64_t event = EVENT_VALID | EVENT_EXCEPTION | EVENT_ERROR_VALID | 13 | EVENT_ERROR(0x12345678);
    setup(false, false);
    assert_int_equal(change(TASK_GATE, NEW, 0, event), EMULATE_DONE);
    assert_int_equal(get(TSS_OLD + 0x20, 4), EMULATE_CODE);
    assert_int_equal(m.cpu.gpr[RSP], STACK - 4);
    assert_int_equal(get(STACK - 4, 4), 0x12345678);
    assert_int_equal(get(TSS_NEW, 2), OLD);
    setup(false, true);
    put(STACK - 4, 0, 4);
    assert_int_equal(change(TASK_GATE, NEW, 0, event), EMULATE_DONE);
    assert_int_equal(m.cpu.gpr[RSP], STACK - 2);
    assert_int_equal(get(STACK - 4, 4), 0x56780000);
    setup(false, false);
    put(STACK - 4, 0, 4);
    assert_int_equal(change(TASK_GATE, NEW, 0, EVENT_VALID | EVENT_INTERRUPT | 0x41), EMULATE_DONE);
    assert_int_equal(m.cpu.gpr[RSP], STACK);
    // No room: #SS(EXT) in the new task
    setup(false, false);
    set_descriptor(DATA, descriptor(0, STACK - 4, 0x492));
    assert_fault(change(TASK_GATE, NEW, 0, event), 12, EXT);
    assert_int_equal(m.cpu.segment[SEGMENT_TR].selector, NEW);
    assert_int_equal(m.cpu.gpr[RSP], STACK);
}

static void test_nmi(void **state) {
    setup(false, false);
    m.cpu.interruptibility = 0;
    assert_int_equal(change(TASK_GATE, NEW, 0, EVENT_VALID | EVENT_NMI | 2), EMULATE_DONE);
    assert_int_equal(m.cpu.interruptibility, VCPU_NMI_BLOCKED);
}

static void test_virtual_8086(void **state) {
    setup(false, false);
    put(TSS_NEW + 0x24, 0x20202, 4);
    put(TSS_NEW + 0x48 + 4 * SEGMENT_DS, 0x5000, 2);
    put(TSS_NEW + 0x60, LOCAL, 2);
    assert_int_equal(change(TASK_JMP, NEW, 5, 0), EMULATE_DONE);
    assert_int_equal(m.cpu.rflags, 0x20202);
    assert_int_equal(m.cpu.cpl, 3);
    assert_int_equal(m.cpu.segment[SEGMENT_DS].base, 0x50000);
    assert_int_equal(m.cpu.segment[SEGMENT_CS].attributes, 0xf3);
    assert_int_equal(m.cpu.segment[SEGMENT_LDTR].base, LDT);
}

static void test_ldt(void **state) {
    setup(false, false);
    put(TSS_NEW + 0x60, LOCAL, 2);
    put(TSS_NEW + 0x48 + 4 * SEGMENT_GS, 0xc, 2);
    assert_int_equal(change(TASK_JMP, NEW, 5, 0), EMULATE_DONE);
    assert_int_equal(m.cpu.segment[SEGMENT_LDTR].limit, 0xf);
    assert_int_equal(m.cpu.segment[SEGMENT_LDTR].attributes, 0x82);
    assert_int_equal(m.cpu.segment[SEGMENT_GS].base, 0x1000);
}

static void test_trap(void **state) {
    setup(false, false);
    put(TSS_NEW + 0x64, 1, 2);
    m.cpu.dr6 = 0xffff0ff0;
    assert_int_equal(change(TASK_JMP, NEW, 5, 0), EMULATE_FAULT);
    assert_int_equal(m.e.exception, EVENT_VALID | EVENT_EXCEPTION | 1);
    assert_int_equal(m.cpu.dr6, 0xffff8ff0);
    assert_int_equal(m.cpu.rip, 0x1234);
}

// PAE: CR3 loads the four entries with it.
static void test_page_directory_pointers(void **state) {
    setup(false, false);
    m.cpu.cr4 = CR4_PAE;
    m.cpu.cr0 |= CR0_PG;
    m.cpu.cr3 = DIRECTORY;
    m.e.physical_bits = 40;
    put(DIRECTORY, 0xb001, 8);
    put(0xb000, 0x83, 8);          // 2 MiB
    put(DIRECTORY + 8, 0xc002, 8); // not present: anything may be in it
    put(DIRECTORY + 24, 0xc001, 8);
    assert_int_equal(change(TASK_JMP, NEW, 5, 0), EMULATE_DONE);
    assert_int_equal(m.cpu.cr3, DIRECTORY);
    assert_int_equal(m.cpu.pdpte[0], 0xb001);
    assert_int_equal(m.cpu.pdpte[3], 0xc001);
    put(TSS_OLD + 0x1c, DIRECTORY + 0x20, 4);
    put(DIRECTORY + 0x20, 0xb001, 8);
    put(DIRECTORY + 0x28, 1ull << 40 | 1, 8);
    assert_fault(change(TASK_JMP, OLD, 5, 0), 13, 0);
    assert_int_equal(m.cpu.segment[SEGMENT_TR].selector, OLD);
}

// ---- Faults in the old task, of which nothing has changed

static void assert_old_fault(enum task_source source, uint16_t selector, uint64_t event, unsigned vector,
                             uint32_t error) {
    struct vcpu_page before = m.cpu;
    static uint8_t ram[EMULATE_RAM];
    memcpy(ram, m.ram, sizeof ram);
    assert_fault(change(source, selector, 2, event), vector, error);
    assert_memory_equal(&before, &m.cpu, sizeof before);
    assert_memory_equal(ram, m.ram, sizeof ram);
}

static void test_bad_tss(void **state) {
    static const uint64_t interrupt = EVENT_VALID | EVENT_INTERRUPT | 0x41, software = EVENT_VALID | EVENT_SOFTWARE | 3;
    setup(false, false);
    assert_old_fault(TASK_JMP, BEYOND, 0, 13, BEYOND);
    assert_old_fault(TASK_CALL, NEW | 4, 0, 13, NEW | 4);
    assert_old_fault(TASK_IRET, BEYOND, 0, 10, BEYOND);
    assert_old_fault(TASK_IRET, 0, 0, 10, 0);
    assert_old_fault(TASK_JMP, OLD, 0, 13, OLD);  // busy
    assert_old_fault(TASK_IRET, NEW, 0, 10, NEW); // not busy
    assert_old_fault(TASK_GATE, CODE, interrupt, 13, CODE | EXT);
    assert_old_fault(TASK_GATE, CODE, software, 13, CODE);
    set_descriptor(NEW, descriptor(TSS_NEW, 0x66, 0x89));
    assert_old_fault(TASK_JMP, NEW, 0, 10, NEW);
    set_descriptor(NEW, descriptor(TSS_NEW, 0x2a, 0x81));
    assert_old_fault(TASK_JMP, NEW, 0, 10, NEW);
    set_descriptor(NEW, descriptor(TSS_NEW, 0x66, 0x09));
    assert_old_fault(TASK_GATE, NEW, interrupt, 11, NEW | EXT);
    setup(false, false);
    m.cpu.segment[SEGMENT_TR].limit = 0x5c; // GS would be stored behind it
    assert_old_fault(TASK_JMP, NEW, 0, 10, OLD);
    m.cpu.segment[SEGMENT_TR].limit = 0x5d;
    assert_int_equal(change(TASK_JMP, NEW, 2, 0), EMULATE_DONE);
}

static void test_absent_pages(void **state) {
    static const unsigned absent[] = {GDT >> 12, TSS_OLD >> 12, TSS_NEW >> 12};
    static const uint32_t address[] = {GDT + NEW, TSS_OLD + 0x20, TSS_NEW}, error[] = {0, 2, 0};
    for (unsigned i = 0; i < 3; i++) {
        setup(false, false);
        m.cpu.cr0 |= CR0_PG | CR0_WP;
        m.cpu.cr3 = DIRECTORY;
        put(DIRECTORY, TABLE | 7, 4);
        for (unsigned page = 0; page < EMULATE_RAM / PAGE_SIZE; page++)
            put(TABLE + 4 * page, page << 12 | (page == absent[i] ? 6 : 7), 4);
        assert_fault(change(TASK_JMP, NEW, 2, 0), 14, error[i]);
        assert_int_equal(m.cpu.cr2, address[i]);
        assert_int_equal(m.cpu.segment[SEGMENT_TR].selector, OLD);
        assert_int_equal(type_of(OLD), 0x8b);
        assert_int_equal(m.cpu.rip, EMULATE_CODE);
    }
    // The link has to be written by CALL, and only by that.
    put(TABLE + 4 * (TSS_OLD >> 12), TSS_OLD | 7, 4);
    put(TABLE + 4 * (TSS_NEW >> 12), TSS_NEW | 5, 4);
    assert_fault(change(TASK_CALL, NEW, 2, 0), 14, 3);
    assert_int_equal(change(TASK_JMP, NEW, 2, 0), EMULATE_DONE);
    assert_int_equal(m.cpu.cr3, DIRECTORY);
}

// ---- Faults in the new task

static void assert_new_fault(unsigned field, uint16_t value, unsigned vector, uint32_t error) {
    put(TSS_NEW + field, value, 2);
    assert_fault(change(TASK_GATE, NEW, 0, EVENT_VALID | EVENT_INTERRUPT | 0x41), vector, error | EXT);
    assert_int_equal(m.cpu.segment[SEGMENT_TR].selector, NEW);
    assert_int_equal(m.cpu.rip, 0x1234);
    assert_int_equal(m.cpu.gpr[RDI], 0x22222227);
    assert_int_equal(type_of(OLD), 0x8b);
    assert_int_equal(m.cpu.cpl, m.cpu.segment[SEGMENT_CS].attributes >> 5 & 3); // or it cannot be entered
    setup(false, false);
}

#define SEGMENT(name) (0x48 + 4 * (name))

static void test_bad_segments(void **state) {
    setup(false, false);
    assert_new_fault(0x60, LOCAL | 4, 10, LOCAL | 4);
    assert_new_fault(0x60, 4, 10, 4);
    assert_new_fault(0x60, CODE, 10, CODE);
    assert_new_fault(0x60, BEYOND, 10, BEYOND);
    assert_new_fault(SEGMENT(SEGMENT_CS), 0, 10, 0);
    assert_new_fault(SEGMENT(SEGMENT_CS), DATA, 10, DATA);
    assert_new_fault(SEGMENT(SEGMENT_SS), 0, 10, 0);
    assert_new_fault(SEGMENT(SEGMENT_SS), CODE, 10, CODE);
    assert_new_fault(SEGMENT(SEGMENT_SS), USER_DATA, 10, USER_DATA & ~3u);
    assert_new_fault(SEGMENT(SEGMENT_SS), DATA | 1, 10, DATA);
    assert_new_fault(SEGMENT(SEGMENT_CS), USER_CODE, 10, DATA); // SS comes first
    assert_new_fault(SEGMENT(SEGMENT_DS), NEW, 10, NEW);
    assert_new_fault(SEGMENT(SEGMENT_FS), 0xc, 10, 0xc); // no LDT
    set_descriptor(DATA, descriptor(0, 0xfffff, 0xc12));
    assert_new_fault(SEGMENT(SEGMENT_DS), DATA, 12, DATA);
    set_descriptor(USER_DATA, descriptor(0, 0xfffff, 0xc73));
    assert_new_fault(SEGMENT(SEGMENT_DS), USER_DATA, 11, USER_DATA & ~3u);
    set_descriptor(CODE, descriptor(0, 0xfffff, 0xc1b));
    assert_new_fault(SEGMENT(SEGMENT_DS), DATA, 11, CODE);
    set_descriptor(CODE, descriptor(0, 0x1233, 0x49b));
    assert_new_fault(SEGMENT(SEGMENT_DS), DATA, 13, 0);
    put(TSS_NEW + SEGMENT(SEGMENT_SS), USER_DATA, 2);
    put(TSS_NEW + SEGMENT(SEGMENT_DS), USER_DATA, 2);
    put(TSS_NEW + SEGMENT(SEGMENT_ES), DATA, 2); // not for CPL 3
    assert_new_fault(SEGMENT(SEGMENT_CS), USER_CODE, 10, DATA);
    put(TSS_NEW + SEGMENT(SEGMENT_SS), USER_DATA, 2);
    for (unsigned i = SEGMENT_DS; i <= SEGMENT_GS; i++)
        put(TSS_NEW + SEGMENT(i), CONFORMING | 3, 2);
    put(TSS_NEW + SEGMENT(SEGMENT_ES), 3, 2); // null
    put(TSS_NEW + SEGMENT(SEGMENT_CS), USER_CODE, 2);
    assert_int_equal(change(TASK_JMP, NEW, 2, 0), EMULATE_DONE);
    assert_int_equal(m.cpu.cpl, 3);
    assert_int_equal(m.cpu.segment[SEGMENT_ES].attributes, 0);
    assert_int_equal(m.cpu.segment[SEGMENT_CS].attributes, 0xcfb);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jump),         cmocka_unit_test(test_call_and_return),
        cmocka_unit_test(test_small_tasks),  cmocka_unit_test(test_error_code),
        cmocka_unit_test(test_nmi),          cmocka_unit_test(test_virtual_8086),
        cmocka_unit_test(test_ldt),          cmocka_unit_test(test_trap),
        cmocka_unit_test(test_bad_tss),      cmocka_unit_test(test_page_directory_pointers),
        cmocka_unit_test(test_absent_pages), cmocka_unit_test(test_bad_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
