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
/* CIM_E_TOO_LARGE past HOST_SHEET_ROWS_MAX. */
cim_status host_sheet_end_row(struct host_sheet *sheet, cim_error *err);
/* Writes the file and frees `sheet`, also when that fails; NULL-safe. */
cim_status host_sheet_close(struct host_sheet *sheet, cim_error *err);

#endif
