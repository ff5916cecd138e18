/* host/stream/visible.c -- who may know of a change.
 *
 * A change says which record of which layer, in which area, of which organisation: whoever has a
 * term that covers these may know it. Where a term has a row filter the record itself decides, so
 * its layer is asked; a record that was deleted cannot be asked, and its end is not told to callers
 * who see it through such a term only. A change of many records at once says no more than that the
 * layer changed, to all who may read any of it.
 */
#include "host/stream/internal.h"

#include "cim/layers.h"
#include "cim/store.h"
#include "cim/util.h"
#include "host/base/clock.h"
#include "host/identity/areas.h"
#include "host/identity/identity.h"
#include "host/plugins/plugins.h"
#include "kit/scope_eval.h"

static cim_status
ask_layer(const struct host_stream_client *client, const cim_call *call, const cim_scope *scope,
          const struct host_change *change, bool *ret_visible, cim_error *err)
{
    struct host_plugins *plugins = client->streams->app->plugins;
    const struct host_layer *layer = NULL;
    const cim_query query = {.struct_size = sizeof query, .fid = change->fid};
    cim_call own = *call;
    int64_t count = 0;
    cim_status status = host_plugins_enter_layer(plugins, change->layer, &own, &layer, err);
    if (status == CIM_E_NOTFOUND || status == CIM_E_BUSY) { /* its plugin is not enabled */
        *ret_visible = false;
        return CIM_OK;
    }
    CIM_TRY(status);
    own.scope = scope;
    status = layer->layer.count(layer->layer.self, &own, &query, &count, err);
    host_plugins_leave(plugins, layer->plugin_id);
    CIM_TRY(status);
    *ret_visible = count > 0;
    return CIM_OK;
}

cim_status
host_change_visible(const struct host_stream_client *client, const cim_call *call,
                    const struct host_change *change, bool *ret_visible, cim_error *err)
{
    const struct host_app *app = client->streams->app;
    const int64_t now_ms = call->now_ms;
    const cim_scope *scope = NULL;
    bool by_filter = false;
    CIM_TRY(host_identity_scope(app->identity, client->principal, change->layer, CIM_ACT_READ,
                                now_ms, &scope, err));
    *ret_visible = change->fid == 0 && scope->n_terms > 0;
    if (change->fid == 0 || scope->n_terms == 0) {
        return CIM_OK;
    }
    const int32_t ordinal = change->area[0] != '\0'
                                ? cim_area_tree_ordinal(host_areas_tree(app->areas), change->area)
                                : -1;
    const char *owner = change->owner[0] != '\0' ? change->owner : NULL;
    for (uint32_t i = 0; i < scope->n_terms && !*ret_visible; i++) {
        const cim_term *term = scope->terms[i];
        if (cim_term_covers(term, now_ms, ordinal, owner, strlen(change->owner))) {
            *ret_visible = term->filter_json == NULL;
            by_filter = by_filter || term->filter_json != NULL;
        }
    }
    if (*ret_visible || !by_filter || change->op == CIM_CHANGE_DELETE) {
        return CIM_OK;
    }
    return ask_layer(client, call, scope, change, ret_visible, err);
}
