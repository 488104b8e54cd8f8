// Control words from capabilities.
#include "vmx/vmx_control.h"

bool vmx_controls(uint32_t must, uint32_t may, uint32_t required, uint32_t wanted, uint32_t forbidden,
                  uint32_t *controls) {
    if ((required & may) != required || (forbidden & must) != 0)
        return false;
    *controls = must | required | (wanted & may & ~forbidden);
    return true;
}
