/* host/main/layer_call.c -- see layer_call.h. */
#include "layer_call.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/exchange/exchange.h"
#include "host/identity/identity.h"
#include "host/plugins/plugins.h"

static int32_t
never_cancelled(const cim_call *call)
{
    (void)call;
    return 0;
}

cim_status
host_layer_call_begin(struct host_layer_call *call, struct host_app *app, const char *layer_id,
                      uint32_t action, cim_error *err)
{
    cim_status status = CIM_OK;
    *call = (struct host_layer_call){.app = app};
    call->principal = host_identity_system_principal(app->identity);
    if (call->principal == NULL) {
        return cim_fail_nomem(err);
    }
    call->context.principal = call->principal;
    call->call = (cim_call){.struct_size = sizeof call->call,
                            .request_id = "",
                            .principal = host_principal_name(call->principal),
                            .lang = "zh",
                            .now_ms = host_clock_now_ms(app->clock),
                            .cancelled = never_cancelled,
                            .impl = &call->context};
    status =
        host_exchange_enter(app, &call->call, layer_id, action, &call->call, &call->layer, err);
    if (status != CIM_OK) {
        host_principal_release(call->principal);
    }
    return status;
}

void
host_layer_call_end(struct host_layer_call *call)
{
    host_plugins_leave(call->app->plugins, call->layer->plugin_id);
    host_principal_release(call->principal);
}
