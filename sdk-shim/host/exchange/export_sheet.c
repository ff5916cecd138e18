/* host/exchange/export_sheet.c -- see export_sheet.h. */
#include "host/exchange/export_sheet.h"

#include "cim/util.h"
#include "kit/rows.h"
#include "kit/wkb.h"

#include <cpl_conv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHEET_NAME_MAX = 31, TEXT_BYTES_MAX = 1 << 20, EXACT_MAX_BITS = 53 };

static cim_status
add_head(struct host_export_sheet *sheet, cim_error *err)
{
    uint32_t at = 0;
    for (uint32_t c = 0; c < sheet->rows->n_columns; c++) {
        if (sheet->rows->types[c] != CIM_COL_WKB) {
            if (sheet->rows->types[c] == CIM_COL_TIME_MS) {
                CIM_TRY(host_sheet_widen(sheet->sheet, at, err));
            }
            CIM_TRY(host_sheet_text(sheet->sheet, at++, sheet->rows->names[c], err));
        } else if (sheet->is_point) {
            CIM_TRY(host_sheet_text(sheet->sheet, at++, "lon", err));
            CIM_TRY(host_sheet_text(sheet->sheet, at++, "lat", err));
        } else {
            CIM_TRY(host_sheet_text(sheet->sheet, at++, "wkt", err));
        }
    }
    return host_sheet_end_row(sheet->sheet, err);
}

cim_status
host_export_sheet_open(const char *path, const char *work_dir,
                       const struct cim_definition *definition, const cim_rows *rows,
                       struct host_export_sheet *ret_sheet, cim_error *err)
{
    struct host_export_sheet sheet = {.rows = rows,
                                      .is_point = definition->geometry == CIM_GEOMETRY_POINT};
    char name[SHEET_NAME_MAX + 1];
    cim_status status = CIM_OK;
    cim_copy_text(name, sizeof name, definition->table);
    cim_buf_init(&sheet.scratch, TEXT_BYTES_MAX);
    sheet.days = calloc((size_t)rows->n_columns + 1, sizeof *sheet.days);
    if (sheet.days == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t c = 0; c < rows->n_columns; c++) {
        const struct cim_field *field = cim_definition_field(definition, rows->names[c]);
        sheet.days[c] = field != NULL && field->type == CIM_FIELD_DATE;
    }
    status = host_sheet_open(path, work_dir, name, &sheet.sheet, err);
    if (status == CIM_OK) {
        status = add_head(&sheet, err);
    }
    if (status != CIM_OK) {
        (void)host_export_sheet_close(&sheet, NULL); /* told already */
        return status;
    }
    *ret_sheet = sheet;
    ret_sheet->rows = NULL;
    return CIM_OK;
}

static cim_status
add_geometry(struct host_export_sheet *sheet, uint32_t at, const cim_column *column, int64_t row,
             cim_error *err)
{
    OGRGeometryH geometry = NULL;
    char *text = NULL;
    size_t len = 0;
    const uint8_t *wkb = cim_column_bytes(column, row, &len);
    cim_status status = CIM_OK;
    if (OGR_G_CreateFromWkb(wkb, NULL, &geometry, (int)len) != OGRERR_NONE) {
        return cim_fail(err, CIM_E_INTERNAL, "geom", NULL, "存储的几何数据无法读取",
                        "a stored geometry cannot be read");
    }
    if (sheet->is_point) {
        status = host_sheet_number(sheet->sheet, at, OGR_G_GetX(geometry, 0), err);
        status = status == CIM_OK
                     ? host_sheet_number(sheet->sheet, at + 1, OGR_G_GetY(geometry, 0), err)
                     : status;
    } else if (OGR_G_ExportToIsoWkt(geometry, &text) == OGRERR_NONE) {
        status = host_sheet_text(sheet->sheet, at, text, err);
        CPLFree(text);
    } else {
        status = cim_fail_nomem(err);
    }
    OGR_G_DestroyGeometry(geometry);
    return status;
}

static cim_status
add_text(struct host_export_sheet *sheet, uint32_t at, const cim_column *column, int64_t row,
         enum host_sheet_kind kind, cim_error *err)
{
    size_t len = 0;
    const uint8_t *bytes = cim_column_bytes(column, row, &len);
    cim_buf_clear(&sheet->scratch);
    cim_buf_add(&sheet->scratch, bytes, len);
    CIM_TRY(cim_buf_status(&sheet->scratch, err));
    if (len == 0) {
        return CIM_OK;
    }
    return kind == HOST_SHEET_DAY ? host_sheet_day(sheet->sheet, at, sheet->scratch.data, err)
                                  : host_sheet_text(sheet->sheet, at, sheet->scratch.data, err);
}

/* A cell holds a double: an integer that would lose digits is text. */
static cim_status
add_integer(struct host_export_sheet *sheet, uint32_t at, int64_t value, cim_error *err)
{
    char text[24];
    if (value >= -(INT64_C(1) << EXACT_MAX_BITS) && value <= INT64_C(1) << EXACT_MAX_BITS) {
        return host_sheet_number(sheet->sheet, at, (double)value, err);
    }
    (void)snprintf(text, sizeof text, "%lld", (long long)value);
    return host_sheet_text(sheet->sheet, at, text, err);
}

static cim_status
add_cell(struct host_export_sheet *sheet, uint32_t at, const cim_column *column, int64_t row,
         enum host_sheet_kind kind, cim_error *err)
{
    switch (column->type) {
    case CIM_COL_INT64:
    case CIM_COL_BOOL:
        return add_integer(sheet, at, cim_column_i64(column, row), err);
    case CIM_COL_FLOAT64:
        return host_sheet_number(sheet->sheet, at, cim_column_f64(column, row), err);
    case CIM_COL_TIME_MS:
        return host_sheet_moment(sheet->sheet, at, cim_column_i64(column, row), err);
    case CIM_COL_WKB:
        return add_geometry(sheet, at, column, row, err);
    default:
        return add_text(sheet, at, column, row, kind, err);
    }
}

cim_status
host_export_sheet_add(struct host_export_sheet *sheet, const cim_batch *batch, cim_error *err)
{
    for (int64_t row = 0; row < batch->n_rows; row++) {
        uint32_t at = 0;
        for (uint32_t c = 0; c < batch->n_columns; c++) {
            const cim_column *column = batch->columns[c];
            const enum host_sheet_kind kind = column->type == CIM_COL_TIME_MS ? HOST_SHEET_MOMENT
                                              : sheet->days[c]                ? HOST_SHEET_DAY
                                                                              : HOST_SHEET_PLAIN;
            const uint32_t width = column->type == CIM_COL_WKB && sheet->is_point ? 2 : 1;
            if (cim_column_present(column, row)) {
                CIM_TRY(add_cell(sheet, at, column, row, kind, err));
            } else if (kind != HOST_SHEET_PLAIN || c + 1 == batch->n_columns) {
                CIM_TRY(host_sheet_blank(sheet->sheet, at + width - 1, kind, err));
            }
            at += width;
        }
        CIM_TRY(host_sheet_end_row(sheet->sheet, err));
    }
    return CIM_OK;
}

cim_status
host_export_sheet_close(struct host_export_sheet *sheet, cim_error *err)
{
    const cim_status status = host_sheet_close(sheet->sheet, err);
    free(sheet->days);
    cim_buf_done(&sheet->scratch);
    *sheet = (struct host_export_sheet){.sheet = NULL};
    return status;
}
