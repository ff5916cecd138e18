/* Calls into a plugin that did not say it is parallel: one at a time, under its mutex. Parallel
 * plugins are handed out as they are. Cursors are wrapped too, as they call into the plugin. */
#include "cim/util.h"
#include "host/plugins/plugin.h"

#include <stdlib.h>

struct serial_rows {
    cim_rows pub;
    cim_rows *inner;
    struct host_plugin *plugin;
};

static cim_status
rows_next(cim_rows *rows, const cim_batch **ret_batch, cim_error *err)
{
    struct serial_rows *serial = rows->impl;
    cim_status status = CIM_OK;
    host_plugin_serial_lock(serial->plugin);
    status = serial->inner->next(serial->inner, ret_batch, err);
    host_plugin_serial_unlock(serial->plugin);
    return status;
}

static const char *
rows_cursor(cim_rows *rows)
{
    struct serial_rows *serial = rows->impl;
    const char *cursor = NULL;
    host_plugin_serial_lock(serial->plugin);
    cursor = serial->inner->cursor(serial->inner);
    host_plugin_serial_unlock(serial->plugin);
    return cursor;
}

static void
rows_release(cim_rows *rows)
{
    struct serial_rows *serial = rows->impl;
    host_plugin_serial_lock(serial->plugin);
    serial->inner->release(serial->inner);
    host_plugin_serial_unlock(serial->plugin);
    free(serial);
}

static cim_status
layer_count(void *self, const cim_call *call, const cim_query *query, int64_t *ret_count,
            cim_error *err)
{
    struct host_registered_layer *layer = self;
    cim_status status = CIM_OK;
    host_plugin_serial_lock(layer->plugin);
    status = layer->inner.count(layer->inner.self, call, query, ret_count, err);
    host_plugin_serial_unlock(layer->plugin);
    return status;
}

static cim_status
layer_extent(void *self, const cim_call *call, const cim_query *query, double ret_bbox_deg[4],
             cim_error *err)
{
    struct host_registered_layer *layer = self;
    cim_status status = CIM_OK;
    host_plugin_serial_lock(layer->plugin);
    status = layer->inner.extent(layer->inner.self, call, query, ret_bbox_deg, err);
    host_plugin_serial_unlock(layer->plugin);
    return status;
}

static cim_status
layer_query(void *self, const cim_call *call, const cim_query *query, cim_rows **ret_rows,
            cim_error *err)
{
    struct host_registered_layer *layer = self;
    struct serial_rows *serial = calloc(1, sizeof *serial);
    cim_status status = CIM_OK;
    if (serial == NULL) {
        return cim_fail_nomem(err);
    }
    host_plugin_serial_lock(layer->plugin);
    status = layer->inner.query(layer->inner.self, call, query, &serial->inner, err);
    host_plugin_serial_unlock(layer->plugin);
    if (status != CIM_OK) {
        free(serial);
        return status;
    }
    serial->plugin = layer->plugin;
    serial->pub.struct_size = sizeof serial->pub;
    serial->pub.n_columns = serial->inner->n_columns;
    serial->pub.names = serial->inner->names;
    serial->pub.types = serial->inner->types;
    serial->pub.next = rows_next;
    serial->pub.cursor = serial->inner->cursor != NULL ? rows_cursor : NULL;
    serial->pub.release = rows_release;
    serial->pub.impl = serial;
    *ret_rows = &serial->pub;
    return CIM_OK;
}

static cim_status
layer_write(void *self, const cim_call *call, cim_edit *edit, cim_error *err)
{
    struct host_registered_layer *layer = self;
    cim_status status = CIM_OK;
    host_plugin_serial_lock(layer->plugin);
    status = layer->inner.write(layer->inner.self, call, edit, err);
    host_plugin_serial_unlock(layer->plugin);
    return status;
}

void
host_serial_layer(struct host_registered_layer *layer)
{
    layer->pub.layer = layer->inner;
    layer->pub.layer.struct_size = sizeof layer->pub.layer;
    if (host_plugin_is_serial(layer->plugin)) {
        layer->pub.layer.self = layer;
        layer->pub.layer.count = layer_count;
        layer->pub.layer.extent = layer_extent;
        layer->pub.layer.query = layer_query;
        layer->pub.layer.write = layer->inner.write != NULL ? layer_write : NULL;
    }
}

/* Must not block: while another call is inside, the tile itself has to be asked. */
static cim_status
renderer_tile_key(void *self, const cim_call *call, const cim_tile_request *request,
                  char ret_key[CIM_TILE_KEY_MAX])
{
    struct host_registered_renderer *renderer = self;
    cim_status status = CIM_OK;
    if (pthread_mutex_trylock(&renderer->plugin->serial) != 0) {
        return CIM_E_STATE;
    }
    status = renderer->inner.tile_key(renderer->inner.self, call, request, ret_key);
    (void)pthread_mutex_unlock(&renderer->plugin->serial);
    return status;
}

static cim_status
renderer_tile(void *self, const cim_call *call, const cim_tile_request *request, cim_blob *ret_tile,
              cim_error *err)
{
    struct host_registered_renderer *renderer = self;
    cim_status status = CIM_OK;
    host_plugin_serial_lock(renderer->plugin);
    status = renderer->inner.tile(renderer->inner.self, call, request, ret_tile, err);
    host_plugin_serial_unlock(renderer->plugin);
    return status;
}

void
host_serial_renderer(struct host_registered_renderer *renderer)
{
    renderer->pub.renderer = renderer->inner;
    renderer->pub.renderer.struct_size = sizeof renderer->pub.renderer;
    if (host_plugin_is_serial(renderer->plugin)) {
        renderer->pub.renderer.self = renderer;
        renderer->pub.renderer.tile_key = renderer_tile_key;
        renderer->pub.renderer.tile = renderer_tile;
    }
}

/* Others wait as long as it runs: who has long work says parallel, or isolated. */
static cim_status
work_run(void *self, const cim_call *call, cim_job *job, const char *inputs_json,
         cim_blob *ret_result, cim_error *err)
{
    struct host_registered_work *work = self;
    cim_status status = CIM_OK;
    host_plugin_serial_lock(work->plugin);
    status = work->inner.run(work->inner.self, call, job, inputs_json, ret_result, err);
    host_plugin_serial_unlock(work->plugin);
    return status;
}

void
host_serial_work(struct host_registered_work *work)
{
    work->pub.kind = work->inner;
    work->pub.kind.struct_size = sizeof work->pub.kind;
    if (host_plugin_is_serial(work->plugin)) {
        work->pub.kind.self = work;
        work->pub.kind.run = work_run;
    }
}
