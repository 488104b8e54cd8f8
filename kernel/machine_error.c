// What machine checks mean.
#include "kernel/machine_error.h"

enum machine_error machine_error_of(uint64_t status, bool address_is_physical) {
    if (!(status & MCI_STATUS_VAL))
        return MACHINE_ERROR_NONE;
    if (!(status & MCI_STATUS_UC))
        return MACHINE_ERROR_CORRECTED;
    if ((status & MCI_STATUS_OVER) || (status & MCI_STATUS_PCC))
        return MACHINE_ERROR_FATAL;
    return (status & MCI_STATUS_ADDR) && address_is_physical ? MACHINE_ERROR_MEMORY : MACHINE_ERROR_FATAL;
}

enum machine_check_action machine_check_decide(enum machine_error error, bool restartable, enum machine_memory memory,
                                               bool owner_interrupted) {
    bool domain = memory == MACHINE_MEMORY_DOMAIN;
    if (error == MACHINE_ERROR_FATAL)
        return MACHINE_CHECK_STOP;
    if (error == MACHINE_ERROR_MEMORY && domain && (restartable || owner_interrupted))
        return MACHINE_CHECK_END_OWNER;
    if (!restartable || (error == MACHINE_ERROR_MEMORY && memory != MACHINE_MEMORY_FREE))
        return MACHINE_CHECK_STOP;
    return MACHINE_CHECK_GO_ON;
}
