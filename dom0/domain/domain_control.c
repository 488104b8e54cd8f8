// What the shell's verbs ask a domain's VMM to do, and what its domain page says.
#include <string.h>

#include "dom0/domain/console_call.h"
#include "dom0/domain/domains.h"
#include "dom0/domain/manager.h"
#include "lib/format.h"
#include "lib/keyboard_text.h"

#define CALL_TIMEOUT_MS 5000u
#define KEYS_AT_ONCE    1024u

static size_t domain_call(struct domain *domain, const uint64_t *request, size_t words, uint64_t *reply,
                          size_t reply_words, char error[DOMAIN_ERROR_SIZE]) {
    static const char unheard[] = "its guest does not listen to the power button: it has not started yet, or has no "
                                  "ACPI; see console or screen, and destroy";
    static const char *const refusals[] = {
        [VMM_BAD_REQUEST] = "its VMM refused the request",
        [VMM_WRONG_STATE] = "it is in no state for that",
        [VMM_NO_DEVICE] = "it has no power button: acpi=0; see destroy",
        [VMM_UNHEARD] = unheard,
    };
    int64_t status = manager_call(domain->control, request, words, reply, reply_words, CALL_TIMEOUT_MS);
    if (status != OK)
        format(error, DOMAIN_ERROR_SIZE,
               status == ERROR_TIMEOUT ? "its VMM did not answer in time" : "its VMM has ended");
    else if (reply[0] != VMM_OK)
        format(error, DOMAIN_ERROR_SIZE, "%s",
               reply[0] < sizeof refusals / sizeof *refusals ? refusals[reply[0]] : refusals[VMM_BAD_REQUEST]);
    else
        return reply_words;
    return 0;
}

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

static bool expect_other(const struct domain *domain, enum domain_state state, const char *refusal,
                         char error[DOMAIN_ERROR_SIZE]) {
    if (!expect_alive(domain, error))
        return false;
    if (domain->state == state)
        format(error, DOMAIN_ERROR_SIZE, "%s", refusal);
    return domain->state != state;
}

bool domain_pause(struct domain *domain, char error[DOMAIN_ERROR_SIZE]) {
    if (!expect_other(domain, DOMAIN_STATE_PAUSED, "it is paused already; see unpause", error) ||
        !command(domain, VMM_PAUSE, error))
        return false;
    domain->state = DOMAIN_STATE_PAUSED;
    return true;
}

bool domain_unpause(struct domain *domain, char error[DOMAIN_ERROR_SIZE]) {
    if (!expect_other(domain, DOMAIN_STATE_RUNNING, "it is not paused; see pause", error) ||
        !command(domain, VMM_UNPAUSE, error))
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

bool domain_screen(struct domain *domain, struct vga_text_screen *screen, char error[DOMAIN_ERROR_SIZE]) {
    bool alive = domain->state == DOMAIN_STATE_RUNNING || domain->state == DOMAIN_STATE_PAUSED;
    if (alive && !command(domain, VMM_SCREEN, error)) // of what ended the last screen is in the page
        return false;
    enum domain_page_screen kind = domain_page_screen(domain->page, screen);
    if (kind == DOMAIN_PAGE_CHANGES)
        format(error, DOMAIN_ERROR_SIZE, "its screen changes all the time");
    if (kind != DOMAIN_PAGE_GRAPHICS)
        return kind == DOMAIN_PAGE_TEXT;
    format(error, DOMAIN_ERROR_SIZE, "it shows graphics (%ux%u, %u bits), no text", domain->page->graphics_width,
           domain->page->graphics_height, domain->page->graphics_depth);
    return false;
}

_Static_assert(offsetof(struct key_event, pressed) == 2, "key events in words");

// Sends what EVENTS hold, in as many calls as it takes.
static bool send_events(struct domain *domain, const struct key_event *events, size_t count,
                        char error[DOMAIN_ERROR_SIZE]) {
    static uint64_t request[2 + VMM_KEYS_MAX];
    uint64_t reply;
    for (size_t done = 0; done < count;) {
        size_t part = count - done < VMM_KEYS_MAX ? count - done : VMM_KEYS_MAX;
        request[0] = VMM_SEND_KEYS;
        request[1] = part;
        for (size_t i = 0; i < part; i++) // the layout of struct key_event, without what is in its gap
            request[2 + i] = events[done + i].set1_code | (uint64_t)events[done + i].pressed << 16;
        if (!domain_call(domain, request, 2 + part, &reply, 1, error))
            return false;
        done += part;
    }
    return true;
}

bool domain_type(struct domain *domain, const char *text, size_t length, unsigned flags, size_t *taken,
                 char error[DOMAIN_ERROR_SIZE]) {
    static struct key_event events[KEYS_AT_ONCE];
    *taken = 0;
    if (!expect_running(domain, error))
        return false;
    for (;;) {
        struct keyboard_text_result result =
            keyboard_text_parse(text + *taken, length - *taken, flags, events, KEYS_AT_ONCE);
        *taken += result.consumed;
        if (!send_events(domain, events, result.events, error))
            return false;
        if (result.end == KEYBOARD_TEXT_UNKNOWN) {
            format(error, DOMAIN_ERROR_SIZE, "%.16s is no key; a < is written <lt>", text + *taken);
            return false;
        }
        if (result.end != KEYBOARD_TEXT_FULL || !result.consumed)
            return true;
    }
}

bool domain_has_console(const struct domain *domain) {
    return domain->config.serial_pty && domain->channel < CONSOLE_CHANNELS;
}

size_t domain_console_read(const struct domain *domain, uint64_t *position, char *to, size_t size) {
    return domain_has_console(domain) ? console_read(domain->channel, position, to, size) : 0;
}

bool domain_console_write(struct domain *domain, const char *bytes, size_t length, char error[DOMAIN_ERROR_SIZE]) {
    uint64_t deadline = manager_deadline_ms(CALL_TIMEOUT_MS);
    if (!domain_has_console(domain)) {
        format(error, DOMAIN_ERROR_SIZE, "it has no serial console; see the key serial");
        return false;
    }
    while (length) {
        size_t taken = console_type(domain->channel, bytes, length);
        bytes += taken;
        length -= taken;
        if (taken)
            continue;
        if (manager_now_tsc() >= deadline) {
            format(error, DOMAIN_ERROR_SIZE, "it does not read its console: %zu bytes were not taken", length);
            return false;
        }
        manager_wait_for_terminal(manager_deadline_ms(10));
    }
    return true;
}
