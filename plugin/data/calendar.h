/* plugin/data/calendar.h -- working days: Monday to Friday but for the days of lpg.calendar-days,
 * which names holidays and the working days that make up for them (调休).
 */
#ifndef LPG_DATA_CALENDAR_H
#define LPG_DATA_CALENDAR_H

#include "data/data.h"

#include <stdbool.h>

enum { LPG_CALENDAR_DAYS_MAX = 20000 };

struct lpg_calendar;

/* The exceptions as they are stored now; owned by the caller. [worker] */
cim_status lpg_calendar_load(struct lpg_data *data, struct lpg_calendar **ret_calendar,
                             cim_error *err);
void lpg_calendar_free(struct lpg_calendar *calendar); /* NULL-safe */
/* Days are Beijing days since 1970-01-01. [any] */
bool lpg_is_working_day(const struct lpg_calendar *calendar, int32_t day);
/* The n-th working day after `day`, which itself does not count; `day` for n = 0. [any] */
int32_t lpg_working_days_after(const struct lpg_calendar *calendar, int32_t day, int32_t n);
/* Working days in (from, to]; negative where `to` lies before `from`. [any] */
int32_t lpg_working_days_between(const struct lpg_calendar *calendar, int32_t from, int32_t to);

#endif
