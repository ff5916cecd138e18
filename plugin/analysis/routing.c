/* plugin/analysis/routing.c -- see routing.h. */
#include "analysis/routing.h"

#include "analysis/json_io.h"
#include "cim/util.h"
#include "kit/time.h"

#include <math.h>
#include <string.h>

#define ROADS "lpg.roads"

cim_status
lpg_routing_init(struct lpg_routing *routing, const char *folder, cim_error *err)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/routing.json", folder);
    CIM_TRY(lpg_routing_table_read(path, routing->classes, &routing->table, err));
    lpg_network_cache_init(&routing->networks);
    return CIM_OK;
}

void
lpg_routing_done(struct lpg_routing *routing)
{
    if (routing->table != NULL) {
        lpg_network_cache_done(&routing->networks);
        lpg_routing_table_free(routing->table);
        *routing = (struct lpg_routing){0};
    }
}

/* ---- one run ---- */

static cim_status
read_times(struct lpg_routing_run *run, struct json_object *inputs, const cim_call *call,
           cim_error *err)
{
    struct json_object *depart_at = lpg_in_member(inputs, "depart_at");
    const char *restrictions = json_object_get_string(lpg_in_member(inputs, "restrictions"));
    run->restricted = restrictions == NULL || strcmp(restrictions, "ignore") != 0;
    run->has_departure = depart_at != NULL;
    if (depart_at != NULL &&
        cim_time_parse(json_object_get_string(depart_at), SIZE_MAX, &run->depart_ms) != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, "depart_at", lpg_in_given(depart_at),
                        "应为时间，如 2026-11-27T01:30:00+08:00",
                        "expected a time such as 2026-11-27T01:30:00+08:00");
    }
    run->day = cim_time_local_day(run->has_departure ? run->depart_ms : call->now_ms);
    return lpg_in_day(inputs, "as_of", &run->day, err);
}

static cim_status
open_network(struct lpg_routing *routing, const cim_call *call, struct lpg_routing_run *run,
             cim_error *err)
{
    static const double everywhere[4] = {-180.0, -90.0, 180.0, 90.0};
    CIM_TRY(lpg_sites_view_open(routing->roads, call, everywhere, &run->roads, err));
    if (run->roads.sites == NULL) {
        return cim_fail(err, CIM_E_DENIED, "layer", ROADS, "没有读取道路的授权",
                        "not granted to read the roads");
    }
    if (run->roads.sites->n_records == 0) {
        return cim_fail(err, CIM_E_STATE, "layer", ROADS, "没有道路数据，请先导入或绑定道路",
                        "there are no roads: import or bind them first");
    }
    return lpg_network_take(&routing->networks, run->roads.sites, routing->table->snap_m, call,
                            &run->network, err);
}

cim_status
lpg_routing_open(struct lpg_routing *routing, const cim_call *call, struct json_object *inputs,
                 const char *vehicle, struct lpg_routing_run *ret_run, cim_error *err)
{
    static const double everywhere[4] = {-180.0, -90.0, 180.0, 90.0};
    struct json_object *permits = lpg_in_member(inputs, "permits");
    struct lpg_routing_run *run = ret_run;
    cim_status status;
    *run = (struct lpg_routing_run){0};
    CIM_TRY(lpg_routing_vehicle(routing->table, inputs, vehicle, &run->vehicle, err));
    CIM_TRY(read_times(run, inputs, call, err));
    if (permits != NULL && !json_object_is_type(permits, json_type_array)) {
        return cim_fail(err, CIM_E_INVALID, "permits", lpg_in_given(permits),
                        "应为限行区域标识的列表", "expected a list of uids of restricted zones");
    }
    status = open_network(routing, call, run, err);
    run->restricted = run->restricted && run->vehicle->dangerous_goods;
    if (status == CIM_OK && run->restricted) {
        status = lpg_sites_view_open(routing->zones, call, everywhere, &run->zones, err);
        if (status == CIM_OK) {
            status = lpg_closures_find(
                run->network, &run->zones, run->day,
                run->has_departure ? run->depart_ms : INT64_MIN,
                lpg_route_table_class(routing->classes, "expressway", strlen("expressway")),
                permits, call, &run->closures, err);
        }
    }
    if (status == CIM_OK) {
        status = lpg_travel_open(run->network, &run->roads, routing->table, run->vehicle,
                                 run->restricted ? &run->closures : NULL, &run->travel, err);
    }
    if (status != CIM_OK) {
        lpg_routing_run_done(run);
    }
    return status;
}

void
lpg_routing_run_done(struct lpg_routing_run *run)
{
    lpg_travel_done(&run->travel);
    lpg_closures_done(&run->closures);
    lpg_network_unref(run->network);
    lpg_sites_view_done(&run->zones);
    lpg_sites_view_done(&run->roads);
    *run = (struct lpg_routing_run){0};
}

cim_status
lpg_routing_stop(const struct lpg_routing_run *run, const double lonlat_deg[2], const char *input,
                 struct lpg_stop *ret_stop, cim_error *err)
{
    char value[64];
    lpg_travel_stop(&run->travel, lonlat_deg, ret_stop);
    if (ret_stop->edge != UINT32_MAX) {
        return CIM_OK;
    }
    (void)snprintf(value, sizeof value, "%.6f, %.6f", lonlat_deg[0], lonlat_deg[1]);
    if (!isfinite(ret_stop->gap_m)) {
        return cim_fail(err, CIM_E_STATE, input, value, "没有该车辆可走的道路",
                        "there is no road that this vehicle may use");
    }
    return cim_fail(err, CIM_E_INVALID, input, value,
                    "离该车辆可走的最近道路 %.0f 米，超过 %.0f 米；请移近道路或补充道路数据",
                    "the nearest road that the vehicle may use is %.0f m away, more than %.0f m: "
                    "move it nearer, or add the road",
                    ret_stop->gap_m, run->travel.table->access_m);
}

/* ---- writing ---- */

static bool
sees(struct lpg_routing_run *run, uint32_t record)
{
    return record == UINT32_MAX || lpg_sites_visible(&run->roads, record);
}

void
lpg_routing_write(struct lpg_routing_run *run, struct cim_buf *out)
{
    const struct lpg_network *network = run->network;
    const struct lpg_vehicle *vehicle = run->vehicle;
    int64_t n_edges = 0;
    int64_t n_closed = 0;
    int64_t n_repairs[3] = {0};
    double widest_m = 0.0;
    for (uint32_t e = 0; e < network->n_edges; e++) {
        const struct lpg_edge *edge = &network->edges[e];
        if (sees(run, edge->record) && sees(run, edge->joins)) {
            n_edges++;
            n_closed += run->closures.first != NULL && run->closures.first[e] != 0;
        }
    }
    for (size_t i = 0; i < network->n_repairs; i++) {
        const struct lpg_repair *repair = &network->repairs[i];
        if (sees(run, repair->records[0]) && sees(run, repair->records[1])) {
            n_repairs[repair->kind]++;
            widest_m = fmax(widest_m, repair->gap_m);
        }
    }
    lpg_out_key(out, "network");
    cim_buf_add_char(out, '{');
    lpg_out_int(out, "edges", n_edges);
    lpg_out_int(out, "crossings_joined", n_repairs[LPG_REPAIR_CROSSING]);
    lpg_out_int(out, "crossings_apart", n_repairs[LPG_REPAIR_OVERPASS]);
    lpg_out_int(out, "ends_joined", n_repairs[LPG_REPAIR_SNAPPED]);
    lpg_out_m(out, "widest_gap_m", widest_m);
    lpg_out_m(out, "snap_m", network->snap_m);
    lpg_out_int(out, "edges_in_zones", n_closed);
    cim_buf_add_char(out, '}');
    lpg_out_key(out, "vehicle");
    cim_buf_add_char(out, '{');
    lpg_out_text(out, "vehicle", vehicle->vehicle);
    lpg_out_flag(out, "dangerous_goods", vehicle->dangerous_goods);
    lpg_out_flag(out, "restrictions", run->restricted);
    lpg_out_text(out, "hours",
                 !run->restricted     ? NULL
                 : run->has_departure ? "by_departure"
                                      : "whole_day");
    lpg_out_text(out, "basis_zh", vehicle->basis_zh);
    lpg_out_text(out, "basis_en", vehicle->basis_en);
    lpg_out_text(out, "clause", vehicle->clause);
    lpg_out_flag(out, "to_confirm", vehicle->confidence != 'C');
    cim_buf_add_char(out, '}');
}

void
lpg_routing_write_path(const struct lpg_network *network, const struct lpg_path *path,
                       struct cim_buf *out)
{
    cim_buf_add_text(out, "\"coordinates\":[");
    for (size_t i = 0; i < path->n; i++) {
        double lonlat[2];
        lpg_tm_inverse(&network->tm, path->xy[2 * i], path->xy[2 * i + 1], lonlat);
        cim_buf_add_text(out, i > 0 ? ",[" : "[");
        cim_buf_add_coordinate(out, lonlat[0]);
        cim_buf_add_char(out, ',');
        cim_buf_add_coordinate(out, lonlat[1]);
        cim_buf_add_char(out, ']');
    }
    cim_buf_add_char(out, ']');
}
