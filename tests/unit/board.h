// A fake machine for models that need a clock and interrupt lines: what they do to it is counted.
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dom0/vmm/device.h"

struct board {
    uint64_t now_ns;
    bool lines[24];
    unsigned edges[24]; // rises
    unsigned resets;
};

static inline uint64_t board_now_ns(void *machine) {
    return ((struct board *)machine)->now_ns;
}

static inline void board_irq_set(void *machine, unsigned line, bool level) {
    struct board *board = machine;
    assert_true(line < 24);
    board->edges[line] += level && !board->lines[line];
    board->lines[line] = level;
}

static inline void board_timer_changed(void *machine) {
    (void)machine;
}

static inline void board_reset(void *machine) {
    ((struct board *)machine)->resets++;
}

static inline struct device_host board_host(struct board *board) {
    *board = (struct board){0};
    return (struct device_host){.machine = board,
                                .now_ns = board_now_ns,
                                .irq_set = board_irq_set,
                                .timer_changed = board_timer_changed,
                                .reset = board_reset};
}
