#include "calendar.h"

#include <stdio.h>
#include <string.h>

/* Counting from 1 March puts the leap day at the end of the year. */
int32_t
demo_days_from_civil(int32_t year, int32_t month, int32_t day)
{
    int32_t y = month <= 2 ? year - 1 : year;
    int32_t era = (y >= 0 ? y : y - 399) / 400;
    int32_t year_of_era = y - era * 400;
    int32_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

void
demo_civil_from_days(int32_t days, int32_t *ret_year, int32_t *ret_month, int32_t *ret_day)
{
    int32_t z = days + 719468;
    int32_t era = (z >= 0 ? z : z - 146096) / 146097;
    int32_t day_of_era = z - era * 146097;
    int32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int32_t shifted = (5 * day_of_year + 2) / 153;

    *ret_day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *ret_month = shifted < 10 ? shifted + 3 : shifted - 9;
    *ret_year = year_of_era + era * 400 + (*ret_month <= 2);
}

int
demo_date_parse(const char *text, int32_t *ret_days)
{
    static const char shape[] = "dddd-dd-dd";
    int32_t parts[3] = {0, 0, 0};
    int32_t year, month, day, days;
    int part = 0;

    if (strlen(text) != sizeof(shape) - 1) {
        return -1;
    }
    for (int i = 0; shape[i] != '\0'; i++) {
        if (shape[i] == '-') {
            if (text[i] != '-') {
                return -1;
            }
            part++;
        } else if (text[i] < '0' || text[i] > '9') {
            return -1;
        } else {
            parts[part] = parts[part] * 10 + (text[i] - '0');
        }
    }
    days = demo_days_from_civil(parts[0], parts[1], parts[2]);
    demo_civil_from_days(days, &year, &month, &day);
    if (year != parts[0] || month != parts[1] || day != parts[2]) {
        return -1;
    }
    *ret_days = days;
    return 0;
}

static void
put_digits(char *at, int32_t value, int n_digits)
{
    for (int i = n_digits - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

void
demo_date_format(int32_t days, char ret_text[DEMO_DATE_TEXT])
{
    int32_t year, month, day;

    demo_civil_from_days(days, &year, &month, &day);
    put_digits(ret_text, year, 4);
    ret_text[4] = '-';
    put_digits(ret_text + 5, month, 2);
    ret_text[7] = '-';
    put_digits(ret_text + 8, day, 2);
    ret_text[10] = '\0';
}

int64_t
demo_beijing_ms(int32_t days, int32_t minute_of_day)
{
    return (int64_t)days * DEMO_DAY_MS + ((int64_t)minute_of_day - 480) * 60000;
}

int32_t
demo_beijing_day(int64_t ms)
{
    int64_t local = ms + 480 * 60000;

    return (int32_t)((local >= 0 ? local : local - DEMO_DAY_MS + 1) / DEMO_DAY_MS);
}

int32_t
demo_half_year_end(int32_t days)
{
    int32_t year, month, day;

    demo_civil_from_days(days, &year, &month, &day);
    return month <= 6 ? demo_days_from_civil(year, 6, 30) : demo_days_from_civil(year, 12, 31);
}

int32_t
demo_month_end(int32_t days)
{
    int32_t year, month, day;

    demo_civil_from_days(days, &year, &month, &day);
    if (month == 12) {
        return demo_days_from_civil(year, 12, 31);
    }
    return demo_days_from_civil(year, month + 1, 1) - 1;
}
