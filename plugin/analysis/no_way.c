/* plugin/analysis/no_way.c -- see no_way.h. */
#include "analysis/no_way.h"

#include "cim/util.h"
#include "geo/plane.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Whether there would be a way if these were what counts. */
static cim_status
would_be(struct lpg_travel *travel, const struct lpg_stop ends[2], bool *ret_way, cim_error *err)
{
    struct lpg_reach reach = {0};
    uint32_t source;
    CIM_TRY(lpg_travel_reach(travel, &ends[0], 1, true, false, INT64_MAX - 1, NULL, &reach, err));
    *ret_way = lpg_travel_cost(travel, &reach, &ends[0], 1, true, false, &ends[1], &source) !=
               LPG_TRAVEL_NEVER;
    lpg_reach_done(&reach);
    return CIM_OK;
}

/* ---- zones ---- */

/* Names of the zones without any one of which there would be a way; else of the first that close
 * edges. */
static cim_status
name_zones(struct lpg_routing_run *run, const struct lpg_stop ends[2], cim_error *err)
{
    struct lpg_travel travel = run->travel;
    struct lpg_closures *closures = &run->closures;
    const struct lpg_sites *zones = run->zones.sites;
    char names[200] = "";
    CIM_AUTO_FREE uint32_t *first = malloc((run->network->n_edges + 1U) * sizeof *first);
    CIM_AUTO_FREE bool *named = calloc(zones->n_records + 1U, sizeof *named);
    if (first == NULL || named == NULL) {
        return cim_fail_nomem(err);
    }
    memcpy(first, closures->first, run->network->n_edges * sizeof *first);
    for (int pass = 0; pass < 2 && names[0] == '\0'; pass++) {
        for (size_t k = 0; k < closures->n && strlen(names) < 120; k++) {
            const uint32_t record = closures->list[k].record;
            bool way = pass == 1;
            if (named[record]) {
                continue;
            }
            named[record] = true;
            if (pass == 0) { /* edges that this zone alone closes are open */
                for (uint32_t e = 0; e < run->network->n_edges; e++) {
                    const uint32_t at = first[e];
                    closures->first[e] = at != 0 && closures->list[at - 1].record == record &&
                                                 closures->list[at - 1].next == 0
                                             ? 0
                                             : at;
                }
                CIM_TRY(would_be(&travel, ends, &way, err));
                memcpy(closures->first, first, run->network->n_edges * sizeof *first);
            }
            if (way) {
                const size_t len = strlen(names);
                (void)snprintf(names + len, sizeof names - len, "%s%.90s", len > 0 ? "、" : "",
                               zones->text + zones->facts[record].name);
            }
        }
        memset(named, 0, zones->n_records * sizeof *named);
    }
    return cim_fail(err, CIM_E_STATE, "to", names,
                    "限行区域封闭了全部去路：%s；请给出 depart_at（按时段），或在 permits 中"
                    "列出已获准通行的区域",
                    "restricted zones close every way: %s; give depart_at, so that their hours "
                    "count, or list those there is a permit for in permits",
                    names);
}

/* ---- parts that do not meet ---- */

static void
node_box(void *arg, uint32_t i, double ret_box[4])
{
    const struct lpg_network *network = ((void **)arg)[0];
    const struct lpg_reach *reach = ((void **)arg)[1];
    const double *p = network->node_xy + 2 * (size_t)i;
    const bool out = reach->cost[i] == LPG_TRAVEL_NEVER;
    ret_box[0] = out ? 1.0 : p[0];
    ret_box[2] = out ? 0.0 : p[0];
    ret_box[1] = ret_box[3] = p[1];
}

static double
node_distance2(void *arg, uint32_t i)
{
    const struct lpg_network *network = ((void **)arg)[0];
    const double *at = ((void **)arg)[2];
    const double *p = network->node_xy + 2 * (size_t)i;
    return (p[0] - at[0]) * (p[0] - at[0]) + (p[1] - at[1]) * (p[1] - at[1]);
}

/* The places at which what can be reached comes nearest to from where the end can be. */
static cim_status
name_gap(const struct lpg_routing_run *run, const struct lpg_reach reached[2], cim_error *err)
{
    const struct lpg_network *network = run->network;
    const void *arg[3] = {network, &reached[1], NULL};
    struct lpg_rtree *tree = NULL;
    double least = HUGE_VAL;
    uint32_t nodes[2] = {UINT32_MAX, UINT32_MAX};
    double places[2][2] = {{0.0, 0.0}, {0.0, 0.0}};
    char value[100];
    CIM_TRY(lpg_rtree_build(network->n_nodes, node_box, (void *)arg, &tree, err));
    for (uint32_t i = 0; i < network->n_nodes; i++) {
        const double *p = network->node_xy + 2 * (size_t)i;
        int64_t other;
        if (reached[0].cost[i] == LPG_TRAVEL_NEVER) {
            continue;
        }
        arg[2] = p;
        other = lpg_rtree_nearest(tree, p[0], p[1], node_distance2, (void *)arg);
        if (other >= 0 && node_distance2((void *)arg, (uint32_t)other) < least) {
            least = node_distance2((void *)arg, (uint32_t)other);
            nodes[0] = i;
            nodes[1] = (uint32_t)other;
        }
    }
    lpg_rtree_free(tree);
    for (int k = 0; k < 2 && nodes[0] != UINT32_MAX; k++) {
        const double *p = network->node_xy + 2 * (size_t)nodes[k];
        lpg_tm_inverse(&network->tm, p[0], p[1], places[k]);
    }
    (void)snprintf(value, sizeof value, "%.6f, %.6f; %.6f, %.6f", places[0][0], places[0][1],
                   places[1][0], places[1][1]);
    return cim_fail(err, CIM_E_STATE, "to", value,
                    "起点与终点所在的道路不相连，最近处相隔 %.1f 米（%s）；请补上缺少的道路",
                    "the roads of from and to are not connected; they come nearest, %.1f m apart, "
                    "at %s: add the road that is missing",
                    sqrt(least), value);
}

cim_status
lpg_no_way(struct lpg_routing_run *run, const struct lpg_stop ends[2], cim_error *err)
{
    struct lpg_travel travel = run->travel;
    CIM_AUTO_FREE uint8_t *ways = malloc(run->network->n_edges + 1U);
    struct lpg_reach reached[2] = {{0}, {0}};
    bool way = false;
    cim_status status;
    if (ways == NULL) {
        return cim_fail_nomem(err);
    }
    travel.closures = NULL;
    CIM_TRY(would_be(&travel, ends, &way, err));
    if (way) {
        return name_zones(run, ends, err);
    }
    /* every road that the caller sees, in both directions */
    for (uint32_t e = 0; e < run->network->n_edges; e++) {
        const struct lpg_edge *edge = &run->network->edges[e];
        ways[e] = lpg_sites_visible(&run->roads, edge->record) &&
                          (edge->joins == UINT32_MAX || lpg_sites_visible(&run->roads, edge->joins))
                      ? LPG_WAY_FORWARD | LPG_WAY_BACKWARD
                      : 0;
    }
    travel.ways = ways;
    CIM_TRY(would_be(&travel, ends, &way, err));
    if (way) {
        return cim_fail(err, CIM_E_STATE, "to", run->vehicle->vehicle,
                        "有路相连，但单行方向、道路等级或禁行使该车辆无法到达；请核对道路的"
                        "通行方向与等级，或换一种车辆",
                        "there are roads, but one-way directions, their class or a ban keep this "
                        "vehicle off them: check direction and class of the roads, or take another "
                        "vehicle");
    }
    status =
        lpg_travel_reach(&travel, &ends[0], 1, false, false, INT64_MAX - 1, NULL, &reached[0], err);
    if (status == CIM_OK) {
        status = lpg_travel_reach(&travel, &ends[1], 1, false, true, INT64_MAX - 1, NULL,
                                  &reached[1], err);
    }
    if (status == CIM_OK) {
        status = name_gap(run, reached, err);
    }
    lpg_reach_done(&reached[0]);
    lpg_reach_done(&reached[1]);
    return status;
}
