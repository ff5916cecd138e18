/* plugin/analysis/transport.c -- see transport.h. */
#include "analysis/transport.h"

#include "cim/util.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What may move from one station to another, the cheapest first; what is served there no more is
 * dropped when it comes up. */
struct move {
    double cost; /* a unit */
    uint32_t demand;
};

struct moves {
    size_t n;
    size_t capacity;
    struct move *heap;
};

/* The last station stands for nobody: it takes whatever is left. */
struct flow {
    const struct lpg_transport *given;
    size_t nodes;       /* m + 1 */
    double *served;     /* n rows of nodes */
    double *room;       /* nodes: what they may still take */
    struct moves *from; /* nodes × nodes */
    double *distance;   /* nodes: of the cheapest way there from the demand at hand */
    size_t *before;     /* nodes; SIZE_MAX: straight from the demand */
};

static void
flow_done(struct flow *flow)
{
    for (size_t k = 0; flow->from != NULL && k < flow->nodes * flow->nodes; k++) {
        free(flow->from[k].heap);
    }
    free(flow->from);
    free(flow->served);
    free(flow->room);
    free(flow->distance);
    free(flow->before);
}

static bool
flow_open(struct flow *flow)
{
    const struct lpg_transport *given = flow->given;
    flow->served = calloc(given->n * flow->nodes + 1, sizeof *flow->served);
    flow->room = calloc(flow->nodes, sizeof *flow->room);
    flow->from = calloc(flow->nodes * flow->nodes, sizeof *flow->from);
    flow->distance = calloc(flow->nodes, sizeof *flow->distance);
    flow->before = calloc(flow->nodes, sizeof *flow->before);
    if (flow->served == NULL || flow->room == NULL || flow->from == NULL ||
        flow->distance == NULL || flow->before == NULL) {
        return false;
    }
    for (size_t k = 0; k < given->m; k++) {
        flow->room[k] = given->capacity[given->open[k]];
    }
    flow->room[given->m] = HUGE_VAL;
    return true;
}

/* Of one unit of a demand. */
static double
unit_cost(const struct flow *flow, size_t i, size_t k)
{
    const struct lpg_transport *given = flow->given;
    const double whole =
        k < given->m ? given->cost[i * given->stride + given->open[k]] : given->none[i];
    return whole / given->amount[i];
}

/* ---- heaps ---- */

static bool
is_before(const struct move *a, const struct move *b)
{
    return a->cost != b->cost ? a->cost < b->cost : a->demand < b->demand;
}

static bool
push(struct moves *moves, struct move move)
{
    size_t at = moves->n;
    if (moves->n == moves->capacity) {
        const size_t capacity = moves->capacity == 0 ? 16 : 2 * moves->capacity;
        struct move *grown = realloc(moves->heap, capacity * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        moves->heap = grown;
        moves->capacity = capacity;
    }
    moves->n++;
    for (; at > 0 && is_before(&move, &moves->heap[(at - 1) / 2]); at = (at - 1) / 2) {
        moves->heap[at] = moves->heap[(at - 1) / 2];
    }
    moves->heap[at] = move;
    return true;
}

static void
pop(struct moves *moves)
{
    const struct move last = moves->heap[--moves->n];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < moves->n && is_before(&moves->heap[child + 1], &moves->heap[child])) {
            child++;
        }
        if (child >= moves->n || !is_before(&moves->heap[child], &last)) {
            break;
        }
        moves->heap[at] = moves->heap[child];
        at = child;
    }
    if (moves->n > 0) {
        moves->heap[at] = last;
    }
}

/* The cheapest move from `j` to `k`; NULL: `j` serves nobody. */
static const struct move *
cheapest(struct flow *flow, size_t j, size_t k)
{
    struct moves *moves = &flow->from[j * flow->nodes + k];
    while (moves->n > 0 && flow->served[moves->heap[0].demand * flow->nodes + j] == 0.0) {
        pop(moves);
    }
    return moves->n > 0 ? &moves->heap[0] : NULL;
}

static bool
give(struct flow *flow, size_t i, size_t j, double amount)
{
    double *served = &flow->served[i * flow->nodes + j];
    const bool is_new = *served == 0.0;
    *served += amount;
    for (size_t k = 0; is_new && k < flow->nodes; k++) {
        const struct move move = {unit_cost(flow, i, k) - unit_cost(flow, i, j), (uint32_t)i};
        if (k != j && !push(&flow->from[j * flow->nodes + k], move)) {
            return false;
        }
    }
    return true;
}

/* ---- paths ---- */

/* The cheapest ways from demand `i` to all stations (Bellman and Ford: moves may cost less than
 * nothing); the best of those that have room. */
static size_t
find_way(struct flow *flow, size_t i)
{
    const double least_gain = 1e-9; /* a unit; less is rounding, and would go in circles */
    bool changed = true;
    size_t end = flow->given->m;
    for (size_t k = 0; k < flow->nodes; k++) {
        flow->distance[k] = unit_cost(flow, i, k);
        flow->before[k] = SIZE_MAX;
    }
    for (size_t round = 0; round < flow->nodes && changed; round++) {
        changed = false;
        for (size_t j = 0; j < flow->nodes; j++) {
            for (size_t k = 0; k < flow->nodes && flow->room[j] == 0.0; k++) {
                const struct move *move = k != j ? cheapest(flow, j, k) : NULL;
                if (move != NULL &&
                    flow->distance[j] + move->cost <
                        flow->distance[k] - least_gain * fmax(fabs(flow->distance[k]), 1.0)) {
                    flow->distance[k] = flow->distance[j] + move->cost;
                    flow->before[k] = j;
                    changed = true;
                }
            }
        }
    }
    for (size_t k = 0; k < flow->nodes; k++) {
        end = flow->room[k] > 0.0 && flow->distance[k] < flow->distance[end] ? k : end;
    }
    return end;
}

/* As much of demand `i` as the way to `end` takes, at most `amount`: 0 when memory runs out. */
static double
send(struct flow *flow, size_t i, size_t end, double amount)
{
    double most = fmin(amount, flow->room[end]);
    for (size_t k = end; flow->before[k] != SIZE_MAX; k = flow->before[k]) {
        const size_t j = flow->before[k];
        most = fmin(most, flow->served[cheapest(flow, j, k)->demand * flow->nodes + j]);
    }
    flow->room[end] -= most;
    for (size_t k = end; flow->before[k] != SIZE_MAX; k = flow->before[k]) {
        const size_t j = flow->before[k];
        const size_t moved = cheapest(flow, j, k)->demand;
        flow->served[moved * flow->nodes + j] -= most;
        if (!give(flow, moved, k, most)) {
            return 0.0;
        }
        end = j;
    }
    return give(flow, i, end, most) ? most : 0.0;
}

static double
cost_of_flow(const struct flow *flow)
{
    double total = 0.0;
    for (size_t i = 0; i < flow->given->n; i++) {
        for (size_t k = 0; k < flow->nodes && flow->given->amount[i] > 0.0; k++) {
            const double amount = flow->served[i * flow->nodes + k];
            total += amount > 0.0 ? amount * unit_cost(flow, i, k) : 0.0;
        }
    }
    return total;
}

cim_status
lpg_transport_solve(const struct lpg_transport *transport, double *ret_cost, double *ret_served,
                    cim_error *err)
{
    struct flow flow = {.given = transport, .nodes = transport->m + 1};
    bool fits = flow_open(&flow);
    for (size_t i = 0; i < transport->n && fits; i++) {
        double left = transport->amount[i];
        while (left > 0.0 && fits) {
            const double sent = send(&flow, i, find_way(&flow, i), left);
            left -= sent;
            fits = sent > 0.0;
        }
    }
    if (fits) {
        *ret_cost = cost_of_flow(&flow);
        for (size_t i = 0; i < transport->n && ret_served != NULL; i++) {
            memcpy(ret_served + i * transport->m, flow.served + i * flow.nodes,
                   transport->m * sizeof *ret_served);
        }
    }
    flow_done(&flow);
    return fits ? CIM_OK : cim_fail_nomem(err);
}
