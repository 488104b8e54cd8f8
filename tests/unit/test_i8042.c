// The keyboard controller with its keyboard and mouse.
#include "tests/unit/board.h"

#include "dom0/vmm/i8042.h"

static struct board board;
static struct device_host host;
static struct i8042 i8042;

static void out(uint16_t port, unsigned value) {
    i8042_port_write(&i8042, port, 1, value);
}

static uint32_t in(uint16_t port) {
    return i8042_port_read(&i8042, port, 1);
}

static void assert_byte(unsigned expected) {
    assert_int_equal(in(0x64) & 0x21, 0x01);
    assert_int_equal(in(0x60), expected);
}

static void assert_mouse_byte(unsigned expected) {
    assert_int_equal(in(0x64) & 0x21, 0x21);
    assert_int_equal(in(0x60), expected);
}

static void assert_empty(void) {
    assert_int_equal(in(0x64) & 0x01, 0);
}

static void set_config(unsigned value) {
    out(0x64, 0x60);
    out(0x60, value);
}

static void to_mouse(unsigned value) {
    out(0x64, 0xd4);
    out(0x60, value);
    assert_mouse_byte(0xfa);
}

static int setup(void **state) {
    (void)state;
    host = board_host(&board);
    i8042_init(&i8042, &host);
    set_config(0x47);
    return 0;
}

static void test_controller_commands(void **state) {
    (void)state;
    out(0x64, 0x20);
    assert_byte(0x47);
    out(0x64, 0xaa);
    assert_byte(0x55);
    out(0x64, 0xab);
    assert_byte(0x00);
    out(0x64, 0xa9);
    assert_byte(0x00);
    out(0x64, 0xa7);
    out(0x64, 0xad);
    out(0x64, 0x20);
    assert_byte(0x77);
    out(0x64, 0xa8);
    out(0x64, 0xae);
    out(0x64, 0x20);
    assert_byte(0x47);
    out(0x64, 0xd0);
    assert_int_equal(in(0x60) & 0x03, 0x03);
    out(0x64, 0xd1);
    out(0x60, 0xdd); // A20 off: not obeyed
    out(0x64, 0xd0);
    assert_int_equal(in(0x60) & 0x03, 0x03);
    out(0x64, 0x65);
    out(0x60, 0x5a);
    out(0x64, 0x25);
    assert_byte(0x5a);
    assert_int_equal(in(0x64), 0x1c);
    out(0x60, 0xf4);
    assert_int_equal(in(0x64), 0x15);
    assert_byte(0xfa);
    assert_empty();
}

static void test_reset_pulse(void **state) {
    (void)state;
    out(0x64, 0xff);
    assert_int_equal(board.resets, 0);
    out(0x64, 0xfe);
    assert_int_equal(board.resets, 1);
    out(0x64, 0xd1);
    out(0x60, 0xde);
    assert_int_equal(board.resets, 2);
}

static void test_keys_are_translated(void **state) {
    (void)state;
    i8042_key(&i8042, 0x1e, true);
    assert_true(board.lines[1]);
    assert_byte(0x1e);
    assert_false(board.lines[1]);
    assert_int_equal(in(0x60), 0x1e); // again, as from an empty buffer
    i8042_key(&i8042, 0x1e, false);
    assert_byte(0x9e);
    i8042_key(&i8042, 0xe048, true);
    i8042_key(&i8042, 0xe048, false);
    assert_byte(0xe0);
    assert_byte(0x48);
    assert_byte(0xe0);
    assert_byte(0xc8);
    assert_empty();
    assert_int_equal(board.edges[1], 6);
}

// Every key comes out of the translation as it went in.
static void test_all_codes(void **state) {
    (void)state;
    for (uint16_t code = 1; code <= 0x58; code++) {
        if (code == 0x55)
            continue; // no key
        i8042_key(&i8042, code, true);
        i8042_key(&i8042, code, false);
        assert_byte(code);
        assert_byte(code | 0x80u);
        assert_empty();
    }
    i8042_key(&i8042, 0x00, true);
    i8042_key(&i8042, 0x80, true);
    i8042_key(&i8042, 0xe07f, true);
    i8042_key(&i8042, 0x1234, true);
    assert_empty();
}

static void test_set_2_and_set_1(void **state) {
    (void)state;
    set_config(0x01);
    i8042_key(&i8042, 0x41, true); // F7
    i8042_key(&i8042, 0xe053, false);
    assert_byte(0x83);
    assert_byte(0xe0);
    assert_byte(0xf0);
    assert_byte(0x71);
    out(0x60, 0xf0);
    assert_byte(0xfa);
    out(0x60, 0x01);
    assert_byte(0xfa);
    i8042_key(&i8042, 0x41, true);
    i8042_key(&i8042, 0x41, false);
    assert_byte(0x41);
    assert_byte(0xc1);
    out(0x60, 0xf0);
    assert_byte(0xfa);
    out(0x60, 0x03);
    assert_byte(0xfe);
    out(0x60, 0xf0);
    assert_byte(0xfa);
    out(0x60, 0x00);
    assert_byte(0xfa);
    assert_byte(0x01);
}

static void assert_bytes(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++)
        assert_byte(bytes[i]);
    assert_empty();
}

static void test_pause_and_print_screen(void **state) {
    (void)state;
    static const uint8_t pause[] = {0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5};
    static const uint8_t print[] = {0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa};
    i8042_key(&i8042, KEY_PAUSE, true);
    i8042_key(&i8042, KEY_PAUSE, false);
    assert_bytes(pause, sizeof pause);
    i8042_key(&i8042, KEY_PRINT_SCREEN, true);
    i8042_key(&i8042, KEY_PRINT_SCREEN, false);
    assert_bytes(print, sizeof print);
}

static void test_keyboard_commands(void **state) {
    (void)state;
    set_config(0x01);
    static const uint8_t commands[][5] = {
        // command, parameter (or 0), answers
        {0xff, 0, 0xfa, 0xaa}, {0xf2, 0, 0xfa, 0xab, 0x83}, {0xee, 0, 0xee},          {0xf6, 0, 0xfa},
        {0xf4, 0, 0xfa},       {0xed, 7, 0xfa, 0xfa},       {0xf3, 0x20, 0xfa, 0xfa}, {0x77, 0, 0xfe}};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        out(0x60, commands[i][0]);
        if (commands[i][1])
            out(0x60, commands[i][1]);
        for (unsigned at = 2; at < 5 && commands[i][at]; at++)
            assert_byte(commands[i][at]);
        assert_empty();
    }
    assert_int_equal(i8042.s.keyboard.leds, 7);
    assert_int_equal(i8042.s.keyboard.typematic, 0x20);
    out(0x60, 0xf5); // disabled: keys are not seen
    assert_byte(0xfa);
    i8042_key(&i8042, 0x1e, true);
    assert_empty();
    out(0x60, 0xfe); // resend
    assert_byte(0xfa);
}

static void test_keys_wait_for_the_guest(void **state) {
    (void)state;
    unsigned taken = 0;
    out(0x64, 0xad);
    while (taken < 1000 && i8042_key(&i8042, 0x1e, taken % 2 == 0))
        taken++;
    assert_int_equal(taken, KEY_PENDING_MAX);
    assert_int_equal(i8042_key_room(&i8042), 0);
    assert_empty();
    out(0x64, 0xae);
    for (unsigned i = 0; i < taken; i++)
        assert_byte(i % 2 == 0 ? 0x1e : 0x9e);
    assert_empty();
    assert_int_equal(i8042_key_room(&i8042), KEY_PENDING_MAX);
}

static void test_interrupts_can_be_off(void **state) {
    (void)state;
    set_config(0x40);
    i8042_key(&i8042, 0x1e, true);
    assert_int_equal(board.edges[1], 0);
    set_config(0x41);
    assert_int_equal(board.edges[1], 1);
    set_config(0x40);
    assert_false(board.lines[1]);
}

static void test_written_output_buffer(void **state) {
    (void)state;
    out(0x64, 0xd3);
    out(0x60, 0xa5);
    assert_true(board.lines[12]);
    assert_mouse_byte(0xa5);
    assert_false(board.lines[12]);
    out(0x64, 0xd2);
    out(0x60, 0x5a);
    assert_true(board.lines[1]);
    assert_byte(0x5a);
}

static void test_mouse_stream(void **state) {
    (void)state;
    i8042_mouse(&i8042, 5, 5, 0, 0);
    assert_empty(); // not enabled
    to_mouse(0xff);
    assert_mouse_byte(0xaa);
    assert_mouse_byte(0x00);
    to_mouse(0xf4);
    i8042_mouse(&i8042, 10, -3, 2, MOUSE_LEFT);
    assert_true(board.lines[12]);
    assert_mouse_byte(0x29);
    assert_mouse_byte(10);
    assert_mouse_byte(0xfd);
    assert_empty();
    i8042_mouse(&i8042, -300, 0, 0, 0); // more than a packet holds
    assert_mouse_byte(0x18);
    assert_mouse_byte(0x01);
    assert_mouse_byte(0x00);
    assert_mouse_byte(0x18);
    assert_mouse_byte(0xd3);
    assert_mouse_byte(0x00);
    assert_empty();
    i8042_mouse(&i8042, 0, 0, 0, 0);
    assert_empty();
}

static void set_rate(unsigned rate) {
    to_mouse(0xf3);
    to_mouse(rate);
}

static unsigned mouse_id(void) {
    to_mouse(0xf2);
    return in(0x60);
}

static void test_mouse_with_wheel(void **state) {
    (void)state;
    assert_int_equal(mouse_id(), 0);
    set_rate(200);
    set_rate(100);
    set_rate(80);
    assert_int_equal(mouse_id(), 3);
    to_mouse(0xf4);
    i8042_mouse(&i8042, 1, 2, -1, MOUSE_MIDDLE);
    assert_mouse_byte(0x0c);
    assert_mouse_byte(1);
    assert_mouse_byte(2);
    assert_mouse_byte(0xff);
    set_rate(200);
    set_rate(200);
    set_rate(80);
    assert_int_equal(mouse_id(), 4);
    i8042_mouse(&i8042, 0, 0, -1, 0x10);
    assert_mouse_byte(0x08);
    assert_mouse_byte(0);
    assert_mouse_byte(0);
    assert_mouse_byte(0x2f);
    to_mouse(0xff);
    assert_mouse_byte(0xaa);
    assert_mouse_byte(0x00);
    assert_int_equal(mouse_id(), 0);
}

static void test_mouse_commands(void **state) {
    (void)state;
    set_rate(40);
    to_mouse(0xe8);
    to_mouse(0x03);
    to_mouse(0xe7);
    i8042_mouse(&i8042, 7, 0, 0, MOUSE_RIGHT);
    to_mouse(0xe9);
    assert_mouse_byte(0x11);
    assert_mouse_byte(0x03);
    assert_mouse_byte(40);
    to_mouse(0xf0); // remote
    to_mouse(0xf4);
    assert_empty();
    to_mouse(0xeb);
    assert_mouse_byte(0x0a);
    assert_mouse_byte(7);
    assert_mouse_byte(0);
    to_mouse(0xee); // wrap
    out(0x64, 0xd4);
    out(0x60, 0x42);
    assert_mouse_byte(0x42);
    to_mouse(0xec);
    out(0x64, 0xd4);
    out(0x60, 0x42);
    assert_mouse_byte(0xfe);
}

static void test_bytes_for_a_device_enable_it(void **state) {
    (void)state;
    set_config(0x77);
    to_mouse(0xf4);
    out(0x60, 0xf4);
    assert_byte(0xfa);
    out(0x64, 0x20);
    assert_byte(0x47);
}

static void test_keyboard_goes_first(void **state) {
    (void)state;
    to_mouse(0xf4);
    out(0x64, 0xad);
    out(0x64, 0xa7);
    i8042_mouse(&i8042, 1, 1, 0, 0);
    i8042_key(&i8042, 0x1e, true);
    assert_empty();
    out(0x64, 0x20);
    out(0x64, 0xae);
    out(0x64, 0xa8);
    assert_byte(0x77);
    assert_byte(0x1e);
    assert_mouse_byte(0x08);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_controller_commands, setup),
        cmocka_unit_test_setup(test_reset_pulse, setup),
        cmocka_unit_test_setup(test_keys_are_translated, setup),
        cmocka_unit_test_setup(test_all_codes, setup),
        cmocka_unit_test_setup(test_set_2_and_set_1, setup),
        cmocka_unit_test_setup(test_pause_and_print_screen, setup),
        cmocka_unit_test_setup(test_keyboard_commands, setup),
        cmocka_unit_test_setup(test_keys_wait_for_the_guest, setup),
        cmocka_unit_test_setup(test_interrupts_can_be_off, setup),
        cmocka_unit_test_setup(test_written_output_buffer, setup),
        cmocka_unit_test_setup(test_mouse_stream, setup),
        cmocka_unit_test_setup(test_mouse_with_wheel, setup),
        cmocka_unit_test_setup(test_mouse_commands, setup),
        cmocka_unit_test_setup(test_bytes_for_a_device_enable_it, setup),
        cmocka_unit_test_setup(test_keyboard_goes_first, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
