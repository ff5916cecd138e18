/* plugin/data/calendar.c -- see calendar.h. */
#include "data/calendar.h"

#include "data/internal.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/time.h"

#include <stdlib.h>

struct exception {
    int32_t day;
    bool works;
};

struct lpg_calendar {
    size_t n;
    struct exception days[LPG_CALENDAR_DAYS_MAX]; /* by day */
};

static cim_status
add_row(struct lpg_calendar *calendar, const cim_batch *batch, int64_t row, cim_error *err)
{
    size_t len = 0;
    const char *day = (const char *)cim_column_bytes(batch->columns[0], row, &len);
    struct exception *exception = &calendar->days[calendar->n];
    if (calendar->n == LPG_CALENDAR_DAYS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "工作日历不能超过 %d 天",
                        "the calendar holds at most %d days", LPG_CALENDAR_DAYS_MAX);
    }
    CIM_TRY(cim_date_parse(day, len, &exception->day));
    const char *kind = (const char *)cim_column_bytes(batch->columns[1], row, &len);
    exception->works = len == 6 && memcmp(kind, "makeup", 6) == 0;
    calendar->n++;
    return CIM_OK;
}

static cim_status
read_days(struct lpg_data *data, struct lpg_calendar *calendar, cim_error *err)
{
    static const char sql[] = "select day, kind from lpg_calendar_day order by day";
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(data->store->read(data->host, sql, NULL, 0, &rows, err));
    do {
        CIM_TRY(rows->next(rows, &batch, err));
        for (int64_t row = 0; row < batch->n_rows; row++) {
            CIM_TRY(add_row(calendar, batch, row, err));
        }
    } while (batch->n_rows > 0);
    return CIM_OK;
}

cim_status
lpg_calendar_load(struct lpg_data *data, struct lpg_calendar **ret_calendar, cim_error *err)
{
    struct lpg_calendar *calendar = calloc(1, sizeof *calendar);
    if (calendar == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_status status = read_days(data, calendar, err);
    if (status != CIM_OK) {
        free(calendar);
        return status;
    }
    *ret_calendar = calendar;
    return CIM_OK;
}

void
lpg_calendar_free(struct lpg_calendar *calendar)
{
    free(calendar);
}

static int
by_day(const void *key, const void *element)
{
    const int32_t day = *(const int32_t *)key;
    const struct exception *exception = (const struct exception *)element;
    return day < exception->day ? -1 : day > exception->day;
}

bool
lpg_is_working_day(const struct lpg_calendar *calendar, int32_t day)
{
    const struct exception *exception =
        bsearch(&day, calendar->days, calendar->n, sizeof calendar->days[0], by_day);
    if (exception != NULL) {
        return exception->works;
    }
    /* 1970-01-01 was a Thursday: 0 is Monday. */
    const int32_t weekday = ((day + 3) % 7 + 7) % 7;
    return weekday < 5;
}

int32_t
lpg_working_days_after(const struct lpg_calendar *calendar, int32_t day, int32_t n)
{
    while (n > 0) {
        day++;
        n -= lpg_is_working_day(calendar, day) ? 1 : 0;
    }
    return day;
}

int32_t
lpg_working_days_between(const struct lpg_calendar *calendar, int32_t from, int32_t to)
{
    int32_t n = 0;
    for (int32_t day = from + 1; day <= to; day++) {
        n += lpg_is_working_day(calendar, day) ? 1 : 0;
    }
    for (int32_t day = to + 1; day <= from; day++) {
        n -= lpg_is_working_day(calendar, day) ? 1 : 0;
    }
    return n;
}
