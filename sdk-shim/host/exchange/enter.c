/* host/exchange/enter.c -- a layer entered for a principal. */
#include "host/exchange/exchange.h"

#include "cim/util.h"
#include "host/app.h"
#include "host/http/http.h"
#include "host/identity/identity.h"
#include "host/plugins/plugins.h"

static cim_status
take_scope(struct host_app *app, const char *layer_id, uint32_t action, cim_call *call,
           cim_error *err)
{
    CIM_TRY(host_identity_scope(app->identity, host_http_principal(call), layer_id, action,
                                call->now_ms, &call->scope, err));
    return call->scope->n_terms > 0
               ? CIM_OK
               : cim_fail(err, CIM_E_DENIED, NULL, NULL, "没有图层 %s 的此项权限",
                          "you may not do this with the layer %s", layer_id);
}

cim_status
host_exchange_enter(struct host_app *app, const cim_call *from, const char *layer_id,
                    uint32_t action, cim_call *ret_call, const struct host_layer **ret_layer,
                    cim_error *err)
{
    const struct host_layer *layer = NULL;
    cim_call call = *from;
    cim_status status = CIM_OK;
    CIM_TRY(host_plugins_enter_layer(app->plugins, layer_id, &call, &layer, err));
    status = take_scope(app, layer_id, action, &call, err);
    if (status != CIM_OK) {
        host_plugins_leave(app->plugins, layer->plugin_id);
        return status;
    }
    *ret_call = call;
    *ret_layer = layer;
    return CIM_OK;
}
