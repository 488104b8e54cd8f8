// The injection decision, over all booleans and the priorities around each boundary.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/inject.h"
#include "lib/apic_priority.h"

// Vectors and priorities: none, what is no vector (below 16), both ends of classes, the highest.
static const uint8_t PRIORITY[] = {0, 1, 15, 16, 17, 31, 32, 47, 48, 0x80, 0xef, 0xf0, 0xff};
#define PRIORITIES (sizeof(PRIORITY) / sizeof(PRIORITY[0]))
#define BOOLEANS   7

static struct inject_state state_of(unsigned booleans, uint8_t irr, uint8_t isr, uint8_t tpr) {
    return (struct inject_state){
        .event = booleans & 1,
        .nmi_pending = booleans >> 1 & 1,
        .nmi_blocked = booleans >> 2 & 1,
        .shadow = booleans >> 3 & 1,
        .interrupt_flag = booleans >> 4 & 1,
        .extint = booleans >> 5 & 1,
        .irr_highest = irr,
        .isr_highest = isr,
        .tpr = tpr,
        .virtual_delivery = booleans >> 6 & 1,
    };
}

// The local APIC's condition as SDM 3A 10.8.3.1 words it, on classes.
static bool vector_waits(struct inject_state s) {
    unsigned class = s.virtual_delivery ? 0 : s.irr_highest >> 4, threshold = s.tpr >> 4;
    if (s.isr_highest >> 4 > (int)threshold)
        threshold = s.isr_highest >> 4;
    return class >= 1 && class > threshold;
}

// What is wrong with a decision; NULL: nothing.
static const char *fault_of_action(struct inject_state s, struct inject_decision d) {
    bool nmi = s.nmi_pending && !s.nmi_blocked && !s.shadow;
    bool open = s.interrupt_flag && !s.shadow;
    switch (d.action) {
    case INJECT_EVENT:
        return s.event ? NULL : "an event from nowhere";
    case INJECT_NMI:
        return !s.event && nmi ? NULL : "an NMI that is blocked, or before an event";
    case INJECT_EXTINT:
        return !s.event && !nmi && open && s.extint ? NULL : "an 8259's interrupt that is blocked, or too early";
    case INJECT_INTERRUPT:
        return !s.event && !nmi && open && !s.extint && vector_waits(s) ? NULL
                                                                        : "a vector that is blocked, or too early";
    case INJECT_NOTHING:
        return !s.event && !nmi && !(open && (s.extint || vector_waits(s))) ? NULL : "something could be injected";
    }
    return "no such action";
}

// Of what the processor delivers nothing is left to be injected, watched or waited for.
static const char *fault_of_delivery(struct inject_state s, struct inject_decision d) {
    if (d.vector || d.tpr_threshold || d.interrupt_window != (s.extint && d.action != INJECT_EXTINT))
        return "what the processor delivers is injected, or exits for";
    struct inject_state by_software = s;
    by_software.virtual_delivery = false;
    return inject_wakes(s) == inject_wakes(by_software) ? NULL : "a halted vCPU depends on who delivers";
}

static const char *fault_of(struct inject_state s, struct inject_decision d) {
    const char *fault = fault_of_action(s, d);
    if (fault)
        return fault;
    if (s.virtual_delivery)
        return fault_of_delivery(s, d);
    if (d.vector != (d.action == INJECT_INTERRUPT ? s.irr_highest : 0))
        return "the wrong vector";
    if (d.nmi_window != (s.nmi_pending && d.action != INJECT_NMI))
        return "the NMI is lost, or a window without one";
    bool left = (s.extint && d.action != INJECT_EXTINT) || (vector_waits(s) && d.action != INJECT_INTERRUPT);
    if (d.interrupt_window != left)
        return "the interrupt is lost, or a window without one";
    struct inject_state lowered = s;
    lowered.tpr = 0;
    unsigned threshold = vector_waits(lowered) && s.irr_highest >> 4 <= s.tpr >> 4 ? s.irr_highest >> 4 : 0;
    if (d.tpr_threshold != threshold)
        return "an interrupt is lost that waits for TPR, or an exit for none";
    struct inject_state open = s;
    open.shadow = false;
    if (inject_wakes(s) != (inject_decide(open).action != INJECT_NOTHING))
        return "a halted vCPU would not wake, or wake for nothing";
    return NULL;
}

static void every_state(void **state) {
    (void)state;
    for (unsigned booleans = 0; booleans < 1u << BOOLEANS; booleans++)
        for (unsigned i = 0; i < PRIORITIES * PRIORITIES * PRIORITIES; i++) {
            struct inject_state s = state_of(booleans, PRIORITY[i % PRIORITIES], PRIORITY[i / PRIORITIES % PRIORITIES],
                                             PRIORITY[i / PRIORITIES / PRIORITIES]);
            const char *fault = fault_of(s, inject_decide(s));
            if (fault)
                fail_msg("booleans %#x, IRR %#x, ISR %#x, TPR %#x: %s", booleans, s.irr_highest, s.isr_highest, s.tpr,
                         fault);
        }
}

static void ppr_is_the_greater_class(void **state) {
    (void)state;
    for (unsigned tpr = 0; tpr < 256; tpr++)
        for (unsigned isr = 0; isr < 256; isr++) {
            unsigned expected = tpr >> 4 >= isr >> 4 ? tpr : isr & 0xf0;
            if (apic_ppr((uint8_t)tpr, (uint8_t)isr) != expected)
                fail_msg("TPR %#x, ISR %#x", tpr, isr);
        }
}

// The order by example: each step takes what came before away.
static void order(void **state) {
    (void)state;
    struct inject_state s = {
        .event = true, .nmi_pending = true, .interrupt_flag = true, .extint = true, .irr_highest = 0x31};
    struct inject_decision d = inject_decide(s);
    assert_int_equal(d.action, INJECT_EVENT);
    assert_true(d.nmi_window && d.interrupt_window);
    s.event = false;
    d = inject_decide(s);
    assert_int_equal(d.action, INJECT_NMI);
    assert_true(!d.nmi_window && d.interrupt_window);
    s.nmi_pending = false;
    d = inject_decide(s);
    assert_int_equal(d.action, INJECT_EXTINT);
    assert_true(d.interrupt_window);
    s.extint = false;
    d = inject_decide(s);
    assert_int_equal(d.action, INJECT_INTERRUPT);
    assert_int_equal(d.vector, 0x31);
    assert_false(d.interrupt_window);
    s.isr_highest = 0x31;
    d = inject_decide(s);
    assert_int_equal(d.action, INJECT_NOTHING);
    assert_false(d.interrupt_window);
}

static void sti_hlt_wakes(void **state) {
    (void)state;
    struct inject_state s = {.shadow = true, .interrupt_flag = true, .irr_highest = 0xef};
    assert_true(inject_wakes(s));
    assert_int_equal(inject_decide(s).action, INJECT_NOTHING);
    s.interrupt_flag = false;
    assert_false(inject_wakes(s));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state),
        cmocka_unit_test(ppr_is_the_greater_class),
        cmocka_unit_test(order),
        cmocka_unit_test(sti_hlt_wakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
