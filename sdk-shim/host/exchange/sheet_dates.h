/* host/exchange/sheet_dates.h -- dates as XLSX keeps them: days since 1900 in numeric cells, which
 * a format of the cell makes dates. GDAL knows the formats of English workbooks; of others, such as
 * the built-in 31 (yyyy年m月d日), it hands out the number.
 */
#ifndef HOST_SHEET_DATES_H
#define HOST_SHEET_DATES_H

#include "cim/base.h"

#include <stdbool.h>

enum { HOST_SHEET_DATE_TEXT = 32 };

/* The workbook counts days from 1904 on (ECMA-376 18.2.28, date1904), which GDAL does not heed: all
 * its dates come four years and a day too early. False also of what is no workbook. [worker] */
bool host_sheet_counts_from_1904(const char *path);

/* A number, or a date in the notation of GDAL, as the date that it is in the system of 1900,
 * "YYYY-MM-DD", with `with_time` and a part of a day "YYYY-MM-DDThh:mm:ss". False where `text` is
 * no number of a day from 1900-03-01 to 9999-12-31, or has a part of a day that is not asked for.
 * [any] */
bool host_sheet_date(const char *text, bool with_time, char ret_date[HOST_SHEET_DATE_TEXT]);
/* The number of a day, counted from 1970, in that system; false outside of those days. [any] */
bool host_sheet_serial(int32_t days_since_1970, double *ret_serial);

#endif
