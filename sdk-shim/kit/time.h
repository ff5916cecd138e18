/* kit/time.h -- UTC milliseconds to text and back; Beijing time for people. */
#ifndef CIM_KIT_TIME_H
#define CIM_KIT_TIME_H

#include "cim/base.h"

enum { CIM_TIME_TEXT_MAX = 32 };

/* "2026-11-22T05:08:02.000Z": fixed width, sorts as time; years 0000 to 9999. */
void cim_time_format(int64_t ms, char ret_text[CIM_TIME_TEXT_MAX]);
/* "2026-11-22 13:08" in Beijing time. */
void cim_time_format_local(int64_t ms, char ret_text[CIM_TIME_TEXT_MAX]);
/* RFC 3339 date-time with Z or an offset; a missing offset means Beijing time; fractions of a
 * second are cut to milliseconds. `len` SIZE_MAX: up to the NUL. CIM_E_INVALID otherwise. */
cim_status cim_time_parse(const char *text, size_t len, int64_t *ret_ms);
/* "YYYY-MM-DD" that exists in the calendar. */
cim_status cim_date_parse(const char *text, size_t len, int32_t *ret_days_since_1970);
/* The days' UTC midnight as "YYYY-MM-DD". */
void cim_date_format(int32_t days_since_1970, char ret_text[CIM_TIME_TEXT_MAX]);
/* Day in Beijing of an instant. */
int32_t cim_time_local_day(int64_t ms);
/* UUIDv7 (RFC 9562) from a time and 10 random bytes, as text of 36 characters + NUL. */
void cim_uuid7_format(int64_t ms, const uint8_t random[10], char ret_text[37]);

#endif
