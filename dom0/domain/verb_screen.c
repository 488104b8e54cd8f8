// The verb screen: a domain's VGA text screen in the terminal, with its keyboard.
#include <string.h>

#include "dom0/domain/manager.h"
#include "dom0/domain/terminal.h"
#include "dom0/domain/verb_functions.h"
#include "dom0/domain/verb_operand.h"
#include "lib/format.h"
#include "lib/keyboard_text.h"
#include "lib/text_screen.h"

#define LEAVE_BYTE 0x1d // Ctrl-]
#define REFRESH_MS 100u

static char text[TEXT_SCREEN_ANSI_BYTES > TEXT_SCREEN_UTF8_BYTES ? TEXT_SCREEN_ANSI_BYTES : TEXT_SCREEN_UTF8_BYTES];

static int dump(const struct invocation *invocation, struct domain *domain) {
    static struct vga_text_screen screen;
    char error[DOMAIN_ERROR_SIZE];
    if (!domain_screen(domain, &screen, error))
        return verb_fails(invocation, "%s: %s", domain->config.name, error);
    text_screen_utf8(&screen, text, sizeof text);
    terminal_write(text, strlen(text));
    return 0;
}

// Two screens, of which one is shown; both cut to the terminal.
struct viewer {
    struct vga_text_screen screens[2];
    unsigned shown;
    bool drawn; // screens[shown] stands on the terminal
    char typed[64];
    size_t typed_length;
};

static void draw(struct viewer *viewer, struct domain *domain, char *note) {
    struct vga_text_screen *next = &viewer->screens[!viewer->shown];
    struct terminal_size size = terminal_size();
    char error[DOMAIN_ERROR_SIZE];
    if (!domain_screen(domain, next, error)) {
        if (strcmp(note, error)) {
            format(note, DOMAIN_ERROR_SIZE, "%s", error);
            terminal_print("\x1b[0m\x1b[2J\x1b[H%s: %s\n(Ctrl-] leaves)\n", domain->config.name, error);
        }
        viewer->drawn = false;
        return;
    }
    note[0] = '\0';
    text_screen_crop(next, size.columns, size.rows);
    text_screen_ansi(viewer->drawn ? &viewer->screens[viewer->shown] : NULL, next, text, sizeof text);
    if (text[0])
        terminal_write(text, strlen(text));
    viewer->shown = !viewer->shown;
    viewer->drawn = true;
}

// Sends what was typed up to the leave key. Returns false when that was typed. COMPLETE: nothing more came within a
// moment, so a lone ESC is the key.
static bool send_keys(struct viewer *viewer, struct domain *domain, bool complete) {
    char error[DOMAIN_ERROR_SIZE];
    const char *leave = memchr(viewer->typed, LEAVE_BYTE, viewer->typed_length);
    size_t length = leave ? (size_t)(leave - viewer->typed) : viewer->typed_length, taken = 0;
    if (!length)
        return !leave;
    if (!domain_type(domain, viewer->typed, length, complete || leave ? KEYBOARD_TEXT_FINAL : 0, &taken, error))
        taken = length; // the next look says why
    viewer->typed_length -= taken;
    memmove(viewer->typed, viewer->typed + taken, viewer->typed_length);
    return !leave;
}

static void follow(uint32_t id) {
    static struct viewer viewer;
    char note[DOMAIN_ERROR_SIZE] = "";
    struct domain *domain;
    viewer.drawn = false;
    viewer.typed_length = 0;
    while ((domain = domain_find_id(id))) {
        draw(&viewer, domain, note);
        size_t got = terminal_read(viewer.typed + viewer.typed_length, sizeof viewer.typed - viewer.typed_length,
                                   manager_deadline_ms(REFRESH_MS));
        viewer.typed_length += got;
        if (!(domain = domain_find_id(id)) || !send_keys(&viewer, domain, !got))
            break;
    }
    text_screen_ansi_end(&viewer.screens[viewer.shown], text, sizeof text);
    terminal_write(text, strlen(text));
}

int verb_screen(const struct invocation *invocation) {
    struct domain *domain = operand_domain(invocation, 0);
    if (!domain)
        return STATUS_FAILED;
    if (option_name(invocation, "dump"))
        return dump(invocation, domain);
    uint32_t id = domain->id;
    follow(id);
    if (!domain_find_id(id))
        return verb_fails(invocation, "domain %u has ended", id);
    return 0;
}
