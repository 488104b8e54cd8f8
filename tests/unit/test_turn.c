// Who is before whom in the run queue, and what a cap owes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/list.h"
#include "kernel/turn.h"

static void priorities_come_before_shares(void **state) {
    (void)state;
    assert_true(turn_before(2, 900, 1, 0));
    assert_false(turn_before(1, 0, 2, 900));
    assert_true(turn_before(1, 900, 0, 0));
    assert_false(turn_before(0, 0, 1, 900));
}

static void equals_wait_for_each_other(void **state) {
    (void)state;
    assert_false(turn_before(7, 1, 7, 2)); // virtual time is of the fair class only
    assert_false(turn_before(7, 2, 7, 1));
    assert_true(turn_before(0, 1, 0, 2));
    assert_false(turn_before(0, 2, 0, 1));
    assert_false(turn_before(0, 1, 0, 1));
    assert_true(timeout_stays_before(5, 5));
    assert_true(timeout_stays_before(4, 5));
    assert_false(timeout_stays_before(6, 5));
}

struct waiting {
    struct list_node queue;
    uint8_t priority;
    uint64_t vtime;
    unsigned came;
};

// As scheduler_enqueue does: before the first that is not before it.
static void put(struct list_node *head, struct waiting *waiting) {
    struct list_node *at = head->next;
    while (at != head) {
        const struct waiting *there = CONTAINER(at, struct waiting, queue);
        if (turn_before(waiting->priority, waiting->vtime, there->priority, there->vtime))
            break;
        at = at->next;
    }
    list_insert(at, &waiting->queue);
}

// A queue that is filled and thinned out at random stays in order, has each once, and its way back is its way.
static void queue_stays_in_order(void **state) {
    (void)state;
    enum { COUNT = 64 };
    static struct waiting all[COUNT];
    struct list_node head;
    uint32_t random = 1;
    list_init(&head);
    for (unsigned i = 0; i < COUNT; i++)
        list_init(&all[i].queue);
    for (unsigned step = 0; step < 20000; step++) {
        random = random * 1664525 + 1013904223;
        struct waiting *one = &all[random >> 8 & (COUNT - 1)];
        if (list_empty(&one->queue)) {
            *one = (struct waiting){one->queue, random >> 16 & 3, random >> 20 & 7, step};
            put(&head, one);
        } else {
            list_remove(&one->queue);
        }
        unsigned count = 0, waiting = 0;
        for (const struct list_node *at = head.next; at != &head; at = at->next, count++) {
            const struct waiting *a = CONTAINER(at, struct waiting, queue);
            assert_ptr_equal(at->previous->next, at);
            if (at->next == &head)
                continue;
            const struct waiting *b = CONTAINER(at->next, struct waiting, queue);
            bool before = turn_before(a->priority, a->vtime, b->priority, b->vtime);
            assert_false(turn_before(b->priority, b->vtime, a->priority, a->vtime));
            assert_true(before || a->came < b->came);
        }
        for (unsigned i = 0; i < COUNT; i++)
            waiting += !list_empty(&all[i].queue);
        assert_int_equal(count, waiting);
    }
}

static void debts_are_paid_window_by_window(void **state) {
    (void)state;
    assert_int_equal(turn_debt(100, 100, 1), 0);
    assert_int_equal(turn_debt(250, 100, 1), 150);
    assert_int_equal(turn_debt(250, 100, 2), 50);
    assert_int_equal(turn_debt(250, 100, 3), 0);
    assert_int_equal(turn_debt(250, 100, 0), 250);
    assert_int_equal(turn_debt(UINT64_MAX, 100, 1), (TURN_DEBT_MAX - 1) * 100);
    assert_int_equal(turn_debt(UINT64_MAX, 100, UINT64_MAX), 0);
    assert_int_equal(turn_debt(5, 0, 1), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(priorities_come_before_shares),
        cmocka_unit_test(equals_wait_for_each_other),
        cmocka_unit_test(queue_stays_in_order),
        cmocka_unit_test(debts_are_paid_window_by_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
