/* plugin/analysis/input_sources.c -- see input_sources.h. */
#include "analysis/input_sources.h"

#include "cim/bindings.h"
#include "cim/util.h"
#include "kit/time.h"

static void
write_binding(const char *input, const cim_binding *binding, struct cim_buf *out)
{
    char fetched[CIM_TIME_TEXT_MAX];
    cim_buf_add_text(out, "{\"input\":");
    cim_buf_add_json_text(out, input, SIZE_MAX);
    cim_buf_add_text(out, ",\"name\":");
    cim_buf_add_json_text(out, binding->name, SIZE_MAX);
    cim_buf_add_text(out, ",\"fetched\":");
    if (binding->good_ms > 0) {
        cim_time_format(binding->good_ms, fetched);
        cim_buf_add_json_text(out, fetched, SIZE_MAX);
    } else {
        cim_buf_add_text(out, "null");
    }
    cim_buf_addf(out, ",\"stale\":%s}",
                 (binding->flags & CIM_BINDING_FAILING) != 0 ? "true" : "false");
}

cim_status
lpg_input_sources_write(const cim_host *host, const char *const *inputs, size_t n_inputs,
                        struct cim_buf *out, cim_error *err)
{
    const cim_bindings_v1 *bindings = host->get_service(host, CIM_SERVICE_BINDINGS);
    const char *comma = "";
    cim_buf_add_text(out, "\"sources\":[");
    for (size_t i = 0; i < n_inputs && CIM_HAS(cim_bindings_v1, bindings, get); i++) {
        cim_binding binding = {.struct_size = sizeof binding};
        const cim_status status = bindings->get(host, inputs[i], &binding, err);
        if (status == CIM_OK) {
            cim_buf_add_text(out, comma);
            write_binding(inputs[i], &binding, out);
            comma = ",";
        } else if (status != CIM_E_NOTFOUND) {
            return status;
        }
    }
    cim_buf_add_char(out, ']');
    return cim_buf_status(out, err);
}
