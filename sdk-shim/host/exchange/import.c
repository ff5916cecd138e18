/* host/exchange/import.c -- a file into a layer, through the layer's own write path. */
#include "host/exchange/mirror.h"
#include "host/exchange/source.h"
#include "host/exchange/spool.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <stdlib.h>
#include <string.h>

struct import {
    struct host_source *source;
    const struct cim_definition *definition;
    const struct host_import_options *options;
    struct host_import_report *report;
};

static void
keep(struct host_import_refusal **list, int32_t *n, int64_t row, const cim_error *why)
{
    if (*n >= HOST_IMPORT_REFUSED_MAX) {
        return;
    }
    if (*list == NULL) {
        *list = calloc(HOST_IMPORT_REFUSED_MAX, sizeof **list);
        if (*list == NULL) {
            return; /* the total still counts */
        }
    }
    (*list)[(*n)++] = (struct host_import_refusal){.row = row, .why = *why};
}

static void
on_source_refused(void *arg, int64_t row, const cim_error *why)
{
    struct import *import = arg;
    import->report->n_refused++;
    keep(&import->report->refusals, &import->report->n_refusals, row, why);
    if (import->options->refused != NULL) {
        import->options->refused(import->options->arg, row, why);
    }
}

static void
on_source_warned(void *arg, int64_t row, const cim_error *what)
{
    struct import *import = arg;
    import->report->n_warned++;
    keep(&import->report->warnings, &import->report->n_warnings, row, what);
    if (import->options->warned != NULL) {
        import->options->warned(import->options->arg, row, what);
    }
}

static void
on_edit_warned(cim_edit *edit, int64_t row, const cim_error *what)
{
    struct import *import = edit->caller;
    on_source_warned(import, host_source_row_of(import->source, row), what);
}

/* Grades in the order in which they occur. */
static void
on_edit_placed(cim_edit *edit, int64_t row, const char *grade, int32_t good)
{
    const struct import *import = edit->caller;
    const struct cim_field *field = import->definition->placing.grade;
    const struct cim_code *code = field != NULL ? cim_code_find(field->codes, grade) : NULL;
    struct host_import_report *report = import->report;
    int32_t i = 0;
    (void)row;
    while (i < report->n_grades && strcmp(report->grades[i].grade, grade) != 0) {
        i++;
    }
    if (i == HOST_IMPORT_GRADES_MAX || code == NULL) {
        return;
    }
    struct host_import_grade *of = &report->grades[i];
    if (i == report->n_grades) {
        report->n_grades++;
        of->good = good;
        cim_copy_text(of->grade, sizeof of->grade, grade);
        cim_copy_text(of->zh, sizeof of->zh, code->title.zh);
        cim_copy_text(of->en, sizeof of->en, code->title.en);
    }
    of->n++;
}

static void
on_edit_refused(cim_edit *edit, int64_t row, const cim_error *why)
{
    struct import *import = edit->caller;
    on_source_refused(import, host_source_row_of(import->source, row), why);
}

/* Reading is one half of the work, writing the other. */
static int32_t
tell_progress(const struct import *import, int64_t done)
{
    return import->options->progress != NULL
               ? import->options->progress(import->options->arg, done, import->source->total)
               : 0;
}

static int32_t
on_spool_progress(void *arg, int64_t n_rows)
{
    const struct import *import = arg;
    (void)n_rows;
    return tell_progress(import, import->source->n_read / 2);
}

static int32_t
on_edit_progress(cim_edit *edit, int64_t rows_done)
{
    const struct import *import = edit->caller;
    return tell_progress(import, (import->source->n_read + rows_done) / 2);
}

static cim_status
on_edit_begun(cim_edit *edit, cim_tx *tx, cim_error *err)
{
    const struct import *import = edit->caller;
    return import->options->begun(import->options->hook_arg, tx, err);
}

static cim_status
on_edit_ending(cim_edit *edit, cim_tx *tx, cim_error *err)
{
    const struct import *import = edit->caller;
    return import->options->ending(import->options->hook_arg, tx, edit, err);
}

static uint32_t
edit_flags(uint32_t flags)
{
    return ((flags & HOST_IMPORT_ROW_WISE) != 0 ? (uint32_t)CIM_EDIT_ROW_WISE : 0U) |
           ((flags & HOST_IMPORT_DRY_RUN) != 0 ? (uint32_t)CIM_EDIT_DRY_RUN : 0U);
}

static int
by_row(const void *a, const void *b)
{
    const int64_t left = ((const struct host_import_refusal *)a)->row;
    const int64_t right = ((const struct host_import_refusal *)b)->row;
    return left < right ? -1 : left > right;
}

/* ---- the two halves ---- */

static cim_status
read_all(struct import *import, struct host_spool *spool, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(host_source_rows(import->source, &rows, err));
    return host_spool_fill(spool, rows, on_spool_progress, import, err);
}

static cim_status
write_all(const cim_layer *layer, const cim_call *call, struct import *import,
          struct host_spool *spool, uint32_t flags, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_import_report *report = import->report;
    cim_edit edit = {.struct_size = sizeof edit,
                     .flags = edit_flags(flags),
                     .op = CIM_EDIT_CREATE,
                     .refused = on_edit_refused,
                     .warned = on_edit_warned,
                     .placed = on_edit_placed,
                     .progress = on_edit_progress,
                     .caller = import};
    const bool writes = (import->options->flags & HOST_IMPORT_DRY_RUN) == 0;
    edit.begun = writes && import->options->begun != NULL ? on_edit_begun : NULL;
    edit.ending = writes && import->options->ending != NULL ? on_edit_ending : NULL;
    cim_status status = CIM_OK;
    if (import->options->mirror != NULL) {
        struct host_mirror_counts counts;
        status = host_mirror_write(layer, call, spool, import->options->mirror,
                                   (import->options->flags & HOST_IMPORT_KEEP_OTHERS) != 0, &edit,
                                   &counts, err);
        report->n_removed = counts.removed;
        report->n_kept = counts.kept;
    } else {
        CIM_TRY(host_spool_rows(spool, &rows, err));
        edit.rows = rows;
        status = layer->write(layer->self, call, &edit, err);
    }
    report->n_written = status == CIM_OK ? edit.n_written : 0;
    report->pos = status == CIM_OK ? edit.pos : 0;
    cim_copy_text(report->batch, sizeof report->batch, status == CIM_OK ? edit.batch : "");
    return status;
}

/* Once a row is refused, an import that is all or nothing writes nothing, whoever refused it; the
 * layer looks at the rows all the same, so that everything wrong is told at once. */
static cim_status
run(const cim_layer *layer, const cim_call *call, struct import *import, struct host_spool *spool,
    cim_error *err)
{
    struct host_import_report *report = import->report;
    const uint32_t flags = import->options->flags;
    cim_status status = read_all(import, spool, err);
    report->n_read = import->source->n_read;
    if (status == CIM_OK &&
        (import->source->n_skipped == 0 || (flags & HOST_IMPORT_ROW_WISE) != 0)) {
        status = write_all(layer, call, import, spool, flags, err);
    } else if (status == CIM_OK) {
        (void)write_all(layer, call, import, spool, HOST_IMPORT_ROW_WISE | HOST_IMPORT_DRY_RUN,
                        NULL); /* for what it tells */
        report->n_written = 0;
        report->pos = 0;
        status = cim_fail(err, CIM_E_INVALID, "file", NULL,
                          "%lld 行有误，未写入任何数据（可选择逐行导入，跳过有误的行）",
                          "%lld rows are wrong, nothing was written (row-wise import leaves them "
                          "out)",
                          (long long)report->n_refused);
    }
    if (report->refusals != NULL) {
        qsort(report->refusals, (size_t)report->n_refusals, sizeof *report->refusals, by_row);
    }
    if (report->warnings != NULL) {
        qsort(report->warnings, (size_t)report->n_warnings, sizeof *report->warnings, by_row);
    }
    return status;
}

cim_status
host_exchange_import(const cim_layer *layer, const struct cim_definition *definition,
                     const cim_call *call, const char *path,
                     const struct host_import_options *options,
                     struct host_import_report *ret_report, cim_error *err)
{
    struct import import = {.options = options, .definition = definition, .report = ret_report};
    struct host_spool *spool = NULL;
    cim_status status = CIM_OK;
    *ret_report = (struct host_import_report){0};
    ret_report->dry_run = (options->flags & HOST_IMPORT_DRY_RUN) != 0 ? 1 : 0;
    if (layer->write == NULL) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "layer", layer->id, "图层“%s”只读，不能导入",
                        "layer '%s' is read-only", layer->id);
    }
    CIM_TRY(host_source_open(path, options, definition, ret_report, &import.source, err));
    import.source->refused = on_source_refused;
    import.source->warned = on_source_warned;
    import.source->told_arg = &import;
    status = host_source_open_rules(import.source, options, definition, err);
    if (status == CIM_OK) {
        status = host_spool_open(import.source->work.dir, &spool, err);
    }
    if (status == CIM_OK) {
        status = run(layer, call, &import, spool, err);
        host_spool_free(spool);
    }
    host_source_free(import.source);
    return status;
}
