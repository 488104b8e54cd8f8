// From the registers of a real-time clock to seconds.
#include "dom0/init/wall_clock.h"

#define STATUS_B_24_HOURS 0x02u
#define STATUS_B_BINARY   0x04u
#define HOURS_PM          0x80u

// Days from 1970-01-01 (proleptic Gregorian calendar, years from March on).
static uint64_t days_since_1970(uint64_t year, uint64_t month, uint64_t day) {
    uint64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

static uint64_t number(uint8_t value, uint8_t status_b) {
    return status_b & STATUS_B_BINARY ? value : value / 16u * 10u + value % 16u;
}

uint64_t rtc_seconds(const uint8_t fields[RTC_FIELDS], uint8_t status_b) {
    bool pm = !(status_b & STATUS_B_24_HOURS) && (fields[RTC_HOURS] & HOURS_PM);
    uint64_t v[RTC_FIELDS];
    for (unsigned i = 0; i < RTC_FIELDS; i++)
        v[i] = number(i == RTC_HOURS ? fields[i] & (uint8_t)~HOURS_PM : fields[i], status_b);
    if (!(status_b & STATUS_B_24_HOURS))
        v[RTC_HOURS] = v[RTC_HOURS] % 12 + (pm ? 12 : 0);
    if (v[RTC_SECONDS] > 59 || v[RTC_MINUTES] > 59 || v[RTC_HOURS] > 23 || v[RTC_DAY] < 1 || v[RTC_DAY] > 31 ||
        v[RTC_MONTH] < 1 || v[RTC_MONTH] > 12 || v[RTC_YEAR] > 99)
        return 0;
    uint64_t days = days_since_1970(2000 + v[RTC_YEAR], v[RTC_MONTH], v[RTC_DAY]);
    return ((days * 24 + v[RTC_HOURS]) * 60 + v[RTC_MINUTES]) * 60 + v[RTC_SECONDS];
}
