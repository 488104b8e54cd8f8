// The boot archive: files found, damage noticed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/init/archive.h"

static char archive[8192];
static size_t size;

static void add(const char *name, unsigned mode, const char *content, size_t bytes) {
    size += (size_t)sprintf(archive + size, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x", 1u, mode,
                            0u, 0u, 1u, 0u, bytes, 0u, 0u, 0u, 0u, strlen(name) + 1, 0u);
    strcpy(archive + size, name);
    size = (size + strlen(name) + 1 + 3) & ~(size_t)3;
    memcpy(archive + size, content, bytes);
    size = (size + bytes + 3) & ~(size_t)3;
}

static int begin(void **state) {
    (void)state;
    memset(archive, 0, sizeof(archive));
    size = 0;
    add("etc", 0040755, "", 0);
    add("etc/manifest", 0100644, "hello", 5);
    add("empty", 0100644, "", 0);
    add("last", 0100755, "xyz", 3);
    add("TRAILER!!!", 0, "", 0);
    return 0;
}

static void finds_files_only(void **state) {
    (void)state;
    struct archive_file file;
    assert_true(archive_find(archive, size, "etc/manifest", &file));
    assert_int_equal(file.size, 5);
    assert_memory_equal(archive + file.offset, "hello", 5);
    assert_true(archive_find(archive, size, "empty", &file));
    assert_int_equal(file.size, 0);
    assert_false(archive_find(archive, size, "etc", &file));
    assert_false(archive_find(archive, size, "nothing", &file));
    assert_false(archive_find(archive, size, "TRAILER!!!", &file));
}

static void steps_to_the_end(void **state) {
    (void)state;
    struct archive_file file;
    uint64_t cursor = 0;
    bool damaged = true;
    unsigned count = 0;
    while (archive_next(archive, size, &cursor, &file, &damaged))
        count++;
    assert_int_equal(count, 3);
    assert_false(damaged);
}

// Cut anywhere, read from memory of just that size: never beyond it, and never taken for whole.
static void notices_every_cut(void **state) {
    (void)state;
    for (size_t cut = 0; cut < size - 14; cut++) {
        char *copy = malloc(cut ? cut : 1);
        memcpy(copy, archive, cut);
        struct archive_file file;
        uint64_t cursor = 0;
        bool damaged = false;
        while (archive_next(copy, cut, &cursor, &file, &damaged))
            assert_true(file.offset <= cut && file.size <= cut - file.offset);
        assert_true(damaged);
        free(copy);
    }
}

static void refuses_bad_numbers(void **state) {
    (void)state;
    static const size_t fields[] = {14, 54, 94};
    for (unsigned f = 0; f < 3; f++)
        for (const char *value = "ffffffff\0gggggggg\0-0000001\0        \0"; *value; value += 9) {
            begin(NULL);
            memcpy(archive + fields[f], value, 8);
            struct archive_file file;
            uint64_t cursor = 0;
            bool damaged;
            for (unsigned steps = 0; archive_next(archive, size, &cursor, &file, &damaged); steps++) {
                assert_true(file.offset <= size && file.size <= size - file.offset);
                assert_true(steps < 100);
            }
        }
}

static void passes_over_long_names(void **state) {
    (void)state;
    char name[300];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    memset(archive, 0, sizeof(archive));
    size = 0;
    add(name, 0100644, "1", 1);
    name[ARCHIVE_NAME_BYTES - 1] = 0;
    add(name, 0100644, "2", 1);
    add("TRAILER!!!", 0, "", 0);
    struct archive_file file;
    uint64_t cursor = 0;
    bool damaged;
    assert_true(archive_next(archive, size, &cursor, &file, &damaged));
    assert_int_equal(strlen(file.name), ARCHIVE_NAME_BYTES - 1);
    assert_int_equal(archive[file.offset], '2');
    assert_false(archive_next(archive, size, &cursor, &file, &damaged));
    assert_false(damaged);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(finds_files_only, begin),       cmocka_unit_test_setup(steps_to_the_end, begin),
        cmocka_unit_test_setup(notices_every_cut, begin),      cmocka_unit_test_setup(refuses_bad_numbers, begin),
        cmocka_unit_test_setup(passes_over_long_names, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
