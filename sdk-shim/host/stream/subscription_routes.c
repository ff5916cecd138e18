/* host/stream/subscription_routes.c -- /catalogue/subscriptions: one's own; see subscriptions.h. */
#include "host/stream/internal.h"
#include "host/stream/subscriptions.h"

#include "host/audit/audit.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/crypt/crypt.h"
#include "host/identity/api.h"
#include "host/ogc/webhook.h"
#include "host/plugins/plugins.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include <json-c/json.h>

enum { LAYERS_TEXT_MAX = 2000, SEALED_MAX = 512 };

cim_crypt_place
host_subscription_place(const char *uid)
{
    return (cim_crypt_place){.struct_size = sizeof(cim_crypt_place),
                             .uid_len = (uint32_t)strlen(uid),
                             .table = "cim_subscription",
                             .column = "secret",
                             .uid = uid};
}

#define COLUMNS                                                                                    \
    "select uid, url, layers, pos, state, failures, created_ms, told_ms, n_told, error_zh, "       \
    "error_en from cim_subscription "

static cim_status
write_row(const struct host_row *row, const char *secret, int64_t newest, struct cim_buf *out,
          cim_error *err)
{
    char *texts[6] = {NULL};
    static const uint32_t columns[] = {0, 1, 2, 4, 9, 10};
    bool good = true;
    for (size_t i = 0; i < 6; i++) {
        good = host_row_text_or_null(row, columns[i], &texts[i]) && good;
    }
    if (good) {
        cim_buf_add_text(out, "{\"uid\":");
        cim_buf_add_json_text(out, texts[0], SIZE_MAX);
        host_api_add(out, "url", texts[1]);
        host_api_add_areas(out, "layers", texts[2]);
        host_api_add(out, "state", texts[3]);
        cim_buf_addf(out, ",\"pos\":%lld,\"behind\":%lld,\"failures\":%lld,\"told\":%lld",
                     (long long)host_row_i64(row, 3), (long long)(newest - host_row_i64(row, 3)),
                     (long long)host_row_i64(row, 5), (long long)host_row_i64(row, 8));
        host_api_add_time(out, "created", host_row_i64(row, 6));
        host_api_add_time(out, "last_told", host_row_i64(row, 7));
        host_api_add(out, "error", texts[4]);
        host_api_add(out, "error_en", texts[5]);
        if (secret != NULL) {
            host_api_add(out, "secret", secret);
        }
        cim_buf_add_char(out, '}');
    }
    for (size_t i = 0; i < 6; i++) {
        free(texts[i]);
    }
    return good ? CIM_OK : cim_fail_nomem(err);
}

/* One's own rows, or one of them (`uid`); *ret_n how many. */
static cim_status
write_own(const struct host_api *api, const struct host_app *app, const char *uid,
          const char *secret, struct cim_buf *out, int64_t *ret_n, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("who", api->giver->username),
                                host_value_text("uid", uid)};
    CIM_TRY(host_store_read(app->platform,
                            uid != NULL ? COLUMNS "where owner = :who and uid = :uid"
                                        : COLUMNS "where owner = :who order by created_ms, uid",
                            values, uid != NULL ? 2 : 1, &rows, err));
    row.rows = rows;
    for (*ret_n = 0;; (*ret_n)++) {
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        cim_buf_add_text(out, *ret_n > 0 ? "," : "");
        CIM_TRY(write_row(&row, secret, host_store_pos(app->store), out, err));
    }
}

static cim_status
answer_one(const struct host_api *api, const struct host_app *app, int32_t http_status,
           const char *uid, const char *secret, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    int64_t n = 0;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    CIM_TRY(write_own(api, app, uid, secret, &body, &n, err));
    return n == 1 ? host_api_answer(api, http_status, &body, err)
                  : cim_fail(err, CIM_E_NOTFOUND, "uid", uid, "没有订阅“%s”",
                             "there is no subscription '%s'", uid);
}

static cim_status
handle_list(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_app *app = ((struct host_streams *)self)->app;
    const struct host_api api = host_api_begin(app->identity, call, req);
    CIM_AUTO_BUF struct cim_buf body;
    int64_t n = 0;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    cim_buf_add_text(&body, "{\"subscriptions\":[");
    CIM_TRY(write_own(&api, app, NULL, NULL, &body, &n, err));
    cim_buf_addf(&body, "],\"matched\":%lld}", (long long)n);
    return host_api_answer(&api, 200, &body, err);
}

/* ---- making one ---- */

static cim_status
check_count(const struct host_api *api, const struct host_app *app, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("who", api->giver->username)};
    CIM_TRY(host_store_read(app->platform,
                            "select count(*) from cim_subscription where owner = :who", values, 1,
                            &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    return host_row_i64(&row, 0) < HOST_SUBSCRIPTIONS_PER_OWNER
               ? CIM_OK
               : cim_fail(err, CIM_E_STATE, NULL, NULL, "订阅已有 %d 个",
                          "there are %d subscriptions already", HOST_SUBSCRIPTIONS_PER_OWNER);
}

/* One that is there, and that the caller may read. */
static cim_status
check_layer(const struct host_api *api, const struct host_app *app, const char *id, cim_error *err)
{
    const struct host_layer *layer = NULL;
    const cim_scope *scope = NULL;
    cim_call own = *api->call;
    CIM_TRY(
        host_identity_scope(app->identity, api->giver, id, CIM_ACT_READ, own.now_ms, &scope, err));
    const bool there = scope->n_terms > 0 &&
                       host_plugins_enter_layer(app->plugins, id, &own, &layer, NULL) == CIM_OK;
    if (there) {
        host_plugins_leave(app->plugins, layer->plugin_id);
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_DENIED, "layers", id, "没有图层“%.80s”，或没有查看它的权限",
                    "there is no layer '%.80s', or you may not read it", id);
}

/* Layers that the caller may read; none: all of them, as they are when it is told. */
static cim_status
read_layers(const struct host_api *api, const struct host_app *app, char out[LAYERS_TEXT_MAX],
            cim_error *err)
{
    struct host_json_in list;
    size_t used = 0;
    CIM_TRY(host_json_list(&api->in, "layers", HOST_JSON_OPTIONAL, &list, err));
    for (size_t i = 0; i < host_json_length(&list); i++) {
        const char *id = NULL;
        CIM_TRY(host_json_text_at(&list, i, &id, err));
        CIM_TRY(check_layer(api, app, id, err));
        used += (size_t)snprintf(out + used, LAYERS_TEXT_MAX - used, "%s%s", i > 0 ? "," : "", id);
        if (used >= LAYERS_TEXT_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "layers", NULL, "图层过多", "too many layers");
        }
    }
    return CIM_OK;
}

static cim_status
handle_create(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"url", "layers", "after", NULL};
    const struct host_app *app = ((struct host_streams *)self)->app;
    HOST_AUTO_API struct host_api api = host_api_begin(app->identity, call, req);
    const char *url = NULL;
    char layers[LAYERS_TEXT_MAX] = "";
    char uid[37];
    char secret[HOST_TOKEN_TEXT];
    char sealed[SEALED_MAX];
    size_t len = 0;
    int64_t pos = host_store_pos(app->store);
    const int64_t now_ms = host_clock_now_ms(app->clock);
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_json_text(&api.in, "url", HOST_JSON_REQUIRED, &url, err));
    CIM_TRY(host_webhook_check("url", url, host_config_text(app->config, "jobs.callback_networks"),
                               err));
    CIM_TRY(read_layers(&api, app, layers, err));
    CIM_TRY(host_json_int(&api.in, "after", HOST_JSON_OPTIONAL, 0, pos, &pos, err));
    CIM_TRY(check_count(&api, app, err));
    CIM_TRY(host_new_uid(now_ms, uid, err));
    CIM_TRY(host_random_token(secret, err));
    const cim_crypt_place place = host_subscription_place(uid);
    CIM_TRY(host_crypt_seal(app->crypt, &place, secret, strlen(secret), NULL, 0, sealed,
                            sizeof sealed - 1, &len, err));
    sealed[len] = '\0';
    const cim_value values[] = {host_value_text("uid", uid),
                                host_value_text("owner", api.giver->username),
                                host_value_text("url", url),
                                host_value_text("layers", layers[0] != '\0' ? layers : NULL),
                                host_value_text("secret", sealed),
                                host_value_i64("pos", pos),
                                host_value_i64("now", now_ms)};
    CIM_TRY(host_store_write_one(app->platform,
                                 "insert into cim_subscription (uid, owner, url, layers, secret, "
                                 "pos, state, failures, next_ms, created_ms, n_told) values (:uid, "
                                 ":owner, :url, :layers, :secret, :pos, 'active', 0, 0, :now, 0)",
                                 values, sizeof values / sizeof values[0], NULL, err));
    host_api_note(&api, "subscription.create", uid, url);
    return answer_one(&api, app, 201, uid, secret, err);
}

/* ---- resuming and ending ---- */

static cim_status
change_own(const struct host_api *api, const struct host_app *app, const char *sql,
           const char *action, cim_error *err)
{
    const char *uid = host_http_path_param(api->req, "uid");
    int64_t n = 0;
    const cim_value values[] = {host_value_text("who", api->giver->username),
                                host_value_text("uid", uid)};
    CIM_TRY(host_store_write_one(app->platform, sql, values, 2, &n, err));
    if (n == 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "uid", uid, "没有订阅“%s”",
                        "there is no subscription '%s'", uid);
    }
    host_api_note(api, action, uid, NULL);
    return CIM_OK;
}

static cim_status
handle_resume(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_app *app = ((struct host_streams *)self)->app;
    const struct host_api api = host_api_begin(app->identity, call, req);
    CIM_TRY(change_own(&api, app,
                       "update cim_subscription set state = 'active', failures = 0, next_ms = 0 "
                       "where owner = :who and uid = :uid",
                       "subscription.resume", err));
    return answer_one(&api, app, 200, host_http_path_param(req, "uid"), NULL, err);
}

static cim_status
handle_end(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_app *app = ((struct host_streams *)self)->app;
    const struct host_api api = host_api_begin(app->identity, call, req);
    cim_blob none = {0};
    CIM_TRY(change_own(&api, app, "delete from cim_subscription where owner = :who and uid = :uid",
                       "subscription.end", err));
    return host_http_respond(req, 204, NULL, &none, err);
}

cim_status
host_subscriptions_add_routes(struct host_streams *streams, cim_error *err)
{
    static const struct host_route_param one[] = {
        {"uid", "path", "{\"type\":\"string\"}", "订阅编号", "Id of the subscription"},
        {.name = NULL}};
    const struct host_route routes[] = {
        {"GET", "/catalogue/subscriptions", 0, NULL, "listSubscriptions", "我的订阅",
         "One's own subscriptions", NULL, handle_list, streams, NULL},
        {"POST", "/catalogue/subscriptions", 0, NULL, "subscribe", "订阅数据变化，推送到网址",
         "Subscribe to changes by web hook", NULL, handle_create, streams, NULL},
        {"DELETE", "/catalogue/subscriptions/{uid}", 0, NULL, "endSubscription", "退订",
         "End a subscription", one, handle_end, streams, NULL},
        {"POST", "/catalogue/subscriptions/{uid}/resume", 0, NULL, "resumeSubscription",
         "从停下的地方继续推送", "Go on from where it stopped", one, handle_resume, streams, NULL},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        CIM_TRY(host_http_add_route(streams->app->http, &routes[i], err));
    }
    return CIM_OK;
}
