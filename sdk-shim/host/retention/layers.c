/* host/retention/layers.c -- records whose time is over, through their layer. */
#include "host/retention/retention.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/exchange/exchange.h"
#include "host/http/http.h"
#include "host/identity/identity.h"
#include "host/plugins/plugins.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/time.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { LAYERS_MAX = 1024, FILTER_MAX = 400 };

struct layers {
    size_t n;
    struct {
        char id[128];
        int64_t keep_ms;
    } list[LAYERS_MAX];
};

/* Records of something that happened have a time of their own. A register has none: what it holds
 * is alive for as long as it stands there, however long ago it was written. */
static bool
is_past(const struct cim_definition *def)
{
    return strcmp(def->time, "updated_at") != 0;
}

static cim_status
note_layer(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    struct layers *layers = arg;
    int64_t keep_ms = 0;
    (void)has_tiles;
    (void)err;
    if (layers->n < LAYERS_MAX && layer->layer.write != NULL && is_past(layer->definition) &&
        host_retention_ms(layer->definition->retention, &keep_ms)) {
        cim_copy_text(layers->list[layers->n].id, sizeof layers->list[0].id, layer->layer.id);
        layers->list[layers->n++].keep_ms = keep_ms;
    }
    return CIM_OK;
}

/* ---- one slice ---- */

struct old {
    const cim_layer *layer;
    const cim_call *call;
    char filter[FILTER_MAX];
    const int64_t *fids; /* of the slice */
    int64_t n;
    int64_t at;
};

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct old *old = self;
    for (; old->at < old->n; old->at++) {
        cim_batch_append_i64(builder, 0, old->fids[old->at]);
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

static void
release(void *self)
{
    (void)self; /* its opener's */
}

static cim_status
delete_fids(struct old *old, int64_t *ret_deleted, cim_error *err)
{
    static const char *const names[] = {"fid"};
    static const uint32_t types[] = {CIM_COL_INT64};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(cim_rows_new(1, names, types, fill, release, old, &rows, err));
    /* A record that somebody deletes at the same time is none of ours. */
    cim_edit edit = {.struct_size = sizeof edit,
                     .flags = CIM_EDIT_ROW_WISE | CIM_EDIT_FORGET,
                     .op = CIM_EDIT_DELETE,
                     .rows = rows};
    CIM_TRY(old->layer->write(old->layer->self, old->call, &edit, err));
    *ret_deleted = edit.n_written;
    return CIM_OK;
}

static cim_query
query_of(const struct old *old)
{
    static const char *const no_fields[] = {NULL};
    return (cim_query){.struct_size = sizeof(cim_query),
                       .flags = CIM_QUERY_NO_GEOMETRY,
                       .properties = no_fields,
                       .filter_json = old->filter,
                       .limit = HOST_RETENTION_SLICE};
}

static cim_status
delete_slice(struct old *old, int64_t *ret_deleted, cim_error *err)
{
    const cim_query query = query_of(old);
    CIM_AUTO_FREE int64_t *fids = calloc(HOST_RETENTION_SLICE, sizeof *fids);
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    if (fids == NULL) {
        return cim_fail_nomem(err);
    }
    old->fids = fids;
    old->n = 0;
    old->at = 0;
    *ret_deleted = 0;
    CIM_TRY(old->layer->query(old->layer->self, old->call, &query, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    while (batch->n_rows > 0) {
        for (int64_t i = 0; i < batch->n_rows && old->n < HOST_RETENTION_SLICE; i++) {
            fids[old->n++] = cim_column_i64(batch->columns[CIM_RECORD_FID], i);
        }
        CIM_TRY(rows->next(rows, &batch, err));
    }
    return old->n > 0 ? delete_fids(old, ret_deleted, err) : CIM_OK;
}

/* ---- one layer ---- */

/* Both what happened and the last that was said of it are long ago. */
static void
write_filter(struct old *old, const struct cim_definition *def, const char *time)
{
    const struct cim_field *field = cim_definition_field(def, def->time);
    const bool date = field != NULL && field->type == CIM_FIELD_DATE;
    (void)snprintf(old->filter, sizeof old->filter,
                   "{\"op\":\"and\",\"args\":["
                   "{\"op\":\"<\",\"args\":[{\"property\":\"updated_at\"},{\"timestamp\":\"%s\"}]},"
                   "{\"op\":\"<\",\"args\":[{\"property\":\"%s\"},{\"%s\":\"%.*s\"}]}]}",
                   time, def->time, date ? "date" : "timestamp", date ? 10 : CIM_TIME_TEXT_MAX,
                   time);
}

static cim_status
run_entered(const struct host_layer *layer, const cim_call *call, bool dry_run,
            struct host_retention_count *count, const _Atomic int *stop, cim_error *err)
{
    struct old old = {.layer = &layer->layer, .call = call};
    char time[CIM_TIME_TEXT_MAX];
    int64_t deleted = 1;
    cim_time_format(count->before_ms, time);
    write_filter(&old, layer->definition, time);
    if (dry_run) {
        const cim_query query = query_of(&old);
        return layer->layer.count(layer->layer.self, call, &query, &count->n, err);
    }
    while (deleted > 0 && (stop == NULL || atomic_load(stop) == 0)) {
        CIM_TRY(delete_slice(&old, &deleted, err));
        count->n += deleted;
    }
    return CIM_OK;
}

static int32_t
never_cancelled(const cim_call *call)
{
    (void)call;
    return 0;
}

static cim_status
run_layer(struct host_app *app, struct host_principal *principal, bool dry_run,
          struct host_retention_count *count, const _Atomic int *stop, cim_error *err)
{
    struct host_call_context context = {.principal = principal};
    const struct host_layer *layer = NULL;
    cim_call call = {.struct_size = sizeof call,
                     .request_id = "retention",
                     .principal = host_principal_name(principal),
                     .lang = "zh",
                     .now_ms = host_clock_now_ms(app->clock),
                     .cancelled = never_cancelled,
                     .impl = &context};
    CIM_TRY(host_exchange_enter(app, &call, count->what, CIM_ACT_DELETE, &call, &layer, err));
    const cim_status status = run_entered(layer, &call, dry_run, count, stop, err);
    host_plugins_leave(app->plugins, layer->plugin_id);
    return status;
}

cim_status
host_retention_layers(struct host_app *app, bool dry_run,
                      void (*each)(void *arg, const struct host_retention_count *count), void *arg,
                      const _Atomic int *stop, cim_error *err)
{
    CIM_AUTO_FREE struct layers *layers = calloc(1, sizeof *layers);
    struct host_principal *principal = host_identity_system_principal(app->identity);
    cim_status status = layers != NULL && principal != NULL
                            ? host_plugins_each_layer(app->plugins, note_layer, layers, err)
                            : cim_fail_nomem(err);
    for (size_t i = 0; status != CIM_E_NOMEM && layers != NULL && i < layers->n; i++) {
        struct host_retention_count count = {.what = layers->list[i].id,
                                             .before_ms = host_clock_now_ms(app->clock) -
                                                          layers->list[i].keep_ms};
        const cim_status one =
            run_layer(app, principal, dry_run, &count, stop, status == CIM_OK ? err : NULL);
        status = status == CIM_OK ? one : status;
        each(arg, &count);
    }
    host_principal_release(principal);
    return status;
}
