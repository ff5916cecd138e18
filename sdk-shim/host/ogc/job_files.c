/* host/ogc/job_files.c -- the result of a job as a document or as files of its layers. */
#include "host/ogc/processes.h"

#include "cim/util.h"
#include "host/base/config.h"
#include "host/http/http.h"
#include "host/jobs/jobs.h"
#include "host/report/report.h"
#include "kit/cleanup.h"
#include "kit/time.h"

#include <stdlib.h>
#include <unistd.h>

enum { RESULT_READ_MAX = 96 << 20, DIR_BYTES = 4300 };

static const struct {
    const char *name;
    const char *extension;
    const char *mime;
} formats[] = {
    {"pdf", "pdf", "application/pdf"},
    {"docx", "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"geojson", "geojson", "application/geo+json"},
    {"shp", "zip", "application/zip"},
    {"dxf", "dxf", "image/vnd.dxf"}};

/* What a document is made of, and the texts that it is borrowed from. */
struct paper {
    struct host_report_source source;
    struct json_object *run;
    struct json_object *result;
    char number[64];
    char date[CIM_TIME_TEXT_MAX];
};

static void
paper_done(struct paper *paper)
{
    (void)json_object_put(paper->run);
    (void)json_object_put(paper->result);
}

struct naming {
    struct host_ogc *ogc;
    const cim_call *call;
    bool chinese;
};

/* NULL: there is none, or its plugin is closed. Else it is to be left. */
static const struct host_layer *
enter(const struct naming *naming, const char *layer_id)
{
    const struct host_layer *layer = NULL;
    cim_call call = *naming->call;
    return host_plugins_enter_layer(naming->ogc->app->plugins, layer_id, &call, &layer, NULL) ==
                   CIM_OK
               ? layer
               : NULL;
}

/* As the definition of the layer has it; it need not be one that the caller may read. */
static void
name_code(void *arg, const char *layer_id, const char *field_name, char *out, size_t out_size)
{
    const struct naming *naming = arg;
    const struct host_layer *layer = enter(naming, layer_id);
    if (layer == NULL) {
        return;
    }
    const struct cim_field *field = cim_definition_field(layer->definition, field_name);
    const struct cim_code *code =
        field != NULL && field->codes != NULL ? cim_code_find(field->codes, out) : NULL;
    if (code != NULL) {
        cim_copy_text(out, out_size,
                      naming->chinese || code->title.en == NULL ? code->title.zh : code->title.en);
    }
    host_plugins_leave(naming->ogc->app->plugins, layer->plugin_id);
}

static void
title_of(void *arg, const char *layer_id, const char *field_name, char *out, size_t out_size)
{
    const struct naming *naming = arg;
    const struct host_layer *layer = enter(naming, layer_id);
    if (layer == NULL) {
        return;
    }
    const struct cim_field *field =
        field_name != NULL ? cim_definition_field(layer->definition, field_name) : NULL;
    const struct cim_text2 *title = field_name == NULL ? &layer->definition->title
                                    : field != NULL    ? &field->title
                                                       : NULL;
    if (title != NULL) {
        cim_copy_text(out, out_size, naming->chinese || title->en == NULL ? title->zh : title->en);
    }
    host_plugins_leave(naming->ogc->app->plugins, layer->plugin_id);
}

static cim_status
read_paper(struct host_ogc *ogc, const struct host_work *work, const struct host_job_info *info,
           bool chinese, struct paper *paper, cim_error *err)
{
    CIM_AUTO_FREE char *result = NULL;
    CIM_AUTO_FREE char *run = NULL;
    size_t len = 0;
    CIM_TRY(host_jobs_result(ogc->app->jobs, info->id, &result, &len, &run, err));
    if (len > RESULT_READ_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "f", NULL, "结果超过 %d MB，请取 JSON",
                        "the result is larger than %d MB: take it as JSON", RESULT_READ_MAX >> 20);
    }
    paper->result = json_tokener_parse(result);
    paper->run = json_tokener_parse(run);
    if (paper->result == NULL || paper->run == NULL) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "结果无法读取",
                        "the result cannot be read");
    }
    cim_date_format(cim_time_local_day(info->finished_ms), paper->date);
    /* of the day, and of the part of the id that is random */
    (void)snprintf(paper->number, sizeof paper->number, "%.4s%.2s%.2s-%.8s", paper->date,
                   paper->date + 5, paper->date + 8, info->id + 28);
    paper->source = (struct host_report_source){
        .title = chinese ? work->kind.title_zh : work->kind.title_en,
        .description = chinese ? work->description_zh : work->description_en,
        .number = paper->number,
        .office = host_config_text(ogc->app->config, "report.office"),
        .date = paper->date,
        .inputs = work->inputs,
        .outputs = work->outputs,
        .run = paper->run,
        .result = paper->result,
        .chinese = chinese};
    return CIM_OK;
}

static cim_status
write_file(struct host_ogc *ogc, const struct host_job_info *info, const struct paper *paper,
           const char *format, const char *only, struct cim_buf *out, cim_error *err)
{
    char dir[DIR_BYTES];
    char *slash = NULL;
    cim_status status = CIM_OK;
    if (strcmp(format, "pdf") == 0) {
        return host_report_pdf(&paper->source, out, err);
    }
    if (strcmp(format, "geojson") == 0) {
        return host_report_geojson(&paper->source, only, out, err);
    }
    CIM_TRY(host_jobs_result_path(ogc->app->jobs, info->id, dir, sizeof dir - 32, err));
    slash = strrchr(dir, '/');
    (void)snprintf(slash != NULL ? slash : dir, 32, "/.file-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        return cim_fail(err, CIM_E_IO, NULL, NULL, "临时目录无法建立",
                        "a folder for the file cannot be made");
    }
    status = strcmp(format, "docx") == 0
                 ? host_report_docx(&paper->source, dir, out, err)
                 : host_report_file(&paper->source, only, format, dir, out, err);
    (void)rmdir(dir);
    return status;
}

bool
host_job_file_format(const char *format)
{
    for (size_t i = 0; format != NULL && i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(format, formats[i].name) == 0) {
            return true;
        }
    }
    return false;
}

cim_status
host_job_send_file(const struct host_ask *ask, const struct host_job_info *info, const char *format,
                   cim_error *err)
{
    HOST_AUTO_WORK_VISIT struct host_work_visit visit = {.plugins = NULL};
    CIM_AUTO_BUF struct cim_buf body;
    struct paper paper = {.run = NULL};
    struct naming naming = {ask->ogc, ask->call, ask->chinese};
    char disposition[160];
    size_t i = 0;
    cim_status status = CIM_OK;
    cim_buf_init(&body, HOST_REPORT_BYTES_MAX);
    CIM_TRY(host_visit_work(&visit, ask->ogc, ask->call, info->kind, err));
    status = read_paper(ask->ogc, visit.work, info, ask->chinese, &paper, err);
    paper.source.name = name_code;
    paper.source.title_of = title_of;
    paper.source.arg = &naming;
    if (status == CIM_OK) {
        status =
            write_file(ask->ogc, info, &paper, format, host_ask_param(ask, "output"), &body, err);
    }
    paper_done(&paper);
    CIM_TRY(status);
    while (strcmp(formats[i].name, format) != 0) {
        i++;
    }
    (void)snprintf(disposition, sizeof disposition, "attachment; filename=\"%.60s-%.40s.%s\"",
                   info->kind, paper.number, formats[i].extension);
    CIM_TRY(host_http_add_header(ask->req, "Content-Disposition", disposition, err));
    return host_processes_send(ask->req, 200, formats[i].mime, &body, err);
}
