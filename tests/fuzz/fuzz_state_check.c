// Any bytes as a vCPU's state: what is wrong with it is said in words that a console can show, or nothing; the state is
// only read, and the answer is the same each time.
#include <stdlib.h>
#include <string.h>

#include "dom0/vmm/state_check.h"

static void check(bool holds) {
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct vcpu_page page, before;
    if (size == 0)
        return 0;
    unsigned physical_bits = 36 + data[0] % 17; // 36 to 52
    memset(&page, 0, sizeof(page));
    memcpy(&page, data + 1, size - 1 < sizeof(page) ? size - 1 : sizeof(page));
    before = page;
    const char *failed = state_check(&page, physical_bits);
    check(memcmp(&page, &before, sizeof(page)) == 0);
    check(failed == state_check(&page, physical_bits));
    for (const char *c = failed; c && *c; c++)
        check(*c >= ' ' && *c <= '~');
    if (!failed) // what a processor would never enter
        check(page.cr3 >> physical_bits == 0 && page.cr0 >> 32 == 0 && (page.cr0 >> 31 & 1) <= (page.cr0 & 1));
    return 0;
}
