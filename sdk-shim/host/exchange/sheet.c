/* host/exchange/sheet.c -- see sheet.h. */
#include "host/exchange/sheet.h"

#include "cim/util.h"
#include "host/exchange/sheet_dates.h"
#include "kit/time.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
/* Its headers are not ours to warn about. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#include <xlsxwriter.h>
#pragma GCC diagnostic pop

struct host_sheet {
    lxw_workbook *workbook;
    lxw_worksheet *worksheet;
    lxw_format *formats[3]; /* by kind */
    lxw_row_t row;
    char *work_dir;
};
enum { MOMENT_WIDTH = 23 };

static cim_status
sheet_fail(lxw_error error, cim_error *err)
{
    return cim_fail(err, CIM_E_IO, NULL, NULL, "XLSX 写入失败：%s",
                    "the XLSX could not be written: %s", lxw_strerror(error));
}

static bool
add_formats(struct host_sheet *sheet)
{
    static const char *const formats[] = {"General", "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss.000"};
    for (int i = 0; i < 3; i++) {
        sheet->formats[i] = workbook_add_format(sheet->workbook);
        if (sheet->formats[i] == NULL) {
            return false;
        }
        format_set_num_format(sheet->formats[i], formats[i]);
    }
    return true;
}

cim_status
host_sheet_open(const char *path, const char *work_dir, const char *name,
                struct host_sheet **ret_sheet, cim_error *err)
{
    struct host_sheet *sheet = calloc(1, sizeof *sheet);
    if (sheet == NULL) {
        return cim_fail_nomem(err);
    }
    sheet->work_dir = strdup(work_dir);
    if (sheet->work_dir != NULL) {
        lxw_workbook_options options = {.constant_memory = LXW_TRUE, .tmpdir = sheet->work_dir};
        sheet->workbook = workbook_new_opt(path, &options);
    }
    if (sheet->workbook != NULL) {
        sheet->worksheet = workbook_add_worksheet(sheet->workbook, name);
    }
    if (sheet->worksheet == NULL || !add_formats(sheet)) {
        (void)host_sheet_close(sheet, NULL); /* nothing was written */
        return cim_fail_nomem(err);
    }
    *ret_sheet = sheet;
    return CIM_OK;
}

cim_status
host_sheet_text(struct host_sheet *sheet, uint32_t column, const char *text, cim_error *err)
{
    const lxw_error error =
        worksheet_write_string(sheet->worksheet, sheet->row, (lxw_col_t)column, text, NULL);
    if (error == LXW_ERROR_MAX_STRING_LENGTH_EXCEEDED) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, text,
                        "第 %u 行的文字或几何超过 XLSX 单元格的 %d 个字符，请导出为 GeoPackage",
                        "row %u: a text or geometry is longer than the %d characters of a cell of "
                        "XLSX: export GeoPackage",
                        (unsigned)sheet->row, HOST_SHEET_CELL_MAX);
    }
    return error == LXW_NO_ERROR ? CIM_OK : sheet_fail(error, err);
}

cim_status
host_sheet_number(struct host_sheet *sheet, uint32_t column, double number, cim_error *err)
{
    const lxw_error error =
        worksheet_write_number(sheet->worksheet, sheet->row, (lxw_col_t)column, number, NULL);
    return error == LXW_NO_ERROR ? CIM_OK : sheet_fail(error, err);
}

static cim_status
put_date(struct host_sheet *sheet, uint32_t column, double days, enum host_sheet_kind kind,
         cim_error *err)
{
    const lxw_error error = worksheet_write_number(sheet->worksheet, sheet->row, (lxw_col_t)column,
                                                   days, sheet->formats[kind]);
    return error == LXW_NO_ERROR ? CIM_OK : sheet_fail(error, err);
}

cim_status
host_sheet_blank(struct host_sheet *sheet, uint32_t column, enum host_sheet_kind kind,
                 cim_error *err)
{
    const lxw_error error = worksheet_write_blank(sheet->worksheet, sheet->row, (lxw_col_t)column,
                                                  sheet->formats[kind]);
    return error == LXW_NO_ERROR ? CIM_OK : sheet_fail(error, err);
}

cim_status
host_sheet_day(struct host_sheet *sheet, uint32_t column, const char *date, cim_error *err)
{
    int32_t day = 0;
    double serial = 0;
    return cim_date_parse(date, SIZE_MAX, &day) == CIM_OK && host_sheet_serial(day, &serial)
               ? put_date(sheet, column, serial, HOST_SHEET_DAY, err)
               : host_sheet_text(sheet, column, date, err);
}

cim_status
host_sheet_moment(struct host_sheet *sheet, uint32_t column, int64_t utc_ms, cim_error *err)
{
    enum { DAY_MS = 86400000, BEIJING_MS = 8 * 3600000 };
    char text[CIM_TIME_TEXT_MAX];
    double serial = 0;
    if (host_sheet_serial(cim_time_local_day(utc_ms), &serial)) {
        const int64_t of_day = (utc_ms + BEIJING_MS) % DAY_MS;
        const int64_t since = of_day < 0 ? of_day + DAY_MS : of_day;
        return put_date(sheet, column, serial + (double)since / DAY_MS, HOST_SHEET_MOMENT, err);
    }
    cim_time_format(utc_ms, text);
    return host_sheet_text(sheet, column, text, err);
}

cim_status
host_sheet_widen(struct host_sheet *sheet, uint32_t column, cim_error *err)
{
    const lxw_error error = worksheet_set_column(sheet->worksheet, (lxw_col_t)column,
                                                 (lxw_col_t)column, MOMENT_WIDTH, NULL);
    return error == LXW_NO_ERROR ? CIM_OK : sheet_fail(error, err);
}

cim_status
host_sheet_end_row(struct host_sheet *sheet, cim_error *err)
{
    if (sheet->row == HOST_SHEET_ROWS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL,
                        "XLSX 最多 %d 行，请缩小范围或导出为 CSV、GeoPackage",
                        "an XLSX holds %d rows at most: narrow the selection or export CSV or "
                        "GeoPackage",
                        HOST_SHEET_ROWS_MAX);
    }
    sheet->row++;
    return CIM_OK;
}

cim_status
host_sheet_close(struct host_sheet *sheet, cim_error *err)
{
    lxw_error error = LXW_NO_ERROR;
    if (sheet == NULL) {
        return CIM_OK;
    }
    if (sheet->workbook != NULL) {
        error = workbook_close(sheet->workbook);
    }
    free(sheet->work_dir);
    free(sheet);
    return error == LXW_NO_ERROR ? CIM_OK : sheet_fail(error, err);
}
