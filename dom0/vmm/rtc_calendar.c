// Dates of the Gregorian calendar: years begin in March, so that the leap day is their last.
#include "dom0/vmm/rtc_calendar.h"

#define DAY_S     86400
#define ERA_DAYS  146097 // 400 years
#define EPOCH_DAY 719468 // 1970-01-01, counted from 0000-03-01

static int64_t floor_divide(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

struct calendar calendar_of(int64_t seconds) {
    int64_t days = floor_divide(seconds, DAY_S);
    unsigned in_day = (unsigned)(seconds - days * DAY_S);
    int64_t shifted = days + EPOCH_DAY;
    int64_t era = floor_divide(shifted, ERA_DAYS);
    unsigned day_of_era = (unsigned)(shifted - era * ERA_DAYS);
    unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned march_month = (5 * day_of_year + 2) / 153;
    struct calendar date = {
        .year = era * 400 + year_of_era + (march_month >= 10),
        .month = march_month < 10 ? march_month + 3 : march_month - 9,
        .day = day_of_year - (153 * march_month + 2) / 5 + 1,
        .hour = in_day / 3600,
        .minute = in_day / 60 % 60,
        .second = in_day % 60,
        .weekday = (unsigned)(days + 4 - floor_divide(days + 4, 7) * 7) + 1,
    };
    return date;
}

int64_t calendar_seconds(const struct calendar *date) {
    unsigned month = date->month < 1 ? 1 : date->month > 12 ? 12 : date->month;
    int64_t year = date->year - (month <= 2);
    int64_t era = floor_divide(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t march_month = month > 2 ? month - 3 : month + 9;
    int64_t day_of_year = (153 * march_month + 2) / 5 + (int64_t)date->day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    int64_t days = era * ERA_DAYS + day_of_era - EPOCH_DAY;
    return days * DAY_S + (int64_t)date->hour * 3600 + (int64_t)date->minute * 60 + (int64_t)date->second;
}
