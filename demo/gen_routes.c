/* Transport routes: shortest ways over the built roads, from filling works to the stations that
 * they supply. */

#include "world.h"

#include "text.h"

#include <stdlib.h>

/* Roads meet where their ends are the same point. */
struct graph {
    size_t n_nodes;
    struct demo_point *nodes; /* by longitude, then latitude */
    size_t *arc_start;        /* n_nodes + 1 */
    size_t *arcs;             /* roads at a node */
    size_t (*ends)[2];        /* nodes of a road */
    double *length_m;         /* of a road */
};

/* A search from one node: what it takes to come to each. */
struct search {
    double *cost_m;
    size_t *by_road; /* road through which the best way comes; n_roads: none */
    size_t *heap;    /* nodes */
    size_t *place;   /* of a node in the heap, n_nodes: not in it */
    size_t n_heap;
};

static int
compare_points(const void *left, const void *right)
{
    const struct demo_point *a = left;
    const struct demo_point *b = right;

    if (a->lon_e6 != b->lon_e6) {
        return a->lon_e6 < b->lon_e6 ? -1 : 1;
    }
    return a->lat_e6 < b->lat_e6 ? -1 : a->lat_e6 > b->lat_e6;
}

static size_t
find_node(const struct graph *graph, struct demo_point point)
{
    const struct demo_point *found =
        bsearch(&point, graph->nodes, graph->n_nodes, sizeof(*graph->nodes), compare_points);
    return (size_t)(found - graph->nodes);
}

static void
graph_done(struct graph *graph)
{
    free(graph->nodes);
    free(graph->arc_start);
    free(graph->arcs);
    free(graph->ends);
    free(graph->length_m);
}

static void
collect_nodes(const struct demo_geo *geo, struct graph *graph)
{
    size_t n = 0;

    for (size_t i = 0; i < geo->n_roads; i++) {
        graph->nodes[n++] = geo->road_points[geo->road_start[i]];
        graph->nodes[n++] = geo->road_points[geo->road_start[i + 1] - 1];
    }
    qsort(graph->nodes, n, sizeof(*graph->nodes), compare_points);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || compare_points(&graph->nodes[i], &graph->nodes[graph->n_nodes - 1]) != 0) {
            graph->nodes[graph->n_nodes++] = graph->nodes[i];
        }
    }
}

static int
graph_make(const struct demo_geo *geo, struct graph *graph, struct demo_error *err)
{
    graph->nodes = calloc(geo->n_roads * 2, sizeof(*graph->nodes));
    graph->ends = calloc(geo->n_roads, sizeof(*graph->ends));
    graph->length_m = calloc(geo->n_roads, sizeof(*graph->length_m));
    graph->arcs = calloc(geo->n_roads * 2, sizeof(*graph->arcs));
    graph->arc_start = calloc(geo->n_roads * 2 + 2, sizeof(*graph->arc_start));
    if (graph->nodes == NULL || graph->ends == NULL || graph->length_m == NULL ||
        graph->arcs == NULL || graph->arc_start == NULL) {
        return demo_fail(err, "out of memory");
    }
    collect_nodes(geo, graph);
    for (size_t i = 0; i < geo->n_roads; i++) {
        graph->ends[i][0] = find_node(graph, geo->road_points[geo->road_start[i]]);
        graph->ends[i][1] = find_node(graph, geo->road_points[geo->road_start[i + 1] - 1]);
        for (size_t k = geo->road_start[i] + 1; k < geo->road_start[i + 1]; k++) {
            graph->length_m[i] += demo_distance_m(geo->road_points[k - 1], geo->road_points[k]);
        }
        graph->arc_start[graph->ends[i][0] + 2]++;
        graph->arc_start[graph->ends[i][1] + 2]++;
    }
    for (size_t i = 2; i < graph->n_nodes + 2; i++) {
        graph->arc_start[i] += graph->arc_start[i - 1];
    }
    for (size_t i = 0; i < geo->n_roads; i++) {
        graph->arcs[graph->arc_start[graph->ends[i][0] + 1]++] = i;
        graph->arcs[graph->arc_start[graph->ends[i][1] + 1]++] = i;
    }
    return 0;
}

/* ---- Dijkstra with a binary heap ---- */

static void
search_done(struct search *search)
{
    free(search->cost_m);
    free(search->by_road);
    free(search->heap);
    free(search->place);
}

static int
search_make(const struct graph *graph, struct search *search, struct demo_error *err)
{
    search->cost_m = calloc(graph->n_nodes, sizeof(*search->cost_m));
    search->by_road = calloc(graph->n_nodes, sizeof(*search->by_road));
    search->heap = calloc(graph->n_nodes, sizeof(*search->heap));
    search->place = calloc(graph->n_nodes, sizeof(*search->place));
    return search->cost_m == NULL || search->by_road == NULL || search->heap == NULL ||
                   search->place == NULL
               ? demo_fail(err, "out of memory")
               : 0;
}

static void
put_at(struct search *search, size_t place, size_t node)
{
    search->heap[place] = node;
    search->place[node] = place;
}

static void
move_up(struct search *search, size_t place)
{
    size_t node = search->heap[place];

    while (place > 0 && search->cost_m[search->heap[(place - 1) / 2]] > search->cost_m[node]) {
        put_at(search, place, search->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    put_at(search, place, node);
}

static size_t
take_nearest(struct search *search, size_t n_nodes)
{
    size_t nearest = search->heap[0];
    size_t node = search->heap[--search->n_heap];
    size_t place = 0;

    for (;;) {
        size_t child = 2 * place + 1;
        if (child + 1 < search->n_heap &&
            search->cost_m[search->heap[child + 1]] < search->cost_m[search->heap[child]]) {
            child++;
        }
        if (child >= search->n_heap ||
            search->cost_m[search->heap[child]] >= search->cost_m[node]) {
            break;
        }
        put_at(search, place, search->heap[child]);
        place = child;
    }
    if (search->n_heap > 0) {
        put_at(search, place, node);
    }
    search->place[nearest] = n_nodes;
    return nearest;
}

static void
search_from(const struct demo_geo *geo, const struct graph *graph, size_t from,
            struct search *search)
{
    for (size_t i = 0; i < graph->n_nodes; i++) {
        search->cost_m[i] = 1e12;
        search->by_road[i] = geo->n_roads;
        search->place[i] = graph->n_nodes;
    }
    search->cost_m[from] = 0.0;
    search->n_heap = 1;
    put_at(search, 0, from);
    while (search->n_heap > 0) {
        size_t node = take_nearest(search, graph->n_nodes);

        for (size_t k = graph->arc_start[node]; k < graph->arc_start[node + 1]; k++) {
            size_t road = graph->arcs[k];
            size_t next = graph->ends[road][graph->ends[road][0] == node];
            double cost_m = search->cost_m[node] + graph->length_m[road];
            if (cost_m < search->cost_m[next]) {
                int is_new = search->cost_m[next] >= 1e12;
                search->cost_m[next] = cost_m;
                search->by_road[next] = road;
                if (is_new) {
                    put_at(search, search->n_heap++, next);
                }
                move_up(search, search->place[next]);
            }
        }
    }
}

/* ---- routes ---- */

static size_t
nearest_node(const struct graph *graph, struct demo_point at)
{
    size_t nearest = 0;

    for (size_t i = 1; i < graph->n_nodes; i++) {
        if (demo_distance_m(graph->nodes[i], at) < demo_distance_m(graph->nodes[nearest], at)) {
            nearest = i;
        }
    }
    return nearest;
}

/* The points from `to` to where the search began. */
static size_t
trace(const struct demo_geo *geo, const struct graph *graph, const struct search *search, size_t to,
      struct demo_point points[DEMO_LINE_MAX])
{
    size_t n = 0;

    while (search->by_road[to] < geo->n_roads) {
        size_t road = search->by_road[to];
        size_t first = geo->road_start[road];
        size_t n_points = geo->road_start[road + 1] - first;
        int forward = graph->ends[road][0] == to;

        if (n + n_points > DEMO_LINE_MAX) {
            return 0;
        }
        for (size_t k = n > 0; k < n_points; k++) {
            points[n++] = geo->road_points[first + (forward ? k : n_points - 1 - k)];
        }
        to = graph->ends[road][forward];
    }
    return n;
}

static int
write_route(const struct demo_world *world, struct demo_out *out, uint32_t index,
            const struct demo_station *works, const struct demo_station *station,
            const struct demo_point *points, size_t n, double length_m, struct demo_error *err)
{
    static const char *const risks[] = {"low", "general", "larger", "major"};
    static const uint16_t risk_weights[] = {5200, 3300, 1200, 300};
    static const char *const states[] = {"approved", "draft", "rejected", "withdrawn"};
    static const uint16_t state_weights[] = {8800, 700, 150, 350};
    const struct demo_enterprise *e = &world->enterprises[station->enterprise];
    struct demo_rng rng;
    char uid[DEMO_UUID_TEXT];
    char text[DEMO_NAME_TEXT * 2];
    int32_t from;

    demo_rng_init(&rng, world->seed, DEMO_LAYER_ROUTE, index);
    demo_record_uid(world, DEMO_LAYER_ROUTE, index, uid);
    from = world->as_of - demo_rng_range(&rng, 10, 500);
    demo_out_begin(out, uid, e->org, world->geo.towns[station->town].code);
    demo_text(text, sizeof(text), "R%05u", (index + 1) % 100000);
    demo_out_text(out, "route_no", text);
    demo_text(text, sizeof(text), "%.80s—%.80s", world->geo.towns[works->town].label,
              world->geo.towns[station->town].label);
    demo_out_text(out, "name", text);
    demo_out_text(out, "enterprise_uid", e->uid);
    demo_out_text(out, "enterprise_name", e->name);
    demo_out_text(out, "from_name", works->name);
    demo_out_text(out, "from_station_uid", works->uid);
    demo_out_text(out, "to_name", station->name);
    demo_out_text(out, "to_station_uid", station->uid);
    demo_out_decimal(out, "length_km", (int64_t)(length_m / 10.0), 2);
    demo_out_int(out, "expected_min", (int64_t)(length_m / 1000.0 / 45.0 * 60.0) + 1);
    demo_out_text(out, "state", states[demo_rng_pick(&rng, state_weights, 4)]);
    demo_out_text(out, "risk", risks[demo_rng_pick(&rng, risk_weights, 4)]);
    demo_out_int(out, "deviation_m", 200);
    demo_out_text(out, "approved_by", "示例审批");
    demo_out_date(out, "valid_from", from);
    demo_out_date(out, "valid_to", from + 730);
    demo_out_bool(out, "made_up", 1);
    return demo_out_end_line(out, points, n, err);
}

/* To every supply station from the works that is nearest to it by road. */
static int
write_all(const struct demo_world *world, const struct graph *graph, struct search *search,
          struct demo_out *out, struct demo_error *err)
{
    static struct demo_point points[DEMO_LINE_MAX];
    size_t *nodes = calloc(world->n_stations, sizeof(*nodes));
    uint32_t index = 0;
    int failed = nodes == NULL ? demo_fail(err, "out of memory") : 0;

    for (size_t i = 0; failed == 0 && i < world->n_stations; i++) {
        nodes[i] = nearest_node(graph, world->stations[i].at);
    }
    for (size_t i = 0; failed == 0 && i < world->n_stations; i++) {
        const struct demo_station *station = &world->stations[i];
        size_t works = world->n_stations;
        double best_m = 1e12;
        size_t n = 0;

        if (station->kind != DEMO_STATION_SUPPLY) {
            continue;
        }
        search_from(&world->geo, graph, nodes[i], search);
        for (size_t k = 0; k < world->n_stations; k++) {
            const struct demo_station *other = &world->stations[k];
            if (other->kind == DEMO_STATION_STORAGE || other->kind == DEMO_STATION_FILLING) {
                if (search->cost_m[nodes[k]] > 0.0 && search->cost_m[nodes[k]] < best_m) {
                    best_m = search->cost_m[nodes[k]];
                    works = k;
                }
            }
        }
        if (works < world->n_stations) {
            n = trace(&world->geo, graph, search, nodes[works], points);
        }
        if (n >= 2) {
            failed = write_route(world, out, index++, &world->stations[works], station, points, n,
                                 best_m, err);
        }
    }
    free(nodes);
    return failed;
}

int
demo_write_routes(struct demo_world *world, struct demo_error *err)
{
    static struct demo_out out;
    struct graph graph = {0};
    struct search search = {0};
    int failed = demo_out_open(&out, world->dir, "transport-routes", err);

    if (failed == 0 &&
        (graph_make(&world->geo, &graph, err) != 0 || search_make(&graph, &search, err) != 0 ||
         write_all(world, &graph, &search, &out, err) != 0)) {
        failed = -1;
    }
    graph_done(&graph);
    search_done(&search);
    if (failed != 0) {
        demo_out_discard(&out);
        return -1;
    }
    return demo_out_close(&out, err);
}
