/* plugin/analysis/pareto.c -- see pareto.h. */
#include "analysis/pareto.h"

#include "cim/util.h"
#include "geo/heap.h"

#include <stdlib.h>
#include <string.h>

#define FAR  INT64_MAX
#define NONE UINT32_MAX

struct label {
    int64_t cost[LPG_CRITERIA];
    uint32_t node;
    uint32_t parent; /* NONE: the start */
    size_t arc;
};

/* Time and exposure of the labels that are final at a node: by time upward, exposure downward. */
struct front {
    size_t n;
    size_t capacity;
    int64_t (*points)[2];
};

struct search {
    const struct lpg_pareto_graph *graph;
    uint32_t from;
    uint32_t to;
    const cim_call *call;
    uint32_t *first[2]; /* arcs out of and into a node */
    uint32_t *arcs[2];
    int64_t *exposure;            /* per arc, -1: not asked yet */
    int64_t *least[LPG_CRITERIA]; /* per node, to the end */
    struct front *fronts;
    size_t n_labels, capacity, labels_max;
    struct label *labels;
    size_t n_found, found_capacity;
    uint32_t *found; /* labels at the end */
    struct lpg_heap heap;
    double tolerance;
    cim_status status;
    cim_error *err;
};

static bool
fail_nomem(struct search *s)
{
    s->status = s->status == CIM_OK ? cim_fail_nomem(s->err) : s->status;
    return false;
}

static bool
is_cancelled(struct search *s)
{
    if (s->status == CIM_OK) {
        s->status = cim_heed_cancel(s->call, s->err);
    }
    return s->status != CIM_OK;
}

static int64_t
exposure_of(struct search *s, size_t arc)
{
    if (s->exposure[arc] < 0) {
        s->exposure[arc] = s->graph->exposure(s->graph->arg, arc);
        if (s->exposure[arc] < 0) {
            s->exposure[arc] = 0;
            s->status = s->status != CIM_OK
                            ? s->status
                            : cim_fail(s->err, CIM_E_INTERNAL, NULL, NULL, "暴露人口计算失败",
                                       "the exposure of a road could not be found");
        }
    }
    return s->exposure[arc];
}

/* ---- arcs by node ---- */

static bool
index_arcs(struct search *s, int side)
{
    const struct lpg_pareto_graph *graph = s->graph;
    uint32_t *first = calloc(graph->n_nodes + 2U, sizeof *first);
    uint32_t *arcs = malloc((graph->n_arcs + 1) * sizeof *arcs);
    s->first[side] = first;
    s->arcs[side] = arcs;
    if (first == NULL || arcs == NULL) {
        return fail_nomem(s);
    }
    /* counts two places on, so that filling leaves them one place on */
    for (size_t a = 0; a < graph->n_arcs; a++) {
        first[(side == 0 ? graph->arcs[a].from : graph->arcs[a].to) + 2]++;
    }
    for (uint32_t i = 2; i <= graph->n_nodes + 1; i++) {
        first[i] += first[i - 1];
    }
    for (size_t a = 0; a < graph->n_arcs; a++) {
        const uint32_t node = side == 0 ? graph->arcs[a].from : graph->arcs[a].to;
        arcs[first[node + 1]++] = (uint32_t)a;
    }
    return true;
}

/* ---- the least that is left ---- */

static int64_t
arc_cost(struct search *s, size_t arc, int criterion)
{
    const struct lpg_pareto_arc *a = &s->graph->arcs[arc];
    return criterion == LPG_LENGTH ? a->length
           : criterion == LPG_TIME ? a->time
                                   : exposure_of(s, arc);
}

/* Backward to the start; what is farther than it counts as far as it. FAR: no way. */
static void
find_least(struct search *s, int criterion)
{
    const uint32_t n = s->graph->n_nodes;
    int64_t *least = malloc((n + 1U) * sizeof *least);
    int64_t bound = FAR;
    struct lpg_heap_item item = {.id = s->to};
    s->least[criterion] = least;
    if (least == NULL) {
        (void)fail_nomem(s);
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        least[i] = FAR;
    }
    least[s->to] = 0;
    if (!lpg_heap_push(&s->heap, &item)) {
        (void)fail_nomem(s);
    }
    while (s->heap.n > 0 && s->status == CIM_OK) {
        item = lpg_heap_pop(&s->heap);
        if (item.key[0] != least[item.id]) {
            continue;
        }
        if (item.id == s->from) {
            bound = item.key[0];
            break;
        }
        for (uint32_t k = s->first[1][item.id]; k < s->first[1][item.id + 1]; k++) {
            const size_t arc = s->arcs[1][k];
            const uint32_t from = s->graph->arcs[arc].from;
            const int64_t cost = item.key[0] + arc_cost(s, arc, criterion);
            if (cost < least[from]) {
                const struct lpg_heap_item next = {{cost, 0, 0}, from};
                least[from] = cost;
                if (!lpg_heap_push(&s->heap, &next)) {
                    (void)fail_nomem(s);
                }
            }
        }
    }
    s->heap.n = 0;
    for (uint32_t i = 0; i < n && bound != FAR; i++) {
        least[i] = least[i] < bound ? least[i] : bound;
    }
}

/* ---- dominance ---- */

/* Whether a final label of the node is no worse in time and exposure; in length it is none, as
 * labels come by their length. */
static bool
is_dominated(const struct front *front, int64_t time, int64_t exposure)
{
    size_t low = 0;
    size_t high = front->n;
    while (low < high) { /* the last that is no later has the least exposure of those */
        const size_t middle = (low + high) / 2;
        if (front->points[middle][0] <= time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 && front->points[low - 1][1] <= exposure;
}

static bool
add_to_front(struct front *front, int64_t time, int64_t exposure)
{
    size_t at = 0;
    size_t end;
    while (at < front->n && front->points[at][0] < time) {
        at++;
    }
    end = at; /* what it is no worse than goes */
    while (end < front->n && front->points[end][1] >= exposure) {
        end++;
    }
    if (end == at && front->n == front->capacity) {
        const size_t capacity = front->capacity == 0 ? 4 : front->capacity * 2;
        void *grown = realloc(front->points, capacity * sizeof *front->points);
        if (grown == NULL) {
            return false;
        }
        front->points = grown;
        front->capacity = capacity;
    }
    memmove(front->points + at + 1, front->points + end, (front->n - end) * sizeof *front->points);
    front->points[at][0] = time;
    front->points[at][1] = exposure;
    front->n = front->n - (end - at) + 1;
    return true;
}

/* Within the tolerance a way that was found already does as well. */
static bool
is_near_found(const struct search *s, const int64_t estimate[LPG_CRITERIA])
{
    for (size_t i = 0; s->tolerance > 0.0 && i < s->n_found; i++) {
        const int64_t *cost = s->labels[s->found[i]].cost;
        bool near = true;
        for (int k = 0; k < LPG_CRITERIA && near; k++) {
            near = (double)cost[k] <= (double)estimate[k] * (1.0 + s->tolerance);
        }
        if (near) {
            return true;
        }
    }
    return false;
}

/* ---- labels ---- */

static void
add_label(struct search *s, const struct label *label)
{
    struct lpg_heap_item item = {.id = (uint32_t)s->n_labels};
    int64_t estimate[LPG_CRITERIA];
    for (int k = 0; k < LPG_CRITERIA; k++) {
        if (s->least[k][label->node] == FAR) {
            return;
        }
        estimate[k] = label->cost[k] + s->least[k][label->node];
        item.key[k] = estimate[k];
    }
    if (is_dominated(&s->fronts[label->node], label->cost[LPG_TIME], label->cost[LPG_EXPOSURE]) ||
        is_dominated(&s->fronts[s->to], estimate[LPG_TIME], estimate[LPG_EXPOSURE]) ||
        is_near_found(s, estimate)) {
        return;
    }
    if (s->n_labels == s->capacity) {
        const size_t capacity = s->capacity == 0 ? 4096 : s->capacity * 2;
        struct label *grown = realloc(s->labels, capacity * sizeof *grown);
        if (grown == NULL) {
            (void)fail_nomem(s);
            return;
        }
        s->labels = grown;
        s->capacity = capacity;
    }
    s->labels[s->n_labels++] = *label;
    if (!lpg_heap_push(&s->heap, &item)) {
        (void)fail_nomem(s);
    }
}

static void
extend(struct search *s, uint32_t number)
{
    const struct label label = s->labels[number];
    for (uint32_t k = s->first[0][label.node];
         k < s->first[0][label.node + 1] && s->status == CIM_OK; k++) {
        const size_t arc = s->arcs[0][k];
        const struct lpg_pareto_arc *a = &s->graph->arcs[arc];
        struct label next = {.node = a->to, .parent = number, .arc = arc};
        next.cost[LPG_TIME] = s->graph->pass != NULL
                                  ? s->graph->pass(s->graph->arg, arc, label.cost[LPG_TIME])
                                  : label.cost[LPG_TIME] + a->time;
        if (next.cost[LPG_TIME] < 0 || s->least[LPG_LENGTH][a->to] == FAR) {
            continue;
        }
        next.cost[LPG_LENGTH] = label.cost[LPG_LENGTH] + a->length;
        next.cost[LPG_EXPOSURE] = label.cost[LPG_EXPOSURE] + exposure_of(s, arc);
        add_label(s, &next);
    }
}

static bool
keep_found(struct search *s, uint32_t number)
{
    if (s->n_found == s->found_capacity) {
        const size_t capacity = s->found_capacity == 0 ? 64 : s->found_capacity * 2;
        uint32_t *grown = realloc(s->found, capacity * sizeof *grown);
        if (grown == NULL) {
            return fail_nomem(s);
        }
        s->found = grown;
        s->found_capacity = capacity;
    }
    s->found[s->n_found++] = number;
    return true;
}

/* True when all was looked at, false where that would have been too much. */
static bool
run(struct search *s)
{
    const struct label start = {.node = s->from, .parent = NONE};
    size_t n_popped = 0;
    s->n_labels = s->n_found = s->heap.n = 0;
    for (uint32_t i = 0; i < s->graph->n_nodes; i++) {
        s->fronts[i].n = 0;
    }
    add_label(s, &start);
    while (s->heap.n > 0 && s->status == CIM_OK) {
        const struct lpg_heap_item item = lpg_heap_pop(&s->heap);
        const struct label *label = &s->labels[item.id];
        struct front *front = &s->fronts[label->node];
        if (is_dominated(front, label->cost[LPG_TIME], label->cost[LPG_EXPOSURE]) ||
            is_dominated(&s->fronts[s->to], item.key[LPG_TIME], item.key[LPG_EXPOSURE]) ||
            is_near_found(s, item.key)) {
            continue;
        }
        if (!add_to_front(front, label->cost[LPG_TIME], label->cost[LPG_EXPOSURE])) {
            (void)fail_nomem(s);
        } else if (label->node == s->to) {
            (void)keep_found(s, item.id);
        } else {
            extend(s, item.id);
        }
        if (s->n_labels > s->labels_max) {
            return false;
        }
        if (n_popped++ % 4096 == 0 && is_cancelled(s)) {
            break;
        }
    }
    return true;
}

/* ---- the whole ---- */

static bool
write_path(const struct search *s, uint32_t number, struct lpg_pareto_path *ret_path)
{
    size_t n = 0;
    memcpy(ret_path->cost, s->labels[number].cost, sizeof ret_path->cost);
    for (uint32_t i = number; s->labels[i].parent != NONE; i = s->labels[i].parent) {
        n++;
    }
    ret_path->n = n;
    ret_path->arcs = malloc((n + 1) * sizeof *ret_path->arcs);
    if (ret_path->arcs == NULL) {
        return false;
    }
    for (uint32_t i = number; s->labels[i].parent != NONE; i = s->labels[i].parent) {
        ret_path->arcs[--n] = s->labels[i].arc;
    }
    return true;
}

static void
search_done(struct search *s)
{
    for (int side = 0; side < 2; side++) {
        free(s->first[side]);
        free(s->arcs[side]);
    }
    for (int k = 0; k < LPG_CRITERIA; k++) {
        free(s->least[k]);
    }
    for (uint32_t i = 0; s->fronts != NULL && i < s->graph->n_nodes; i++) {
        free(s->fronts[i].points);
    }
    free(s->fronts);
    free(s->exposure);
    free(s->labels);
    free(s->found);
    lpg_heap_done(&s->heap);
}

static void
open_search(struct search *s)
{
    const struct lpg_pareto_graph *graph = s->graph;
    s->exposure = malloc((graph->n_arcs + 1) * sizeof *s->exposure);
    s->fronts = calloc(graph->n_nodes + 1U, sizeof *s->fronts);
    if (s->exposure == NULL || s->fronts == NULL) {
        (void)fail_nomem(s);
        return;
    }
    for (size_t a = 0; a < graph->n_arcs; a++) {
        s->exposure[a] = -1;
    }
    if (index_arcs(s, 0) && index_arcs(s, 1)) {
        for (int k = 0; k < LPG_CRITERIA && s->status == CIM_OK; k++) {
            find_least(s, k);
        }
    }
}

cim_status
lpg_pareto_search(const struct lpg_pareto_graph *graph, uint32_t from, uint32_t to,
                  size_t labels_max, const cim_call *call, struct lpg_pareto_answer *ret_answer,
                  cim_error *err)
{
    static const double tolerances[] = {0.0, 0.01, 0.03, 0.1, 0.3};
    enum { TRIES = sizeof tolerances / sizeof tolerances[0] };
    struct search s = {.graph = graph,
                       .from = from,
                       .to = to,
                       .call = call,
                       .labels_max = labels_max > 0 ? labels_max : 600000,
                       .err = err};
    struct lpg_pareto_answer answer = {0};
    open_search(&s);
    for (int i = 0; i < TRIES && s.status == CIM_OK; i++) {
        s.tolerance = answer.tolerance = tolerances[i];
        answer.cut = !run(&s);
        if (!answer.cut || is_cancelled(&s)) {
            break;
        }
    }
    if (s.status == CIM_OK) {
        answer.paths = calloc(s.n_found + 1, sizeof *answer.paths);
        if (answer.paths == NULL) {
            (void)fail_nomem(&s);
        }
    }
    for (size_t i = 0; i < s.n_found && s.status == CIM_OK; i++) {
        if (!write_path(&s, s.found[i], &answer.paths[answer.n++])) {
            (void)fail_nomem(&s);
        }
    }
    search_done(&s);
    if (s.status != CIM_OK) {
        lpg_pareto_answer_done(&answer);
        return s.status;
    }
    *ret_answer = answer;
    return CIM_OK;
}

void
lpg_pareto_answer_done(struct lpg_pareto_answer *answer)
{
    for (size_t i = 0; i < answer->n; i++) {
        free(answer->paths[i].arcs);
    }
    free(answer->paths);
    *answer = (struct lpg_pareto_answer){0};
}
