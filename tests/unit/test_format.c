/* lib/format.c against the C library's snprintf: text, returned length, and cutting at every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/format.h"

#define SAME(...)                                                                                                      \
    do {                                                                                                               \
        char ours[128], theirs[128];                                                                                   \
        int want = snprintf(theirs, sizeof theirs, __VA_ARGS__);                                                       \
        assert_int_equal(format(ours, sizeof ours, __VA_ARGS__), want);                                                \
        assert_string_equal(ours, theirs);                                                                             \
    } while (0)

#pragma clang diagnostic ignored "-Wformat"

static void integers(void **state) {
    static const long values[] = {0, 1, -1, 9, 10, 255, -256, 65536, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        long v = values[i];
        SAME("%d %i %u %x %X", (int)v, (int)v, (unsigned)v, (unsigned)v, (unsigned)v);
        SAME("%ld %lld %lu %lx %zu %jd %zx", v, (long long)v, (unsigned long)v, (unsigned long)v, (size_t)v,
             (intmax_t)v, (size_t)v);
        SAME("%hd %hu %hhd %hhx", (int)v, (int)v, (int)v, (int)v);
        SAME("[%8d] [%-8d] [%08d] [%+d] [% d]", (int)v, (int)v, (int)v, (int)v, (int)v);
        SAME("[%#x] [%#10x] [%#010x] [%#-10x] [%.5x] [%8.3x] [%08.3d]", (int)v, (int)v, (int)v, (int)v, (int)v, (int)v,
             (int)v);
        SAME("[%.0d] [%.d] [%2.0u] [%o]", (int)v, (int)v, (int)v, (int)v);
        SAME("[%*d] [%-*d] [%.*d] [%*d]", 6, (int)v, 6, (int)v, 4, (int)v, -6, (int)v);
    }
}

static void text(void **state) {
    SAME("plain");
    SAME("%s|%10s|%-10s|%.2s|%5.1s|%.0s|%.*s", "abc", "abc", "abc", "abc", "abc", "abc", 2, "abc");
    SAME("%c|%4c|%-4c|%%", 'x', 'y', 'z');
    SAME("%p", (void *)0x1234abcd);
    SAME("%s", (char *)NULL);
    char unterminated[3] = {'a', 'b', 'c'};
    SAME("%.3s", unterminated);
}

static void cut_at_every_size(void **state) {
    for (size_t size = 0; size < 12; size++) {
        char to[16];
        memset(to, 0x55, sizeof to);
        assert_int_equal(format(to, size, "%s-%d", "abcd", 12345), 10);
        if (size) {
            size_t kept = size <= 10 ? size - 1 : 10;
            assert_memory_equal(to, "abcd-12345", kept);
            assert_int_equal(to[kept], 0);
        }
        for (size_t i = size; i < sizeof to; i++)
            assert_int_equal(to[i], 0x55);
    }
}

static void unknown_conversions_stay(void **state) {
    char to[32];
    assert_int_equal(format(to, sizeof to, "%y %d", 7), 4);
    assert_string_equal(to, "%y 7");
    assert_int_equal(format(to, sizeof to, "end %"), 5);
    assert_string_equal(to, "end %");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers),
        cmocka_unit_test(text),
        cmocka_unit_test(cut_at_every_size),
        cmocka_unit_test(unknown_conversions_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
