// Hardware task switches, in protected mode without paging and with 32-bit paging.
#include "tests/guests/conform.h"

// conform_tasks.asm: which probes, in the order of its table; with paging
extern uint32_t task_test;
#define TASK_PAGING (1u << 8)

static bool probe(uint32_t test, unsigned probes) {
    task_test = test;
    uint32_t wrong = PROBES(probes) & ~mode_run(MODE_TASKS);
    if (wrong)
        print("  went wrong%s: %x\n", test & TASK_PAGING ? " with paging" : "", wrong);
    return !wrong;
}

static bool both(uint32_t test, unsigned probes) {
    bool plain = probe(test, probes);
    return probe(test | TASK_PAGING, probes) && plain;
}

#define CHECK(name, test, probes)                                                                                      \
    static bool name(void) {                                                                                           \
        return both(test, probes);                                                                                     \
    }
CHECK(check_jump, 0, 11)
CHECK(check_call, 1, 9)
CHECK(check_software, 2, 4)
CHECK(check_exception, 3, 3)
CHECK(check_resume_flag, 4, 2)
CHECK(check_double_fault, 5, 2)
CHECK(check_external, 6, 2)
CHECK(check_nmi, 7, 2)
CHECK(check_small, 8, 7)
CHECK(check_vm86, 9, 2)
CHECK(check_ldt, 10, 2)
CHECK(check_trap, 12, 2)
CHECK(check_user, 13, 2)
CHECK(check_old_faults, 14, 14)
CHECK(check_new_faults, 15, 13)
CHECK(check_absent_stack, 16, 1)
CHECK(check_code_limit, 17, 1)
CHECK(check_old_limit, 18, 2)

static bool check_paging(void) {
    return probe(11 | TASK_PAGING, 10);
}

const struct check task_checks[] = {
    {"task-jump", check_jump},
    {"task-call", check_call},
    {"task-interrupt", check_software},
    {"task-exception", check_exception},
    {"task-resume-flag", check_resume_flag},
    {"task-double-fault", check_double_fault},
    {"task-external", check_external},
    {"task-nmi", check_nmi},
    {"task-286", check_small},
    {"task-vm86", check_vm86},
    {"task-ldt", check_ldt},
    {"task-paging", check_paging},
    {"task-trap", check_trap},
    {"task-user", check_user},
    {"task-old-faults", check_old_faults},
    {"task-new-faults", check_new_faults},
    {"task-absent-stack", check_absent_stack},
    {"task-code-limit", check_code_limit},
    {"task-old-limit", check_old_limit},
    {0},
};
