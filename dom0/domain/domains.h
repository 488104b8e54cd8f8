// The domains of this host: their life cycle and what is known of each. Each is a VMM process that init started for the
// domain manager, which speaks to it by its control portal and looks at its domain page.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0/domain/domain_config.h"
#include "dom0/domain/domain_page.h"
#include "dom0/domain/policy.h"
#include "lib/protocol_init.h"
#include "lib/protocol_vmm.h"
#include "lib/text_screen.h"

#define DOMAINS_MAX       INIT_DOMAINS
#define DOMAIN_ERROR_SIZE 256

enum domain_state {
    DOMAIN_STATE_NONE, // slot unused
    DOMAIN_STATE_RUNNING,
    DOMAIN_STATE_PAUSED,
    DOMAIN_STATE_SHUTDOWN, // powered off and preserved
    DOMAIN_STATE_CRASHED,  // crashed and preserved
    DOMAIN_STATE_DYING,    // its memory is being taken back
};

struct domain {
    enum domain_state state;
    uint32_t id;
    struct domain_config config;
    uint64_t started_ms;                     // of the host's clock
    unsigned short_lives;                    // see policy.h
    bool starting;                           // its creation is not done yet, so its end is no matter of policy
    bool reboot_wanted;                      // the shell's reboot pressed the power button
    const volatile struct domain_page *page; // written by the VMM
    uint64_t control;                        // portal of the VMM
    uint64_t channel;                        // of its serial console at the console server
    uint64_t log_channel;                    // of its VMM's messages
    uint64_t console_seen;                   // position in its console's output up to which `wait` has matched
    uint64_t top_cpu_ns;                     // CPU time at the last look of `top`
};

// In the order of their numbers; NULL begins, and ends.
struct domain *domain_next(const struct domain *previous);
// The one with the lowest number above ID; NULL ends.
struct domain *domain_after(uint32_t id);
// By name, or by number. NULL if there is none.
struct domain *domain_find(const char *name_or_id);
struct domain *domain_find_id(uint32_t id);

// "running", "blocked", "paused", "shutdown", "crashed", "dying"
const char *domain_state_name(const struct domain *domain);
// As in Xen's lists: "r-----", "-b----", "--p---", "---s--", "----c-", "-----d".
const char *domain_state_flags(const struct domain *domain);

uint64_t domain_cpu_ns(const struct domain *domain);

struct vcpu_facts {
    uint32_t cpu;  // that it is on, or DOMAIN_PAGE_NO_CPU
    char flags[4]; // "r--", "-b-", "--p"
    uint64_t cpu_ns, exits;
};
struct vcpu_facts domain_vcpu_facts(const struct domain *domain, unsigned vcpu);

// Creates a domain; waits until its VMM is ready, or has said what it misses. NULL with ERROR if it cannot be; then
// nothing was created.
struct domain *domain_create(const struct domain_config *config, bool paused, char error[DOMAIN_ERROR_SIZE]);

// Ends a domain and frees all it has; DOMAIN is not valid after it.
void domain_destroy(struct domain *domain);

// At the domain manager's start: takes up the domains that init holds accounts of.
void domains_recover(void);

// Looks which domains have ended, and does what their configurations say then. Called after every event.
void domains_look(void);

// What the verbs of these names do. False with ERROR if the domain is in no state for it or its VMM does not answer.
bool domain_pause(struct domain *domain, char error[DOMAIN_ERROR_SIZE]);
bool domain_unpause(struct domain *domain, char error[DOMAIN_ERROR_SIZE]);
bool domain_press_power(struct domain *domain, char error[DOMAIN_ERROR_SIZE]);
bool domain_reset(struct domain *domain, char error[DOMAIN_ERROR_SIZE]);
bool domain_rename(struct domain *domain, const char *name, char error[DOMAIN_ERROR_SIZE]);

// Types on the domain's keyboard what TEXT means by keyboard_text_parse() and its FLAGS. *TAKEN bytes of it are done;
// the rest may be the beginning of a sequence.
bool domain_type(struct domain *domain, const char *text, size_t length, unsigned flags, size_t *taken,
                 char error[DOMAIN_ERROR_SIZE]);

bool domain_registers(struct domain *domain, unsigned vcpu, struct vmm_registers *registers,
                      char error[DOMAIN_ERROR_SIZE]);

// What the domain's VGA shows. False with ERROR if that is not text, or the VMM does not answer.
bool domain_screen(struct domain *domain, struct vga_text_screen *screen, char error[DOMAIN_ERROR_SIZE]);

// Whether its first serial port is connected to a console: the key serial is "pty".
bool domain_has_console(const struct domain *domain);

// The output of the domain's serial console, as far as the scrollback holds it: copies what stands from *POSITION
// (bytes since the domain's start) on, moves *POSITION to the first byte copied, and returns the number of bytes.
size_t domain_console_read(const struct domain *domain, uint64_t *position, char *to, size_t size);

// Input for the serial console, as if typed there.
bool domain_console_write(struct domain *domain, const char *bytes, size_t length, char error[DOMAIN_ERROR_SIZE]);
