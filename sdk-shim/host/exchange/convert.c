/* host/exchange/convert.c -- one feature of a file as one row of a layer. */
#include "host/exchange/source.h"

#include "cim/util.h"
#include "host/exchange/sheet_dates.h"
#include "kit/rows.h"

#include <stdlib.h>
#include <string.h>

static void
add_time(OGRFeatureH feature, int index, bool date_only, struct cim_buf *out)
{
    enum { TZ_UNKNOWN = 0, TZ_LOCAL = 1, TZ_UTC = 100, MINUTES_PER_STEP = 15 };
    int year = 0;
    int month = 0;
    int day = 0;
    int hour = 0;
    int minute = 0;
    int tz = 0;
    float second = 0;
    (void)OGR_F_GetFieldAsDateTimeEx(feature, index, &year, &month, &day, &hour, &minute, &second,
                                     &tz); /* its type was looked at */
    cim_buf_addf(out, "%04d-%02d-%02d", year, month, day);
    if (!date_only) {
        cim_buf_addf(out, "T%02d:%02d:%06.3f", hour, minute, (double)second);
        if (tz > TZ_LOCAL) {
            const int offset = (tz - TZ_UTC) * MINUTES_PER_STEP;
            cim_buf_addf(out, "%c%02d:%02d", offset < 0 ? '-' : '+', abs(offset) / 60,
                         abs(offset) % 60);
        }
    }
}

cim_status
host_source_text(struct host_source *source, OGRFeatureH feature, int index, struct cim_buf *out,
                 cim_error *err)
{
    const OGRFieldType type = OGR_Fld_GetType(OGR_F_GetFieldDefnRef(feature, index));
    if (!OGR_F_IsFieldSetAndNotNull(feature, index)) {
        return CIM_OK;
    }
    if (type == OFTReal) {
        cim_buf_add_double(out, OGR_F_GetFieldAsDouble(feature, index));
    } else if (type == OFTDate || type == OFTDateTime) {
        add_time(feature, index, type == OFTDate, out);
    } else if (type == OFTString || type == OFTStringList) {
        return host_text_in_convert(&source->text, OGR_F_GetFieldAsString(feature, index), out,
                                    err);
    } else {
        cim_buf_add_text(out, OGR_F_GetFieldAsString(feature, index));
    }
    return cim_buf_status(out, err);
}

bool
host_column_is_time(const struct host_source_column *column)
{
    return column->field != NULL &&
           (column->field->type == CIM_FIELD_DATE || column->field->type == CIM_FIELD_TIME);
}

/* A day that the file keeps as a moment, in whatever zone. Moments of a geodatabase from before
 * 1899-12-30 come a second late (GDAL 3.6). */
static bool
is_midnight(const char *text)
{
    return strlen(text) >= 23 && strncmp(text + 10, "T00:00:0", 8) == 0 &&
           (text[18] == '0' || text[18] == '1') && strncmp(text + 19, ".000", 4) == 0;
}

static cim_status
append_text(struct host_source *source, OGRFeatureH feature, const struct host_source_column *from,
            struct cim_batch_builder *builder, uint32_t column, cim_error *err)
{
    char date[HOST_SHEET_DATE_TEXT];
    const char *value = NULL;
    cim_status status = CIM_OK;
    cim_buf_clear(&source->scratch);
    status = host_source_text(source, feature, from->ogr_index, &source->scratch, err);
    if (status != CIM_OK) {
        if (err != NULL) {
            cim_copy_text(err->param, sizeof err->param, from->name);
        }
        return status;
    }
    if (source->scratch.len == 0) {
        cim_batch_append_null(builder, column);
        return CIM_OK;
    }
    value = host_columns_value(&source->columns, from, source->scratch.data);
    if (source->work.kind == HOST_FILE_XLSX && host_column_is_time(from) &&
        host_sheet_date(value, from->field->type == CIM_FIELD_TIME, date)) {
        value = date;
    }
    if (from->ogr_type == OFTDateTime && from->field != NULL &&
        from->field->type == CIM_FIELD_DATE && is_midnight(value)) {
        cim_batch_append_bytes(builder, column, value, 10);
        return CIM_OK;
    }
    cim_batch_append_bytes(builder, column, value, strlen(value));
    return CIM_OK;
}

static cim_status
convert_field(struct host_source *source, OGRFeatureH feature,
              const struct host_source_column *from, struct cim_batch_builder *builder,
              uint32_t column, cim_error *err)
{
    if (from->ogr_index < 0) {
        cim_batch_append_bytes(builder, column, from->constant, strlen(from->constant));
        return CIM_OK;
    }
    if (!OGR_F_IsFieldSetAndNotNull(feature, from->ogr_index)) {
        cim_batch_append_null(builder, column);
        return CIM_OK;
    }
    switch (from->type) {
    case CIM_COL_INT64:
    case CIM_COL_BOOL:
        cim_batch_append_i64(builder, column,
                             (int64_t)OGR_F_GetFieldAsInteger64(feature, from->ogr_index));
        return CIM_OK;
    case CIM_COL_FLOAT64:
        cim_batch_append_f64(builder, column, OGR_F_GetFieldAsDouble(feature, from->ogr_index));
        return CIM_OK;
    default:
        return append_text(source, feature, from, builder, column, err);
    }
}

cim_status
host_source_convert(struct host_source *source, OGRFeatureH feature,
                    struct cim_batch_builder *builder, cim_error *err)
{
    if (source->geometry != CIM_GEOMETRY_NONE) {
        CIM_TRY(host_source_check_geojson(source, feature, err));
    }
    for (uint32_t i = 0; i < source->columns.n; i++) {
        CIM_TRY(convert_field(source, feature, &source->columns.columns[i], builder, i, err));
    }
    return source->geometry != CIM_GEOMETRY_NONE
               ? host_source_convert_geometry(source, feature, builder, err)
               : CIM_OK;
}
