// Selectors of init's capability table.
#include "dom0/init/init.h"

#define SELECTORS 4096u

static uint8_t used[SELECTORS];

uint64_t selector_take(void) {
    for (uint64_t s = SELECTOR_FIRST_FREE; s < SELECTORS; s++)
        if (!used[s]) {
            used[s] = 1;
            return s;
        }
    return NO_SELECTOR;
}

void selector_give(uint64_t selector) {
    if (selector >= SELECTORS)
        return;
    (void)sys_destroy(selector);
    (void)sys_delegate(SELECTOR_SELF, 0, SELECTOR_SELF, selector, DELEGATE_CAPABILITY);
    used[selector] = 0;
}
