/* host/ogc/encode.c -- see encode.h. */
#include "host/ogc/encode.h"

#include "cim/util.h"
#include "host/ogc/pen.h"
#include "kit/rows.h"
#include "kit/time.h"
#include "kit/wkb.h"

#include <math.h>
#include <stdlib.h>

cim_status
host_encoder_init(struct host_encoder *encoder, const cim_rows *rows,
                  const struct host_encode_crs *crs, bool point, cim_error *err)
{
    if (rows->n_columns > HOST_ENCODE_COLUMNS_MAX) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "图层给出 %u 列，最多 %d 列",
                        "the layer gives %u columns, at most %d are allowed", rows->n_columns,
                        (int)HOST_ENCODE_COLUMNS_MAX);
    }
    encoder->crs = *crs;
    encoder->point = point;
    encoder->fid = cim_rows_column(rows, "fid");
    encoder->geom = cim_rows_column(rows, "geom");
    encoder->n_columns = rows->n_columns;
    encoder->row = NULL;
    encoder->row_size = 0;
    cim_buf_init(&encoder->number, 128);
    cim_buf_init(&encoder->keys, 1 << 20);
    for (uint32_t i = 0; i < rows->n_columns; i++) {
        encoder->key_at[i] = (uint32_t)encoder->keys.len;
        cim_buf_add_char(&encoder->keys, ',');
        cim_buf_add_json_text(&encoder->keys, rows->names[i], SIZE_MAX);
        cim_buf_add_char(&encoder->keys, ':');
    }
    encoder->key_at[rows->n_columns] = (uint32_t)encoder->keys.len;
    if (encoder->fid < 0 || rows->types[encoder->fid] != CIM_COL_INT64 ||
        (encoder->geom >= 0 && rows->types[encoder->geom] != CIM_COL_WKB)) {
        host_encoder_done(encoder);
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "图层的行缺少 fid 列，或 geom 列不是 WKB",
                        "the layer's rows have no fid column, or geom is not WKB");
    }
    if (cim_buf_status(&encoder->keys, err) != CIM_OK) {
        host_encoder_done(encoder);
        return CIM_E_NOMEM;
    }
    return CIM_OK;
}

void
host_encoder_done(struct host_encoder *encoder)
{
    cim_buf_done(&encoder->keys);
    cim_buf_done(&encoder->number);
    free(encoder->row);
    encoder->row = NULL;
}

static void
add_json_value(const cim_column *column, int64_t row, struct cim_buf *out)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    char text[CIM_TIME_TEXT_MAX];
    switch (column->type) {
    case CIM_COL_INT64:
        cim_buf_add_int(out, cim_column_i64(column, row));
        return;
    case CIM_COL_FLOAT64:
        cim_buf_add_double(out, cim_column_f64(column, row));
        return;
    case CIM_COL_TEXT:
        bytes = cim_column_bytes(column, row, &len);
        cim_buf_add_json_text(out, (const char *)bytes, len);
        return;
    case CIM_COL_TIME_MS:
        cim_time_format(cim_column_i64(column, row), text);
        cim_buf_add_char(out, '"');
        cim_buf_add_text(out, text);
        cim_buf_add_char(out, '"');
        return;
    case CIM_COL_BOOL:
        cim_buf_add_text(out, cim_column_i64(column, row) != 0 ? "true" : "false");
        return;
    default:
        cim_buf_add(out, "null", 4);
        return;
    }
}

static cim_status
check_batch(const struct host_encoder *encoder, const cim_batch *batch, cim_error *err)
{
    if (batch->n_columns != encoder->n_columns) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "图层的批次列数不符",
                        "a batch of the layer does not have the columns of its rows");
    }
    return CIM_OK;
}

/* Most bytes that the properties of a row can take. */
static size_t
bound_row(const struct host_encoder *encoder, const cim_batch *batch, int64_t row)
{
    size_t bound = encoder->keys.len;
    for (uint32_t i = 0; i < encoder->n_columns; i++) {
        const cim_column *column = batch->columns[i];
        size_t len = 0;
        if (column->type == CIM_COL_TEXT && cim_column_present(column, row)) {
            (void)cim_column_bytes(column, row, &len);
            bound += len * HOST_PEN_TEXT_FACTOR + HOST_PEN_TEXT_EXTRA;
        } else {
            bound += HOST_PEN_NUMBER_MAX;
        }
    }
    return bound;
}

static cim_status
reserve_row(struct host_encoder *encoder, size_t bound, cim_error *err)
{
    if (bound > encoder->row_size) {
        char *grown = realloc(encoder->row, bound * 2);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        encoder->row = grown;
        encoder->row_size = bound * 2;
    }
    return CIM_OK;
}

static char *
write_double(struct host_encoder *encoder, char *at, double value)
{
    struct cim_buf *number = &encoder->number;
    cim_buf_clear(number);
    cim_buf_add_double(number, value);
    if (number->failed != CIM_OK || number->len > HOST_PEN_NUMBER_MAX) {
        return host_pen_bytes(at, "null", 4);
    }
    return host_pen_bytes(at, number->data, number->len);
}

static char *
write_value(struct host_encoder *encoder, char *at, const cim_column *column, int64_t row)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    if (!cim_column_present(column, row)) {
        return host_pen_bytes(at, "null", 4);
    }
    switch (column->type) {
    case CIM_COL_INT64:
        return host_pen_int(at, cim_column_i64(column, row));
    case CIM_COL_FLOAT64:
        return write_double(encoder, at, cim_column_f64(column, row));
    case CIM_COL_TEXT:
        bytes = cim_column_bytes(column, row, &len);
        return host_pen_text(at, bytes, len);
    case CIM_COL_TIME_MS:
        *at = '"';
        cim_time_format(cim_column_i64(column, row), at + 1);
        at += 1 + strlen(at + 1);
        *at = '"';
        return at + 1;
    case CIM_COL_BOOL:
        return cim_column_i64(column, row) != 0 ? host_pen_bytes(at, "true", 4)
                                                : host_pen_bytes(at, "false", 5);
    default:
        return host_pen_bytes(at, "null", 4);
    }
}

/* The members of `properties`, without the braces. */
static cim_status
add_properties(struct host_encoder *encoder, const cim_batch *batch, int64_t row,
               struct cim_buf *out, cim_error *err)
{
    size_t skip = 1; /* no comma before the first */
    CIM_TRY(reserve_row(encoder, bound_row(encoder, batch, row), err));
    char *at = encoder->row;
    for (uint32_t i = 0; i < encoder->n_columns; i++) {
        const uint32_t key = encoder->key_at[i];
        if ((int32_t)i == encoder->fid || (int32_t)i == encoder->geom) {
            continue;
        }
        at = host_pen_bytes(at, encoder->keys.data + key + skip,
                            encoder->key_at[i + 1] - key - skip);
        skip = 0;
        at = write_value(encoder, at, batch->columns[i], row);
    }
    cim_buf_add(out, encoder->row, (size_t)(at - encoder->row));
    return CIM_OK;
}

cim_status
host_encode_feature(struct host_encoder *encoder, const cim_batch *batch, int64_t row,
                    struct cim_buf *out, cim_error *err)
{
    static const char head[] = "{\"type\":\"Feature\",\"id\":";
    static const char geometry[] = ",\"geometry\":";
    static const char properties[] = ",\"properties\":{";
    CIM_TRY(check_batch(encoder, batch, err));
    cim_buf_add(out, head, sizeof head - 1);
    cim_buf_add_int(out, cim_column_i64(batch->columns[encoder->fid], row));
    cim_buf_add(out, geometry, sizeof geometry - 1);
    if (encoder->geom >= 0 && cim_column_present(batch->columns[encoder->geom], row)) {
        size_t len = 0;
        const uint8_t *wkb = cim_column_bytes(batch->columns[encoder->geom], row, &len);
        CIM_TRY(host_encode_geojson(&encoder->crs, wkb, len, out, err));
    } else {
        cim_buf_add(out, "null", 4);
    }
    cim_buf_add(out, properties, sizeof properties - 1);
    CIM_TRY(add_properties(encoder, batch, row, out, err));
    cim_buf_add(out, "}}", 2);
    return CIM_OK;
}

/* ---- CSV (RFC 4180) ---- */

static void
add_cell(struct cim_buf *out, const char *text, size_t len)
{
    bool quote = len > 0 && (text[0] == ' ' || text[len - 1] == ' ');
    for (size_t i = 0; i < len && !quote; i++) {
        quote = text[i] == ',' || text[i] == '"' || text[i] == '\n' || text[i] == '\r';
    }
    if (!quote) {
        cim_buf_add(out, text, len);
        return;
    }
    cim_buf_add_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"') {
            cim_buf_add_char(out, '"');
        }
        cim_buf_add_char(out, text[i]);
    }
    cim_buf_add_char(out, '"');
}

void
host_encode_plain(const cim_column *column, int64_t row, struct cim_buf *out)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    char text[CIM_TIME_TEXT_MAX];
    if (!cim_column_present(column, row)) {
        return;
    }
    switch (column->type) {
    case CIM_COL_TEXT:
        bytes = cim_column_bytes(column, row, &len);
        cim_buf_add(out, bytes, len);
        return;
    case CIM_COL_TIME_MS:
        cim_time_format(cim_column_i64(column, row), text);
        cim_buf_add_text(out, text);
        return;
    case CIM_COL_WKB:
        return;
    default:
        add_json_value(column, row, out);
    }
}

void
host_encode_csv_head(struct host_encoder *encoder, const cim_rows *rows, struct cim_buf *out)
{
    /* The mark that makes Excel read UTF-8. */
    cim_buf_add(out, "\xEF\xBB\xBF", 3);
    for (uint32_t i = 0; i < rows->n_columns; i++) {
        if (i > 0) {
            cim_buf_add_char(out, ',');
        }
        if ((int32_t)i != encoder->geom) {
            add_cell(out, rows->names[i], strlen(rows->names[i]));
        } else if (!encoder->point) {
            cim_buf_add_text(out, "wkt");
        } else if (encoder->crs.crs.kind == HOST_CRS_LON_LAT) {
            cim_buf_add_text(out, "lon,lat");
        } else {
            cim_buf_add_text(out, encoder->crs.degrees ? "lat,lon" : "axis_1,axis_2");
        }
    }
    cim_buf_add(out, "\r\n", 2);
}

static cim_status
add_csv_geometry(struct host_encoder *encoder, const cim_column *column, int64_t row,
                 struct cim_buf *out, cim_error *err)
{
    const bool present = cim_column_present(column, row);
    size_t len = 0;
    const uint8_t *wkb = present ? cim_column_bytes(column, row, &len) : NULL;
    double x = 0;
    double y = 0;
    if (!encoder->point) {
        cim_buf_add_char(out, '"');
        if (present) {
            CIM_TRY(host_encode_wkt(&encoder->crs, wkb, len, out, err));
        }
        cim_buf_add_char(out, '"');
        return CIM_OK;
    }
    if (present && cim_wkb_point(wkb, len, &x, &y)) {
        CIM_TRY(host_crs_from_lon_lat(encoder->crs.worker, &encoder->crs.crs, &x, &y, err));
        cim_buf_add_coordinate(out, encoder->crs.degrees ? x : nearbyint(x * 1e4) / 1e4);
        cim_buf_add_char(out, ',');
        cim_buf_add_coordinate(out, encoder->crs.degrees ? y : nearbyint(y * 1e4) / 1e4);
    } else {
        cim_buf_add_char(out, ',');
    }
    return CIM_OK;
}

cim_status
host_encode_csv_line(struct host_encoder *encoder, const cim_batch *batch, int64_t row,
                     struct cim_buf *out, cim_error *err)
{
    CIM_TRY(check_batch(encoder, batch, err));
    for (uint32_t i = 0; i < encoder->n_columns; i++) {
        const cim_column *column = batch->columns[i];
        if (i > 0) {
            cim_buf_add_char(out, ',');
        }
        if ((int32_t)i == encoder->geom) {
            CIM_TRY(add_csv_geometry(encoder, column, row, out, err));
        } else if (column->type == CIM_COL_TEXT && cim_column_present(column, row)) {
            size_t len = 0;
            const uint8_t *bytes = cim_column_bytes(column, row, &len);
            add_cell(out, (const char *)bytes, len);
        } else {
            host_encode_plain(column, row, out);
        }
    }
    cim_buf_add(out, "\r\n", 2);
    return CIM_OK;
}
