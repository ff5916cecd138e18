/* host/imports/job.c -- an import under way. */
#include "host/imports/internal.h"

#include "cim/util.h"
#include "host/app.h"
#include "host/catalogue/lineage.h"
#include "host/plugins/plugins.h"

#include <string.h>
#include <unistd.h>

enum { REPORT_BYTES_MAX = 8 << 20 };

struct work {
    struct host_app *app;
    cim_job *job;
    struct host_import_tell tell;
};

static int32_t
on_progress(void *arg, int64_t done, int64_t total)
{
    struct work *work = arg;
    char zh[80];
    char en[80];
    (void)snprintf(zh, sizeof zh, "已读 %lld 行", (long long)done);
    (void)snprintf(en, sizeof en, "%lld rows read", (long long)done);
    work->job->progress(work->job, total > 0 ? (double)done / (double)total : 0, zh, en);
    return work->job->should_stop(work->job);
}

static void
on_refused(void *arg, int64_t row, const cim_error *why)
{
    struct work *work = arg;
    host_import_tell_row(&work->tell, true, row, why);
}

static void
on_warned(void *arg, int64_t row, const cim_error *what)
{
    struct work *work = arg;
    host_import_tell_row(&work->tell, false, row, what);
}

/* report.json: also of an import that failed, whose job has no result. */
static cim_status
keep_report(const char *dir, const struct cim_buf *report, cim_error *err)
{
    char path[HOST_IMPORT_PATH_MAX];
    FILE *file = NULL;
    bool good = false;
    (void)snprintf(path, sizeof path, "%s/report.json", dir);
    file = fopen(path, "wbe");
    good = file != NULL && fwrite(report->data, 1, report->len, file) == report->len;
    good = (file == NULL || fclose(file) == 0) && good;
    return good ? CIM_OK
                : cim_fail(err, CIM_E_IO, "report", NULL, "报告写入失败",
                           "the report could not be written");
}

static cim_status
import(struct work *work, const struct host_layer *layer, const cim_call *call,
       struct host_import_request *request, struct cim_buf *out, cim_error *err)
{
    char path[HOST_IMPORT_PATH_MAX];
    struct host_import_report report = {0};
    struct host_import_options *options = &request->options;
    cim_error told = {.code = CIM_OK};
    cim_status status = CIM_OK;
    (void)snprintf(path, sizeof path, "%s/input", work->job->dir);
    options->work_dir = work->job->dir;
    options->progress = on_progress;
    options->refused = on_refused;
    options->warned = on_warned;
    options->arg = work;
    status =
        host_exchange_import(&layer->layer, layer->definition, call, path, options, &report, err);
    if (host_import_tell_finish(&work->tell, path, options, layer->definition, &told) != CIM_OK) {
        work->job->log(work->job, CIM_LOG_WARNING, told.en); /* the import itself stands */
    }
    cim_buf_add_char(out, '{');
    host_import_report_write(&report, request->layer, out);
    cim_buf_add_char(out, '}');
    if (status == CIM_OK && (options->flags & HOST_IMPORT_DRY_RUN) == 0) {
        const struct host_lineage lineage = {.layer = request->layer,
                                             .way = "job",
                                             .job = work->job->id,
                                             .source = request->name,
                                             .n_written = report.n_written,
                                             .n_refused = report.n_refused};
        host_lineage_note(work->app, call, &lineage);
    }
    host_import_report_done(&report);
    if (cim_buf_status(out, NULL) == CIM_OK) {
        (void)keep_report(work->job->dir, out, NULL); /* the state tells the outcome */
    }
    if (status != CIM_OK || (options->flags & HOST_IMPORT_DRY_RUN) == 0) {
        return status;
    }
    return CIM_OK;
}

cim_status
host_import_run(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
                cim_blob *ret_result, cim_error *err)
{
    struct host_app *app = self;
    HOST_AUTO_IMPORT_REQUEST struct host_import_request request = {.json = NULL};
    CIM_AUTO_BUF struct cim_buf out;
    struct work work = {.app = app, .job = job};
    struct host_layer_reading reading = {.app = app, .call = call};
    const struct host_layer_reader reader = {host_layer_read, &reading};
    const struct host_layer *layer = NULL;
    cim_call inner;
    cim_status status = CIM_OK;
    cim_buf_init(&out, REPORT_BYTES_MAX);
    CIM_TRY(host_import_request_parse(inputs_json, strlen(inputs_json), &request, err));
    CIM_TRY(host_exchange_enter(app, call, request.layer, CIM_ACT_CREATE, &inner, &layer, err));
    request.options.reader = &reader;
    status = host_import_tell_open(job->dir, &work.tell, err);
    if (status == CIM_OK) {
        status = import(&work, layer, &inner, &request, &out, err);
        host_import_tell_done(&work.tell);
    }
    host_plugins_leave(app->plugins, layer->plugin_id);
    if (status == CIM_OK) {
        CIM_TRY(cim_buf_status(&out, err));
        cim_buf_to_blob(&out, ret_result);
    }
    return status;
}
