/* host/exchange/sheet_dates.c -- see sheet_dates.h. */
#include "host/exchange/sheet_dates.h"

#include "kit/time.h"

#include <cpl_vsi.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    DAY_1970 = 25569, /* of 1970-01-01 */
    FIRST_DAY = 61,   /* before it the system has a 29 February 1900 */
    LAST_DAY = 2958465,
    SECONDS_A_DAY = 86400,
    BOOK_BYTES_MAX = 1 << 16 /* workbookPr is one of the first elements */
};

bool
host_sheet_counts_from_1904(const char *path)
{
    char name[4200];
    char book[BOOK_BYTES_MAX + 1];
    const char *properties = NULL;
    const char *end = NULL;
    const char *flag = NULL;
    VSILFILE *file = NULL;
    size_t n = 0;
    (void)snprintf(name, sizeof name, "/vsizip/{%s}/xl/workbook.xml", path);
    file = VSIFOpenL(name, "rb");
    if (file == NULL) {
        return false;
    }
    n = VSIFReadL(book, 1, BOOK_BYTES_MAX, file);
    (void)VSIFCloseL(file);
    book[n] = '\0';
    properties = strstr(book, "workbookPr");
    end = properties != NULL ? strchr(properties, '>') : NULL;
    flag = end != NULL ? strstr(properties, "date1904=") : NULL;
    if (flag == NULL || flag > end) {
        return false;
    }
    flag += strlen("date1904=") + 1; /* past either quote */
    return *flag == '1' || strncmp(flag, "true", 4) == 0 || strncmp(flag, "on", 2) == 0;
}

/* "2026/11/22" or "2026/11/22 05:08:02.123", as GDAL writes a date among texts. */
static bool
written_by_gdal(const char *text, bool with_time, char ret_date[HOST_SHEET_DATE_TEXT])
{
    static const char shape[] = "0000/00/00 00:00:00";
    const size_t len = strlen(text);
    bool same = len == 10 || (with_time && len >= sizeof shape - 1 && len < HOST_SHEET_DATE_TEXT);
    for (size_t i = 0; same && i < len; i++) {
        const char like = i < sizeof shape - 1 ? shape[i] : i == sizeof shape - 1 ? '.' : '0';
        same = like == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == like;
    }
    if (same) {
        memcpy(ret_date, text, len + 1);
        ret_date[4] = ret_date[7] = '-';
        ret_date[10] = len > 10 ? 'T' : '\0';
    }
    return same;
}

bool
host_sheet_date(const char *text, bool with_time, char ret_date[HOST_SHEET_DATE_TEXT])
{
    char *end = NULL;
    char day_text[CIM_TIME_TEXT_MAX];
    if (written_by_gdal(text, with_time, ret_date)) {
        return true;
    }
    const double serial = strtod(text, &end);
    if (end == text || *end != '\0' || strspn(text, "0123456789.") != strlen(text) ||
        !(serial >= FIRST_DAY && serial < LAST_DAY + 1.0)) {
        return false;
    }
    double day = floor(serial);
    long seconds = lround((serial - day) * SECONDS_A_DAY);
    if (seconds == SECONDS_A_DAY) { /* rounded up to the next midnight */
        day += 1.0;
        seconds = 0;
    }
    if (seconds != 0 && !with_time) {
        return false;
    }
    cim_date_format((int32_t)day - DAY_1970, day_text);
    if (!with_time) {
        (void)snprintf(ret_date, HOST_SHEET_DATE_TEXT, "%.10s", day_text);
    } else {
        (void)snprintf(ret_date, HOST_SHEET_DATE_TEXT, "%.10sT%02ld:%02ld:%02ld", day_text,
                       seconds / 3600, seconds / 60 % 60, seconds % 60);
    }
    return true;
}

bool
host_sheet_serial(int32_t days_since_1970, double *ret_serial)
{
    *ret_serial = (double)days_since_1970 + DAY_1970;
    return *ret_serial >= FIRST_DAY && *ret_serial <= LAST_DAY;
}
