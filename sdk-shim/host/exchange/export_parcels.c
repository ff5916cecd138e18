/* host/exchange/export_parcels.c -- see export_parcels.h. */
#include "host/exchange/export_parcels.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PARCEL_BYTES_MAX = 64 << 20, HEAD_BYTES_MAX = 1 << 16, PIECE_BYTES = 4096, NUMBER = 0 };

/* In the order of a parcel's first line, which has points, hectares and shape between them. */
static const char *const titles[HOST_PARCEL_TEXTS] = {"地块编号", "地块名称", "图幅号", "地块用途",
                                                      "地类编码"};

/* ---- which columns ---- */

static const char *
field_titled(const struct cim_definition *definition, const char *title)
{
    for (size_t i = 0; i < definition->n_fields; i++) {
        if (definition->fields[i].title.zh != NULL &&
            strcmp(definition->fields[i].title.zh, title) == 0) {
            return definition->fields[i].name;
        }
    }
    return NULL;
}

/* The field that is unique numbers the records, the label names them. */
static const char *
field_for(const struct cim_definition *definition, int text)
{
    const char *name = field_titled(definition, titles[text]);
    for (size_t i = 0; name == NULL && text == NUMBER && i < definition->n_fields; i++) {
        name = definition->fields[i].unique ? definition->fields[i].name : NULL;
    }
    return name == NULL && text == NUMBER + 1 ? definition->label : name;
}

static cim_status
take_map(const char *map, const cim_rows *rows, int columns[HOST_PARCEL_TEXTS], cim_error *err)
{
    CIM_AUTO_FREE char *copy = strdup(map != NULL ? map : "");
    char *rest = copy;
    char *title = NULL;
    char *field = NULL;
    if (copy == NULL) {
        return cim_fail_nomem(err);
    }
    for (;;) {
        int text = 0;
        CIM_TRY(host_pairs_next(&rest, "map", &title, &field, err));
        if (title == NULL) {
            return CIM_OK;
        }
        while (text < HOST_PARCEL_TEXTS && strcmp(titles[text], title) != 0) {
            text++;
        }
        if (text == HOST_PARCEL_TEXTS || (*field != '\0' && cim_rows_column(rows, field) < 0)) {
            return cim_fail(err, CIM_E_INVALID, "map", text == HOST_PARCEL_TEXTS ? title : field,
                            "TXT 的栏目为 地块编号、地块名称、图幅号、地块用途、地类编码，"
                            "对应图层的字段；没有“%s”",
                            "a TXT has 地块编号, 地块名称, 图幅号, 地块用途 and 地类编码, each of "
                            "a field of the layer; there is no '%s'",
                            text == HOST_PARCEL_TEXTS ? title : field);
        }
        columns[text] = *field != '\0' ? cim_rows_column(rows, field) : -1;
    }
}

static cim_status
find_columns(struct host_export_parcels *parcels, const struct cim_definition *definition,
             const cim_rows *rows, const char *map, cim_error *err)
{
    for (int i = 0; i < HOST_PARCEL_TEXTS; i++) {
        const char *name = field_for(definition, i);
        parcels->texts[i] = name != NULL ? cim_rows_column(rows, name) : -1;
    }
    for (uint32_t c = 0; c < rows->n_columns; c++) {
        parcels->geometry = rows->types[c] == CIM_COL_WKB ? (int)c : parcels->geometry;
    }
    if (parcels->geometry < 0 || (definition->geometry != CIM_GEOMETRY_POLYGON &&
                                  definition->geometry != CIM_GEOMETRY_MULTI_POLYGON)) {
        return cim_fail(err, CIM_E_INVALID, "format", "txt",
                        "国土 TXT 只写面状地块，此图层没有面状图形，请改用其他格式",
                        "a TXT of parcels holds areas alone, which this layer has not: take "
                        "another format");
    }
    return take_map(map, rows, parcels->texts, err);
}

/* ---- what is written ---- */

static cim_status
put(struct host_export_parcels *parcels, cim_error *err)
{
    char piece[PIECE_BYTES];
    char *from = parcels->lines.data;
    size_t left = parcels->lines.len;
    CIM_TRY(cim_buf_status(&parcels->lines, err));
    while (left > 0) {
        char *to = piece;
        size_t room = sizeof piece;
        if (parcels->encoding == (iconv_t)-1) {
            room -= left < room ? left : room;
            memcpy(piece, from, sizeof piece - room);
            from += sizeof piece - room;
            left -= sizeof piece - room;
        } else if (iconv(parcels->encoding, &from, &left, &to, &room) == (size_t)-1 &&
                   errno != E2BIG) {
            return cim_fail(err, CIM_E_INVALID, "encoding", "GBK",
                            "第 %lld 个地块有 GBK 没有的字，请用 UTF-8",
                            "parcel %lld has characters that GBK lacks: take UTF-8",
                            (long long)parcels->n_written + 1);
        }
        if (fwrite(piece, 1, sizeof piece - room, parcels->file) != sizeof piece - room) {
            return host_workdir_fail("TXT", err);
        }
    }
    cim_buf_clear(&parcels->lines);
    return CIM_OK;
}

/* Codes of the zones of CGCS2000: of 6 and of 3 degrees, each with the zone in the easting and
 * without. Source: EPSG registry, as host_parcels_epsg(). */
static cim_status
put_head(struct host_export_parcels *parcels, cim_error *err)
{
    static const struct {
        int32_t first;
        int32_t n;
        int zone;
        int width;
    } zones[] = {{4491, 11, 13, 6}, {4502, 11, 13, 6}, {4513, 21, 25, 3}, {4534, 21, 25, 3}};
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        const int32_t at = parcels->crs.epsg - zones[i].first;
        if (at >= 0 && at < zones[i].n) {
            cim_buf_addf(&parcels->lines,
                         "[属性描述]\r\n格式版本号=1.01版本\r\n数据产生单位=\r\n数据产生日期=\r\n"
                         "坐标系=2000国家大地坐标系\r\n几度分带=%d\r\n投影类型=高斯克吕格\r\n"
                         "计量单位=米\r\n带号=%d\r\n精度=0.001\r\n转换参数=,,,,,,\r\n"
                         "[地块坐标]\r\n",
                         zones[i].width, zones[i].zone + (int)at);
            return put(parcels, err);
        }
    }
    return cim_fail(err, CIM_E_INVALID, "crs", parcels->crs.in.label,
                    "国土 TXT 的坐标应在 CGCS2000 的三度带或六度带，请用 crs 指明，"
                    "如 EPSG:4525（37 带，带带号）、EPSG:4546（中央经线 111°）",
                    "a TXT of parcels is in a zone of CGCS2000: name it as crs, such as EPSG:4525 "
                    "(zone 37, in the easting) or EPSG:4546 (central meridian 111°)");
}

cim_status
host_export_parcels_open(const char *path, const struct cim_definition *definition,
                         const cim_rows *rows, const struct host_export_options *options,
                         struct host_export_parcels *ret_parcels, cim_error *err)
{
    struct host_export_parcels parcels = {.geometry = -1, .encoding = (iconv_t)-1};
    const bool gbk = options->encoding != NULL && strcasecmp(options->encoding, "GBK") == 0;
    cim_status status = CIM_OK;
    cim_buf_init(&parcels.points, PARCEL_BYTES_MAX);
    cim_buf_init(&parcels.lines, PARCEL_BYTES_MAX + HEAD_BYTES_MAX);
    CIM_TRY(find_columns(&parcels, definition, rows, options->map, err));
    if (options->crs != NULL) {
        CIM_TRY(host_crs_out_open(options->crs, &parcels.crs, err));
    }
    parcels.encoding = gbk ? iconv_open("GBK", "UTF-8") : (iconv_t)-1;
    parcels.file = fopen(path, "wbxe");
    status = parcels.file == NULL                     ? host_workdir_fail(path, err)
             : gbk && parcels.encoding == (iconv_t)-1 ? cim_fail_nomem(err)
                                                      : put_head(&parcels, err);
    if (status != CIM_OK) {
        (void)host_export_parcels_close(&parcels, NULL); /* told already */
        return status;
    }
    *ret_parcels = parcels;
    return CIM_OK;
}

/* ---- parcels ---- */

struct parcel {
    int ring;
    int n_points;
    double area_m2;
};

/* With all its decimals, whatever the locale has for a point. */
static void
put_decimal(struct cim_buf *out, double value, int decimals)
{
    const long long one = decimals == 3 ? 1000 : 10000;
    const long long scaled = llround(fabs(value) * (double)one);
    cim_buf_addf(out, "%s%lld.%0*lld", value < 0 ? "-" : "", scaled / one, decimals, scaled % one);
}

static void
put_point(struct host_export_parcels *parcels, const struct parcel *parcel, int number, double x_m,
          double y_m)
{
    cim_buf_addf(&parcels->points, "J%d,%d,", number, parcel->ring);
    put_decimal(&parcels->points, y_m, 3);
    cim_buf_add_char(&parcels->points, ',');
    put_decimal(&parcels->points, x_m, 3);
    cim_buf_add_text(&parcels->points, "\r\n");
}

/* Points of a ring, ended by its first. What the millimetre does not tell apart is one point. */
static void
put_ring(struct host_export_parcels *parcels, OGRGeometryH ring, struct parcel *parcel)
{
    const int first = parcel->n_points + 1;
    const int n = OGR_G_GetPointCount(ring);
    double x0_m = 0;
    double y0_m = 0;
    double last_x_m = 0;
    double last_y_m = 0;
    parcel->ring++;
    for (int i = 0; i < n; i++) {
        const double x_m = round(OGR_G_GetX(ring, i) * 1000) / 1000;
        const double y_m = round(OGR_G_GetY(ring, i) * 1000) / 1000;
        const bool same = i > 0 && x_m == last_x_m && y_m == last_y_m;
        if (i == 0) {
            x0_m = x_m;
            y0_m = y_m;
        }
        if (!same && (i == 0 || x_m != x0_m || y_m != y0_m)) {
            put_point(parcels, parcel, ++parcel->n_points, x_m, y_m);
        }
        last_x_m = x_m;
        last_y_m = y_m;
    }
    put_point(parcels, parcel, first, x0_m, y0_m);
}

static void
put_polygon(struct host_export_parcels *parcels, OGRGeometryH polygon, struct parcel *parcel)
{
    parcel->area_m2 += OGR_G_Area(polygon);
    for (int i = 0; i < OGR_G_GetGeometryCount(polygon); i++) {
        put_ring(parcels, OGR_G_GetGeometryRef(polygon, i), parcel);
    }
}

static cim_status
put_geometry(struct host_export_parcels *parcels, OGRGeometryH geometry, struct parcel *parcel,
             cim_error *err)
{
    const OGRwkbGeometryType type =
        geometry != NULL ? OGR_GT_Flatten(OGR_G_GetGeometryType(geometry)) : wkbNone;
    if (geometry == NULL || OGR_G_IsEmpty(geometry) ||
        (type != wkbPolygon && type != wkbMultiPolygon)) {
        return cim_fail(err, CIM_E_INVALID, "geom",
                        geometry != NULL ? OGRGeometryTypeToName(type) : "",
                        "第 %lld 条记录没有面状图形，国土 TXT 写不下，请改用其他格式",
                        "record %lld has no area, which a TXT of parcels must have: take another "
                        "format",
                        (long long)parcels->n_written + 1);
    }
    CIM_TRY(host_crs_out_apply(&parcels->crs, geometry, err));
    if (type == wkbPolygon) {
        put_polygon(parcels, geometry, parcel);
    }
    for (int i = 0; type == wkbMultiPolygon && i < OGR_G_GetGeometryCount(geometry); i++) {
        put_polygon(parcels, OGR_G_GetGeometryRef(geometry, i), parcel);
    }
    return cim_buf_status(&parcels->points, err);
}

static cim_status
put_text(struct host_export_parcels *parcels, const cim_batch *batch, int64_t row, int text,
         cim_error *err)
{
    const cim_column *column =
        parcels->texts[text] >= 0 ? batch->columns[parcels->texts[text]] : NULL;
    const size_t before = parcels->lines.len;
    size_t len = 0;
    if (column == NULL || !cim_column_present(column, row)) {
        return CIM_OK;
    }
    if (column->type == CIM_COL_TEXT) {
        const uint8_t *bytes = cim_column_bytes(column, row, &len);
        cim_buf_add(&parcels->lines, bytes, len);
    } else if (column->type == CIM_COL_FLOAT64) {
        cim_buf_add_double(&parcels->lines, cim_column_f64(column, row));
    } else {
        cim_buf_add_int(&parcels->lines, cim_column_i64(column, row));
    }
    CIM_TRY(cim_buf_status(&parcels->lines, err));
    if (strpbrk(parcels->lines.data + before, ",@\r\n") != NULL) {
        return cim_fail(err, CIM_E_INVALID, column->name, parcels->lines.data + before,
                        "第 %lld 条记录的“%s”含有逗号、@ 或换行，国土 TXT 写不下",
                        "record %lld: %s has a comma, an @ or a line end, which a TXT of parcels "
                        "cannot hold",
                        (long long)parcels->n_written + 1, column->name);
    }
    return CIM_OK;
}

static cim_status
put_first_line(struct host_export_parcels *parcels, const cim_batch *batch, int64_t row,
               const struct parcel *parcel, cim_error *err)
{
    static const char *const after[HOST_PARCEL_TEXTS] = {",", ",面,", ",", ",", ",@\r\n"};
    cim_buf_addf(&parcels->lines, "%d,", parcel->n_points);
    put_decimal(&parcels->lines, parcel->area_m2 / 10000, 4);
    cim_buf_add_char(&parcels->lines, ',');
    for (int i = 0; i < HOST_PARCEL_TEXTS; i++) {
        CIM_TRY(put_text(parcels, batch, row, i, err));
        cim_buf_add_text(&parcels->lines, after[i]);
    }
    return CIM_OK;
}

static cim_status
add_row(struct host_export_parcels *parcels, const cim_batch *batch, int64_t row, cim_error *err)
{
    const cim_column *column = batch->columns[parcels->geometry];
    struct parcel parcel = {.ring = 0};
    OGRGeometryH geometry = NULL;
    cim_status status = CIM_OK;
    size_t len = 0;
    if (cim_column_present(column, row)) {
        const uint8_t *wkb = cim_column_bytes(column, row, &len);
        if (OGR_G_CreateFromWkb(wkb, NULL, &geometry, (int)len) != OGRERR_NONE) {
            return cim_fail(err, CIM_E_INTERNAL, "geom", NULL, "存储的几何数据无法读取",
                            "a stored geometry cannot be read");
        }
    }
    cim_buf_clear(&parcels->points);
    status = put_geometry(parcels, geometry, &parcel, err);
    OGR_G_DestroyGeometry(geometry);
    CIM_TRY(status);
    CIM_TRY(put_first_line(parcels, batch, row, &parcel, err));
    cim_buf_add(&parcels->lines, parcels->points.data, parcels->points.len);
    CIM_TRY(put(parcels, err));
    parcels->n_written++;
    return CIM_OK;
}

cim_status
host_export_parcels_add(struct host_export_parcels *parcels, const cim_batch *batch, cim_error *err)
{
    for (int64_t row = 0; row < batch->n_rows; row++) {
        CIM_TRY(add_row(parcels, batch, row, err));
    }
    return CIM_OK;
}

cim_status
host_export_parcels_close(struct host_export_parcels *parcels, cim_error *err)
{
    const bool failed = parcels->file != NULL && fclose(parcels->file) != 0;
    if (parcels->encoding != (iconv_t)-1) {
        (void)iconv_close(parcels->encoding);
    }
    host_crs_out_done(&parcels->crs);
    cim_buf_done(&parcels->points);
    cim_buf_done(&parcels->lines);
    *parcels = (struct host_export_parcels){.encoding = (iconv_t)-1};
    return failed ? host_workdir_fail("TXT", err) : CIM_OK;
}
