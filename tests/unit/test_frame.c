// Frame ownership: the core's frames stay out of reach, counts go up and down, memory's end is respected.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/frame.h"

#define FRAMES 8

static struct frame frames[FRAMES + 1];
static struct frame_table table = {frames, FRAMES};

static int reset(void **state) {
    (void)state;
    memset(frames, 0, sizeof(frames));
    frames[FRAMES] = (struct frame){.owner = FRAME_OWNER_KERNEL, .mappings = UINT32_MAX}; // beyond: never looked at
    return 0;
}

static void kernel_frames_are_refused(void **state) {
    (void)state;
    frames[3].owner = FRAME_OWNER_KERNEL;
    for (unsigned own = 0; own < 2; own++) {
        assert_true(frame_can_map(&table, 0, 3, own));
        assert_false(frame_can_map(&table, 0, 4, own));
        assert_false(frame_can_map(&table, 3, 1, own));
        assert_true(frame_can_map(&table, 4, 4, own));
    }
}

static void a_count_does_not_overflow(void **state) {
    (void)state;
    frames[2].mappings = UINT32_MAX;
    assert_false(frame_can_map(&table, 2, 1, false));
    frames[2].mappings = UINT32_MAX - 1;
    assert_true(frame_can_map(&table, 2, 1, false));
    frame_map(&table, 2, 1, FRAME_OWNER_NONE);
    assert_int_equal(frames[2].mappings, UINT32_MAX);
}

static void a_mapped_frame_keeps_its_owner(void **state) {
    (void)state;
    frame_map(&table, 1, 2, 7);
    assert_int_equal(frames[1].owner, 7);
    assert_int_equal(frames[2].owner, 7);
    assert_false(frame_can_map(&table, 0, FRAMES, true));
    assert_true(frame_can_map(&table, 0, FRAMES, false));
    frame_map(&table, 1, 1, FRAME_OWNER_NONE);
    assert_int_equal(frames[1].owner, 7);
    assert_int_equal(frames[1].mappings, 2);
    frame_unmap(&table, 1, 1);
    frame_unmap(&table, 1, 2);
    assert_true(frame_can_map(&table, 0, FRAMES, true));
}

static void only_the_range_changes(void **state) {
    (void)state;
    frame_map(&table, 2, 3, 9);
    for (unsigned i = 0; i < FRAMES; i++) {
        assert_int_equal(frames[i].mappings, i >= 2 && i < 5);
        assert_int_equal(frames[i].owner, i >= 2 && i < 5 ? 9 : FRAME_OWNER_NONE);
    }
    frame_unmap(&table, 2, 2);
    for (unsigned i = 0; i < FRAMES; i++)
        assert_int_equal(frames[i].mappings, i == 4);
}

static void device_memory_is_not_counted(void **state) {
    (void)state;
    assert_true(frame_can_map(&table, FRAMES, 4, true));
    assert_true(frame_can_map(&table, 1ull << 40, 512, true));
    frame_map(&table, FRAMES - 1, 512, 5);
    frame_map(&table, 1ull << 40, 512, 5);
    assert_int_equal(frames[FRAMES - 1].mappings, 1);
    assert_int_equal(frames[FRAMES].mappings, UINT32_MAX);
    frame_unmap(&table, FRAMES - 1, 512);
    assert_int_equal(frames[FRAMES - 1].mappings, 0);
    assert_int_equal(frames[FRAMES].mappings, UINT32_MAX);
}

static void nothing_of_nothing(void **state) {
    (void)state;
    frames[0].owner = FRAME_OWNER_KERNEL;
    assert_true(frame_can_map(&table, 0, 0, true));
    frame_map(&table, 0, 0, 3);
    assert_int_equal(frames[0].owner, FRAME_OWNER_KERNEL);
    assert_int_equal(frames[0].mappings, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(kernel_frames_are_refused, reset),
        cmocka_unit_test_setup(a_count_does_not_overflow, reset),
        cmocka_unit_test_setup(a_mapped_frame_keeps_its_owner, reset),
        cmocka_unit_test_setup(only_the_range_changes, reset),
        cmocka_unit_test_setup(device_memory_is_not_counted, reset),
        cmocka_unit_test_setup(nothing_of_nothing, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
