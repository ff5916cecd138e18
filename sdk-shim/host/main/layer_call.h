/* host/main/layer_call.h -- a call into a layer from the command line, with every right. */
#ifndef HOST_LAYER_CALL_H
#define HOST_LAYER_CALL_H

#include "cim/call.h"
#include "host/app.h"
#include "host/http/http.h"

struct host_layer;

struct host_layer_call {
    struct host_app *app;
    struct host_principal *principal;
    struct host_call_context context;
    cim_call call;
    const struct host_layer *layer;
};

/* `call` stays where it is until the end: the layer keeps pointers into it. */
cim_status host_layer_call_begin(struct host_layer_call *call, struct host_app *app,
                                 const char *layer_id, uint32_t action, cim_error *err);
void host_layer_call_end(struct host_layer_call *call);

#endif
