// Whose the I/O ports are when ranges that a guest moves lie upon each other.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dom0/vmm/port_map.h"

enum { PM = 1, BUS_MASTER = 2, PIC = 3, PIT = 4 };

static struct port_map map;

static int begin(void **state) {
    (void)state;
    memset(&map, 0, sizeof map);
    port_map_fix(&map, PIC, 0x20, 2);
    port_map_fix(&map, PIT, 0x40, 4);
    return 0;
}

static void expect(uint32_t first, uint32_t last, uint8_t range) {
    for (uint32_t port = first; port <= last; port++)
        assert_int_equal(map.range_at[port], range);
}

static void ranges_move(void **state) {
    (void)state;
    expect(0, 0x1f, PORT_MAP_NONE);
    expect(0x20, 0x21, PIC);
    port_map_move(&map, PM, 0x600, 64);
    expect(0x600, 0x63f, PM);
    expect(0x640, 0xffff, PORT_MAP_NONE);
    port_map_move(&map, PM, 0xb000, 64);
    expect(0x600, 0xafff, PORT_MAP_NONE);
    expect(0xb000, 0xb03f, PM);
    port_map_move(&map, PM, 0, 64);
    expect(0x44, 0xffff, PORT_MAP_NONE);
}

static void what_one_leaves_the_other_has(void **state) {
    (void)state;
    port_map_move(&map, PM, 0xb000, 64);
    port_map_move(&map, BUS_MASTER, 0xb030, 32);
    expect(0xb000, 0xb03f, PM);
    expect(0xb040, 0xb04f, BUS_MASTER);
    port_map_move(&map, PM, 0x600, 64);
    expect(0xb000, 0xb02f, PORT_MAP_NONE);
    expect(0xb030, 0xb04f, BUS_MASTER);
    port_map_move(&map, PM, 0xb000, 64); // whoever came first
    expect(0xb000, 0xb03f, PM);
    port_map_move(&map, BUS_MASTER, 0, 32);
    expect(0xb000, 0xb03f, PM);
    expect(0xb040, 0xffff, PORT_MAP_NONE);
}

static void what_stays_is_never_covered(void **state) {
    (void)state;
    port_map_move(&map, PM, 0x10, 64);
    expect(0x10, 0x1f, PM);
    expect(0x20, 0x21, PIC);
    expect(0x22, 0x3f, PM);
    expect(0x40, 0x43, PIT);
    expect(0x44, 0x4f, PM);
    port_map_move(&map, PM, 0, 64);
    expect(0x20, 0x21, PIC);
    expect(0x40, 0x43, PIT);
    expect(0x44, 0xffff, PORT_MAP_NONE);
}

static void the_last_ports_are_no_end_of_the_table(void **state) {
    (void)state;
    port_map_move(&map, PM, 0xffc0, 64);
    port_map_move(&map, BUS_MASTER, 0xfff0, 32);
    expect(0xffc0, 0xffff, PM);
    port_map_move(&map, PM, 0x100, 64);
    expect(0xfff0, 0xffff, BUS_MASTER);
}

// The map follows from where the ranges are, whatever way they came there.
static void the_way_does_not_matter(void **state) {
    static struct port_map direct;
    (void)state;
    srand(5);
    for (unsigned round = 0; round < 2000; round++) {
        uint16_t to = (uint16_t)(rand() % 0x100);
        if (rand() % 2)
            port_map_move(&map, PM, to, 64);
        else
            port_map_move(&map, BUS_MASTER, to, 16);
        memset(&direct, 0, sizeof direct);
        port_map_fix(&direct, PIC, 0x20, 2);
        port_map_fix(&direct, PIT, 0x40, 4);
        port_map_move(&direct, PM, map.movable[PM].first, 64);
        port_map_move(&direct, BUS_MASTER, map.movable[BUS_MASTER].first, 16);
        assert_memory_equal(map.range_at, direct.range_at, 0x200);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(ranges_move, begin),
        cmocka_unit_test_setup(what_one_leaves_the_other_has, begin),
        cmocka_unit_test_setup(what_stays_is_never_covered, begin),
        cmocka_unit_test_setup(the_last_ports_are_no_end_of_the_table, begin),
        cmocka_unit_test_setup(the_way_does_not_matter, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
