/* echo.c -- an analysis: what it is asked it answers. The host turns it into the OGC API Process
 * /processes/template.echo, checks the inputs and runs it at once or as a job. */
#include "template.h"

#include "cim/util.h"
#include "kit/buf.h"

#include <json-c/json.h>
#include <time.h>

enum { ANSWER_MAX_BYTES = 1 << 20, NAP_MS = 20 };

static const char inputs[] =
    "{\"message\":{\"title\":{\"zh\":\"文字\",\"en\":\"Message\"},"
    "\"description\":{\"zh\":\"原样返回的文字\",\"en\":\"The text that comes back\"},"
    "\"schema\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":1000}},"
    "\"wait_ms\":{\"title\":{\"zh\":\"耗时\",\"en\":\"Time to take\"},"
    "\"description\":{\"zh\":\"假装计算的毫秒数\",\"en\":\"Milliseconds to pretend to compute\"},"
    "\"minOccurs\":0,"
    "\"schema\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":60000,\"default\":0}}}";

static const char outputs[] = "{\"echo\":{\"title\":{\"zh\":\"回声\",\"en\":\"Echo\"},"
                              "\"schema\":{\"type\":\"string\"}}}";

/* Long work says how far it is, and asks whether it is still wanted. */
static cim_status
pretend(cim_job *job, int64_t wait_ms, cim_error *err)
{
    const struct timespec nap = {.tv_nsec = NAP_MS * 1000000L};
    for (int64_t done_ms = 0; done_ms < wait_ms; done_ms += NAP_MS) {
        if (job->should_stop(job) != 0) {
            return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "已取消", "cancelled");
        }
        job->progress(job, (double)done_ms / (double)wait_ms, "正在等待", "waiting");
        (void)nanosleep(&nap, NULL);
    }
    return CIM_OK;
}

/* The inputs were checked against their schemas: they are there and of their types. */
static cim_status
run_echo(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
         cim_blob *ret_result, cim_error *err)
{
    struct json_object *in = json_tokener_parse(inputs_json);
    const char *message = NULL;
    struct cim_buf out;
    cim_status status = CIM_OK;
    (void)self;
    (void)call;
    if (in == NULL) {
        return cim_fail_nomem(err);
    }
    status = pretend(job, json_object_get_int64(json_object_object_get(in, "wait_ms")), err);
    cim_buf_init(&out, ANSWER_MAX_BYTES);
    if (status == CIM_OK) {
        message = json_object_get_string(json_object_object_get(in, "message"));
        cim_buf_add_text(&out, "{\"echo\":");
        cim_buf_add_json_text(&out, message, SIZE_MAX);
        cim_buf_add_char(&out, '}');
        status = cim_buf_status(&out, err);
    }
    if (status == CIM_OK) {
        cim_buf_to_blob(&out, ret_result);
    }
    cim_buf_done(&out);
    json_object_put(in);
    return status;
}

cim_status
template_register_echo(struct template_plugin *plugin, cim_error *err)
{
    const cim_analyses_v1 *analyses = plugin->host->get_service(plugin->host, CIM_SERVICE_ANALYSES);
    const cim_analysis analysis = {
        .struct_size = sizeof analysis,
        .flags = CIM_ANALYSIS_SHORT,
        .id = "template.echo",
        .version = "1.0.0",
        .title_zh = "回声",
        .title_en = "Echo",
        .description_zh = "原样返回所给文字，用来试连通与作业",
        .description_en = "Answers what it was asked: for trying out connections and jobs",
        .inputs = inputs,
        .outputs = outputs,
        .run = run_echo,
        .self = plugin,
    };
    return analyses->add_analysis(plugin->host, &analysis, err);
}
