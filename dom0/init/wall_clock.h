// The host's real-time clock (MC146818 and its heirs), read once.
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum rtc_field { RTC_SECONDS, RTC_MINUTES, RTC_HOURS, RTC_DAY, RTC_MONTH, RTC_YEAR, RTC_FIELDS };

// Seconds since 1970 of what the clock's registers hold, with its register B; 0 if that is no date. Pure.
uint64_t rtc_seconds(const uint8_t fields[RTC_FIELDS], uint8_t status_b);

// Seconds since 1970 now, taking the clock to run on UTC; 0 if there is no clock.
uint64_t wall_clock_seconds(void);
