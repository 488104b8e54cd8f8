// Emulated instructions against the CPU that this test runs on: same registers, same memory, same instruction; the same
// must come out, and all flags that are defined.
#include "dom0/vmm/emulate_operation.h"
#include "emulate_machine.h"
#include "tests/instructions/run.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
// cmocka wants the headers above
#include <cmocka.h>

#define ROUNDS   300u
#define NO_FAULT (-1)

static struct emulate_machine m;
static sigjmp_buf fault_jump;
static uint8_t *code_page;

static bool has_avx(void) {
    return __builtin_cpu_supports("avx") != 0;
}

static void on_signal(int number) {
    siglongjmp(fault_jump, number);
}

// Runs it on the CPU; NO_FAULT, or the vector of #DE or #GP.
static int run_on_cpu(struct run_state *state, const uint8_t *code, unsigned bytes) {
    // Each time, as cmocka takes signals for itself.
    (void)signal(SIGFPE, on_signal);
    (void)signal(SIGSEGV, on_signal);
    int number = sigsetjmp(fault_jump, 1);
    if (number)
        return number == SIGFPE ? 0 : 13;
    run_instruction(state, code_page, code, bytes, has_avx());
    return NO_FAULT;
}

static void load(const struct run_state *state) {
    memcpy(m.cpu.gpr, state->gpr, sizeof m.cpu.gpr);
    m.cpu.rflags = state->rflags;
    memcpy(m.ymm, state->ymm, sizeof m.ymm);
    memcpy(m.mmx, state->mmx, sizeof m.mmx);
    m.cpu.rip = EMULATE_CODE;
}

static void compare(const struct sample *sample, const struct run_state *native) {
    uint64_t different = (m.cpu.rflags ^ native->rflags) & FLAG_ARITHMETIC & ~sample->undefined;
    if (different)
        fail_msg("%s: flags %llx, the CPU's %llx", sample->name, (unsigned long long)m.cpu.rflags,
                 (unsigned long long)native->rflags);
    for (unsigned i = 0; i < 16; i++)
        if (i != RSP && m.cpu.gpr[i] != native->gpr[i])
            fail_msg("%s: register %u %llx, the CPU's %llx", sample->name, i, (unsigned long long)m.cpu.gpr[i],
                     (unsigned long long)native->gpr[i]);
    for (unsigned i = 0; i < 16; i++)
        if (memcmp(m.ymm[i], native->ymm[i], has_avx() ? 32 : 16) != 0)
            fail_msg("%s: vector register %u", sample->name, i);
    if (memcmp(m.mmx, native->mmx, sizeof m.mmx) != 0)
        fail_msg("%s: an MMX register", sample->name);
    if (memcmp(m.device, (const void *)(uintptr_t)EMULATE_DEVICE, PAGE_SIZE) != 0)
        fail_msg("%s: memory", sample->name);
}

// One round; true if the instruction raised no exception, neither there nor here.
static bool run(const struct sample *sample, const uint8_t *code, unsigned bytes) {
    struct run_state state;
    random_state(sample, EMULATE_DEVICE, false, &state);
    random_page(&state, m.device, PAGE_SIZE);
    load(&state);
    m.e.gpa_known = random_number() & 1 && !(sample->how & (POINTERS | BIT_OFFSET));
    m.e.gpa = state.gpr[RDI];
    memcpy((void *)(uintptr_t)EMULATE_DEVICE, m.device, PAGE_SIZE);
    memcpy(m.ram + EMULATE_CODE, code, bytes);
    int fault = run_on_cpu(&state, code, bytes);
    enum emulate_result result = emulate_instruction(&m.e);
    if (fault != NO_FAULT && result == EMULATE_FAULT) {
        assert_int_equal(EVENT_VECTOR(m.e.exception), fault);
        return false;
    }
    if (fault != NO_FAULT || result != EMULATE_DONE)
        fail_msg("%s: result %d, the CPU's %d", sample->name, result, fault);
    assert_int_equal(m.cpu.rip, EMULATE_CODE + bytes);
    compare(sample, &state);
    return true;
}

static void run_rounds(const struct sample *sample, const uint8_t *code, unsigned bytes) {
    unsigned good = 0;
    if ((sample->how & NEEDS_AVX) && !has_avx())
        return;
    for (unsigned round = 0; round < ROUNDS; round++)
        good += run(sample, code, bytes);
    if (good < ROUNDS / 10)
        fail_msg("%s: only %u of %u rounds without exception", sample->name, good, ROUNDS);
}

static int setup(void **state) {
    emulate_machine_init(&m, 64);
    return 0;
}

static void test_table(void **state) {
    samples_of_the_table(run_rounds);
}

static void test_arithmetic(void **state) {
    samples_of_arithmetic(run_rounds);
}

static void test_shifts(void **state) {
    samples_of_shifts(run_rounds);
}

static void test_conditions(void **state) {
    samples_of_conditions(run_rounds);
}

// Memory for code, and at the emulated machine's device address for data.
static bool memory_setup(void) {
    code_page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *data = mmap((void *)(uintptr_t)EMULATE_DEVICE, PAGE_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    return code_page != MAP_FAILED && data != MAP_FAILED;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_table, setup),
        cmocka_unit_test_setup(test_arithmetic, setup),
        cmocka_unit_test_setup(test_shifts, setup),
        cmocka_unit_test_setup(test_conditions, setup),
    };
    if (!memory_setup()) {
        fprintf(stderr, "no memory for code, or none at %x for data\n", EMULATE_DEVICE);
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
