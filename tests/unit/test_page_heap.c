// Runs of pages for the C library's mmap.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dom0/domain/page_heap.h"

#define BASE 0x10000000u

static struct page_heap heap;

static void takes_first_fit(void **state) {
    (void)state;
    page_heap_begin(&heap, BASE, 8 * 4096 + 100);
    assert_int_equal(page_heap_take(&heap, 1), BASE);
    assert_int_equal(page_heap_take(&heap, 4097), BASE + 4096);
    assert_int_equal(page_heap_take(&heap, 4096), BASE + 3 * 4096);
    assert_true(page_heap_give(&heap, BASE + 4096, 8192));
    assert_int_equal(page_heap_take(&heap, 3 * 4096), BASE + 4 * 4096);
    assert_int_equal(page_heap_take(&heap, 2 * 4096), BASE + 4096);
    assert_int_equal(heap.used, 7);
    assert_int_equal(page_heap_take(&heap, 8192), 0);
    assert_int_equal(page_heap_take(&heap, 4096), BASE + 7 * 4096);
    assert_int_equal(page_heap_take(&heap, 1), 0);
}

static void refuses_nonsense(void **state) {
    (void)state;
    page_heap_begin(&heap, BASE, 4 * 4096);
    assert_int_equal(page_heap_take(&heap, 0), 0);
    assert_int_equal(page_heap_take(&heap, UINT64_MAX), 0);
    assert_int_equal(page_heap_take(&heap, 5 * 4096), 0);
    assert_int_equal(page_heap_take(&heap, 2 * 4096), BASE);
    assert_false(page_heap_give(&heap, BASE - 4096, 4096));
    assert_false(page_heap_give(&heap, BASE + 1, 4096));
    assert_false(page_heap_give(&heap, BASE, 3 * 4096));
    assert_false(page_heap_give(&heap, BASE, UINT64_MAX));
    assert_false(page_heap_give(&heap, BASE + 4 * 4096, 4096));
    assert_int_equal(heap.used, 2);
    assert_true(page_heap_give(&heap, BASE + 4096, 4096));
    assert_false(page_heap_give(&heap, BASE + 4096, 4096));
}

static void knows_its_bound(void **state) {
    (void)state;
    page_heap_begin(&heap, BASE, UINT64_C(1) << 40);
    assert_int_equal(heap.pages, PAGE_HEAP_PAGES);
    assert_int_equal(page_heap_take(&heap, PAGE_HEAP_PAGES * UINT64_C(4096)), BASE);
    assert_int_equal(page_heap_take(&heap, 1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_first_fit),
        cmocka_unit_test(refuses_nonsense),
        cmocka_unit_test(knows_its_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
