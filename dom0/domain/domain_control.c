// What the shell's verbs ask a domain's VMM to do, and what its domain page says.
#include "dom0/domain/domain_control.h"

#include <string.h>

#include "dom0/domain/manager.h"
#include "dom0/vmm/keyboard_text.h"
#include "lib/format.h"

static bool command(struct domain *domain, enum vmm_operation operation, char error[DOMAIN_ERROR_SIZE]) {
    uint64_t request = operation, reply;
    return domain_call(domain, &request, 1, &reply, 1, error) > 0;
}

static bool expect_alive(const struct domain *domain, char error[DOMAIN_ERROR_SIZE]) {
    if (domain->state == DOMAIN_STATE_RUNNING || domain->state == DOMAIN_STATE_PAUSED)
        return true;
    format(error, DOMAIN_ERROR_SIZE, "it is %s", domain_state_name(domain));
    return false;
}

bool domain_pause(struct domain *domain, char error[DOMAIN_ERROR_SIZE]) {
    if (!expect_alive(domain, error) || !command(domain, VMM_PAUSE, error))
        return false;
    domain->state = DOMAIN_STATE_PAUSED;
    return true;
}

bool domain_unpause(struct domain *domain, char error[DOMAIN_ERROR_SIZE]) {
    if (!expect_alive(domain, error) || !command(domain, VMM_UNPAUSE, error))
        return false;
    domain->state = DOMAIN_STATE_RUNNING;
    return true;
}

static bool expect_running(const struct domain *domain, char error[DOMAIN_ERROR_SIZE]) {
    if (!expect_alive(domain, error))
        return false;
    if (domain->state != DOMAIN_STATE_PAUSED)
        return true;
    format(error, DOMAIN_ERROR_SIZE, "it is paused; see unpause");
    return false;
}

bool domain_press_power(struct domain *domain, char error[DOMAIN_ERROR_SIZE]) {
    return expect_running(domain, error) && command(domain, VMM_POWER_BUTTON, error);
}

bool domain_reset(struct domain *domain, char error[DOMAIN_ERROR_SIZE]) {
    return expect_alive(domain, error) && command(domain, VMM_RESET, error);
}

bool domain_registers(struct domain *domain, unsigned vcpu, struct vmm_registers *registers,
                      char error[DOMAIN_ERROR_SIZE]) {
    static uint64_t reply[1 + (sizeof *registers + 7) / 8];
    const uint64_t request[] = {VMM_REGISTERS, vcpu};
    if (!expect_alive(domain, error) || !domain_call(domain, request, 2, reply, sizeof reply / 8, error))
        return false;
    memcpy(registers, reply + 1, sizeof *registers);
    return true;
}

// The VMM writes `screen_updates` before and after the screen; a copy is whole if it was even and the same around it.
static bool copy_screen(const struct domain *domain, struct vga_text_screen *screen) {
    for (int tries = 0; tries < 100; tries++) {
        uint32_t before = __atomic_load_n(&domain->page->screen_updates, __ATOMIC_ACQUIRE);
        memcpy(screen, (const void *)&domain->page->screen, sizeof *screen);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(before & 1) && before == __atomic_load_n(&domain->page->screen_updates, __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

// The VMM is a guest's: nothing in the page may lead outside of it.
static bool screen_is_sound(const struct vga_text_screen *screen) {
    return screen->columns && screen->columns <= VGA_TEXT_COLUMNS_MAX && screen->rows &&
           screen->rows <= VGA_TEXT_ROWS_MAX && screen->cursor_column < screen->columns &&
           screen->cursor_row < screen->rows;
}

bool domain_screen(struct domain *domain, struct vga_text_screen *screen, char error[DOMAIN_ERROR_SIZE]) {
    bool alive = domain->state == DOMAIN_STATE_RUNNING || domain->state == DOMAIN_STATE_PAUSED;
    if (alive && !command(domain, VMM_SCREEN, error)) // of what ended the last screen is in the page
        return false;
    if (!copy_screen(domain, screen)) {
        format(error, DOMAIN_ERROR_SIZE, "its screen changes all the time");
        return false;
    }
    if (screen_is_sound(screen))
        return true;
    format(error, DOMAIN_ERROR_SIZE, "it shows graphics (%ux%u, %u bits), no text", domain->page->graphics_width,
           domain->page->graphics_height, domain->page->graphics_depth);
    return false;
}
