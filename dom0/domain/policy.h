// What becomes of a domain that ended, by its on_poweroff, on_reboot and on_crash: decisions only, no action.
#pragma once
#include "dom0/domain/domain_config.h"

enum domain_end {
    DOMAIN_END_POWEROFF, // the guest powered itself off
    DOMAIN_END_REBOOT,   // the guest asked for a reset
    DOMAIN_END_CRASH,    // triple fault without reset, a state that cannot be entered, or the VMM died
    DOMAIN_END_DESTROY,  // destroy of the shell: no policy
};

// A domain that ends sooner than this after its start, and that often in a row, is not started again.
#define POLICY_SHORT_LIFE_MS 10000u
#define POLICY_SHORT_LIVES   5u

enum policy_step {
    POLICY_DESTROY,        // free everything
    POLICY_RESTART,        // free everything, then create it anew from its configuration
    POLICY_RENAME_RESTART, // keep it, ended, under another name; create it anew under its own
    POLICY_PRESERVE,       // keep it, ended, to be looked at until destroy
};

struct policy_decision {
    enum policy_step step;
    unsigned short_lives; // to be kept with the domain that is created anew
    const char *note;     // why the configuration was not followed to the letter, NULL if it was
};

// SHORT_LIVES is what the decision before gave, 0 at a domain's first start. REBOOT_WANTED: the shell's reboot pressed
// the power button, so powering off is rebooting.
struct policy_decision policy_decide(const struct domain_config *config, enum domain_end end, bool reboot_wanted,
                                     uint64_t lived_ms, unsigned short_lives);

// "powered off", "rebooted", "crashed", "destroyed"
const char *domain_end_name(enum domain_end end);

// The name under which rename-restart keeps what ended: NAME-1, -2, ... as Xen does. Returns TO.
const char *policy_kept_name(const char *name, unsigned number, char to[DOMAIN_NAME_MAX + 1]);
