/* demo/calendar.h -- days since 1970-01-01 and Beijing times. */
#ifndef DEMO_CALENDAR_H
#define DEMO_CALENDAR_H

#include <stdint.h>

enum { DEMO_NO_DATE = INT32_MIN, DEMO_DATE_TEXT = 11 };

#define DEMO_DAY_MS  INT64_C(86400000)
#define DEMO_NO_TIME INT64_MIN
/* The stores' time after all others: a class that does not change by itself any more. */
#define DEMO_NEVER INT64_C(253402214400000)

int32_t demo_days_from_civil(int32_t year, int32_t month, int32_t day);
void demo_civil_from_days(int32_t days, int32_t *ret_year, int32_t *ret_month, int32_t *ret_day);
/* "YYYY-MM-DD" of an existing day, else -1. */
int demo_date_parse(const char *text, int32_t *ret_days);
void demo_date_format(int32_t days, char ret_text[DEMO_DATE_TEXT]);
/* UTC milliseconds of a Beijing wall-clock time. */
int64_t demo_beijing_ms(int32_t days, int32_t minute_of_day);
/* Beijing day of an instant. */
int32_t demo_beijing_day(int64_t ms);
/* Last day of the half-year, or of the month, that `days` lies in. */
int32_t demo_half_year_end(int32_t days);
int32_t demo_month_end(int32_t days);

#endif
