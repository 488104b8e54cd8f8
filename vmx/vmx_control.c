// Control words from capabilities.
#include "vmx/vmx_control.h"

bool vmx_controls(uint32_t must, uint32_t may, uint32_t required, uint32_t wanted, uint32_t forbidden,
                  uint32_t *controls) {
    if ((required & may) != required || (forbidden & must) != 0)
        return false;
    *controls = must | required | (wanted & may & ~forbidden);
    return true;
}

uint32_t vmx_apic_controls(uint32_t cpu2, bool x2apic, bool access) {
    if (!VMX_APIC(cpu2))
        return cpu2 & ~CPU2_APIC;
    if (x2apic)
        return cpu2 & ~CPU2_APIC_ACCESSES;
    if (access)
        return cpu2 & ~CPU2_X2APIC;
    return cpu2 & ~(CPU2_X2APIC | CPU2_APIC_ACCESSES);
}
