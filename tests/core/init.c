// In the place of init: does to the core what init never does, and says on the serial line what came of it.
#include "dom0/init/init.h"
#include "dom0/init/ports.h"
#include "lib/format.h"
#include "lib/string.h"

#define UART_DATA 0x3f8u
#define UART_LSR  0x3fdu
#define LSR_THRE  0x20u

#define QUOTA      (1ull << 20)
#define SLOTS      64u
#define CHILDREN   1000u
#define PAGES_AT   0x10000000ull
#define PAGES      2u
#define EVERYTHING (GROUP_ALL & ~(uint32_t)GROUP_EVENT)

enum selector { CHILD = SELECTOR_FIRST_FREE, VCPU, SPACE, PAGE, END = PAGE + PAGES };

static void say(const char *message, ...) {
    char line[160];
    va_list arguments;
    va_start(arguments, message);
    vformat(line, sizeof(line), message, arguments);
    va_end(arguments);
    for (const char *c = line; *c; c++) {
        while (!(port_in8(UART_LSR) & LSR_THRE))
            ;
        port_out8(UART_DATA, (uint8_t)*c);
    }
}

static void check(const char *what, int64_t status, int64_t wanted) {
    say("%s: %s (%lld)\r\n", what, status == wanted ? "PASS" : "FAIL", (long long)status);
}

static struct pd_statistics statistics(void) {
    struct pd_statistics now;
    check("statistics", sys_pd_control(SELECTOR_SELF, PD_GET, 0).status, OK);
    memcpy(&now, init_buffer()->result, sizeof(now));
    return now;
}

static void check_same(const struct pd_statistics *before) {
    struct pd_statistics after = statistics();
    check("bytes", (int64_t)(after.used_bytes - before->used_bytes), 0);
}

// Nobody supervises them.
static void end_children(void) {
    struct pd_statistics before = statistics();
    int64_t failed = 0;
    for (unsigned i = 0; i < CHILDREN; i++) {
        failed += sys_create_pd(CHILD, SLOTS, QUOTA, NO_SELECTOR) != OK;
        failed += sys_pd_control(CHILD, PD_EXIT, 0).status != OK;
        failed += sys_destroy(CHILD) != OK;
        (void)sys_delegate(SELECTOR_SELF, 0, SELECTOR_SELF, CHILD, DELEGATE_CAPABILITY);
    }
    check("children", failed, 0);
    check_same(&before);
}

static void make_vcpu(void) {
    check("space", sys_create_space(SPACE, SELECTOR_SELF, SPACE_GUEST_PHYSICAL), OK);
    for (unsigned i = 0; i < PAGES; i++)
        check("page", sys_create_page(PAGE + i, SELECTOR_SELF, PAGES_AT + i * PAGE_SIZE), OK);
    check("vCPU", sys_create_vcpu(VCPU, SPACE, PAGE, PAGE + 1, 0), OK);
    check("fetch", sys_vcpu_control(VCPU, VCPU_FETCH, EVERYTHING), OK);
}

static void stop_and_destroy(void) {
    struct pd_statistics before = statistics();
    make_vcpu();
    check("stop", sys_hardware_control(SELECTOR_HARDWARE, HARDWARE_STOP, 0, 0), OK);
    check("fetch after the stop", sys_vcpu_control(VCPU, VCPU_FETCH, EVERYTHING), ERROR_FEATURE);
    check("run after the stop", sys_run(VCPU, 0), ERROR_FEATURE);
    for (uint64_t selector = VCPU; selector < END; selector++)
        check("destruction", sys_destroy(selector), OK);
    check_same(&before);
}

void init_main(void) {
    (void)sys_hardware_control(SELECTOR_HARDWARE, HARDWARE_RELEASE_UART, 0, 0);
    (void)sys_delegate(SELECTOR_PORTS, UART_DATA, SELECTOR_SELF, UART_DATA,
                       DELEGATE_READ | DELEGATE_WRITE | DELEGATE_ORDER(3) | DELEGATE_PORT);
    (void)sys_hardware_control(SELECTOR_HARDWARE, HARDWARE_MAP_INFO, INIT_CORE_INFO, SELECTOR_SELF);
    const struct core_info *info = (const struct core_info *)INIT_CORE_INFO;
    uint64_t logged = info->log_written;
    end_children();
    say("logged: %llu\r\n", (unsigned long long)(info->log_written - logged));
    stop_and_destroy();
    say("end\r\n");
    for (;;)
        (void)sys_reply_wait(WAIT_NO_CALL, 0, NO_DEADLINE);
}
