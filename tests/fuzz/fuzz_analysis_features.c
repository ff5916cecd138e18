/* tests/fuzz/fuzz_analysis_features.c -- inputs of the analyses over any layer: an answer that is
 * JSON, or a refusal with words. The first byte says which analysis; layers are refused, for nobody
 * is granted any. */
#include "fuzz.h"

#include "analysis/task.h"
#include "cim/access.h"
#include "cim/bindings.h"
#include "cim/util.h"

#include <json-c/json.h>
#include <stdlib.h>

static cim_status
no_scope(const cim_host *host, const cim_call *call, const char *resource, uint32_t action,
         const cim_scope **ret_scope, cim_error *err)
{
    static const cim_scope nothing = {.struct_size = sizeof nothing};
    (void)host;
    (void)call;
    (void)resource;
    (void)action;
    (void)err;
    *ret_scope = &nothing;
    return CIM_OK;
}

static const cim_access_v1 access_service = {.struct_size = sizeof access_service,
                                             .scope = no_scope};

static const void *
get_service(const cim_host *host, const char *id)
{
    static const uint64_t none[64]; /* a service that is there and never called */
    (void)host;
    return strcmp(id, CIM_SERVICE_ACCESS) == 0     ? (const void *)&access_service
           : strcmp(id, CIM_SERVICE_BINDINGS) == 0 ? NULL
                                                   : (const void *)none;
}

static void
must(bool holds)
{
    if (!holds) {
        abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const lpg_task_fn tasks[] = {lpg_buffer_task, lpg_overlay_task, lpg_topology_task,
                                        lpg_density_task, lpg_viewshed_task};
    static const cim_host host = {.struct_size = sizeof host, .get_service = get_service};
    static struct lpg_data *layers; /* lives as long as the process */
    const cim_call call = {.struct_size = sizeof call, .principal = "fuzz", .lang = "zh"};
    cim_blob result = {0};
    cim_error err = {0};
    char *text = NULL;
    if (size == 0) {
        return 0;
    }
    must(layers != NULL || lpg_data_open(&host, LAYERS_DIR, &layers, &err) == CIM_OK);
    text = calloc(1, size);
    must(text != NULL);
    for (size_t i = 1; i < size; i++) {
        text[i - 1] = (char)data[i];
    }
    const size_t which = data[0] % (sizeof tasks / sizeof tasks[0]);
    if (lpg_task_run(&host, layers, &call, NULL, text, tasks[which], &result, &err) != CIM_OK) {
        must(err.code != 0 && err.zh[0] != '\0' && err.en[0] != '\0');
    } else {
        char *answer = strndup(result.data, result.len);
        struct json_object *parsed = answer != NULL ? json_tokener_parse(answer) : NULL;
        must(json_object_is_type(parsed, json_type_object));
        (void)json_object_put(parsed);
        free(answer);
        result.release(&result);
    }
    free(text);
    return 0;
}
