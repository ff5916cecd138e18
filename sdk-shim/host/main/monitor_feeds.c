/* host/main/monitor_feeds.c -- which feed stopped, and since when. */
#include "monitor.h"

#include "cim/util.h"
#include "host/base/config.h"
#include "host/plugins/plugins.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/definition.h"

#include <stdlib.h>

#define DAY_MS INT64_C(86400000)

struct feed {
    char layer[96];
    char zh[200];
    char en[200];
    int64_t promise_ms;
    int64_t changed_ms; /* 0: never */
};

struct feeds {
    const struct host_app *app;
    size_t n;
    size_t capacity;
    struct feed *at;
};

/* How old the last change may be; 0: nothing was promised. Yearly data and a day of grace. */
static int64_t
promise_of(const struct host_app *app, const char *update)
{
    static const struct {
        const char *update;
        int64_t days;
    } cycles[] = {{"daily", 2}, {"monthly", 35}, {"yearly", 380}};
    if (update != NULL && strcmp(update, "realtime") == 0) {
        return host_config_int(app->config, "monitor.realtime_hours") * (DAY_MS / 24);
    }
    for (size_t i = 0; update != NULL && i < sizeof cycles / sizeof cycles[0]; i++) {
        if (strcmp(cycles[i].update, update) == 0) {
            return cycles[i].days * DAY_MS;
        }
    }
    return 0;
}

static cim_status
take_layer(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    struct feeds *feeds = arg;
    const struct cim_definition *def = layer->definition;
    (void)has_tiles;
    if (feeds->n == feeds->capacity) {
        const size_t capacity = feeds->capacity == 0 ? 128 : feeds->capacity * 2;
        struct feed *grown = realloc(feeds->at, capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        feeds->at = grown;
        feeds->capacity = capacity;
    }
    struct feed *feed = &feeds->at[feeds->n++];
    *feed = (struct feed){.promise_ms = promise_of(feeds->app, def->catalogue.update)};
    cim_copy_text(feed->layer, sizeof feed->layer, def->id);
    cim_copy_text(feed->zh, sizeof feed->zh, def->title.zh);
    cim_copy_text(feed->en, sizeof feed->en, def->title.en);
    return CIM_OK;
}

static void
note_change(void *arg, const char *layer, int64_t at_ms)
{
    struct feeds *feeds = arg;
    for (size_t i = 0; i < feeds->n; i++) {
        if (strcmp(feeds->at[i].layer, layer) == 0) {
            feeds->at[i].changed_ms = at_ms;
        }
    }
}

/* A layer that never had a record is told, and warns of nothing: nobody feeds it yet. */
static void
write_layers(const struct feeds *feeds, int64_t now_ms, struct cim_buf *out, bool *first)
{
    for (size_t i = 0; i < feeds->n; i++) {
        const struct feed *feed = &feeds->at[i];
        const bool late = feed->changed_ms > 0 && feed->promise_ms > 0 &&
                          now_ms - feed->changed_ms > feed->promise_ms;
        const struct host_watch watch = {.id = feed->layer,
                                         .zh = feed->zh,
                                         .en = feed->en,
                                         .at_ms = feed->changed_ms > 0 ? feed->changed_ms : -1,
                                         .state = late ? HOST_WATCH_WARN : HOST_WATCH_GOOD,
                                         .has_limit = feed->promise_ms > 0,
                                         .limit = (double)feed->promise_ms / (double)DAY_MS};
        host_watch_write(out, &watch, *first);
        *first = false;
    }
}

/* What somebody else feeds, or is fed with: bindings that failed last, subscriptions given up. */
static cim_status
write_rows(const struct host_app *app, const char *sql, enum host_watch_state state, const char *zh,
           const char *en, struct cim_buf *out, bool *first, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(app->platform, sql, NULL, 0, &rows, err));
    row.rows = rows;
    for (;;) {
        char id[160];
        char detail[300];
        char titles[2][240];
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        host_row_copy(&row, 0, id, sizeof id);
        host_row_copy(&row, 2, detail, sizeof detail);
        (void)snprintf(titles[0], sizeof titles[0], "%s %s", zh, id);
        (void)snprintf(titles[1], sizeof titles[1], "%s %s", en, id);
        const int64_t at_ms = host_row_i64(&row, 1);
        const struct host_watch watch = {.id = id,
                                         .zh = titles[0],
                                         .en = titles[1],
                                         .at_ms = at_ms > 0 ? at_ms : -1,
                                         .state = state,
                                         .detail = detail};
        host_watch_write(out, &watch, *first);
        *first = false;
    }
}

cim_status
host_watch_feeds(const struct host_app *app, int64_t now_ms, struct cim_buf *out, cim_error *err)
{
    struct feeds feeds = {.app = app};
    bool first = true;
    cim_status status = host_plugins_each_layer(app->plugins, take_layer, &feeds, err);
    if (status == CIM_OK) {
        status = host_store_layer_changes(app->store, note_change, &feeds, err);
    }
    if (status == CIM_OK) {
        write_layers(&feeds, now_ms, out, &first);
        status = write_rows(app,
                            "select role, good_ms, error_zh from cim_binding where error_zh is not "
                            "null and busy_until_ms is null",
                            HOST_WATCH_WARN, "数据绑定", "Binding", out, &first, err);
    }
    if (status == CIM_OK) {
        status = write_rows(app,
                            "select uid, told_ms, error_zh from cim_subscription where state = "
                            "'dead'",
                            HOST_WATCH_BAD, "订阅已停", "Subscription given up:", out, &first, err);
    }
    free(feeds.at);
    return status;
}
