// \_S5 in a DSDT.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/init/sleep_state.h"

#define TYPE_NONE 99u

// A table of a header and `aml`, in memory of just its size.
static unsigned type_in(const void *aml, size_t bytes) {
    uint8_t *table = calloc(1, 36 + bytes);
    unsigned type = TYPE_NONE;
    memcpy(table + 36, aml, bytes);
    if (!sleep_state_s5(table, 36 + bytes, &type))
        type = TYPE_NONE;
    free(table);
    return type;
}
#define TYPE_IN(aml) type_in(aml, sizeof(aml) - 1)

static void reads_what_firmware_writes(void **state) {
    (void)state;
    assert_int_equal(TYPE_IN("\x08_S5_\x12\x06\x04\x00\x00\x00\x00"), 0);           // QEMU
    assert_int_equal(TYPE_IN("xy\x08_S5_\x12\x08\x04\x0a\x05\x0a\x05\x00\x00"), 5); // VirtualBox
    assert_int_equal(TYPE_IN("\x08\\_S5_\x12\x07\x04\x0a\x07\x00\x00\x00"), 7);
    assert_int_equal(TYPE_IN("\x08_S5_\x12\x06\x04\x01\x01\x00\x00"), 1);
    assert_int_equal(TYPE_IN("\x08_S5_\x12\x47\x00\x04\x0a\x06"), 6); // length in two bytes
}

static void passes_over_other_uses_of_the_name(void **state) {
    (void)state;
    assert_int_equal(TYPE_IN("\x10_S5_\x12\x06\x04\x01__\x08_S5_\x12\x06\x02\x0a\x03"), 3);
    assert_int_equal(TYPE_IN("_\\_S5_\x12\x06\x04\x01"), TYPE_NONE); // a path, not a definition
    assert_int_equal(TYPE_IN("\x08_S4_\x12\x06\x04\x01"), TYPE_NONE);
}

static void refuses_what_it_cannot_read(void **state) {
    (void)state;
    assert_int_equal(TYPE_IN("\x08_S5_\x12\x06\x04\x0a\x08"), TYPE_NONE); // out of range
    assert_int_equal(TYPE_IN("\x08_S5_\x12\x06\x04\x0b\x05\x00"), TYPE_NONE);
    assert_int_equal(TYPE_IN("\x08_S5_\x12\x02\x00"), TYPE_NONE); // no element
    assert_int_equal(type_in("", 0), TYPE_NONE);
}

// Cut anywhere: no byte beyond the table is looked at.
static void survives_every_cut(void **state) {
    (void)state;
    static const char aml[] = "\x08_S5_\x12\x47\x00\x04\x0a\x06";
    for (size_t cut = 0; cut < sizeof(aml) - 1; cut++)
        assert_int_equal(type_in(aml, cut), TYPE_NONE);
    for (unsigned lead = 0; lead < 256; lead++) {
        char any[] = "\x08_S5_\x12?";
        any[6] = (char)lead;
        assert_int_equal(type_in(any, sizeof(any) - 1), TYPE_NONE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_firmware_writes),
        cmocka_unit_test(passes_over_other_uses_of_the_name),
        cmocka_unit_test(refuses_what_it_cannot_read),
        cmocka_unit_test(survives_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
