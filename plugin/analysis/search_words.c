/* plugin/analysis/search_words.c -- lpg.search-words: what records are found by, made anew. */
#include "analysis/search_words.h"

#include "analysis/json_io.h"
#include "cim/util.h"
#include "data/words.h"
#include "kit/cleanup.h"
#include "kit/json.h"

#include <string.h>

enum { ANSWER_BYTES_MAX = 256 << 10 };

static cim_status
rebuild(struct lpg_layer *layer, const cim_call *run, struct cim_buf *out, cim_error *err)
{
    cim_call call = *run;
    int64_t n_read = 0;
    int64_t n_changed = 0;
    call.scope = NULL; /* the layer's own, not that of the run */
    CIM_TRY(lpg_words_rebuild(layer, &call, &n_read, &n_changed, err));
    if (n_read > 0) {
        lpg_out_next(out);
        cim_buf_add_char(out, '{');
        lpg_out_text(out, "layer", lpg_layer_definition(layer)->id);
        lpg_out_int(out, "records", n_read);
        lpg_out_int(out, "changed", n_changed);
        cim_buf_add_char(out, '}');
    }
    return CIM_OK;
}

static cim_status
rebuild_all(struct lpg_data *data, const char *id, const cim_call *call, cim_job *job,
            struct cim_buf *out, cim_error *err)
{
    const size_t n = lpg_data_layer_count(data);
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        struct lpg_layer *layer = lpg_data_layer_at(data, i);
        if (id == NULL || strcmp(lpg_layer_definition(layer)->id, id) == 0) {
            found = true;
            job->progress(job, (double)i / (double)n, lpg_layer_definition(layer)->title.zh,
                          lpg_layer_definition(layer)->title.en);
            CIM_TRY(rebuild(layer, call, out, err));
        }
    }
    return found ? CIM_OK
                 : cim_fail(err, CIM_E_INVALID, "layer", id, "应为图层编号，如 lpg.enterprises",
                            "expected a layer id such as lpg.enterprises");
}

cim_status
lpg_search_words_answer(struct lpg_data *data, const cim_call *call, cim_job *job,
                        const char *inputs_json, cim_blob *ret_result, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf out;
    struct json_object *inputs = NULL;
    struct json_object *layer = NULL;
    cim_buf_init(&out, ANSWER_BYTES_MAX);
    CIM_TRY(cim_json_parse("inputs", inputs_json, strlen(inputs_json), &inputs, err));
    (void)json_object_object_get_ex(inputs, "layer", &layer);
    cim_buf_add_text(&out, "{\"layers\":[");
    const cim_status status = rebuild_all(
        data, layer != NULL ? json_object_get_string(layer) : NULL, call, job, &out, err);
    json_object_put(inputs);
    CIM_TRY(status);
    cim_buf_add_text(&out, "]}");
    CIM_TRY(cim_buf_status(&out, err));
    cim_buf_to_blob(&out, ret_result);
    return CIM_OK;
}
