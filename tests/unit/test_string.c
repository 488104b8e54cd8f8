/* lib/string.c against the C library's functions of the same names, at every small size, offset and overlap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

int our_strncmp(const char *a, const char *b, size_t max); /* called by our_strcmp before its definition */

/* The functions under test under names of their own, beside the C library's. */
#define memcpy  our_memcpy
#define memmove our_memmove
#define memset  our_memset
#define memcmp  our_memcmp
#define memchr  our_memchr
#define strlen  our_strlen
#define strnlen our_strnlen
#define strcmp  our_strcmp
#define strncmp our_strncmp
#define strchr  our_strchr
#define strrchr our_strrchr
#define strstr  our_strstr
#pragma clang diagnostic ignored "-Wmissing-prototypes"
#include "lib/string.c"
#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef memchr
#undef strlen
#undef strnlen
#undef strcmp
#undef strncmp
#undef strchr
#undef strrchr
#undef strstr

static int sign(int value) {
    return (value > 0) - (value < 0);
}

static void fill(unsigned char *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 37 + 11);
}

static void moves_every_overlap(void **state) {
    unsigned char ours[48], theirs[48];
    for (size_t from = 0; from < 16; from++)
        for (size_t to = 0; to < 16; to++)
            for (size_t size = 0; size <= 32; size++) {
                fill(ours, sizeof ours);
                fill(theirs, sizeof theirs);
                assert_ptr_equal(our_memmove(ours + to, ours + from, size), ours + to);
                memmove(theirs + to, theirs + from, size);
                assert_memory_equal(ours, theirs, sizeof ours);
            }
}

static void copies_and_sets_only_its_range(void **state) {
    unsigned char source[32], ours[32], theirs[32];
    fill(source, sizeof source);
    for (size_t size = 0; size <= 24; size++) {
        memset(ours, 0xee, sizeof ours);
        memset(theirs, 0xee, sizeof theirs);
        assert_ptr_equal(our_memcpy(ours + 3, source + 1, size), ours + 3);
        memcpy(theirs + 3, source + 1, size);
        assert_memory_equal(ours, theirs, sizeof ours);
        assert_ptr_equal(our_memset(ours + 5, 0x1a5, size), ours + 5);
        memset(theirs + 5, 0xa5, size);
        assert_memory_equal(ours, theirs, sizeof ours);
    }
}

static const char *const samples[] = {"", "a", "b", "ab", "abc", "abcabd", "abd", "\x80", "\xff\x01", "aab", "aaab"};
#define SAMPLES (sizeof samples / sizeof *samples)

static void compares_like_libc(void **state) {
    for (size_t i = 0; i < SAMPLES; i++)
        for (size_t j = 0; j < SAMPLES; j++) {
            const char *a = samples[i], *b = samples[j];
            assert_int_equal(sign(our_strcmp(a, b)), sign(strcmp(a, b)));
            assert_ptr_equal(our_strstr(a, b), strstr(a, b));
            for (size_t max = 0; max < 8; max++)
                assert_int_equal(sign(our_strncmp(a, b, max)), sign(strncmp(a, b, max)));
            size_t shorter = strlen(a) < strlen(b) ? strlen(a) : strlen(b);
            assert_int_equal(sign(our_memcmp(a, b, shorter)), sign(memcmp(a, b, shorter)));
        }
}

static void searches_like_libc(void **state) {
    for (size_t i = 0; i < SAMPLES; i++) {
        const char *s = samples[i];
        assert_int_equal(our_strlen(s), strlen(s));
        for (size_t max = 0; max < 8; max++)
            assert_int_equal(our_strnlen(s, max), strlen(s) < max ? strlen(s) : max);
        for (int c = 0; c < 256; c++) {
            assert_ptr_equal(our_strchr(s, c), strchr(s, c));
            assert_ptr_equal(our_strrchr(s, c), strrchr(s, c));
            assert_ptr_equal(our_memchr(s, c, strlen(s)), memchr(s, c, strlen(s)));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_every_overlap),
        cmocka_unit_test(copies_and_sets_only_its_range),
        cmocka_unit_test(compares_like_libc),
        cmocka_unit_test(searches_like_libc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
