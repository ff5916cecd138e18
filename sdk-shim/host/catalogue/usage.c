/* host/catalogue/usage.c -- see usage.h. */
#include "host/catalogue/usage.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/base/ticker.h"
#include "host/http/http.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/buf.h"
#include "kit/time.h"

#include <pthread.h>
#include <stdlib.h>

enum { BUCKETS = 1024, FLUSH_S = 30, ANSWER_MAX = 4 << 20, DAYS_DEFAULT = 30 };
#define DAY_MS INT64_C(86400000)

struct count {
    struct count *next;
    int32_t day; /* since 1970, in Beijing */
    int64_t n;
    const char *kind; /* static */
    char resource[96];
    char principal[72];
};

struct table {
    size_t n;
    struct count *buckets[BUCKETS];
};

struct host_usage {
    struct host_app *app;
    struct host_ticker *ticker;
    pthread_mutex_t lock;
    struct table *table;
};

/* ---- counting ---- */

/* What the route does with the resource that its path names; NULL: nothing that counts. */
static const char *
kind_of(const struct host_http_served *served)
{
    static const struct {
        const char *ending;
        const char *kind;
    } kinds[] = {{"/items", "read"},  {"/items/{fid}", "read"}, {"/{z}/{row}/{col}", "tile"},
                 {"/map", "picture"}, {"/execution", "run"},    {"/{row}/{file}", "picture"}};
    const size_t len = strlen(served->pattern);
    if (strcmp(served->method, "GET") != 0 && strcmp(served->method, "POST") != 0) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const size_t end = strlen(kinds[i].ending);
        if (len > end && strcmp(served->pattern + len - end, kinds[i].ending) == 0) {
            const bool writes = strcmp(served->method, "POST") == 0;
            return writes != (strcmp(kinds[i].kind, "run") == 0) ? NULL
                   : served->is_export                           ? "export"
                                                                 : kinds[i].kind;
        }
    }
    return NULL;
}

static size_t
hash_of(int32_t day, const char *resource, const char *principal, const char *kind)
{
    uint64_t hash = 1469598103934665603ULL ^ (uint64_t)(uint32_t)day;
    const char *const texts[] = {resource, principal, kind};
    for (size_t i = 0; i < 3; i++) {
        for (const char *at = texts[i]; *at != '\0'; at++) {
            hash = (hash ^ (unsigned char)*at) * 1099511628211ULL;
        }
    }
    return (size_t)(hash % BUCKETS);
}

static void
count(struct table *table, int32_t day, const char *resource, const char *principal,
      const char *kind)
{
    const size_t bucket = hash_of(day, resource, principal, kind);
    for (struct count *at = table->buckets[bucket]; at != NULL; at = at->next) {
        if (at->day == day && strcmp(at->resource, resource) == 0 &&
            strcmp(at->principal, principal) == 0 && strcmp(at->kind, kind) == 0) {
            at->n++;
            return;
        }
    }
    if (table->n >= HOST_USAGE_KEYS_MAX && strcmp(principal, "*") != 0) {
        count(table, day, resource, "*", kind);
        return;
    }
    struct count *fresh = calloc(1, sizeof *fresh);
    if (fresh != NULL) {
        fresh->day = day;
        fresh->n = 1;
        fresh->kind = kind;
        cim_copy_text(fresh->resource, sizeof fresh->resource, resource);
        cim_copy_text(fresh->principal, sizeof fresh->principal, principal);
        fresh->next = table->buckets[bucket];
        table->buckets[bucket] = fresh;
        table->n++;
    }
}

void
host_usage_served(void *self, const struct host_http_served *served)
{
    struct host_usage *usage = self;
    const char *kind = served->resource != NULL && served->principal[0] != '\0' &&
                               (served->status < 300 || served->status == 304)
                           ? kind_of(served)
                           : NULL;
    if (kind == NULL) {
        return;
    }
    const int32_t day = cim_time_local_day(host_clock_now_ms(usage->app->clock));
    (void)pthread_mutex_lock(&usage->lock);
    if (usage->table != NULL) {
        count(usage->table, day, served->resource, served->principal, kind);
    }
    (void)pthread_mutex_unlock(&usage->lock);
}

/* ---- adding up ---- */

static void
table_free(struct table *table)
{
    for (size_t i = 0; table != NULL && i < BUCKETS; i++) {
        while (table->buckets[i] != NULL) {
            struct count *gone = table->buckets[i];
            table->buckets[i] = gone->next;
            free(gone);
        }
    }
    free(table);
}

static cim_status
add_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct table *table = arg;
    for (size_t i = 0; i < BUCKETS; i++) {
        for (const struct count *at = table->buckets[i]; at != NULL; at = at->next) {
            char day[CIM_TIME_TEXT_MAX];
            cim_date_format(at->day, day);
            const cim_value values[] = {
                host_value_text("day", day), host_value_text("resource", at->resource),
                host_value_text("principal", at->principal), host_value_text("kind", at->kind),
                host_value_i64("n", at->n)};
            CIM_TRY(host_store_exec(tx,
                                    "insert into cim_usage (day, resource, principal, kind, n) "
                                    "values (:day, :resource, :principal, :kind, :n) on conflict "
                                    "(day, resource, principal, kind) do update set n = "
                                    "cim_usage.n + excluded.n",
                                    values, 5, NULL, err));
        }
    }
    return CIM_OK;
}

static cim_status
forget_old(const struct host_usage *usage, cim_error *err)
{
    char day[CIM_TIME_TEXT_MAX];
    cim_date_format(cim_time_local_day(host_clock_now_ms(usage->app->clock)) - HOST_USAGE_DAYS,
                    day);
    const cim_value values[] = {host_value_text("day", day)};
    return host_store_write_one(usage->app->platform, "delete from cim_usage where day < :day",
                                values, 1, NULL, err);
}

/* What cannot be stored is lost, and said. */
static void
flush(void *arg, const _Atomic int *stop)
{
    struct host_usage *usage = arg;
    struct table *fresh = calloc(1, sizeof *fresh);
    cim_error err = {.code = CIM_OK};
    (void)stop;
    if (fresh == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&usage->lock);
    struct table *full = usage->table;
    usage->table = fresh;
    (void)pthread_mutex_unlock(&usage->lock);
    if (full->n > 0 &&
        (host_store_write(usage->app->platform, add_in_tx, full, NULL, &err) != CIM_OK ||
         forget_old(usage, &err) != CIM_OK)) {
        host_log_error("usage", "counts", &err);
    }
    table_free(full);
}

cim_status
host_usage_new(struct host_app *app, struct host_usage **ret_usage, cim_error *err)
{
    struct host_usage *usage = calloc(1, sizeof *usage);
    if (usage == NULL) {
        return cim_fail_nomem(err);
    }
    usage->app = app;
    usage->table = calloc(1, sizeof *usage->table);
    (void)pthread_mutex_init(&usage->lock, NULL);
    if (usage->table == NULL) {
        host_usage_free(usage);
        return cim_fail_nomem(err);
    }
    *ret_usage = usage;
    return CIM_OK;
}

cim_status
host_usage_start(struct host_usage *usage, cim_error *err)
{
    return host_ticker_start(FLUSH_S, flush, usage, &usage->ticker, err);
}

void
host_usage_stop(struct host_usage *usage)
{
    if (usage != NULL) {
        host_ticker_stop(usage->ticker);
        usage->ticker = NULL;
        flush(usage, NULL);
    }
}

void
host_usage_free(struct host_usage *usage)
{
    if (usage != NULL) {
        table_free(usage->table);
        (void)pthread_mutex_destroy(&usage->lock);
        free(usage);
    }
}

/* ---- telling ---- */

/* Rows of {"day" | "principal" | …: text, "n"}: the first columns are texts, the last the number.
 */
static cim_status
write_rows(const struct host_app *app, const char *sql, const cim_value *values, uint32_t n_values,
           const char *const *names, struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(app->platform, sql, values, n_values, &rows, err));
    row.rows = rows;
    cim_buf_add_char(out, '[');
    for (int64_t written = 0;; written++) {
        uint32_t column = 0;
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            cim_buf_add_char(out, ']');
            return CIM_OK;
        }
        cim_buf_add_text(out, written > 0 ? ",{" : "{");
        for (; names[column] != NULL; column++) {
            char text[128];
            host_row_copy(&row, column, text, sizeof text);
            cim_buf_addf(out, "\"%s\":", names[column]);
            cim_buf_add_json_text(out, text, SIZE_MAX);
            cim_buf_add_char(out, ',');
        }
        cim_buf_addf(out, "\"n\":%lld}", (long long)host_row_i64(&row, column));
    }
}

static cim_status
read_days(cim_http_req *req, int64_t *ret_days, cim_error *err)
{
    const char *text = host_http_query_param(req, "days");
    char *end = NULL;
    *ret_days = text != NULL ? strtoll(text, &end, 10) : DAYS_DEFAULT;
    return text == NULL ||
                   (end != text && *end == '\0' && *ret_days > 0 && *ret_days <= HOST_USAGE_DAYS)
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "days", text, "应为 1 到 %d 的整数",
                          "expected a whole number from 1 to %d", (int)HOST_USAGE_DAYS);
}

/* Without `resource` the sums of each; with one its days and who used it. */
static cim_status
handle(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const by_resource[] = {"resource", "kind", NULL};
    static const char *const by_day[] = {"day", "kind", NULL};
    static const char *const by_principal[] = {"principal", "kind", NULL};
    const struct host_app *app = self;
    const char *resource = host_http_query_param(req, "resource");
    CIM_AUTO_BUF struct cim_buf body;
    char from[CIM_TIME_TEXT_MAX];
    int64_t days = 0;
    cim_buf_init(&body, ANSWER_MAX);
    CIM_TRY(read_days(req, &days, err));
    cim_date_format(cim_time_local_day(call->now_ms) - (int32_t)days + 1, from);
    const cim_value values[] = {host_value_text("from", from),
                                host_value_text("resource", resource)};
    cim_buf_addf(&body, "{\"from\":\"%s\",", from);
    if (resource == NULL) {
        cim_buf_add_text(&body, "\"usage\":");
        CIM_TRY(write_rows(app,
                           "select resource, kind, sum(n) from cim_usage where day >= :from group "
                           "by resource, kind order by 3 desc, 1, 2",
                           values, 1, by_resource, &body, err));
    } else {
        cim_buf_add_text(&body, "\"days\":");
        CIM_TRY(write_rows(app,
                           "select day, kind, sum(n) from cim_usage where day >= :from and "
                           "resource = :resource group by day, kind order by day, kind",
                           values, 2, by_day, &body, err));
        cim_buf_add_text(&body, ",\"principals\":");
        CIM_TRY(write_rows(app,
                           "select principal, kind, sum(n) from cim_usage where day >= :from and "
                           "resource = :resource group by principal, kind order by 3 desc, 1, 2",
                           values, 2, by_principal, &body, err));
    }
    cim_buf_add_char(&body, '}');
    return host_http_respond_no_store(req, 200, "application/json", &body, err);
}

cim_status
host_usage_add_routes(struct host_app *app, cim_error *err)
{
    static const struct host_route_param params[] = {
        {"days", "query", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":400}", "最近几天",
         "the last days"},
        {"resource", "query", "{\"type\":\"string\"}", "一个资源：逐日与使用人",
         "one resource: its days and who used it"},
        {.name = NULL}};
    const struct host_route route = {.method = "GET",
                                     .pattern = "/admin/api/usage",
                                     .permission = "cim.admin.usage",
                                     .operation_id = "getUsage",
                                     .summary_zh = "资源的使用次数",
                                     .summary_en = "How often resources are used",
                                     .params = params,
                                     .handle = handle,
                                     .self = app};
    return host_http_add_route(app->http, &route, err);
}
