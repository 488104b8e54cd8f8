// \_S5 in a DSDT. AML stores Name(\_S5_, Package(..){a, ..}) as NameOp, the name, PackageOp, the package's length in 1
// to 4 bytes, the number of elements, the elements (ACPI 6.4, chapter 20.2).
#include "dom0/init/sleep_state.h"
#include "lib/string.h"

#define HEADER_BYTES   36u
#define NAME_OP        0x08u
#define ROOT_CHARACTER '\\'
#define ZERO_OP        0x00u
#define ONE_OP         0x01u
#define BYTE_PREFIX    0x0au
#define SLP_TYP_MAX    7u

// A named object starts before `at`, where its name stands.
static bool is_named(const uint8_t *dsdt, uint64_t at) {
    return dsdt[at - 1] == NAME_OP || (dsdt[at - 1] == ROOT_CHARACTER && dsdt[at - 2] == NAME_OP);
}

static bool small_integer(const uint8_t *aml, uint64_t bytes, unsigned *value) {
    if (bytes >= 1 && (aml[0] == ZERO_OP || aml[0] == ONE_OP)) {
        *value = aml[0];
        return true;
    }
    if (bytes < 2 || aml[0] != BYTE_PREFIX)
        return false;
    *value = aml[1];
    return *value <= SLP_TYP_MAX;
}

bool sleep_state_s5(const uint8_t *dsdt, uint64_t bytes, unsigned *type) {
    for (uint64_t at = HEADER_BYTES + 1; at + 6 <= bytes; at++) {
        if (memcmp(dsdt + at, "_S5_\x12", 5) != 0 || !is_named(dsdt, at))
            continue;
        uint64_t length_bytes = 1 + (dsdt[at + 5] >> 6), elements = at + 5 + length_bytes;
        if (elements + 1 > bytes || dsdt[elements] == 0)
            return false;
        return small_integer(dsdt + elements + 1, bytes - elements - 1, type);
    }
    return false;
}
