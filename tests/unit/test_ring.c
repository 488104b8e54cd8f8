// Byte rings, also against another side that lies about its position.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/ring.h"

#define SIZE  64u
#define GUARD 64u

struct fixture {
    struct ring_header header;
    uint8_t memory[GUARD + SIZE + GUARD];
    struct ring ring;
};

static struct fixture fixture;

static int set_up(void **state) {
    (void)state;
    memset(&fixture, 0xa5, sizeof(fixture));
    fixture.header = (struct ring_header){0};
    fixture.ring = (struct ring){&fixture.header, fixture.memory + GUARD, SIZE};
    return 0;
}

// Nothing outside the ring's bytes was written.
static void assert_guards(void) {
    for (size_t i = 0; i < GUARD; i++) {
        assert_int_equal(fixture.memory[i], 0xa5);
        assert_int_equal(fixture.memory[GUARD + SIZE + i], 0xa5);
    }
}

static void bytes_come_out_in_order_over_the_end(void **state) {
    (void)state;
    uint8_t next_in = 0, next_out = 0, bytes[SIZE];
    for (unsigned round = 0; round < 1000; round++) {
        size_t in = round * 7 % (SIZE + 1), out = round * 11 % (SIZE + 1);
        for (size_t i = 0; i < in; i++)
            bytes[i] = (uint8_t)(next_in + i);
        next_in = (uint8_t)(next_in + ring_write(&fixture.ring, bytes, in));
        size_t got = ring_read(&fixture.ring, bytes, out);
        for (size_t i = 0; i < got; i++)
            assert_int_equal(bytes[i], next_out++);
        assert_int_equal((uint8_t)(next_in - next_out), ring_readable(&fixture.ring));
    }
    assert_true(fixture.header.written > 10 * SIZE);
    assert_guards();
}

static void a_full_ring_takes_nothing_and_an_empty_one_gives_nothing(void **state) {
    (void)state;
    uint8_t bytes[2 * SIZE] = {0};
    assert_int_equal(ring_read(&fixture.ring, bytes, sizeof(bytes)), 0);
    assert_int_equal(ring_write(&fixture.ring, bytes, sizeof(bytes)), SIZE);
    assert_int_equal(ring_writable(&fixture.ring), 0);
    assert_int_equal(ring_write(&fixture.ring, bytes, 1), 0);
    assert_int_equal(ring_read(&fixture.ring, bytes, sizeof(bytes)), SIZE);
    assert_int_equal(ring_readable(&fixture.ring), 0);
    assert_guards();
}

static const uint64_t lies[] = {
    0,         1, SIZE - 1, SIZE, SIZE + 1, 2 * SIZE, UINT32_MAX, UINT64_MAX / 2, UINT64_MAX - SIZE, UINT64_MAX - 1,
    UINT64_MAX};
#define LIES (sizeof(lies) / sizeof(lies[0]))

// Both positions lie in shared memory, so the other side can set both: nothing may be copied beyond the ring or the
// buffer.
static void no_position_leads_out_of_the_ring(void **state) {
    (void)state;
    for (size_t i = 0; i < LIES * LIES; i++) {
        uint8_t buffer[SIZE + 8];
        memset(buffer, 0x5a, sizeof(buffer));
        fixture.header = (struct ring_header){lies[i / LIES], lies[i % LIES]};
        assert_true(ring_readable(&fixture.ring) <= SIZE);
        assert_true(ring_writable(&fixture.ring) <= SIZE);
        assert_int_equal(ring_readable(&fixture.ring) + ring_writable(&fixture.ring), SIZE);
        assert_true(ring_read(&fixture.ring, buffer, SIZE) <= SIZE);
        fixture.header = (struct ring_header){lies[i / LIES], lies[i % LIES]};
        assert_true(ring_write(&fixture.ring, buffer, SIZE) <= SIZE);
        for (size_t b = SIZE; b < sizeof(buffer); b++)
            assert_int_equal(buffer[b], 0x5a);
        assert_guards();
    }
}

static void a_producer_that_claims_too_much_gives_one_full_ring(void **state) {
    (void)state;
    uint8_t buffer[4 * SIZE];
    fixture.header.written = 1000 * SIZE;
    assert_int_equal(ring_read(&fixture.ring, buffer, sizeof(buffer)), SIZE);
    assert_int_equal(fixture.header.read, SIZE);
}

static void a_consumer_that_claims_too_much_leaves_no_room(void **state) {
    (void)state;
    uint8_t byte = 0;
    fixture.header.read = 5; // more than was ever written
    assert_int_equal(ring_writable(&fixture.ring), 0);
    assert_int_equal(ring_write(&fixture.ring, &byte, 1), 0);
    assert_int_equal(fixture.header.written, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(bytes_come_out_in_order_over_the_end, set_up),
        cmocka_unit_test_setup(a_full_ring_takes_nothing_and_an_empty_one_gives_nothing, set_up),
        cmocka_unit_test_setup(no_position_leads_out_of_the_ring, set_up),
        cmocka_unit_test_setup(a_producer_that_claims_too_much_gives_one_full_ring, set_up),
        cmocka_unit_test_setup(a_consumer_that_claims_too_much_leaves_no_room, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
