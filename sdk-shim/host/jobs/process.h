/* host/jobs/process.h -- an analysis as an OGC API Process: its description, the inputs that a
 * client sends, the outputs that run() answers. No HTTP. */
#ifndef HOST_JOBS_PROCESS_H
#define HOST_JOBS_PROCESS_H

#include "kit/buf.h"

#include <stdbool.h>

struct host_work;
struct json_object;

enum { HOST_PROCESS_OUTPUTS_MAX = 64, HOST_PROCESS_OUTPUT_ID_MAX = 64 };

/* The output that the host adds: which run it was. */
#define HOST_PROCESS_RUN "run"

/* Are the descriptions of cim/analyses.h in order? `where` names them in the message. */
cim_status host_process_check(const char *where, struct json_object *inputs,
                              struct json_object *outputs, cim_error *err);

/* Checks what a client sent as "inputs" (NULL: nothing) against the description. *ret_inputs, owned
 * by the caller, has the plain values in the order of the description, defaults filled in: the same
 * inputs, the same bytes. A value may come as it is or as {"value": …}. CIM_E_INVALID: err->param
 * is "inputs.…". */
cim_status host_process_inputs(const struct host_work *work, struct json_object *given,
                               struct json_object **ret_inputs, cim_error *err);

/* What a client wants of the outputs. */
struct host_process_wish {
    bool all; /* no selection: every output */
    bool raw; /* one value as it is, not a document */
    size_t n;
    char ids[HOST_PROCESS_OUTPUTS_MAX][HOST_PROCESS_OUTPUT_ID_MAX];
};
/* From the members "outputs" and "response" of a request; both may be NULL. Without "response" one
 * output comes raw and several come as a document, as OGC API Processes has it. */
cim_status host_process_wish(const struct host_work *work, struct json_object *outputs,
                             struct json_object *response, struct host_process_wish *ret_wish,
                             cim_error *err);
/* Has what run() answered every output of the description, and no other? CIM_E_INTERNAL names what
 * is amiss. */
cim_status host_process_check_result(const struct host_work *work, const char *result, size_t len,
                                     cim_error *err);
/* Writes the answer of a result that was checked, maybe by an older version of the analysis: an
 * output that it did not have is CIM_E_NOTFOUND when it was asked for. *ret_mime is static. */
cim_status host_process_answer(const struct host_work *work, const struct host_process_wish *wish,
                               const char *result, size_t len, const char *run_json,
                               struct cim_buf *out, const char **ret_mime, cim_error *err);
/* {"process","version","inputs","pos"}: enough to run the same again. */
void host_process_run_json(const struct host_work *work, const char *inputs_json, int64_t pos,
                           struct cim_buf *out);

#endif
