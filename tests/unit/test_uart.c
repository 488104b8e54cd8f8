// The 16550A: transmission with a slow far end, reception, interrupt priorities, loopback.
#include "tests/unit/board.h"

#include "dom0/vmm/uart.h"

enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR };

static struct board board;
static struct device_host host;
static struct uart uart;
static uint8_t sent[256];
static size_t sent_count, room;
static unsigned readable_calls;

static void transmit(void *backend, uint8_t byte) {
    assert_ptr_equal(backend, &board);
    assert_true(room > 0);
    room--;
    sent[sent_count++ % sizeof sent] = byte;
}

static bool writable(void *backend) {
    (void)backend;
    return room > 0;
}

static void readable(void *backend) {
    (void)backend;
    readable_calls++;
}

static void out(unsigned at, unsigned value) {
    uart_port_write(&uart, (uint16_t)(0x3f8 + at), 1, value);
}

static uint32_t in(unsigned at) {
    return uart_port_read(&uart, (uint16_t)(0x3f8 + at), 1);
}

static size_t receive(const char *text, size_t count) {
    return uart_receive(&uart, (const uint8_t *)text, count);
}

static int setup(void **state) {
    (void)state;
    static const struct uart_backend backend = {&board, transmit, writable, readable};
    host = board_host(&board);
    sent_count = 0;
    readable_calls = 0;
    room = 1000;
    uart_init(&uart, &host, 0x3f8, 4, &backend);
    return 0;
}

static void test_identification(void **state) {
    (void)state;
    out(SCR, 0xa5);
    assert_int_equal(in(SCR), 0xa5);
    assert_int_equal(in(IIR), 0x01);
    out(IIR, 0x01);
    assert_int_equal(in(IIR), 0xc1); // a 16550A
    out(LCR, 0x83);
    out(RBR, 0x01);
    out(IER, 0x02);
    assert_int_equal(in(RBR), 0x01);
    assert_int_equal(in(IER), 0x02);
    out(LCR, 0x03);
    assert_int_equal(in(IER), 0);
    out(IER, 0xff);
    assert_int_equal(in(IER), 0x0f);
    assert_int_equal(sent_count, 0);
    assert_int_equal(in(MSR), 0xb0);
}

static void test_transmit(void **state) {
    (void)state;
    assert_int_equal(in(LSR), 0x60);
    for (unsigned i = 0; i < 20; i++)
        out(RBR, 'a' + i);
    assert_int_equal(sent_count, 20);
    assert_int_equal(sent[19], 't');
    assert_int_equal(in(LSR), 0x60);
}

static void test_thre_interrupt(void **state) {
    (void)state;
    out(MCR, 0x08);
    out(IER, 0x02);
    assert_int_equal(board.edges[4], 1); // enabling it with THRE set interrupts
    assert_int_equal(in(IIR), 0x02);
    assert_false(board.lines[4]);
    assert_int_equal(in(IIR), 0x01);
    for (unsigned i = 0; i < 3; i++)
        out(RBR, 'x'); // each is sent at once: an edge each
    assert_int_equal(board.edges[4], 4);
    assert_int_equal(in(IIR), 0x02);
    out(IER, 0);
    out(IER, 2);
    assert_true(board.lines[4]);
}

static void test_slow_far_end(void **state) {
    (void)state;
    out(MCR, 0x08);
    out(IIR, 0x01);
    out(IER, 0x02);
    in(IIR);
    room = 4;
    for (unsigned i = 0; i < 16; i++)
        out(RBR, 'a' + i);
    assert_int_equal(sent_count, 4);
    assert_int_equal(in(LSR)&0x60, 0);
    in(IIR);
    unsigned before = board.edges[4];
    room = 5;
    uart_drained(&uart);
    assert_int_equal(sent_count, 9);
    assert_int_equal(in(LSR)&0x60, 0);
    assert_int_equal(board.edges[4], before);
    room = 100;
    uart_drained(&uart);
    assert_int_equal(sent_count, 16);
    assert_int_equal(sent[15], 'p');
    assert_int_equal(in(LSR)&0x60, 0x60);
    assert_int_equal(board.edges[4], before + 1);
}

static void test_transmit_overrun_is_bounded(void **state) {
    (void)state;
    room = 0;
    out(IIR, 0x01);
    for (unsigned i = 0; i < 100; i++)
        out(RBR, i);
    room = 1000;
    uart_drained(&uart);
    assert_int_equal(sent_count, 16);
    assert_int_equal(sent[14], 14);
    assert_int_equal(sent[15], 99);
}

static void test_receive_without_fifo(void **state) {
    (void)state;
    out(MCR, 0x08);
    out(IER, 0x01);
    assert_int_equal(receive("ab", 2), 1);
    assert_true(board.lines[4]);
    assert_int_equal(in(LSR), 0x61);
    assert_int_equal(in(IIR), 0x04);
    assert_int_equal(receive("b", 1), 0);
    assert_int_equal(in(RBR), 'a');
    assert_int_equal(readable_calls, 1);
    assert_false(board.lines[4]);
    assert_int_equal(in(LSR), 0x60);
    assert_int_equal(in(RBR), 0);
}

static void test_receive_fifo_and_timeout(void **state) {
    (void)state;
    out(MCR, 0x08);
    out(IIR, 0x81); // trigger 8
    out(IER, 0x01);
    assert_int_equal(receive("abc", 3), 3);
    assert_int_equal(in(IIR), 0xcc); // timed out below the trigger level
    assert_int_equal(receive("defghijklmnopqrstuvw", 20), 13);
    assert_int_equal(in(IIR), 0xc4);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(in(RBR), 'a' + i);
    assert_int_equal(in(IIR), 0xc1);
    receive("xyz", 3);
    out(IIR, 0x83); // clears the FIFO
    assert_int_equal(in(LSR), 0x60);
    assert_int_equal(in(IIR), 0xc1);
}

static void test_priorities(void **state) {
    (void)state;
    out(IER, 0x0f);
    out(MCR, 0x10);
    in(MSR);
    out(MCR, 0x12); // CTS changes, in loopback
    out(RBR, 'x');
    out(RBR, 'y'); // overruns the holding register
    assert_int_equal(in(IIR), 0x06);
    assert_int_equal(in(LSR)&0x02, 0x02);
    assert_int_equal(in(IIR), 0x04);
    assert_int_equal(in(RBR), 'y');
    assert_int_equal(in(IIR), 0x02);
    assert_int_equal(in(IIR), 0x00);
    assert_int_equal(in(MSR), 0x11);
    assert_int_equal(in(IIR), 0x01);
    assert_int_equal(sent_count, 0);
}

static void test_loopback_modem_lines(void **state) {
    (void)state;
    static const uint8_t outputs[] = {0x01, 0x02, 0x04, 0x08}, inputs[] = {0x20, 0x10, 0x40, 0x80};
    for (unsigned i = 0; i < 4; i++) {
        out(MCR, 0x10u | outputs[i]);
        assert_int_equal(in(MSR)&0xf0, inputs[i]);
    }
    out(MCR, 0x10);
    in(MSR);
    out(MCR, 0x14);
    assert_int_equal(in(MSR), 0x40); // only its fall is noted
    out(MCR, 0x10);
    assert_int_equal(in(MSR), 0x04); // RI fell
    assert_int_equal(receive("a", 1), 0);
}

static void test_out2_gates_the_interrupt(void **state) {
    (void)state;
    out(IER, 0x01);
    receive("a", 1);
    assert_false(board.lines[4]);
    out(MCR, 0x08);
    assert_true(board.lines[4]);
    uart_reset(&uart);
    assert_false(board.lines[4]);
}

static void test_ports_outside(void **state) {
    (void)state;
    assert_int_equal(uart_port_read(&uart, 0x3f7, 1), 0xff);
    assert_int_equal(uart_port_read(&uart, 0x400, 1), 0xff);
    uart_port_write(&uart, 0x400, 4, 0x41414141);
    assert_int_equal(uart_port_read(&uart, 0x3ff, 4), 0xffffff00);
    assert_int_equal(sent_count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_identification, setup),
        cmocka_unit_test_setup(test_transmit, setup),
        cmocka_unit_test_setup(test_thre_interrupt, setup),
        cmocka_unit_test_setup(test_slow_far_end, setup),
        cmocka_unit_test_setup(test_transmit_overrun_is_bounded, setup),
        cmocka_unit_test_setup(test_receive_without_fifo, setup),
        cmocka_unit_test_setup(test_receive_fifo_and_timeout, setup),
        cmocka_unit_test_setup(test_priorities, setup),
        cmocka_unit_test_setup(test_loopback_modem_lines, setup),
        cmocka_unit_test_setup(test_out2_gates_the_interrupt, setup),
        cmocka_unit_test_setup(test_ports_outside, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
