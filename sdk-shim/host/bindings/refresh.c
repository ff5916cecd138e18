/* host/bindings/refresh.c -- a binding's dataset fetched, and put in the place of the copy of
 * before. */
#include "host/bindings/internal.h"

#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/catalogue/lineage.h"
#include "host/exchange/source.h"
#include "host/http/http.h"
#include "host/identity/identity.h"
#include "host/imports/request.h"
#include "host/plugins/plugins.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RENEW_MS = 60 * 1000, MINUTE_MS = 60 * 1000 };

struct refresh {
    struct host_app *app;
    struct host_binding_role role;
    struct host_binding binding;
    struct host_binding_fetch fetch;
    char dir[HOST_BINDING_PATH_MAX];
    const _Atomic int *stop; /* NULL: nobody stops it */
    int64_t renewed_ms;      /* monotonic */
    int64_t n_records;
    int64_t n_created;
    int64_t n_removed;
    int64_t n_refused;
};

/* ---- one at a time ---- */

/* Due or not: who asks for it by name does not wait. */
static cim_status
claim(struct refresh *refresh, cim_error *err)
{
    const int64_t now_ms = host_clock_now_ms(refresh->app->clock);
    const cim_value values[] = {host_value_text("role", refresh->role.role),
                                host_value_i64("now", now_ms),
                                host_value_i64("until", now_ms + HOST_BINDING_LEASE_MS)};
    int64_t n = 0;
    CIM_TRY(host_store_write_one(refresh->app->platform,
                                 "update cim_binding set busy_until_ms = :until where role = :role "
                                 "and (busy_until_ms is null or busy_until_ms < :now)",
                                 values, 3, &n, err));
    refresh->renewed_ms = host_monotonic_ms();
    return n == 1
               ? CIM_OK
               : cim_fail(err, CIM_E_BUSY, "role", refresh->role.role, "此绑定正在刷新，或不存在",
                          "this binding is being refreshed, or is not there");
}

static int32_t
on_progress(void *arg)
{
    struct refresh *refresh = arg;
    if (host_monotonic_ms() - refresh->renewed_ms >= RENEW_MS) {
        const cim_value values[] = {host_value_text("role", refresh->role.role),
                                    host_value_i64("until", host_clock_now_ms(refresh->app->clock) +
                                                                HOST_BINDING_LEASE_MS)};
        refresh->renewed_ms = host_monotonic_ms();
        (void)host_store_write_one(refresh->app->platform,
                                   "update cim_binding set busy_until_ms = :until where role = "
                                   ":role",
                                   values, 2, NULL, NULL); /* the next time will do */
    }
    return refresh->stop != NULL && atomic_load(refresh->stop) != 0;
}

static int32_t
on_import_progress(void *arg, int64_t done, int64_t total)
{
    (void)done;
    (void)total;
    return on_progress(arg);
}

static int64_t
next_ms(const struct host_binding *binding, cim_status status, int64_t now_ms)
{
    int64_t minutes = binding->refresh_min;
    if (status == CIM_E_CANCELLED) {
        return now_ms; /* the platform stops: whoever comes next begins anew */
    }
    if (status != CIM_OK && minutes > HOST_BINDING_RETRY_MIN) {
        minutes = HOST_BINDING_RETRY_MIN;
    }
    return minutes > 0 ? now_ms + minutes * MINUTE_MS : 0;
}

static cim_value
time_or_null(const char *name, int64_t ms)
{
    return ms > 0 ? host_value_i64(name, ms) : (cim_value){.name = name};
}

static cim_status
keep_outcome(const struct refresh *refresh, cim_status status, const cim_error *why, cim_error *err)
{
    const int64_t now_ms = host_clock_now_ms(refresh->app->clock);
    const bool failed = status != CIM_OK;
    const cim_value values[] = {
        host_value_text("role", refresh->role.role),
        host_value_i64("now", now_ms),
        time_or_null("next", next_ms(&refresh->binding, status, now_ms)),
        host_value_text("param", failed ? why->param : NULL),
        host_value_text("value", failed ? why->value : NULL),
        host_value_text("zh", failed ? why->zh : NULL),
        host_value_text("en", failed ? why->en : NULL),
        host_value_i64("refused", refresh->n_refused),
        host_value_i64("records", refresh->n_records),
        host_value_i64("created", refresh->n_created),
        host_value_i64("removed", refresh->n_removed),
    };
    if (status == CIM_E_CANCELLED) {
        return host_store_write_one(refresh->app->platform,
                                    "update cim_binding set busy_until_ms = null, next_ms = :next "
                                    "where role = :role",
                                    (const cim_value[]){values[0], values[2]}, 2, NULL, err);
    }
    /* A change that was made meanwhile has its own due time: it stays. */
    return host_store_write_one(
        refresh->app->platform,
        failed ? "update cim_binding set busy_until_ms = null, tried_ms = :now, next_ms = :next, "
                 "error_param = :param, error_value = :value, error_zh = :zh, error_en = :en, "
                 "n_refused = :refused where role = :role"
               : "update cim_binding set busy_until_ms = null, tried_ms = :now, good_ms = :now, "
                 "next_ms = :next, error_param = :param, error_value = :value, error_zh = :zh, "
                 "error_en = :en, n_refused = :refused, n_records = :records, n_created = "
                 ":created, n_removed = :removed where role = :role",
        values, failed ? 8 : 11, NULL, err);
}

static void
note_outcome(const struct refresh *refresh, cim_status status, const cim_error *why)
{
    char detail[200];
    (void)snprintf(detail, sizeof detail,
                   "{\"records\":%lld,\"created\":%lld,\"removed\":%lld,\"refused\":%lld}",
                   (long long)refresh->n_records, (long long)refresh->n_created,
                   (long long)refresh->n_removed, (long long)refresh->n_refused);
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action = "binding.refresh",
                                   .layer = refresh->role.role,
                                   .detail = detail,
                                   .result = status != CIM_OK ? "failed" : NULL};
    if (status == CIM_OK) {
        host_log(CIM_LOG_INFO, "bindings", "%s: %lld records, %lld new, %lld gone",
                 refresh->role.role, (long long)refresh->n_records, (long long)refresh->n_created,
                 (long long)refresh->n_removed);
    } else {
        host_log(CIM_LOG_WARNING, "bindings", "%s: the last good copy stays: %s",
                 refresh->role.role, why->en);
    }
    host_audit_note(refresh->app->audit, NULL, &entry);
}

/* ---- a folder of its own ---- */

/* A refresh has one by its role, which it has alone: what an earlier one left behind goes. */
static cim_status
make_dir(struct refresh *refresh, const char *name, cim_error *err)
{
    const char *var = host_config_text(refresh->app->config, "var");
    CIM_AUTO_FREE char *real = NULL;
    char parent[HOST_BINDING_PATH_MAX];
    char path[HOST_BINDING_PATH_MAX];
    const int n = snprintf(parent, sizeof parent, "%s/bindings", var);
    const int m =
        snprintf(path, sizeof path, "%s/bindings/%s", var, name != NULL ? name : "test-XXXXXX");
    if (name != NULL) {
        host_folder_remove(path);
    }
    if (n < 0 || m < 0 || (size_t)m >= sizeof path ||
        (mkdir(parent, 0700) != 0 && errno != EEXIST) ||
        (name != NULL ? mkdir(path, 0700) != 0 : mkdtemp(path) == NULL) ||
        (real = realpath(path, NULL)) == NULL || strlen(real) >= sizeof refresh->dir) {
        return cim_fail(err, CIM_E_IO, "var", var, "无法建立目录（%s）",
                        "cannot make a folder (%s)", strerrorname_np(errno));
    }
    cim_copy_text(refresh->dir, sizeof refresh->dir, real);
    refresh->fetch.dir = refresh->dir;
    return CIM_OK;
}

static void
remove_dir(const struct refresh *refresh)
{
    if (refresh->dir[0] != '\0') {
        host_folder_remove(refresh->dir);
    }
}

/* ---- into the layer ---- */

static bool
names_field(struct json_object *request, const char *list, const char *field)
{
    struct json_object *elements = NULL;
    if (!json_object_object_get_ex(request, list, &elements)) {
        return false;
    }
    for (size_t i = 0; i < json_object_array_length(elements); i++) {
        struct json_object *name = NULL;
        if (json_object_object_get_ex(json_object_array_get_idx(elements, i), "field", &name) &&
            strcmp(json_object_get_string(name), field) == 0) {
            return true;
        }
    }
    return false;
}

/* Records say where they come from, where their layer has a field for it. */
static void
set_source(struct json_object *request, const struct cim_definition *definition, const char *name)
{
    struct json_object *set = NULL;
    struct json_object *pair = NULL;
    bool has_field = false;
    for (size_t i = 0; i < definition->n_fields; i++) {
        has_field = has_field || strcmp(definition->fields[i].name, "source") == 0;
    }
    if (!has_field || names_field(request, "set", "source") ||
        names_field(request, "map", "source")) {
        return;
    }
    if (!json_object_object_get_ex(request, "set", &set)) {
        set = json_object_new_array();
        json_object_object_add(request, "set", set);
    }
    pair = json_object_new_object();
    json_object_object_add(pair, "field", json_object_new_string("source"));
    json_object_object_add(pair, "value", json_object_new_string(name));
    json_object_array_add(set, pair);
}

static cim_status
make_request(const struct refresh *refresh, const struct cim_definition *definition,
             struct host_import_request *ret_request, cim_error *err)
{
    struct json_object *root = NULL;
    const char *text = NULL;
    cim_status status = CIM_OK;
    if (refresh->binding.import == NULL) {
        root = json_object_new_object();
    } else if (json_object_deep_copy(refresh->binding.import, &root, NULL) != 0) {
        return cim_fail_nomem(err);
    }
    json_object_object_add(root, "layer", json_object_new_string(refresh->role.layer));
    set_source(root, definition, refresh->binding.name);
    text = json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN);
    status = text != NULL ? host_import_request_parse(text, strlen(text), ret_request, err)
                          : cim_fail_nomem(err);
    json_object_put(root);
    if (status == CIM_OK && ret_request->options.crs == NULL && refresh->fetch.crs[0] != '\0') {
        ret_request->options.crs = refresh->fetch.crs;
    }
    return status;
}

/* Which record is wrong, beside how many. */
static void
explain(const struct host_import_report *report, cim_error *err)
{
    if (report->n_refusals > 0) {
        const struct host_import_refusal first = report->refusals[0];
        (void)cim_fail(err, CIM_E_INVALID, first.why.param, first.why.value,
                       "%lld 条记录有误，保留上一份；第 %lld 条 %s：%s%.0s",
                       "%lld records are wrong, the last good copy stays; record %lld, %s: %.0s%s",
                       (long long)report->n_refused, (long long)first.row, first.why.param,
                       first.why.zh, first.why.en);
    }
}

static cim_status
import_entered(struct refresh *refresh, const struct host_layer *layer, const cim_call *call,
               cim_error *err)
{
    HOST_AUTO_IMPORT_REQUEST struct host_import_request request = {.json = NULL};
    struct host_import_report report = {0};
    struct host_layer_reading reading = {.app = refresh->app, .call = call};
    const struct host_layer_reader reader = {host_layer_read, &reading};
    cim_error why = {.code = CIM_OK};
    CIM_TRY(make_request(refresh, layer->definition, &request, err));
    request.options.mirror = refresh->role.role;
    request.options.flags |= refresh->binding.keeps_others ? (uint32_t)HOST_IMPORT_KEEP_OTHERS : 0U;
    request.options.work_dir = refresh->dir;
    request.options.reader = &reader;
    request.options.progress = on_import_progress;
    request.options.arg = refresh;
    const cim_status status =
        host_exchange_import(&layer->layer, layer->definition, call, refresh->fetch.path,
                             &request.options, &report, &why);
    refresh->n_refused = report.n_refused;
    refresh->n_removed = report.n_removed;
    refresh->n_created = report.n_written - report.n_removed;
    refresh->n_records = report.n_kept + refresh->n_created;
    if (status == CIM_OK) {
        const struct host_lineage lineage = {.layer = refresh->role.layer,
                                             .way = "binding",
                                             .source = refresh->binding.name,
                                             .n_written = report.n_written,
                                             .n_refused = report.n_refused};
        host_lineage_note(refresh->app, call, &lineage);
    }
    if (status != CIM_OK) {
        explain(&report, &why);
        if (err != NULL) {
            *err = why;
        }
    }
    host_import_report_done(&report);
    return status;
}

static int32_t
never(const cim_call *call)
{
    (void)call;
    return 0;
}

/* As the platform itself; `work` is called with the layer entered. */
static cim_status
with_layer(struct refresh *refresh,
           cim_status (*work)(struct refresh *refresh, const struct host_layer *layer,
                              const cim_call *call, cim_error *err),
           cim_error *err)
{
    struct host_principal *principal = host_identity_system_principal(refresh->app->identity);
    struct host_call_context context = {.principal = principal};
    const cim_call call = {.struct_size = sizeof call,
                           .request_id = "binding",
                           .principal = host_principal_name(principal),
                           .lang = "zh",
                           .now_ms = host_clock_now_ms(refresh->app->clock),
                           .cancelled = never,
                           .impl = &context};
    const struct host_layer *layer = NULL;
    cim_call inner;
    if (principal == NULL) {
        return cim_fail_nomem(err);
    }
    cim_status status = host_exchange_enter(refresh->app, &call, refresh->role.layer,
                                            CIM_ACT_CREATE, &inner, &layer, err);
    if (status == CIM_OK) {
        status = work(refresh, layer, &inner, err);
        host_plugins_leave(refresh->app->plugins, layer->plugin_id);
    }
    host_principal_release(principal);
    return status;
}

/* ---- a raster ---- */

static cim_status
copy_file(const char *from, const char *to, cim_error *err)
{
    char piece[1 << 16];
    FILE *in = fopen(from, "rbe");
    FILE *out = in != NULL ? fopen(to, "wbe") : NULL;
    size_t n = 0;
    bool good = out != NULL;
    while (good && (n = fread(piece, 1, sizeof piece, in)) > 0) {
        good = fwrite(piece, 1, n, out) == n;
    }
    good = good && ferror(in) == 0 && fflush(out) == 0 && fsync(fileno(out)) == 0;
    if (in != NULL) {
        (void)fclose(in); /* only read */
    }
    good = (out == NULL || fclose(out) == 0) && good;
    return good ? CIM_OK
                : cim_fail(err, CIM_E_IO, "url", NULL, "文件无法复制", "the file cannot be copied");
}

static cim_status
keep_raster(struct refresh *refresh, cim_error *err)
{
    char part[HOST_BINDING_PATH_MAX + 16];
    char path[HOST_BINDING_PATH_MAX];
    CIM_TRY(host_binding_check_raster(refresh->fetch.path, err));
    CIM_TRY(host_binding_raster_path(refresh->app, refresh->role.role, path, sizeof path, err));
    (void)snprintf(part, sizeof part, "%s/copy.tif", refresh->dir);
    CIM_TRY(copy_file(refresh->fetch.path, part, err));
    if (rename(part, path) != 0) {
        return cim_fail(err, CIM_E_IO, "url", NULL, "副本无法保存（%s）",
                        "the copy cannot be kept (%s)", strerrorname_np(errno));
    }
    refresh->n_records = 1;
    return CIM_OK;
}

/* ---- the whole ---- */

static cim_status
fetch_and_replace(struct refresh *refresh, cim_error *err)
{
    CIM_TRY(make_dir(refresh, refresh->role.role, err));
    CIM_TRY(host_binding_fetch(&refresh->fetch, err));
    if (refresh->role.layer[0] == '\0') {
        return keep_raster(refresh, err);
    }
    if (refresh->fetch.n == 0) {
        return cim_fail(err, CIM_E_INVALID, "dataset", refresh->binding.dataset,
                        "来源没有记录，保留上一份",
                        "the source has no records, the last good copy "
                        "stays");
    }
    return with_layer(refresh, import_entered, err);
}

static void
begin(struct refresh *refresh, struct host_app *app, const struct host_binding *binding)
{
    refresh->app = app;
    refresh->fetch = (struct host_binding_fetch){
        .app = app, .binding = binding, .progress = on_progress, .arg = refresh};
}

cim_status
host_binding_refresh(struct host_app *app, const char *role, const _Atomic int *stop,
                     cim_error *err)
{
    struct refresh refresh = {.stop = stop};
    cim_error why = {.code = CIM_OK};
    begin(&refresh, app, &refresh.binding);
    CIM_TRY(host_binding_find_role(app, role, &refresh.role, err));
    CIM_TRY(claim(&refresh, err));
    cim_status status = host_binding_load(app, role, &refresh.binding, &why);
    if (status == CIM_OK) {
        status = fetch_and_replace(&refresh, &why);
    }
    remove_dir(&refresh);
    note_outcome(&refresh, status, &why);
    const cim_status kept = keep_outcome(&refresh, status, &why, err);
    host_binding_done(&refresh.binding);
    if (status != CIM_OK && err != NULL) {
        *err = why;
    }
    return status != CIM_OK ? status : kept;
}

/* ---- a look at it ---- */

struct look {
    struct refresh refresh; /* first */
    struct cim_buf *out;
};

static cim_status
preview(struct refresh *refresh, const struct host_layer *layer, const cim_call *call,
        cim_error *err)
{
    const struct look *look = (const struct look *)refresh;
    HOST_AUTO_IMPORT_REQUEST struct host_import_request request = {.json = NULL};
    (void)call;
    CIM_TRY(make_request(refresh, layer->definition, &request, err));
    request.options.work_dir = refresh->dir;
    return host_exchange_preview(refresh->fetch.path, &request.options, layer->definition,
                                 look->out, err);
}

static cim_status
look_at(struct look *look, cim_error *err)
{
    struct refresh *refresh = &look->refresh;
    CIM_TRY(make_dir(refresh, NULL, err));
    CIM_TRY(host_binding_fetch(&refresh->fetch, err));
    if (refresh->role.layer[0] == '\0') {
        CIM_TRY(host_binding_check_raster(refresh->fetch.path, err));
        cim_buf_add_text(look->out, "\"format\":\"GeoTIFF\"");
        return CIM_OK;
    }
    if (refresh->fetch.n == 0) {
        return cim_fail(err, CIM_E_INVALID, "dataset", refresh->fetch.binding->dataset,
                        "来源没有记录", "the source has no records");
    }
    return with_layer(refresh, preview, err);
}

cim_status
host_binding_test(struct host_app *app, const struct host_binding_role *role,
                  const struct host_binding *binding, struct cim_buf *out, cim_error *err)
{
    struct look look = {.refresh = {.role = *role, .binding = *binding}, .out = out};
    begin(&look.refresh, app, binding);
    look.refresh.fetch.progress = NULL;
    look.refresh.fetch.limit = HOST_BINDING_SAMPLE;
    const cim_status status = look_at(&look, err);
    remove_dir(&look.refresh);
    return status;
}
