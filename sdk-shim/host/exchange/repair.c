/* host/exchange/repair.c -- the rows that were refused, as a file to repair and import again. */
#include "host/exchange/source.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <cpl_conv.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES_MAX = 64 << 20 };

/* The value as it is, also where a spreadsheet would take it for a formula: it goes back in. */
static void
add_cell(struct cim_buf *line, const char *text)
{
    cim_buf_add_text(line, line->len > 0 ? ",\"" : "\"");
    for (const char *at = text; *at != '\0'; at++) {
        cim_buf_add(line, "\"\"", *at == '"' ? 2 : 0);
        cim_buf_add(line, at, *at == '"' ? 0 : 1);
    }
    cim_buf_add_char(line, '"');
}

static cim_status
end_line(FILE *file, struct cim_buf *line, cim_error *err)
{
    cim_buf_add_text(line, "\r\n");
    CIM_TRY(cim_buf_status(line, err));
    if (fwrite(line->data, 1, line->len, file) != line->len) {
        return cim_fail(err, CIM_E_IO, "file", NULL, "文件写入失败", "the file cannot be written");
    }
    cim_buf_clear(line);
    return CIM_OK;
}

/* True where geometries are none of the columns. */
static bool
needs_wkt(const struct host_source *source)
{
    return source->geometry != CIM_GEOMETRY_NONE && source->x_index < 0 && source->wkt_index < 0;
}

static cim_status
write_head(struct host_source *source, FILE *file, struct cim_buf *line, struct cim_buf *scratch,
           cim_error *err)
{
    OGRFeatureDefnH defn = OGR_L_GetLayerDefn(source->layer);
    cim_buf_add_text(line, "\xef\xbb\xbf");
    CIM_TRY(cim_buf_status(line, err));
    if (fwrite(line->data, 1, line->len, file) != line->len) {
        return cim_fail(err, CIM_E_IO, "file", NULL, "文件写入失败", "the file cannot be written");
    }
    cim_buf_clear(line);
    add_cell(line, "_row");
    add_cell(line, "_field");
    add_cell(line, "_why");
    for (int i = 0; i < OGR_FD_GetFieldCount(defn); i++) {
        cim_buf_clear(scratch);
        (void)host_text_in_convert(&source->text, OGR_Fld_GetNameRef(OGR_FD_GetFieldDefn(defn, i)),
                                   scratch, NULL); /* a name that nobody can read stays empty */
        add_cell(line, scratch->len > 0 ? scratch->data : "");
    }
    if (needs_wkt(source)) {
        add_cell(line, "wkt");
    }
    return end_line(file, line, err);
}

static void
add_wkt(struct host_source *source, OGRFeatureH feature, struct cim_buf *line)
{
    OGRGeometryH geometry = NULL;
    char *text = NULL;
    if (host_source_geometry(source, feature, &geometry, NULL) == CIM_OK && geometry != NULL &&
        OGR_G_ExportToIsoWkt(geometry, &text) == OGRERR_NONE) {
        add_cell(line, text);
        CPLFree(text);
    } else {
        add_cell(line, "");
    }
    OGR_G_DestroyGeometry(geometry);
}

static cim_status
write_row(struct host_source *source, OGRFeatureH feature, const struct host_import_repair *row,
          FILE *file, struct cim_buf *line, struct cim_buf *scratch, cim_error *err)
{
    char number[24];
    (void)snprintf(number, sizeof number, "%lld", (long long)row->row);
    add_cell(line, number);
    add_cell(line, row->field);
    add_cell(line, row->why);
    for (int i = 0; i < OGR_F_GetFieldCount(feature); i++) {
        cim_buf_clear(scratch);
        (void)host_source_text(source, feature, i, scratch, NULL); /* unreadable: left to fill in */
        add_cell(line, scratch->len > 0 ? scratch->data : "");
    }
    if (needs_wkt(source)) {
        add_wkt(source, feature, line);
    }
    return end_line(file, line, err);
}

static cim_status
write_rows(struct host_source *source, const struct host_import_repair *rows, size_t n_rows,
           FILE *file, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf line;
    CIM_AUTO_BUF struct cim_buf scratch;
    OGRFeatureH feature = NULL;
    cim_status status = CIM_OK;
    int64_t row = 0;
    size_t at = 0;
    cim_buf_init(&line, LINE_BYTES_MAX);
    cim_buf_init(&scratch, LINE_BYTES_MAX);
    CIM_TRY(write_head(source, file, &line, &scratch, err));
    while (status == CIM_OK && at < n_rows &&
           (feature = OGR_L_GetNextFeature(source->layer)) != NULL) {
        row++;
        while (at < n_rows && rows[at].row < row) {
            at++; /* one row refused twice is written once */
        }
        if (at < n_rows && rows[at].row == row) {
            status = write_row(source, feature, &rows[at++], file, &line, &scratch, err);
        }
        OGR_F_Destroy(feature);
    }
    return status;
}

cim_status
host_exchange_write_repair(const char *path, const struct host_import_options *options,
                           const struct cim_definition *definition,
                           const struct host_import_repair *rows, size_t n_rows, const char *to,
                           cim_error *err)
{
    struct host_import_options plain = *options;
    struct host_import_report report = {0};
    struct host_source *source = NULL;
    struct host_gdal_errors errors = {0};
    FILE *file = NULL;
    cim_status status = CIM_OK;
    plain.flags = HOST_IMPORT_ROW_WISE;
    CIM_TRY(host_source_open(path, &plain, definition, &report, &source, err));
    host_import_report_done(&report);
    file = fopen(to, "wbxe");
    if (file == NULL) {
        status = cim_fail(err, CIM_E_IO, "file", to, "文件“%s”无法建立", "'%s' cannot be made", to);
    }
    host_gdal_enter(&errors);
    if (status == CIM_OK) {
        status = write_rows(source, rows, n_rows, file, err);
    }
    host_gdal_leave();
    host_source_free(source);
    if (file != NULL && fclose(file) != 0 && status == CIM_OK) {
        status = cim_fail(err, CIM_E_IO, "file", to, "文件写入失败", "the file cannot be written");
    }
    return status;
}
