/* tests/abi/layout.c -- sizes and places of every released struct, as plugins out there were
 * compiled with them (LP64). A line here changes only with a new major version; a field appended to
 * a growing struct changes its size line and nothing else.
 *
 * Compiled with -Wpadded as well: a hole would let a field appended into it go unnoticed by
 * struct_size.
 */
#include "cim/cim.h"

#define SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " has another size")
#define AT(type, field, place)                                                                     \
    _Static_assert(offsetof(type, field) == (place), #type "." #field " has moved")

SIZE(void *, 8);
SIZE(cim_status, 4);

/* frozen */
SIZE(cim_error, 1024);
AT(cim_error, code, 0);
AT(cim_error, os_errno, 4);
AT(cim_error, param, 8);
AT(cim_error, value, 72);
AT(cim_error, zh, 224);
AT(cim_error, en, 624);
SIZE(cim_blob, 32);
AT(cim_blob, data, 0);
AT(cim_blob, len, 8);
AT(cim_blob, release, 16);
AT(cim_blob, owner, 24);

/* the entry */
SIZE(cim_host, 56);
AT(cim_host, struct_size, 0);
AT(cim_host, abi_major, 4);
AT(cim_host, abi_minor, 6);
AT(cim_host, name, 8);
AT(cim_host, version, 16);
AT(cim_host, plugin_dir, 24);
AT(cim_host, impl, 32);
AT(cim_host, get_service, 40);
AT(cim_host, cache_dir, 48);
SIZE(cim_plugin_desc, CIM_PLUGIN_DESC_SIZE_V1_0);
AT(cim_plugin_desc, abi_major, 4);
AT(cim_plugin_desc, min_host_minor, 6);
AT(cim_plugin_desc, id, 8);
AT(cim_plugin_desc, version, 16);
AT(cim_plugin_desc, required_services, 24);
AT(cim_plugin_desc, thread_model, 32);
AT(cim_plugin_desc, flags, 36);
AT(cim_plugin_desc, init, 40);
AT(cim_plugin_desc, start, 48);
AT(cim_plugin_desc, stop, 56);
AT(cim_plugin_desc, destroy, 64);
AT(cim_plugin_desc, worker_enter, 72);
AT(cim_plugin_desc, worker_leave, 80);
AT(cim_plugin_desc, get_capability, 88);

/* calls and scopes */
SIZE(cim_call, 72);
AT(cim_call, request_id, 8);
AT(cim_call, principal, 16);
AT(cim_call, lang, 24);
AT(cim_call, scope, 32);
AT(cim_call, now_ms, 40);
AT(cim_call, worker, 48);
AT(cim_call, cancelled, 56);
AT(cim_call, impl, 64);
SIZE(cim_term, 88);
AT(cim_term, actions, 4);
AT(cim_term, resource, 8);
AT(cim_term, areas, 16);
AT(cim_term, n_area_words, 24);
AT(cim_term, all_areas, 28);
AT(cim_term, owner_org, 32);
AT(cim_term, sensitive_mode, 40);
AT(cim_term, n_field_modes, 44);
AT(cim_term, field_names, 48);
AT(cim_term, field_modes, 56);
AT(cim_term, filter_json, 64);
AT(cim_term, from_ms, 72);
AT(cim_term, until_ms, 80);
SIZE(cim_scope, 24);
AT(cim_scope, terms, 8);
AT(cim_scope, areas_version, 16);

/* rows */
SIZE(cim_column, 40);
AT(cim_column, type, 4);
AT(cim_column, name, 8);
AT(cim_column, validity, 16);
AT(cim_column, values, 24);
AT(cim_column, data, 32);
SIZE(cim_batch, 24);
AT(cim_batch, n_columns, 4);
AT(cim_batch, n_rows, 8);
AT(cim_batch, columns, 16);

/* registrations */
SIZE(cim_layer, 64);
AT(cim_layer, id, 8);
AT(cim_layer, definition, 16);
AT(cim_layer, count, 24);
AT(cim_layer, extent, 32);
AT(cim_layer, query, 40);
AT(cim_layer, write, 48);
AT(cim_layer, self, 56);
SIZE(cim_renderer, 48);
AT(cim_renderer, id, 8);
AT(cim_renderer, layers, 16);
AT(cim_renderer, tile_key, 24);
AT(cim_renderer, tile, 32);
AT(cim_renderer, self, 40);
SIZE(cim_http_route, 64);
AT(cim_http_route, method, 8);
AT(cim_http_route, pattern, 16);
AT(cim_http_route, permission, 24);
AT(cim_http_route, summary_zh, 32);
AT(cim_http_route, summary_en, 40);
AT(cim_http_route, handle, 48);
AT(cim_http_route, self, 56);
SIZE(cim_job, 64);
AT(cim_job, id, 8);
AT(cim_job, dir, 16);
AT(cim_job, pos, 24);
AT(cim_job, progress, 32);
AT(cim_job, should_stop, 40);
AT(cim_job, log, 48);
AT(cim_job, impl, 56);
SIZE(cim_job_kind, 48);
AT(cim_job_kind, flags, 4);
AT(cim_job_kind, id, 8);
AT(cim_job_kind, title_zh, 16);
AT(cim_job_kind, title_en, 24);
AT(cim_job_kind, run, 32);
AT(cim_job_kind, self, 40);
SIZE(cim_job_info, 32);
AT(cim_job_info, state, 4);
AT(cim_job_info, fraction, 8);
AT(cim_job_info, created_ms, 16);
AT(cim_job_info, updated_ms, 24);
SIZE(cim_analysis, 88);
AT(cim_analysis, flags, 4);
AT(cim_analysis, id, 8);
AT(cim_analysis, version, 16);
AT(cim_analysis, title_zh, 24);
AT(cim_analysis, title_en, 32);
AT(cim_analysis, description_zh, 40);
AT(cim_analysis, description_en, 48);
AT(cim_analysis, inputs, 56);
AT(cim_analysis, outputs, 64);
AT(cim_analysis, run, 72);
AT(cim_analysis, self, 80);
SIZE(cim_http_producer, 32);
AT(cim_http_producer, self, 8);
AT(cim_http_producer, produce, 16);
AT(cim_http_producer, release, 24);

/* services: places of the first and the last function */
AT(cim_log_v1, write, 8);
AT(cim_log_v1, enabled, 16);
AT(cim_config_v1, get, 8);
AT(cim_clock_v1, now_ms, 8);
AT(cim_layers_v1, add_layer, 8);
AT(cim_renderers_v1, add_renderer, 8);
AT(cim_store_v1, read, 8);
AT(cim_store_v1, layer_pos, 56);
AT(cim_access_v1, scope, 8);
AT(cim_access_v1, area, 48);
AT(cim_http_v1, add_route, 8);
AT(cim_http_v1, write, 80);
AT(cim_jobs_v1, add_kind, 8);
AT(cim_jobs_v1, info, 32);
AT(cim_analyses_v1, add_analysis, 8);

/* Something to link, so that the checks above are a test of their own. */
int
main(void)
{
    return 0;
}
