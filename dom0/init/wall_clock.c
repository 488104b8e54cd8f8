// The real-time clock of the host.
#include "dom0/init/wall_clock.h"
#include "dom0/init/init.h"
#include "dom0/init/ports.h"

#define CMOS_INDEX        0x70u
#define CMOS_DATA         0x71u
#define CMOS_STATUS_A     10u
#define CMOS_STATUS_B     11u
#define STATUS_A_UPDATING 0x80u
#define UPDATE_TRIES      100000u // an update takes 2 ms
#define READS             4u

static uint8_t cmos(uint8_t index) {
    port_out8(CMOS_INDEX, index);
    return port_in8(CMOS_DATA);
}

static uint64_t read_clock(void) {
    static const uint8_t index[RTC_FIELDS] = {0, 2, 4, 7, 8, 9};
    uint8_t fields[RTC_FIELDS];
    for (unsigned tries = 0; tries < UPDATE_TRIES && (cmos(CMOS_STATUS_A) & STATUS_A_UPDATING); tries++)
        ;
    for (unsigned i = 0; i < RTC_FIELDS; i++)
        fields[i] = cmos(index[i]);
    return rtc_seconds(fields, cmos(CMOS_STATUS_B));
}

uint64_t wall_clock_seconds(void) {
    static uint64_t seconds_then, tsc_then;
    if (!tsc_then) {
        tsc_then = now_tsc();
        if (!ports_take(CMOS_INDEX, 1))
            return 0;
        // An update may have begun between the look and the reads: two equal ones are right.
        seconds_then = read_clock();
        for (unsigned i = 0; i < READS && read_clock() != seconds_then; i++)
            seconds_then = read_clock();
    }
    return seconds_then ? seconds_then + (now_tsc() - tsc_then) / boot_page->tsc_hz : 0;
}
