/* plugin/analysis/network.c -- see network.h. */
#include "analysis/network.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdlib.h>

const char *const lpg_road_directions[] = {"both", "forward", "backward", NULL};

/* ---- looking things up ---- */

static void
edge_box(void *arg, uint32_t v, double ret_box[4])
{
    const struct lpg_network *network = arg;
    const double *p = network->xy + 2 * (size_t)v;
    if (v + 1 == network->n_vertices || network->vertex_edge[v + 1] != network->vertex_edge[v]) {
        ret_box[0] = 1.0;
        ret_box[2] = 0.0;
        ret_box[1] = ret_box[3] = 0.0;
        return;
    }
    ret_box[0] = fmin(p[0], p[2]);
    ret_box[1] = fmin(p[1], p[3]);
    ret_box[2] = fmax(p[0], p[2]);
    ret_box[3] = fmax(p[1], p[3]);
}

cim_status
lpg_network_index(struct lpg_network *network, cim_error *err)
{
    CIM_AUTO_FREE uint32_t *next = calloc(network->n_nodes + 2U, sizeof *next);
    network->arc_first = calloc(network->n_nodes + 2U, sizeof *network->arc_first);
    network->arcs = malloc((2U * network->n_edges + 1U) * sizeof *network->arcs);
    if (next == NULL || network->arc_first == NULL || network->arcs == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t e = 0; e < network->n_edges; e++) {
        network->arc_first[network->edges[e].from + 1]++;
        network->arc_first[network->edges[e].to + 1]++;
    }
    for (uint32_t i = 0; i < network->n_nodes; i++) {
        network->arc_first[i + 1] += network->arc_first[i];
        next[i + 1] = network->arc_first[i + 1];
    }
    for (uint32_t e = 0; e < network->n_edges; e++) {
        const struct lpg_edge *edge = &network->edges[e];
        network->arcs[next[edge->from]++] = (struct lpg_arc){edge->to, e, LPG_WAY_FORWARD};
        network->arcs[next[edge->to]++] = (struct lpg_arc){edge->from, e, LPG_WAY_BACKWARD};
    }
    return lpg_rtree_build(network->n_vertices, edge_box, network, &network->tree, err);
}

void
lpg_network_unref(struct lpg_network *network)
{
    if (network == NULL || atomic_fetch_sub(&network->references, 1) != 1) {
        return;
    }
    free(network->node_xy);
    free(network->edges);
    free(network->xy);
    free(network->vertex_edge);
    free(network->arc_first);
    free(network->arcs);
    free(network->repairs);
    lpg_rtree_free(network->tree);
    free(network);
}

/* ---- cache ---- */

void
lpg_network_cache_init(struct lpg_network_cache *cache)
{
    (void)pthread_mutex_init(&cache->lock, NULL);
    (void)pthread_mutex_init(&cache->build, NULL);
}

void
lpg_network_cache_done(struct lpg_network_cache *cache)
{
    lpg_network_unref(cache->current);
    (void)pthread_mutex_destroy(&cache->lock);
    (void)pthread_mutex_destroy(&cache->build);
}

static struct lpg_network *
take_current(struct lpg_network_cache *cache, uint64_t serial)
{
    struct lpg_network *network = NULL;
    (void)pthread_mutex_lock(&cache->lock);
    if (cache->current != NULL && cache->current->roads_serial == serial) {
        network = cache->current;
        (void)atomic_fetch_add(&network->references, 1);
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return network;
}

cim_status
lpg_network_take(struct lpg_network_cache *cache, const struct lpg_sites *roads, double snap_m,
                 const cim_call *call, struct lpg_network **ret_network, cim_error *err)
{
    struct lpg_network *old = NULL;
    cim_status status = CIM_OK;
    if (roads->pos == 0) { /* what this caller alone sees */
        return lpg_network_build(roads, snap_m, call, ret_network, err);
    }
    *ret_network = take_current(cache, roads->serial);
    if (*ret_network != NULL) {
        return CIM_OK;
    }
    (void)pthread_mutex_lock(&cache->build);
    *ret_network = take_current(cache, roads->serial); /* somebody may have been faster */
    if (*ret_network == NULL) {
        status = lpg_network_build(roads, snap_m, call, ret_network, err);
        if (status == CIM_OK) {
            (void)atomic_fetch_add(&(*ret_network)->references, 1);
            (void)pthread_mutex_lock(&cache->lock);
            old = cache->current;
            cache->current = *ret_network;
            (void)pthread_mutex_unlock(&cache->lock);
            lpg_network_unref(old);
        }
    }
    (void)pthread_mutex_unlock(&cache->build);
    return status;
}
