// Any bytes as a DSDT: it is read within its bounds, and a sleep type that is found is one that PM1_CNT can hold.
#include <stdlib.h>
#include <string.h>

#include "dom0/init/sleep_state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *dsdt = malloc(size); // of just this size
    unsigned type = 0;
    if (size)
        memcpy(dsdt, data, size);
    if (sleep_state_s5(dsdt, size, &type) && type > 7)
        abort();
    free(dsdt);
    return 0;
}
