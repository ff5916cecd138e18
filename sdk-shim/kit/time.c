/* kit/time.c -- see time.h. The calendar is computed, so that no time zone of the process matters.
 */
#include "kit/time.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const int64_t day_ms = 86400000;
static const int64_t beijing_ms = 8 * 3600000;
static const int64_t least_ms = -62167219200000;    /* 0000-01-01 */
static const int64_t greatest_ms = 253402300799999; /* 9999-12-31 */

struct civil {
    int32_t year;
    int32_t month;
    int32_t day;
};

static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

/* Proleptic Gregorian calendar, counted in eras of 400 years that begin on 1 March. */
static int32_t
days_from_civil(struct civil date)
{
    const int32_t year = date.month <= 2 ? date.year - 1 : date.year;
    const int32_t era = (int32_t)floor_div(year, 400);
    const int32_t year_of_era = year - era * 400;
    const int32_t shifted_month = (date.month + 9) % 12;
    const int32_t day_of_year = (153 * shifted_month + 2) / 5 + date.day - 1;
    const int32_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static struct civil
civil_from_days(int64_t days)
{
    const int64_t shifted = days + 719468;
    const int64_t era = floor_div(shifted, 146097);
    const int32_t day_of_era = (int32_t)(shifted - era * 146097);
    const int32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int32_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int32_t shifted_month = (5 * day_of_year + 2) / 153;
    struct civil date = {.day = day_of_year - (153 * shifted_month + 2) / 5 + 1,
                         .month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9};
    date.year = (int32_t)(year_of_era + era * 400) + (date.month <= 2 ? 1 : 0);
    return date;
}

static int32_t
days_in_month(int32_t year, int32_t month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static int64_t
clamp_ms(int64_t ms)
{
    return ms < least_ms ? least_ms : ms > greatest_ms ? greatest_ms : ms;
}

/* `width` digits of `value` at `to`. */
static void
put_digits(char *to, int32_t value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
}

static void
put_date(char *to, int64_t days)
{
    const struct civil date = civil_from_days(days);
    put_digits(to, date.year, 4);
    to[4] = '-';
    put_digits(to + 5, date.month, 2);
    to[7] = '-';
    put_digits(to + 8, date.day, 2);
}

void
cim_time_format(int64_t ms, char ret_text[CIM_TIME_TEXT_MAX])
{
    const int64_t when = clamp_ms(ms);
    const int64_t days = floor_div(when, day_ms);
    const int32_t rest = (int32_t)(when - days * day_ms);
    put_date(ret_text, days);
    ret_text[10] = 'T';
    put_digits(ret_text + 11, rest / 3600000, 2);
    ret_text[13] = ':';
    put_digits(ret_text + 14, rest / 60000 % 60, 2);
    ret_text[16] = ':';
    put_digits(ret_text + 17, rest / 1000 % 60, 2);
    ret_text[19] = '.';
    put_digits(ret_text + 20, rest % 1000, 3);
    ret_text[23] = 'Z';
    ret_text[24] = '\0';
}

void
cim_time_format_local(int64_t ms, char ret_text[CIM_TIME_TEXT_MAX])
{
    const int64_t when = clamp_ms(clamp_ms(ms) + beijing_ms);
    const int64_t days = floor_div(when, day_ms);
    const int32_t rest = (int32_t)(when - days * day_ms);
    put_date(ret_text, days);
    ret_text[10] = ' ';
    put_digits(ret_text + 11, rest / 3600000, 2);
    ret_text[13] = ':';
    put_digits(ret_text + 14, rest / 60000 % 60, 2);
    ret_text[16] = '\0';
}

/* What is left of a text that is being read. */
struct reader {
    const char *at;
    const char *end;
};

static bool
take_digits(struct reader *in, int width, int32_t *ret_value)
{
    int32_t value = 0;
    if (in->end - in->at < width) {
        return false;
    }
    for (int i = 0; i < width; i++) {
        const char c = in->at[i];
        if (c < '0' || c > '9') {
            return false;
        }
        value = value * 10 + (c - '0');
    }
    in->at += width;
    *ret_value = value;
    return true;
}

static bool
take_char(struct reader *in, const char *allowed)
{
    if (in->at < in->end && *in->at != '\0' && strchr(allowed, *in->at) != NULL) {
        in->at++;
        return true;
    }
    return false;
}

static bool
take_date(struct reader *in, int32_t *ret_days)
{
    struct civil date = {0};
    if (!take_digits(in, 4, &date.year) || !take_char(in, "-") ||
        !take_digits(in, 2, &date.month) || !take_char(in, "-") || !take_digits(in, 2, &date.day)) {
        return false;
    }
    if (date.month < 1 || date.month > 12 || date.day < 1 ||
        date.day > days_in_month(date.year, date.month)) {
        return false;
    }
    *ret_days = days_from_civil(date);
    return true;
}

/* hh:mm with optional seconds and fraction. A leap second counts as the next second's start. */
static bool
take_clock(struct reader *in, int32_t *ret_ms)
{
    int32_t hour = 0;
    int32_t minute = 0;
    int32_t second = 0;
    int32_t fraction_ms = 0;
    if (!take_digits(in, 2, &hour) || !take_char(in, ":") || !take_digits(in, 2, &minute) ||
        hour > 23 || minute > 59) {
        return false;
    }
    if (take_char(in, ":")) {
        if (!take_digits(in, 2, &second) || second > 60) {
            return false;
        }
        if (take_char(in, ".,")) {
            int32_t digit = 0;
            int32_t weight = 100;
            if (!take_digits(in, 1, &digit)) {
                return false;
            }
            do {
                fraction_ms += digit * weight;
                weight /= 10;
            } while (take_digits(in, 1, &digit));
        }
    }
    *ret_ms = ((hour * 60 + minute) * 60 + second) * 1000 + (second < 60 ? fraction_ms : 0);
    return true;
}

/* Z, ±hh:mm, ±hhmm, or nothing, which means Beijing. */
static bool
take_offset(struct reader *in, int64_t *ret_ms)
{
    int32_t hours = 0;
    int32_t minutes = 0;
    if (in->at == in->end) {
        *ret_ms = beijing_ms;
        return true;
    }
    if (take_char(in, "Zz")) {
        *ret_ms = 0;
        return true;
    }
    const bool west = in->at < in->end && *in->at == '-';
    if (!take_char(in, "+-") || !take_digits(in, 2, &hours)) {
        return false;
    }
    (void)take_char(in, ":");
    if (!take_digits(in, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *ret_ms = (west ? -1 : 1) * (int64_t)(hours * 60 + minutes) * 60000;
    return true;
}

cim_status
cim_time_parse(const char *text, size_t len, int64_t *ret_ms)
{
    struct reader in = {text, text + (len == SIZE_MAX ? strlen(text) : len)};
    int32_t days = 0;
    int32_t clock_ms = 0;
    int64_t offset_ms = 0;
    if (!take_date(&in, &days) || !take_char(&in, "Tt ") || !take_clock(&in, &clock_ms) ||
        !take_offset(&in, &offset_ms) || in.at != in.end) {
        return CIM_E_INVALID;
    }
    const int64_t ms = days * day_ms + clock_ms - offset_ms;
    if (ms < least_ms || ms > greatest_ms) {
        return CIM_E_INVALID;
    }
    *ret_ms = ms;
    return CIM_OK;
}

cim_status
cim_date_parse(const char *text, size_t len, int32_t *ret_days_since_1970)
{
    struct reader in = {text, text + (len == SIZE_MAX ? strlen(text) : len)};
    int32_t days = 0;
    if (!take_date(&in, &days) || in.at != in.end) {
        return CIM_E_INVALID;
    }
    *ret_days_since_1970 = days;
    return CIM_OK;
}

void
cim_date_format(int32_t days_since_1970, char ret_text[CIM_TIME_TEXT_MAX])
{
    put_date(ret_text, floor_div(clamp_ms(days_since_1970 * day_ms), day_ms));
    ret_text[10] = '\0';
}

int32_t
cim_time_local_day(int64_t ms)
{
    return (int32_t)floor_div(clamp_ms(ms) + beijing_ms, day_ms);
}

void
cim_uuid7_format(int64_t ms, const uint8_t random[10], char ret_text[37])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t bytes[16];
    for (int i = 0; i < 6; i++) {
        bytes[i] = (uint8_t)((uint64_t)ms >> (40U - 8U * (unsigned)i));
    }
    memcpy(bytes + 6, random, 10);
    bytes[6] = (uint8_t)(0x70U | (bytes[6] & 0x0FU));
    bytes[8] = (uint8_t)(0x80U | (bytes[8] & 0x3FU));
    char *to = ret_text;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *to++ = '-';
        }
        *to++ = hex[bytes[i] >> 4U];
        *to++ = hex[bytes[i] & 15U];
    }
    *to = '\0';
}
