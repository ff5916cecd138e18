/* host/exchange/sheet.h -- a new XLSX of one sheet, written row by row in constant memory. */
#ifndef HOST_SHEET_H
#define HOST_SHEET_H

#include "cim/base.h"

#include <stddef.h>

enum { HOST_SHEET_ROWS_MAX = 1048575, /* of Excel, below the head */ HOST_SHEET_CELL_MAX = 32767 };

struct host_sheet;
/* `path` does not exist; temporary files lie in `work_dir`. `name` has at most 31 characters. */
cim_status host_sheet_open(const char *path, const char *work_dir, const char *name,
                           struct host_sheet **ret_sheet, cim_error *err);
/* Cells of the row at hand, columns from 0. A longer text than a cell holds is CIM_E_TOO_LARGE. */
cim_status host_sheet_text(struct host_sheet *sheet, uint32_t column, const char *text,
                           cim_error *err);
cim_status host_sheet_number(struct host_sheet *sheet, uint32_t column, double number,
                             cim_error *err);
/* A day, and a moment in Beijing's time, as what they are; where the sheet counts none, before
 * March 1900, as text. `date` is "YYYY-MM-DD", anything else stays text. */
cim_status host_sheet_day(struct host_sheet *sheet, uint32_t column, const char *date,
                          cim_error *err);
cim_status host_sheet_moment(struct host_sheet *sheet, uint32_t column, int64_t utc_ms,
                             cim_error *err);
/* An empty cell: one in each row of a column of dates lets readers see what it is a column of, one
 * at the end of a row that the row is as long as the head, by which they know the head. */
enum host_sheet_kind { HOST_SHEET_PLAIN, HOST_SHEET_DAY, HOST_SHEET_MOMENT };
cim_status host_sheet_blank(struct host_sheet *sheet, uint32_t column, enum host_sheet_kind kind,
                            cim_error *err);
/* Makes a column wide enough for moments, before its first cell: a narrow one shows "####". */
cim_status host_sheet_widen(struct host_sheet *sheet, uint32_t column, cim_error *err);
/* CIM_E_TOO_LARGE past HOST_SHEET_ROWS_MAX. */
cim_status host_sheet_end_row(struct host_sheet *sheet, cim_error *err);
/* Writes the file and frees `sheet`, also when that fails; NULL-safe. */
cim_status host_sheet_close(struct host_sheet *sheet, cim_error *err);

#endif
