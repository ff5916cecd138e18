/* host/main/verb_run.c -- an analysis from the command line, with every right. */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "bar.h"
#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/http/http.h"
#include "host/identity/identity.h"
#include "host/jobs/jobs.h"
#include "host/jobs/process.h"
#include "host/plugins/manifest.h"
#include "host/plugins/plugins.h"
#include "host/store/store.h"
#include "kit/cleanup.h"
#include "kit/json.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted; /* of the process: signals know no other place */

static void
on_interrupt(int signal_number)
{
    (void)signal_number;
    interrupted = 1;
}

struct bar {
    cim_job job;
    struct host_bar bar;
};

static int32_t
should_stop(cim_job *job)
{
    (void)job;
    return interrupted;
}

static int32_t
cancelled(const cim_call *call)
{
    (void)call;
    return interrupted;
}

static void
draw(cim_job *job, double fraction, const char *zh, const char *en)
{
    struct bar *bar = job->impl;
    char text[256];
    fraction = fraction < 0 ? 0 : fraction > 1 ? 1 : fraction;
    (void)snprintf(text, sizeof text, "%3d %%  %s  %s", (int)(fraction * 100), zh != NULL ? zh : "",
                   en != NULL ? en : "");
    host_bar_draw(&bar->bar, fraction, text);
}

static void
log_line(cim_job *job, int32_t level, const char *text)
{
    (void)job;
    host_log(level, "run", "%.400s", text);
}

struct request {
    struct json_object *body;
    struct json_object *inputs;
    struct host_process_wish wish;
};

static void
request_done(struct request *request)
{
    json_object_put(request->inputs);
    json_object_put(request->body);
}

static cim_status
read_request(const struct host_work *work, const char *path, struct request *request,
             cim_error *err)
{
    CIM_AUTO_FREE char *text = NULL;
    struct json_object *inputs = NULL;
    struct json_object *outputs = NULL;
    struct json_object *response = NULL;
    size_t len = 0;
    CIM_TRY(host_read_file(path, HOST_JOB_INPUTS_BYTES_MAX, &text, &len, err));
    CIM_TRY(cim_json_parse(path, text, len, &request->body, err));
    (void)json_object_object_get_ex(request->body, "inputs", &inputs);
    (void)json_object_object_get_ex(request->body, "outputs", &outputs);
    (void)json_object_object_get_ex(request->body, "response", &response);
    if (inputs == NULL) {
        return cim_fail(err, CIM_E_INVALID, "inputs", path, "文件应为 {\"inputs\": {…}}",
                        "the file: expected {\"inputs\": {…}}");
    }
    CIM_TRY(host_process_wish(work, outputs, response, &request->wish, err));
    return host_process_inputs(work, inputs, &request->inputs, err);
}

static cim_status
write_answer(const struct cim_buf *body, const char *path, cim_error *err)
{
    FILE *file = path != NULL ? fopen(path, "wbe") : stdout;
    size_t n = 0;
    bool closed = true;
    if (file == NULL) {
        return cim_fail(err, CIM_E_IO, "out", path, "无法写入“%s”：%s", "cannot write '%s': %s",
                        path, strerrorname_np(errno));
    }
    n = fwrite(body->data, 1, body->len, file);
    if (path == NULL && body->len > 0 && body->data[body->len - 1] != '\n') {
        (void)fputc('\n', file);
    }
    closed = path != NULL ? fclose(file) == 0 : fflush(file) == 0;
    return n == body->len && closed ? CIM_OK
                                    : cim_fail(err, CIM_E_IO, "out", path, "结果未能写完",
                                               "the result could not be written whole");
}

static cim_status
compute(struct host_app *app, const struct host_work *work, const cim_call *call,
        const struct request *request, struct cim_buf *body, cim_error *err)
{
    const char *inputs = json_object_to_json_string_ext(
        request->inputs, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    struct bar bar = {.bar = host_bar_begin()};
    const char *mime = NULL;
    cim_blob result = {0};
    CIM_AUTO_BUF struct cim_buf run;
    cim_status status = CIM_OK;
    cim_buf_init(&run, HOST_JOB_INPUTS_BYTES_MAX * 2);
    bar.job = (cim_job){.struct_size = sizeof bar.job,
                        .id = "",
                        .pos = host_store_pos(app->store),
                        .progress = draw,
                        .should_stop = should_stop,
                        .log = log_line,
                        .impl = &bar};
    status = work->kind.run(work->kind.self, call, &bar.job, inputs, &result, err);
    if (status == CIM_OK) {
        draw(&bar.job, 1, "完成", "done");
    }
    if (bar.bar.shown) {
        (void)fputc('\n', stderr);
    }
    CIM_TRY(status);
    host_process_run_json(work, inputs, bar.job.pos, &run);
    status = host_process_check_result(work, result.data, result.len, err);
    if (status == CIM_OK) {
        status = host_process_answer(work, &request->wish, result.data, result.len, run.data, body,
                                     &mime, err);
    }
    if (result.release != NULL) {
        result.release(&result);
    }
    return status;
}

static cim_status
run_analysis(struct host_app *app, const char *id, const char *path, const char *out,
             cim_error *err)
{
    struct host_principal *principal = host_identity_system_principal(app->identity);
    struct host_call_context context = {.principal = principal};
    __attribute__((cleanup(request_done))) struct request request = {.body = NULL};
    const struct host_work *work = NULL;
    CIM_AUTO_BUF struct cim_buf body;
    cim_status status = CIM_OK;
    cim_call call = {.struct_size = sizeof call,
                     .request_id = "",
                     .principal = host_principal_name(principal),
                     .lang = "zh",
                     .now_ms = host_clock_now_ms(app->clock),
                     .cancelled = cancelled,
                     .impl = &context};
    cim_buf_init(&body, HOST_JOB_RESULT_BYTES_MAX * 2UL);
    if (principal == NULL) {
        return cim_fail_nomem(err);
    }
    status = host_plugins_enter_work(app->plugins, id, &call, &work, err);
    if (status == CIM_OK) {
        status = work->is_analysis ? host_identity_scope(app->identity, principal, id, CIM_ACT_RUN,
                                                         call.now_ms, &call.scope, err)
                                   : cim_fail(err, CIM_E_NOTFOUND, "id", id, "没有分析 %.64s",
                                              "there is no analysis %.64s", id);
        if (status == CIM_OK) {
            status = read_request(work, path, &request, err);
        }
        if (status == CIM_OK) {
            status = compute(app, work, &call, &request, &body, err);
        }
        host_plugins_leave(app->plugins, work->plugin_id);
    }
    host_principal_release(principal);
    CIM_TRY(status);
    return write_answer(&body, out, err);
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {{"out", false}, {NULL, false}};
    const struct sigaction interrupt = {.sa_handler = on_interrupt};
    struct host_args args;
    struct host_assembly assembly;
    cim_status status = CIM_OK;
    CIM_TRY(host_args_parse(words, specs, 2, &args, err));
    if (args.n_words != 2) {
        return cim_fail(err, CIM_E_INVALID, "run", NULL, "应为 cim-host run ID INPUTS.json",
                        "expected cim-host run ID INPUTS.json");
    }
    host_setup_log(config);
    (void)sigaction(SIGINT, &interrupt, NULL);
    (void)sigaction(SIGTERM, &interrupt, NULL);
    CIM_TRY(host_assemble(config, "run", HOST_LEVEL_PLUGINS, &assembly, err));
    status = run_analysis(&assembly.app, args.words[0], args.words[1],
                          host_args_option(&args, "out"), err);
    host_disassemble(&assembly);
    return status;
}

const struct host_verb host_verb_run = {
    .name = "run",
    .zh = "运行一个分析",
    .en = "run an analysis",
    .usage = "  cim-host run ID INPUTS.json [--out=FILE]\n\n"
             "  INPUTS.json 与 POST /processes/ID/execution 的请求体相同：{\"inputs\": {…}}；"
             "/dev/stdin 为标准输入。\n"
             "  结果写到标准输出或 FILE；在终端上显示进度，Ctrl-C 取消。\n"
             "  INPUTS.json is as the body of POST /processes/ID/execution; /dev/stdin reads "
             "standard input.\n"
             "  The result goes to standard output or FILE; a terminal shows progress, Ctrl-C "
             "cancels.\n",
    .run = run,
};
