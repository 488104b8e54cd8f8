// Decisions about a domain that ended.
#include "dom0/domain/policy.h"

#include "lib/format.h"

static const enum policy_step step_of_action[] = {
    [DOMAIN_DESTROY] = POLICY_DESTROY,
    [DOMAIN_RESTART] = POLICY_RESTART,
    [DOMAIN_RENAME_RESTART] = POLICY_RENAME_RESTART,
    [DOMAIN_PRESERVE] = POLICY_PRESERVE,
};

static unsigned configured_action(const struct domain_config *config, enum domain_end end) {
    switch (end) {
    case DOMAIN_END_POWEROFF:
        return config->on_poweroff;
    case DOMAIN_END_REBOOT:
        return config->on_reboot;
    case DOMAIN_END_CRASH:
        return config->on_crash;
    default:
        return DOMAIN_DESTROY;
    }
}

struct policy_decision policy_decide(const struct domain_config *config, enum domain_end end, bool reboot_wanted,
                                     uint64_t lived_ms, unsigned short_lives) {
    struct policy_decision decision = {.step = POLICY_DESTROY};
    if (reboot_wanted && end == DOMAIN_END_POWEROFF) {
        decision.step = POLICY_RESTART;
        return decision;
    }
    unsigned action = configured_action(config, end);
    if (action < sizeof step_of_action / sizeof *step_of_action)
        decision.step = step_of_action[action];
    if (decision.step != POLICY_RESTART && decision.step != POLICY_RENAME_RESTART)
        return decision;
    if (lived_ms < POLICY_SHORT_LIFE_MS)
        decision.short_lives = short_lives + 1;
    if (decision.short_lives >= POLICY_SHORT_LIVES) {
        decision.step = POLICY_PRESERVE;
        decision.note = "it ended within 10 seconds of its start 5 times in a row: not started again";
    }
    return decision;
}

const char *domain_end_name(enum domain_end end) {
    static const char *const names[] = {
        [DOMAIN_END_POWEROFF] = "powered off",
        [DOMAIN_END_REBOOT] = "rebooted",
        [DOMAIN_END_CRASH] = "crashed",
        [DOMAIN_END_DESTROY] = "destroyed",
    };
    return (unsigned)end < sizeof names / sizeof *names ? names[end] : "ended";
}

const char *policy_kept_name(const char *name, unsigned number, char to[DOMAIN_NAME_MAX + 1]) {
    char suffix[16];
    int length = format(suffix, sizeof suffix, "-%u", number);
    format(to, DOMAIN_NAME_MAX + 1, "%.*s%s", DOMAIN_NAME_MAX - length, name, suffix);
    return to;
}
