/* cim/call.h -- what a call into a plugin carries along: who asks, in which scope, until when. */
#ifndef CIM_CALL_H
#define CIM_CALL_H

#include "cim/scope.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cim_call cim_call;
struct cim_call {
    uint32_t struct_size;
    uint32_t reserved;
    const char *request_id;
    const char *principal; /* account name; "" for work of the platform itself */
    const char *lang;      /* "zh" or "en" */
    /* Terms for the resource and action of this call, already cut to those in force now. NULL in
     * a plugin's own routes: ask cim.access/1 for the resource at hand. */
    const cim_scope *scope;
    int64_t now_ms; /* from clock/1, fixed for the whole call */
    void *worker;   /* what the plugin's worker_enter() returned on this thread, or NULL */
    /* Non-zero once the client has gone or the deadline has passed: stop soon. [any] */
    int32_t (*cancelled)(const cim_call *call);
    void *impl; /* host private */
};

#ifdef __cplusplus
}
#endif
#endif
