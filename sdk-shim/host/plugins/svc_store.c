/* cim.store/1 over the data store. */
#include "host/plugins/plugin.h"
#include "host/store/store.h"

static struct host_store *
store_of(const cim_host *host)
{
    return host_plugin_of(host)->owner->app->store;
}

static cim_status
store_read(const cim_host *host, const char *sql, const cim_value *values, uint32_t n_values,
           cim_rows **ret_rows, cim_error *err)
{
    return host_store_read(store_of(host), sql, values, n_values, ret_rows, err);
}

static cim_status
store_write(const cim_host *host, cim_tx_fn fn, void *arg, int64_t *ret_pos, cim_error *err)
{
    return host_store_write(store_of(host), fn, arg, ret_pos, err);
}

static int64_t
store_pos(const cim_host *host)
{
    return host_store_pos(store_of(host));
}

static int64_t
store_layer_pos(const cim_host *host, const char *layer)
{
    return host_store_layer_pos(store_of(host), layer);
}

static void
store_loaded(const cim_host *host, const char *table)
{
    host_store_loaded(store_of(host), table);
}

const cim_store_v1 host_svc_store = {
    .struct_size = sizeof(cim_store_v1),
    .read = store_read,
    .write = store_write,
    .exec = host_store_exec,
    .query = host_store_query,
    .change = host_store_change,
    .pos = store_pos,
    .layer_pos = store_layer_pos,
    .insert = host_store_insert,
    .loaded = store_loaded,
};
