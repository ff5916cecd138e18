/* host/ogc/callback.c -- see callback.h. */
#include "host/ogc/callback.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/identity/identity.h"
#include "host/jobs/jobs.h"
#include "host/ogc/processes.h"
#include "host/ogc/webhook.h"
#include "kit/cleanup.h"

#include <pthread.h>
#include <time.h>

enum {
    LOOK_MS = 500,
    ATTEMPTS_MAX = 10,
    FIRST_WAIT_MS = 1000, /* doubled each time: the last attempt is a quarter of an hour later */
    LEASE_MS = HOST_WEBHOOK_TOTAL_MS + 10000
};

static const char json_mime[] = "application/json";

struct host_callbacks {
    struct host_app *app;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_bool stopping;
};

/* ---- what a client asked for ---- */

static const char *const members[] = {"successUri", "inProgressUri", "failedUri"};

static cim_status
check_member(const struct host_app *app, const char *key, struct json_object *value, cim_error *err)
{
    char name[64];
    (void)snprintf(name, sizeof name, "subscriber.%.40s", key);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (strcmp(key, members[i]) == 0) {
            return json_object_is_type(value, json_type_string)
                       ? host_webhook_check(name, json_object_get_string(value),
                                            host_config_text(app->config, "jobs.callback_networks"),
                                            err)
                       : cim_fail(err, CIM_E_INVALID, name, NULL, "应为地址",
                                  "expected an address");
        }
    }
    return cim_fail(err, CIM_E_INVALID, name, NULL,
                    "没有这一项；可用：successUri、inProgressUri、failedUri",
                    "there is no such member; there are successUri, inProgressUri, failedUri");
}

cim_status
host_subscriber_check(const struct host_app *app, struct json_object *subscriber, cim_error *err)
{
    if (!json_object_is_type(subscriber, json_type_object) ||
        !json_object_object_get_ex(subscriber, "successUri", NULL)) {
        return cim_fail(err, CIM_E_INVALID, "subscriber", NULL, "应为对象，至少有 successUri",
                        "expected an object with successUri at least");
    }
    json_object_object_foreach(subscriber, key, value)
    {
        CIM_TRY(check_member(app, key, value, err));
    }
    return CIM_OK;
}

/* "" where nobody is told of that state. */
static const char *
address_for(struct json_object *request, int32_t state)
{
    struct json_object *subscriber = NULL;
    const char *key = state == CIM_JOB_RUNNING      ? "inProgressUri"
                      : state == CIM_JOB_SUCCESSFUL ? "successUri"
                                                    : "failedUri";
    return json_object_object_get_ex(request, "subscriber", &subscriber)
               ? host_doc_get(subscriber, key)
               : "";
}

/* ---- what is told ---- */

/* As its owner would get it at this moment. */
static cim_status
write_results(const struct host_app *app, const struct host_job_info *info, struct cim_buf *body,
              const char **ret_mime, cim_error *err)
{
    struct host_principal *owner = NULL;
    CIM_TRY(host_principal_get(app->identity, info->owner, &owner, err));
    struct host_call_context context = {.principal = owner};
    const cim_call call = {.struct_size = sizeof call,
                           .principal = info->owner,
                           .request_id = info->id,
                           .lang = "zh",
                           .now_ms = host_clock_now_ms(app->clock),
                           .impl = &context};
    const cim_status status = host_job_results(app->ogc, &call, info, body, ret_mime, err);
    host_principal_release(owner);
    return status;
}

static cim_status
write_body(const struct host_app *app, struct json_object *request,
           const struct host_job_info *info, struct cim_buf *body, const char **ret_mime,
           cim_error *err)
{
    if (info->state == CIM_JOB_SUCCESSFUL) {
        return write_results(app, info, body, ret_mime, err);
    }
    HOST_AUTO_DOC struct json_object *doc = host_job_doc(
        host_doc_get(request, "base"), strcmp(host_doc_get(request, "lang"), "en") != 0, info);
    host_doc_write(doc, body);
    *ret_mime = json_mime;
    return cim_buf_status(body, err);
}

static cim_status
tell(struct host_callbacks *callbacks, struct json_object *request,
     const struct host_job_info *info, cim_error *err)
{
    static const char *const names[] = {"",           "accepted", "running",
                                        "successful", "failed",   "dismissed"};
    const struct host_app *app = callbacks->app;
    const char *url = address_for(request, info->state);
    const char *mime = json_mime;
    char id[CIM_JOB_ID_TEXT + 16];
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_JOB_RESULT_BYTES_MAX * 2UL);
    if (url[0] == '\0') {
        return CIM_OK;
    }
    CIM_TRY(write_body(app, request, info, &body, &mime, err));
    (void)snprintf(id, sizeof id, "%s-%s", info->id, names[info->state]);
    const struct host_webhook hook = {
        .url = url,
        .id = id,
        .mime = mime,
        .body = body.data,
        .len = body.len,
        .networks = host_config_text(app->config, "jobs.callback_networks"),
        .secret = host_config_text(app->config, "jobs.callback_secret"),
        .give_up = &callbacks->stopping,
    };
    return host_webhook_post(&hook, err);
}

/* ---- the thread ---- */

/* Told, or never to be told; or once more, later. */
static cim_status
settle(struct host_callbacks *callbacks, const struct host_job_untold *untold, cim_status status,
       const cim_error *why, cim_error *err)
{
    const struct host_job_info *info = &untold->info;
    if (status == CIM_E_BUSY && untold->attempts < ATTEMPTS_MAX) {
        host_log(CIM_LOG_INFO, "callback", "%s: attempt %d: %s", info->id, (int)untold->attempts,
                 why->en);
        return host_jobs_tell_again(callbacks->app->jobs, info,
                                    atomic_load(&callbacks->stopping)
                                        ? 0
                                        : (int64_t)FIRST_WAIT_MS << (untold->attempts - 1),
                                    err);
    }
    if (status != CIM_OK) {
        host_log(CIM_LOG_WARNING, "callback", "%s: given up after %d attempts: %s", info->id,
                 (int)untold->attempts, why->en);
    }
    return host_jobs_told(callbacks->app->jobs, info, err);
}

/* *ret_more: something was told, so look again at once. */
static cim_status
tell_next(struct host_callbacks *callbacks, bool *ret_more, cim_error *err)
{
    struct host_job_untold untold;
    CIM_AUTO_FREE char *text = NULL;
    HOST_AUTO_DOC struct json_object *request = NULL;
    cim_error why = {.code = CIM_OK};
    CIM_TRY(host_jobs_next_untold(callbacks->app->jobs, LEASE_MS, &untold, ret_more, err));
    if (!*ret_more) {
        return CIM_OK;
    }
    CIM_TRY(host_jobs_inputs(callbacks->app->jobs, untold.info.id, NULL, &text, err));
    request = json_tokener_parse(text);
    const cim_status status = tell(callbacks, request, &untold.info, &why);
    return settle(callbacks, &untold, status, &why, err);
}

static void
wait_a_little(struct host_callbacks *callbacks)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    (void)pthread_mutex_lock(&callbacks->lock);
    if (!atomic_load(&callbacks->stopping)) {
        (void)pthread_cond_timedwait(&callbacks->changed, &callbacks->lock, &until);
    }
    (void)pthread_mutex_unlock(&callbacks->lock);
}

static void *
run(void *arg)
{
    struct host_callbacks *callbacks = arg;
    const struct host_http_gate gate = host_plugins_http_gate(callbacks->app->plugins);
    bool failing = false;
    gate.thread_begin(gate.self);
    while (!atomic_load(&callbacks->stopping)) {
        bool more = false;
        cim_error why;
        const bool fails = tell_next(callbacks, &more, &why) != CIM_OK;
        if (fails && !failing) {
            host_log_error("callback", "looking for what is to be told", &why); /* said once */
        }
        failing = fails;
        if (fails || !more) {
            wait_a_little(callbacks);
        }
    }
    gate.thread_end(gate.self);
    return NULL;
}

cim_status
host_callbacks_start(struct host_app *app, struct host_callbacks **ret_callbacks, cim_error *err)
{
    struct host_callbacks *callbacks = calloc(1, sizeof *callbacks);
    if (callbacks == NULL) {
        return cim_fail_nomem(err);
    }
    callbacks->app = app;
    (void)pthread_mutex_init(&callbacks->lock, NULL);
    (void)pthread_cond_init(&callbacks->changed, NULL);
    if (pthread_create(&callbacks->thread, NULL, run, callbacks) != 0) {
        free(callbacks);
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法启动回调线程",
                        "the thread of callbacks cannot be started");
    }
    *ret_callbacks = callbacks;
    return CIM_OK;
}

void
host_callbacks_stop(struct host_callbacks *callbacks)
{
    if (callbacks == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&callbacks->lock);
    atomic_store(&callbacks->stopping, true);
    (void)pthread_cond_broadcast(&callbacks->changed);
    (void)pthread_mutex_unlock(&callbacks->lock);
    (void)pthread_join(callbacks->thread, NULL);
    (void)pthread_cond_destroy(&callbacks->changed);
    (void)pthread_mutex_destroy(&callbacks->lock);
    free(callbacks);
}
