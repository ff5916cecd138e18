/* host/imports/tell.c -- every finding of an import, as files for people. */
#include "host/imports/internal.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES_MAX = 1 << 16 };

static const char *const heads[] = {"行 / row",   "结果 / result", "字段 / field",
                                    "值 / value", "原因",          "reason"};
enum { N_CELLS = sizeof heads / sizeof heads[0] };

/* A cell that a spreadsheet would run as a formula is written as text. */
static void
add_cell(struct cim_buf *line, const char *text)
{
    cim_buf_add_text(line, line->len > 0 ? ",\"" : "\"");
    cim_buf_add_text(line, text[0] != '\0' && strchr("=+-@\t", text[0]) != NULL ? "'" : "");
    for (const char *at = text; *at != '\0'; at++) {
        cim_buf_add(line, "\"\"", *at == '"' ? 2 : 0);
        cim_buf_add(line, at, *at == '"' ? 0 : 1);
    }
    cim_buf_add_char(line, '"');
}

static cim_status
write_cells(struct host_import_tell *tell, const char *const cells[N_CELLS], cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf line;
    cim_buf_init(&line, LINE_BYTES_MAX);
    for (size_t i = 0; i < N_CELLS; i++) {
        add_cell(&line, cells[i]);
    }
    cim_buf_add_text(&line, "\r\n");
    CIM_TRY(cim_buf_status(&line, err));
    if (fwrite(line.data, 1, line.len, tell->csv) != line.len) {
        return cim_fail(err, CIM_E_IO, "report", NULL, "报告写入失败",
                        "the report could not be written");
    }
    if (tell->n_rows <= HOST_SHEET_ROWS_MAX) { /* more rows are in the CSV alone */
        for (uint32_t i = 0; i < N_CELLS; i++) {
            CIM_TRY(host_sheet_text(tell->sheet, i, cells[i], err));
        }
        CIM_TRY(host_sheet_end_row(tell->sheet, err));
    }
    tell->n_rows++;
    return CIM_OK;
}

static void
path_of(const struct host_import_tell *tell, const char *name, char out[HOST_IMPORT_PATH_MAX])
{
    (void)snprintf(out, HOST_IMPORT_PATH_MAX, "%s/%s", tell->dir, name);
}

static cim_status
open_files(struct host_import_tell *tell, cim_error *err)
{
    char path[HOST_IMPORT_PATH_MAX];
    path_of(tell, "report.csv", path);
    tell->csv = fopen(path, "wbe");
    if (tell->csv == NULL || fputs("\xef\xbb\xbf", tell->csv) < 0) {
        return cim_fail(err, CIM_E_IO, "report", NULL, "报告无法建立", "the report cannot be made");
    }
    path_of(tell, "report.xlsx", path);
    CIM_TRY(host_sheet_open(path, tell->dir, "report", &tell->sheet, err));
    return write_cells(tell, heads, err);
}

static void
close_files(struct host_import_tell *tell, cim_error *err)
{
    if (tell->csv != NULL && fclose(tell->csv) != 0 && tell->failed.code == CIM_OK) {
        tell->failed.code = cim_fail(&tell->failed, CIM_E_IO, "report", NULL, "报告写入失败",
                                     "the report could not be written");
    }
    tell->csv = NULL;
    if (host_sheet_close(tell->sheet, err) != CIM_OK && tell->failed.code == CIM_OK &&
        err != NULL) {
        tell->failed = *err;
    }
    tell->sheet = NULL;
}

cim_status
host_import_tell_open(const char *dir, struct host_import_tell *ret_tell, cim_error *err)
{
    struct host_import_tell tell = {.dir = dir};
    cim_status status = CIM_OK;
    tell.repairs = calloc(HOST_IMPORT_REPAIRS_MAX, sizeof *tell.repairs);
    if (tell.repairs == NULL) {
        return cim_fail_nomem(err);
    }
    status = open_files(&tell, err);
    if (status != CIM_OK) {
        host_import_tell_done(&tell);
        return status;
    }
    *ret_tell = tell;
    return CIM_OK;
}

void
host_import_tell_done(struct host_import_tell *tell)
{
    close_files(tell, NULL);
    for (size_t i = 0; i < tell->n_repairs; i++) {
        free((void *)(uintptr_t)tell->repairs[i].field);
        free((void *)(uintptr_t)tell->repairs[i].why);
    }
    tell->n_repairs = 0;
    free(tell->repairs);
    tell->repairs = NULL;
}

static void
keep_repair(struct host_import_tell *tell, int64_t row, const cim_error *what)
{
    char *field = NULL;
    char *why = NULL;
    if (tell->n_repairs == HOST_IMPORT_REPAIRS_MAX) {
        return; /* the report has them all */
    }
    field = strdup(what->param);
    why = strdup(what->zh);
    if (field == NULL || why == NULL) {
        free(field);
        free(why);
        return;
    }
    tell->repairs[tell->n_repairs++] =
        (struct host_import_repair){.row = row, .field = field, .why = why};
}

void
host_import_tell_row(struct host_import_tell *tell, bool refused, int64_t row,
                     const cim_error *what)
{
    char number[24];
    const char *cells[N_CELLS] = {number,      refused ? "拒绝 / refused" : "提示 / note",
                                  what->param, what->value,
                                  what->zh,    what->en};
    (void)snprintf(number, sizeof number, "%lld", (long long)row);
    if (tell->failed.code == CIM_OK) {
        tell->failed.code = write_cells(tell, cells, &tell->failed);
    }
    if (refused) {
        keep_repair(tell, row, what);
    }
}

static int
by_row(const void *a, const void *b)
{
    const int64_t left = ((const struct host_import_repair *)a)->row;
    const int64_t right = ((const struct host_import_repair *)b)->row;
    return left < right ? -1 : left > right;
}

cim_status
host_import_tell_finish(struct host_import_tell *tell, const char *path,
                        const struct host_import_options *options,
                        const struct cim_definition *definition, cim_error *err)
{
    char to[HOST_IMPORT_PATH_MAX];
    cim_error why = {.code = CIM_OK};
    close_files(tell, &why);
    if (tell->failed.code != CIM_OK) {
        if (err != NULL) {
            *err = tell->failed;
        }
        return tell->failed.code;
    }
    if (tell->n_repairs == 0) {
        return CIM_OK;
    }
    qsort(tell->repairs, tell->n_repairs, sizeof *tell->repairs, by_row);
    path_of(tell, "refused.csv", to);
    return host_exchange_write_repair(path, options, definition, tell->repairs, tell->n_repairs, to,
                                      err);
}
