// The place of the log. A warm reset leaves memory alone, but firmware and boot loader then run in it: SeaBIOS, OVMF
// and GRUB use the lowest tens of MiB (with the archive) and the top, so the log lies in the middle of what is below 4
// GiB, at a multiple of STEP. All multiples are looked at for the last run's, for the map may have changed a little.
#include "kernel/last_log.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/panic.h"
#include "lib/string.h"

#define STEP  (16ull << 20)
#define LIMIT (4ull << 30) // what the boot tables map
#define PARTS 2u           // the core's, then init's

static uint64_t place;

static struct kept_log *at(uint64_t hpa) {
    return (struct kept_log *)hpa;
}

static void take_last(const struct kept_log *log) {
    static const char *const ends[] = {
        [KEPT_LOG_RUNS] = "was cut off: no order to stop, no panic",
        [KEPT_LOG_STOPPED] = "was stopped in good order",
        [KEPT_LOG_PANIC] = "ended in a panic",
    };
    core_info.last_log_end = log->end;
    core_info.last_log_bytes = kept_log_copy(log, last_log_text);
    log_print("the last run %s%s%s; see dmesg --last", ends[log->end], *log->reason ? ": " : "", log->reason);
}

void last_log_init(struct boot_info *info) {
    uint64_t middle = memory_top(info, LIMIT) / 2 & ~(STEP - 1), chosen = 0;
    for (uint64_t base = STEP; base < LIMIT && !place; base += STEP) {
        if (!memory_is_free(info, base, base + PARTS * KEPT_LOG_BYTES))
            continue;
        if (kept_log_valid(at(base))) {
            take_last(at(base));
            place = base;
        } else if (!chosen && base >= middle) {
            chosen = base;
        }
    }
    place = place ? place : chosen;
    if (!place)
        PANIC("no free memory for the log in the upper half of what is below 4 GiB");
    memory_note_kernel(info, place, PARTS * KEPT_LOG_BYTES);
    info->kept_log_base = place + KEPT_LOG_BYTES;
    kept_log_start(at(place));
    log_keep(at(place));
}

uint64_t last_log_hpa(void) {
    return place;
}
