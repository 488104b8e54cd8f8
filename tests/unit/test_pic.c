// The dual 8259A: initialisation, priorities, EOIs, special modes, polling, ELCR.
#include "tests/unit/board.h"

#include "dom0/vmm/pic.h"

static struct pic pic;
static bool output;
static unsigned changes;

static void output_changed(void *machine, bool level) {
    assert_ptr_equal(machine, &pic);
    assert_true(level != output);
    output = level;
    changes++;
}

static void out(uint16_t port, unsigned value) {
    pic_port_write(&pic, port, 1, value);
}

static uint32_t in(uint16_t port) {
    return pic_port_read(&pic, port, 1);
}

static void initialise(unsigned icw4_master, unsigned icw4_slave) {
    out(0x20, 0x11);
    out(0x21, 0x30);
    out(0x21, 0x04);
    out(0x21, icw4_master);
    out(0xa0, 0x11);
    out(0xa1, 0x38);
    out(0xa1, 0x02);
    out(0xa1, icw4_slave);
    out(0x21, 0);
    out(0xa1, 0);
}

static int setup(void **state) {
    (void)state;
    output = false;
    pic_init(&pic, &pic, output_changed);
    initialise(1, 1);
    return 0;
}

static void pulse(unsigned irq) {
    pic_line_set(&pic, irq, true);
    pic_line_set(&pic, irq, false);
}

static void test_vectors(void **state) {
    (void)state;
    assert_false(pic_output(&pic));
    for (unsigned irq = 0; irq < 16; irq++) {
        if (irq == 2)
            continue;
        pulse(irq);
        assert_true(pic_output(&pic) && output);
        assert_int_equal(pic_acknowledge(&pic), 0x30 + irq);
        assert_false(pic_output(&pic));
        if (irq >= 8)
            out(0xa0, 0x20);
        out(0x20, 0x20);
        out(0x20, 0x0b);
        assert_int_equal(in(0x20), 0);
    }
    pulse(2);
    assert_false(pic_output(&pic));
}

static void test_priorities(void **state) {
    (void)state;
    pulse(4);
    pulse(10);
    pulse(1);
    assert_int_equal(pic_acknowledge(&pic), 0x31);
    assert_false(pic_output(&pic)); // 4 and 10 are lower than 1 in service
    out(0x20, 0x20);
    assert_int_equal(pic_acknowledge(&pic), 0x3a);
    pulse(0);
    assert_int_equal(pic_acknowledge(&pic), 0x30); // nests
    out(0x20, 0x20);
    assert_false(pic_output(&pic));
    out(0xa0, 0x20);
    out(0x20, 0x20);
    assert_int_equal(pic_acknowledge(&pic), 0x34);
}

static void test_mask(void **state) {
    (void)state;
    out(0x21, 0x10);
    assert_int_equal(in(0x21), 0x10);
    pulse(4);
    assert_false(pic_output(&pic));
    out(0x20, 0x0a);
    assert_int_equal(in(0x20), 0x10);
    out(0x21, 0);
    assert_true(pic_output(&pic));
}

static void test_slave_waits_for_the_master(void **state) {
    (void)state;
    pulse(8);
    assert_int_equal(pic_acknowledge(&pic), 0x38);
    pulse(9);
    assert_false(pic_output(&pic));
    out(0xa0, 0x20);
    assert_false(pic_output(&pic)); // the cascade input is in service
    out(0x20, 0x20);
    assert_int_equal(pic_acknowledge(&pic), 0x39);
}

static void test_special_fully_nested(void **state) {
    (void)state;
    initialise(0x11, 1);
    pulse(12);
    assert_int_equal(pic_acknowledge(&pic), 0x3c);
    pulse(8);
    assert_int_equal(pic_acknowledge(&pic), 0x38);
}

static void test_special_mask(void **state) {
    (void)state;
    pulse(1);
    assert_int_equal(pic_acknowledge(&pic), 0x31);
    pulse(5);
    assert_false(pic_output(&pic));
    out(0x21, 0x02);
    assert_false(pic_output(&pic));
    out(0x20, 0x68); // special mask: the masked 1 in service holds nothing back
    assert_int_equal(pic_acknowledge(&pic), 0x35);
    out(0x20, 0x48);
    pulse(6);
    assert_false(pic_output(&pic));
    out(0x20, 0x61); // specific EOI 1
    out(0x20, 0x65); // and 5
    assert_true(pic_output(&pic));
}

static void test_rotation(void **state) {
    (void)state;
    out(0x20, 0xc3); // lowest is 3: 4 is highest
    pulse(0);
    pulse(4);
    assert_int_equal(pic_acknowledge(&pic), 0x34);
    out(0x20, 0xa0); // rotate on EOI: 4 is lowest, 5 highest
    pulse(3);
    pulse(5);
    assert_int_equal(pic_acknowledge(&pic), 0x35);
    out(0x20, 0x20);
    assert_int_equal(pic_acknowledge(&pic), 0x30);
}

static void test_automatic_eoi(void **state) {
    (void)state;
    initialise(3, 3);
    pulse(4);
    assert_int_equal(pic_acknowledge(&pic), 0x34);
    out(0x20, 0x0b);
    assert_int_equal(in(0x20), 0);
    out(0x20, 0x80); // rotate
    pulse(0);
    assert_int_equal(pic_acknowledge(&pic), 0x30);
    pulse(0);
    pulse(6);
    assert_int_equal(pic_acknowledge(&pic), 0x36);
}

static void test_spurious(void **state) {
    (void)state;
    assert_int_equal(pic_acknowledge(&pic), 0x37);
    pic_elcr_set(&pic, 1u << 5);
    pic_line_set(&pic, 5, true);
    assert_true(pic_output(&pic));
    pic_line_set(&pic, 5, false);
    assert_false(pic_output(&pic));
    assert_int_equal(pic_acknowledge(&pic), 0x37);
    out(0x20, 0x0b);
    assert_int_equal(in(0x20), 0); // no bit in service
}

static void test_level(void **state) {
    (void)state;
    pic_elcr_set(&pic, 0xffff);
    pulse(0); // always an edge
    assert_int_equal(pic_acknowledge(&pic), 0x30);
    out(0x20, 0x20);
    pic_line_set(&pic, 11, true);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(pic_acknowledge(&pic), 0x3b);
        assert_false(pic_output(&pic));
        out(0xa0, 0x20);
        out(0x20, 0x20);
    }
    assert_true(pic_output(&pic));
    pic_line_set(&pic, 11, false);
    assert_false(pic_output(&pic));
}

static void test_edge_comes_once(void **state) {
    (void)state;
    pic_line_set(&pic, 3, true);
    assert_int_equal(pic_acknowledge(&pic), 0x33);
    out(0x20, 0x20);
    pic_line_set(&pic, 3, true);
    assert_false(pic_output(&pic));
    pic_line_set(&pic, 3, false);
    pic_line_set(&pic, 3, true);
    assert_true(pic_output(&pic));
}

static void test_poll(void **state) {
    (void)state;
    out(0x20, 0x0c);
    assert_int_equal(in(0x20), 0);
    pulse(6);
    out(0x20, 0x0c);
    assert_int_equal(in(0x20), 0x86);
    assert_false(pic_output(&pic));
    out(0x20, 0x0b);
    assert_int_equal(in(0x20), 0x40);
}

static void test_words_are_two_bytes(void **state) {
    (void)state;
    pic_port_write(&pic, 0x20, 2, 0xf00b);
    assert_int_equal(pic_port_read(&pic, 0x20, 2), 0xf000);
    assert_int_equal(pic_port_read(&pic, 0x4d0, 1), 0xff);
    pic_line_set(&pic, 99, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_vectors, setup),
        cmocka_unit_test_setup(test_priorities, setup),
        cmocka_unit_test_setup(test_mask, setup),
        cmocka_unit_test_setup(test_slave_waits_for_the_master, setup),
        cmocka_unit_test_setup(test_special_fully_nested, setup),
        cmocka_unit_test_setup(test_special_mask, setup),
        cmocka_unit_test_setup(test_rotation, setup),
        cmocka_unit_test_setup(test_automatic_eoi, setup),
        cmocka_unit_test_setup(test_spurious, setup),
        cmocka_unit_test_setup(test_level, setup),
        cmocka_unit_test_setup(test_edge_comes_once, setup),
        cmocka_unit_test_setup(test_poll, setup),
        cmocka_unit_test_setup(test_words_are_two_bytes, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
