/* host/exchange/import.c -- a file into a layer, through the layer's own write path. */
#include "host/exchange/source.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <stdlib.h>

struct import {
    struct host_source *source;
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
on_edit_refused(cim_edit *edit, int64_t row, const cim_error *why)
{
    struct import *import = edit->caller;
    on_source_refused(import, host_source_row_of(import->source, row), why);
}

static int32_t
on_edit_progress(cim_edit *edit, int64_t rows_done)
{
    const struct import *import = edit->caller;
    (void)rows_done;
    return import->options->progress != NULL
               ? import->options->progress(import->options->arg, import->source->n_read,
                                           import->source->total)
               : 0;
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

/* Once a row is refused, an import that is all or nothing writes nothing, whoever refused it. */
static cim_status
run(const cim_layer *layer, const cim_call *call, struct import *import, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_import_report *report = import->report;
    cim_edit edit = {.struct_size = sizeof edit,
                     .flags = edit_flags(import->options->flags),
                     .op = CIM_EDIT_CREATE,
                     .refused = on_edit_refused,
                     .progress = on_edit_progress,
                     .caller = import};
    cim_status status = CIM_OK;
    CIM_TRY(host_source_rows(import->source, &rows, err));
    edit.rows = rows;
    status = layer->write(layer->self, call, &edit, err);
    report->n_read = import->source->n_read;
    report->n_written = status == CIM_OK ? edit.n_written : 0;
    report->pos = status == CIM_OK ? edit.pos : 0;
    if (report->refusals != NULL) {
        qsort(report->refusals, (size_t)report->n_refusals, sizeof *report->refusals, by_row);
    }
    if (report->warnings != NULL) {
        qsort(report->warnings, (size_t)report->n_warnings, sizeof *report->warnings, by_row);
    }
    return status;
}

static cim_status
open_and_run(const cim_layer *layer, const struct cim_definition *definition, const cim_call *call,
             const char *path, struct import *import, bool *ret_skipped, cim_error *err)
{
    cim_status status = CIM_OK;
    if (import->options->refused != NULL) {
        import->options->refused(import->options->arg, 0, NULL); /* begins anew */
    }
    CIM_TRY(
        host_source_open(path, import->options, definition, import->report, &import->source, err));
    import->source->refused = on_source_refused;
    import->source->warned = on_source_warned;
    import->source->told_arg = import;
    status = run(layer, call, import, err);
    *ret_skipped = import->source->n_skipped > 0;
    host_source_free(import->source);
    import->source = NULL;
    return status;
}

/* The reader refused rows and so ended the edit, maybe before the layer looked at others. A second
 * pass that writes nothing collects what is wrong with every row. */
static void
collect_refusals(const cim_layer *layer, const struct cim_definition *definition,
                 const cim_call *call, const char *path, const struct import *first)
{
    struct host_import_options options = *first->options;
    struct host_import_report again = {0};
    struct import import = {.options = &options, .report = &again};
    bool skipped = false;
    options.flags |= HOST_IMPORT_ROW_WISE | HOST_IMPORT_DRY_RUN;
    again.dry_run = first->report->dry_run;
    if (open_and_run(layer, definition, call, path, &import, &skipped, NULL) != CIM_OK) {
        host_import_report_done(&again); /* the first report stands */
        return;
    }
    again.n_written = 0;
    host_import_report_done(first->report);
    *first->report = again;
}

cim_status
host_exchange_import(const cim_layer *layer, const struct cim_definition *definition,
                     const cim_call *call, const char *path,
                     const struct host_import_options *options,
                     struct host_import_report *ret_report, cim_error *err)
{
    struct import import = {.options = options, .report = ret_report};
    bool skipped = false;
    cim_status status = CIM_OK;
    *ret_report = (struct host_import_report){0};
    ret_report->dry_run = (options->flags & HOST_IMPORT_DRY_RUN) != 0 ? 1 : 0;
    if (layer->write == NULL) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "layer", layer->id, "图层“%s”只读，不能导入",
                        "layer '%s' is read-only", layer->id);
    }
    status = open_and_run(layer, definition, call, path, &import, &skipped, err);
    if (status == CIM_E_INVALID && skipped && (options->flags & HOST_IMPORT_ROW_WISE) == 0) {
        collect_refusals(layer, definition, call, path, &import);
    }
    return status;
}
