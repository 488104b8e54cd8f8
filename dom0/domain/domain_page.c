// Reads what a VMM wrote into its domain page, see domain_page.h.
#include "dom0/domain/domain_page.h"

#include <string.h>

#include "kernel/abi.h"
#include "lib/plain_text.h"

#define SCREEN_TRIES 100

enum vmm_state domain_page_state(const volatile struct domain_page *page) {
    uint32_t state = __atomic_load_n(&page->state, __ATOMIC_ACQUIRE);
    return state <= VMM_FAILED ? (enum vmm_state)state : VMM_RUNNING;
}

bool domain_page_ready(const volatile struct domain_page *page) {
    enum vmm_state state = domain_page_state(page);
    return page->version == VMM_PROTOCOL_VERSION && (state == VMM_RUNNING || state == VMM_PAUSED);
}

uint64_t domain_page_started(const volatile struct domain_page *page, struct domain_page_clock clock) {
    uint64_t started = page->started_tsc;
    return started >= clock.boot_tsc && started <= clock.now_tsc ? started : clock.now_tsc;
}

struct domain_vcpu domain_page_vcpu(const volatile struct domain_page *page, unsigned vcpu,
                                    struct domain_page_clock clock) {
    const volatile struct domain_vcpu *from = &page->vcpu[vcpu % VMM_VCPUS_MAX];
    struct domain_vcpu said = {from->run_tsc, from->exits, from->state, from->cpu};
    uint64_t most = clock.now_tsc - clock.boot_tsc;
    said.run_tsc = said.run_tsc < most ? said.run_tsc : most;
    said.exits = said.exits < most ? said.exits : most;
    said.state = said.state <= VMM_VCPU_HALTED ? said.state : VMM_VCPU_OFFLINE;
    said.cpu = said.cpu < BOOT_CPUS ? said.cpu : DOMAIN_PAGE_NO_CPU;
    return said;
}

void domain_page_message(const volatile struct domain_page *page, char to[DOMAIN_PAGE_MESSAGE]) {
    memcpy(to, (const void *)page->message, DOMAIN_PAGE_MESSAGE);
    to[DOMAIN_PAGE_MESSAGE - 1] = '\0';
    plain_text(to, strlen(to));
    for (char *c = to; *c; c++)
        if (*c == '\n' || *c == '\t')
            *c = '?';
}

size_t domain_page_log(const volatile struct domain_page *page, char to[DOMAIN_LOG_BYTES]) {
    uint64_t written = __atomic_load_n(&page->log_written, __ATOMIC_ACQUIRE);
    uint64_t length = written < DOMAIN_LOG_BYTES ? written : DOMAIN_LOG_BYTES;
    for (uint64_t i = 0; i < length; i++)
        to[i] = page->log[(written - length + i) % DOMAIN_LOG_BYTES];
    plain_text(to, length);
    return length;
}

// The VMM writes `screen_updates` before and after the screen; a copy is whole if it was even and the same around it.
static bool copy_screen(const volatile struct domain_page *page, struct vga_text_screen *screen) {
    for (int tries = 0; tries < SCREEN_TRIES; tries++) {
        uint32_t before = __atomic_load_n(&page->screen_updates, __ATOMIC_ACQUIRE);
        memcpy(screen, (const void *)&page->screen, sizeof *screen);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(before & 1) && before == __atomic_load_n(&page->screen_updates, __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

static bool screen_is_sound(const struct vga_text_screen *screen) {
    return screen->columns && screen->columns <= VGA_TEXT_COLUMNS_MAX && screen->rows &&
           screen->rows <= VGA_TEXT_ROWS_MAX && screen->cursor_column < screen->columns &&
           screen->cursor_row < screen->rows;
}

// A bool holds 0 or 1; of another byte the compiler may take any bit.
static void make_bool(void *flag) {
    uint8_t *byte = flag;
    *byte = *byte != 0;
}

enum domain_page_screen domain_page_screen(const volatile struct domain_page *page, struct vga_text_screen *screen) {
    if (!copy_screen(page, screen))
        return DOMAIN_PAGE_CHANGES;
    make_bool(&screen->blink);
    make_bool(&screen->cursor_visible);
    return screen_is_sound(screen) ? DOMAIN_PAGE_TEXT : DOMAIN_PAGE_GRAPHICS;
}
