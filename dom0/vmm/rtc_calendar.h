// Dates of the Gregorian calendar as seconds since 1970.
#pragma once
#include <stdint.h>

struct calendar {
    int64_t year;
    unsigned month, day;           // from 1
    unsigned hour, minute, second; // from 0
    unsigned weekday;              // 1 is Sunday
};

struct calendar calendar_of(int64_t seconds);

// Fields out of range carry over, except the month, which is clamped to 1..12.
int64_t calendar_seconds(const struct calendar *date);
