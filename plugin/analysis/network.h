/* plugin/analysis/network.h -- the roads as a graph: nodes where they end or meet, edges between.
 *
 * What is drawn is seldom a graph, so it is made one. Roads meet where an end or a vertex lies on
 * another (5 cm), and where they cross at the same level; a road above or below another (`level`)
 * crosses it without meeting, but ends that touch always meet. An end that touches nothing and lies
 * within `snap_m` of a road of its level is joined to it by a connector. All of it is told in
 * `repairs`; nothing that is drawn is moved.
 *
 * Numbers of nodes and edges follow the uids of the roads, so they do not depend on how the store
 * orders its rows. Read-only once built: any thread.
 */
#ifndef LPG_ANALYSIS_NETWORK_H
#define LPG_ANALYSIS_NETWORK_H

#include "analysis/sites.h"
#include "geo/tm.h"

#define LPG_NETWORK_TOUCH_M 0.05

/* Places of the values that the roads' spec must read (sites.h). */
enum lpg_road_value {
    LPG_ROAD_DIRECTION, /* 0 both, 1 as drawn, 2 against it */
    LPG_ROAD_LEVEL,
    LPG_ROAD_SPEED,
    LPG_ROAD_NO_DANGEROUS
};
extern const char *const lpg_road_directions[];

enum { LPG_WAY_FORWARD = 1, LPG_WAY_BACKWARD = 2 };

struct lpg_edge {
    uint32_t from; /* nodes, as it is drawn */
    uint32_t to;
    uint32_t record; /* of the roads' index */
    uint32_t joins;  /* a connector: the other road; else UINT32_MAX */
    uint32_t first;  /* of its vertices */
    uint32_t n;      /* at least 2 */
    int64_t length_mm;
    int16_t road_class;
    int16_t speed_km_h; /* 0: not said */
    uint8_t ways;       /* LPG_WAY_… */
    bool no_dangerous;
};

/* One way over an edge. */
struct lpg_arc {
    uint32_t to;
    uint32_t edge;
    uint8_t way;
};

enum lpg_repair_kind { LPG_REPAIR_CROSSING, LPG_REPAIR_SNAPPED, LPG_REPAIR_OVERPASS };

struct lpg_repair {
    enum lpg_repair_kind kind;
    double xy[2];
    double gap_m; /* of what was joined */
    uint32_t records[2];
};

struct lpg_network {
    atomic_uint references;
    uint64_t roads_serial; /* of the index of roads, whose records are named by number */
    struct lpg_tm tm;      /* of all positions below */
    double snap_m;
    uint32_t n_nodes;
    double *node_xy;
    uint32_t n_edges;
    struct lpg_edge *edges;
    uint32_t n_vertices;
    double *xy;
    uint32_t *vertex_edge;
    uint32_t *arc_first;  /* n_nodes + 1 */
    struct lpg_arc *arcs; /* both ways of every edge, whatever its `ways` */
    size_t n_repairs;
    struct lpg_repair *repairs;
    struct lpg_rtree *tree; /* item i: from vertex i to the next of its edge */
};

/* CIM_E_CANCELLED, CIM_E_NOMEM. The records of `roads` are named by number: keep it as long.
 * [worker] */
cim_status lpg_network_build(const struct lpg_sites *roads, double snap_m, const cim_call *call,
                             struct lpg_network **ret_network, cim_error *err);
/* The arcs and the tree of a network whose nodes and edges are there. */
cim_status lpg_network_index(struct lpg_network *network, cim_error *err);
void lpg_network_unref(struct lpg_network *network); /* NULL-safe */

/* The network of the shared index of roads, made once for each version of it. */
struct lpg_network_cache {
    pthread_mutex_t lock;
    pthread_mutex_t build;
    struct lpg_network *current;
};
void lpg_network_cache_init(struct lpg_network_cache *cache);
void lpg_network_cache_done(struct lpg_network_cache *cache);
/* Of this view's roads, which hold at least one record. Unref it. [worker] */
cim_status lpg_network_take(struct lpg_network_cache *cache, const struct lpg_sites *roads,
                            double snap_m, const cim_call *call, struct lpg_network **ret_network,
                            cim_error *err);

#endif
