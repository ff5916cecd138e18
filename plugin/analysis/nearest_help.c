/* plugin/analysis/nearest_help.c -- see nearest_help.h. */
#include "analysis/nearest_help.h"

#include "analysis/json_io.h"
#include "analysis/routing.h"
#include "cim/util.h"
#include "geo/geodesic.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct help {
    struct lpg_sites_view view;
    struct lpg_routing_run with;
    bool has_roads;
    struct lpg_stop place; /* of the accident */
    const cim_call *call;
    cim_error *err;
};

/* Roads that are not there, or not his to read, leave the crow's way; so does a place far from
 * any. */
static cim_status
open_roads(struct help *help, struct lpg_routing *routing, struct json_object *inputs,
           const double lonlat_deg[2])
{
    const cim_status status =
        lpg_routing_open(routing, help->call, inputs, "emergency", &help->with, help->err);
    if (status == CIM_E_DENIED || status == CIM_E_STATE) {
        return CIM_OK;
    }
    CIM_TRY(status);
    lpg_travel_stop(&help->with.travel, lonlat_deg, &help->place);
    help->has_roads = help->place.edge != UINT32_MAX;
    return CIM_OK;
}

static int
by_uid(const void *a, const void *b, void *arg)
{
    const struct lpg_sites *sites = arg;
    return strcmp(sites->text + sites->facts[*(const uint32_t *)a].uid,
                  sites->text + sites->facts[*(const uint32_t *)b].uid);
}

/* Records of the kind that the caller sees, by uid. */
static size_t
list_kind(struct help *help, int kind, uint32_t *list)
{
    size_t n = 0;
    for (uint32_t i = 0; i < help->view.sites->n_records; i++) {
        if (help->view.sites->code[i] == kind && lpg_sites_visible(&help->view, i)) {
            list[n++] = i;
        }
    }
    qsort_r(list, n, sizeof *list, by_uid, help->view.sites);
    return n;
}

static void
write_place(const struct help *help, uint32_t record, struct cim_buf *out)
{
    const struct lpg_sites *sites = help->view.sites;
    lpg_out_text(out, "uid", sites->text + sites->facts[record].uid);
    lpg_out_text(out, "name", sites->text + sites->facts[record].name);
    lpg_out_point(out, "at", sites->lonlat + 2 * (size_t)record);
}

/* From which of the stops the place is reached at the least cost. */
static cim_status
reach_place(struct help *help, const struct lpg_stop *stops, size_t n, bool by_time,
            int64_t *ret_cost, uint32_t *ret_source)
{
    struct lpg_reach reach = {0};
    CIM_TRY(lpg_travel_reach(&help->with.travel, stops, n, by_time, false, INT64_MAX - 1,
                             help->call, &reach, help->err));
    *ret_cost = lpg_travel_cost(&help->with.travel, &reach, stops, n, by_time, false, &help->place,
                                ret_source);
    lpg_reach_done(&reach);
    return CIM_OK;
}

static cim_status
write_by_road(struct help *help, const uint32_t *list, size_t n, struct cim_buf *out)
{
    CIM_AUTO_FREE struct lpg_stop *stops = malloc((n + 1) * sizeof *stops);
    int64_t time_ms = LPG_TRAVEL_NEVER;
    int64_t length_mm = LPG_TRAVEL_NEVER;
    uint32_t first = UINT32_MAX;
    uint32_t same;
    if (stops == NULL) {
        return cim_fail_nomem(help->err);
    }
    if (help->has_roads) {
        for (size_t i = 0; i < n; i++) {
            lpg_travel_stop(&help->with.travel, help->view.sites->lonlat + 2 * (size_t)list[i],
                            &stops[i]);
        }
        CIM_TRY(reach_place(help, stops, n, true, &time_ms, &first));
    }
    lpg_out_key(out, "by_road");
    if (time_ms == LPG_TRAVEL_NEVER) {
        cim_buf_add_text(out, "null");
        return CIM_OK;
    }
    CIM_TRY(reach_place(help, &stops[first], 1, false, &length_mm, &same));
    cim_buf_add_char(out, '{');
    write_place(help, list[first], out);
    lpg_out_m(out, "time_min", (double)time_ms / 6e4);
    lpg_out_m(out, "length_m", (double)length_mm / 1e3);
    cim_buf_add_char(out, '}');
    return CIM_OK;
}

static cim_status
write_kind(struct help *help, int kind, const double lonlat_deg[2], struct cim_buf *out)
{
    static const char *const kinds[] = {"fire_station", "hospital"};
    const struct lpg_sites *sites = help->view.sites;
    CIM_AUTO_FREE uint32_t *list = malloc((sites->n_records + 1U) * sizeof *list);
    double least = HUGE_VAL;
    uint32_t nearest = 0;
    size_t n;
    if (list == NULL) {
        return cim_fail_nomem(help->err);
    }
    n = list_kind(help, kind, list);
    for (size_t i = 0; i < n; i++) {
        const double m =
            lpg_geodesic_inverse_m(lonlat_deg, sites->lonlat + 2 * (size_t)list[i], NULL);
        if (m < least) {
            least = m;
            nearest = list[i];
        }
    }
    if (n == 0) {
        return CIM_OK;
    }
    lpg_out_next(out);
    cim_buf_add_char(out, '{');
    lpg_out_text(out, "kind", kinds[kind]);
    write_place(help, nearest, out);
    lpg_out_m(out, "distance_m", least);
    CIM_TRY(write_by_road(help, list, n, out));
    cim_buf_add_char(out, '}');
    return CIM_OK;
}

cim_status
lpg_nearest_help_write(struct lpg_siting *siting, const cim_call *call, struct json_object *inputs,
                       const double lonlat_deg[2], struct cim_buf *out, cim_error *err)
{
    const double everywhere_deg[4] = {-180.0, -90.0, 180.0, 90.0};
    struct help help = {.call = call, .err = err};
    cim_status status =
        lpg_sites_view_open(&siting->resources, call, everywhere_deg, &help.view, err);
    if (status == CIM_OK && help.view.sites != NULL && siting->routing != NULL) {
        status = open_roads(&help, siting->routing, inputs, lonlat_deg);
    }
    lpg_out_key(out, "nearest");
    cim_buf_add_char(out, '[');
    for (int kind = 0; kind < 2 && status == CIM_OK && help.view.sites != NULL; kind++) {
        status = write_kind(&help, kind, lonlat_deg, out);
    }
    cim_buf_add_char(out, ']');
    lpg_routing_run_done(&help.with);
    lpg_sites_view_done(&help.view);
    return status;
}
