/* plugin/analysis/input_sources.h -- where the records of an analysis come from, told with it. */
#ifndef LPG_ANALYSIS_INPUT_SOURCES_H
#define LPG_ANALYSIS_INPUT_SOURCES_H

#include "cim/plugin.h"
#include "kit/buf.h"

/* Appends the member "sources": for each of the layers or roles that is bound to a dataset of the
 * platform {"input", "name", "fetched": RFC 3339 or null, "stale": the last refresh failed}; inputs
 * that are the layer's own records are left out. Empty where the platform has no bindings. */
cim_status lpg_input_sources_write(const cim_host *host, const char *const *inputs, size_t n_inputs,
                                   struct cim_buf *out, cim_error *err);

#endif
