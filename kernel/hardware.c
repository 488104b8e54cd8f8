// Information pages, and the stop before power-off or reset.
#include "kernel/hardware.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/panic.h"
#include "kernel/trap.h"
#include "kernel/vendor.h"

int hardware_map_info(struct pd *pd, uint64_t address) {
    if (address >= USER_TOP - INFO_PAGES * PAGE_SIZE)
        return ERROR_ARGUMENT;
    for (unsigned page = 0; page < INFO_PAGES; page++) {
        int status = space_map_kernel_page(&pd->host, address + page * PAGE_SIZE, info_page_hpa(page), false);
        if (status != OK) {
            while (page-- > 0)
                space_unmap_kernel_page(&pd->host, address + page * PAGE_SIZE);
            return status;
        }
    }
    return OK;
}

void hardware_stop(void) {
    trap_stop_others();
    cpu_forget_others();
    if (vendor)
        VENDOR(cpu_stop);
    vendor = NULL;
    log_finish(KEPT_LOG_STOPPED, "");
}
