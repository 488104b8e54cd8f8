// Walks of guest page tables in all paging modes: translations, rights, error codes, accessed and dirty bits.
#include "dom0/vmm/page_walk.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
// cmocka wants the headers above
#include <cmocka.h>

#define RAM_BYTES 0x10000u

static uint8_t ram[RAM_BYTES] __attribute__((aligned(4096)));

static void *pointer(void *context, uint64_t gpa, size_t bytes, bool write) {
    return gpa < RAM_BYTES && bytes <= RAM_BYTES - gpa ? ram + gpa : NULL;
}

// A device whose memory holds, at each address, an entry that maps address 9000h.
static uint64_t device_read(void *context, uint64_t gpa, unsigned bytes) {
    return 0x9007;
}

static const struct page_walk_memory memory = {NULL, pointer, device_read};
static struct page_walk out;

static uint64_t *entry64(uint64_t table, unsigned index) {
    return (uint64_t *)(void *)(ram + table) + index;
}

static uint32_t *entry32(uint64_t table, unsigned index) {
    return (uint32_t *)(void *)(ram + table) + index;
}

// Four levels at 1000h..4000h; 12345000h maps what `leaf` says.
static struct page_walk_registers four_levels(uint64_t upper, uint64_t leaf) {
    memset(ram, 0, sizeof ram);
    *entry64(0x1000, 0) = 0x2000 | upper;
    *entry64(0x2000, 0) = 0x3000 | upper;
    *entry64(0x3000, 0x91) = 0x4000 | upper;
    *entry64(0x4000, 0x145) = leaf;
    return (struct page_walk_registers){0x80010001, 0x1000, 0x20, EFER_LMA | EFER_LME | EFER_NXE, 40};
}

static enum page_walk_result walk(struct page_walk_registers registers, uint64_t gva, unsigned access) {
    memset(&out, 0xee, sizeof out);
    return page_walk(&registers, &memory, gva, access, &out);
}

static void test_no_paging(void **state) {
    struct page_walk_registers registers = {0x11, 0, 0, 0, 40};
    assert_int_equal(walk(registers, 0xfee00020, ACCESS_WRITE), PAGE_WALK_OK);
    assert_int_equal(out.gpa, 0xfee00020);
    assert_int_equal(out.entries, 0);
}

static void test_four_levels(void **state) {
    struct page_walk_registers registers = four_levels(7, 0x7000 | 7);
    assert_int_equal(walk(registers, 0x12345678, 0), PAGE_WALK_OK);
    assert_int_equal(out.gpa, 0x7678);
    assert_int_equal(out.page_bits, 12);
    assert_int_equal(*entry64(0x4000, 0x145), 0x7027); // accessed, not dirty
    assert_int_equal(*entry64(0x1000, 0), 0x2027);
    assert_int_equal(walk(registers, 0x12345678, ACCESS_WRITE), PAGE_WALK_OK);
    assert_int_equal(*entry64(0x4000, 0x145), 0x7067); // dirty
    assert_int_equal(*entry64(0x3000, 0x91), 0x4027);  // only the leaf is ever dirty
    assert_true(page_walk_still_valid(&out));
    *entry64(0x3000, 0x91) = 0;
    assert_false(page_walk_still_valid(&out));
}

static void assert_fault(struct page_walk_registers registers, unsigned access, uint32_t error) {
    assert_int_equal(walk(registers, 0x12345678, access), PAGE_WALK_FAULT);
    assert_int_equal(out.error_code, error);
}

static void test_rights(void **state) {
    struct page_walk_registers registers = four_levels(7, 0x7000 | 5); // read-only
    assert_fault(registers, ACCESS_WRITE, 3);
    assert_fault(registers, ACCESS_WRITE | ACCESS_USER, 7);
    registers.cr0 &= ~CR0_WP;
    assert_int_equal(walk(registers, 0x12345678, ACCESS_WRITE), PAGE_WALK_OK);
    assert_fault(registers, ACCESS_WRITE | ACCESS_USER, 7); // WP is for the supervisor only

    registers = four_levels(3, 0x7000 | 7); // the upper levels are the supervisor's
    assert_fault(registers, ACCESS_USER, 5);
    assert_int_equal(walk(registers, 0x12345678, ACCESS_WRITE), PAGE_WALK_OK);

    registers = four_levels(7, 0x7000 | 7 | 1ull << 63);
    assert_fault(registers, ACCESS_EXECUTE, 0x11);
    assert_int_equal(walk(registers, 0x12345678, ACCESS_WRITE), PAGE_WALK_OK);
    registers.efer &= ~EFER_NXE; // then bit 63 is reserved
    assert_fault(registers, 0, 9);

    registers = four_levels(7, 0);
    assert_fault(registers, ACCESS_EXECUTE | ACCESS_USER, 0x14);
    assert_fault(registers, 0, 0);
}

static void test_smep_smap(void **state) {
    struct page_walk_registers registers = four_levels(7, 0x7000 | 7);
    registers.cr4 |= CR4_SMEP | CR4_SMAP;
    assert_fault(registers, ACCESS_EXECUTE, 0x11);
    assert_fault(registers, 0, 1);
    assert_int_equal(walk(registers, 0x12345678, ACCESS_AC), PAGE_WALK_OK);
    assert_int_equal(walk(registers, 0x12345678, ACCESS_USER | ACCESS_WRITE), PAGE_WALK_OK);
    assert_int_equal(*entry64(0x4000, 0x145) & 0x40, 0x40);
}

static void test_large_pages(void **state) {
    struct page_walk_registers registers = four_levels(7, 0);
    *entry64(0x3000, 0x91) = 0x40000000 | 0x87;
    assert_int_equal(walk(registers, 0x12345678, 0), PAGE_WALK_OK);
    assert_int_equal(out.gpa, 0x40000000 | 0x145678);
    assert_int_equal(out.page_bits, 21);
    *entry64(0x3000, 0x91) = 0x40002000 | 0x87; // a reserved bit of a 2 MiB page
    assert_fault(registers, 0, 9);
    *entry64(0x2000, 0) = 0x80000000 | 0x87;
    assert_int_equal(walk(registers, 0x12345678, 0), PAGE_WALK_OK);
    assert_int_equal(out.gpa, 0x80000000 | 0x12345678);
    assert_int_equal(out.page_bits, 30);
    *entry64(0x1000, 0) = 0x2000 | 0x87; // the highest level has no large pages
    assert_fault(registers, 0, 9);
    *entry64(0x1000, 0) = 1ull << 45 | 7; // beyond MAXPHYADDR
    assert_fault(registers, 0, 9);
}

static void test_32_bit(void **state) {
    memset(ram, 0, sizeof ram);
    struct page_walk_registers registers = {0x80000001, 0x1000, 0, 0, 40};
    *entry32(0x1000, 0x48) = 0x2000 | 7;
    *entry32(0x2000, 0x345) = 0x8000 | 7;
    assert_int_equal(walk(registers, 0x12345678, ACCESS_WRITE), PAGE_WALK_OK);
    assert_int_equal(out.gpa, 0x8678);
    assert_int_equal(*entry32(0x2000, 0x345), 0x8067);
    *entry32(0x1000, 0x48) = 0x00400000 | 0x87 | 3u << 13;          // PSE-36: bits 32 and 33
    assert_int_equal(walk(registers, 0x12345678, 0), PAGE_WALK_OK); // no PSE: it is a table at 400000h, of the device
    assert_int_equal(out.gpa, 0x9678);
    assert_false(page_walk_still_valid(&out));
    registers.cr4 = CR4_PSE;
    assert_int_equal(walk(registers, 0x12345678, 0), PAGE_WALK_OK);
    assert_int_equal(out.gpa, 0x300745678);
}

static void test_pae(void **state) {
    memset(ram, 0, sizeof ram);
    struct page_walk_registers registers = {0x80000001, 0x1020, CR4_PAE, 0, 36};
    *entry64(0x1020, 3) = 0x2000 | 1; // no rights in a PDPT entry
    *entry64(0x2000, 0) = 0x3000 | 7;
    *entry64(0x3000, 1) = 0x9000 | 7;
    assert_int_equal(walk(registers, 0xc0001234, ACCESS_USER | ACCESS_WRITE), PAGE_WALK_OK);
    assert_int_equal(out.gpa, 0x9234);
    assert_int_equal(*entry64(0x1020, 3), 0x2001); // and no accessed bit
    *entry64(0x1020, 3) |= 0x20;                   // but an emulated CPU may have set one
    assert_int_equal(walk(registers, 0xc0001234, 0), PAGE_WALK_OK);
    *entry64(0x1020, 3) = 0x2000 | 3;
    assert_int_equal(walk(registers, 0xc0001234, 0), PAGE_WALK_FAULT);
    assert_int_equal(out.error_code, 9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_paging), cmocka_unit_test(test_four_levels), cmocka_unit_test(test_rights),
        cmocka_unit_test(test_smep_smap), cmocka_unit_test(test_large_pages), cmocka_unit_test(test_32_bit),
        cmocka_unit_test(test_pae),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
