// Control words from capabilities.
#include "vmx/vmx_control.h"

bool vmx_controls(uint64_t capability, uint32_t required, uint32_t wanted, uint32_t forbidden, uint32_t *controls) {
    uint32_t must = (uint32_t)capability, may = (uint32_t)(capability >> 32);
    if ((required & ~may) != 0 || (forbidden & must) != 0)
        return false;
    *controls = must | required | (wanted & may & ~forbidden);
    return true;
}
