/* host/exchange/sheet.c -- see sheet.h. */
#include "host/exchange/sheet.h"

#include "cim/util.h"

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
    lxw_row_t row;
    char *work_dir;
};

static cim_status
sheet_fail(lxw_error error, cim_error *err)
{
    return cim_fail(err, CIM_E_IO, NULL, NULL, "XLSX 写入失败：%s",
                    "the XLSX could not be written: %s", lxw_strerror(error));
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
    if (sheet->worksheet == NULL) {
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
