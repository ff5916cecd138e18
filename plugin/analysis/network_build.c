/* plugin/analysis/network_build.c -- a network made of roads as they are drawn: see network.h. */
#include "analysis/network.h"

#include "cim/util.h"
#include "geo/plane.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is built from ---- */

/* A part of a road as it is drawn. */
struct line {
    uint32_t record;
    uint32_t first; /* vertices */
    uint32_t n;
    int level;
};

/* Where a line is cut into edges. */
struct cut {
    uint32_t vertex; /* on the piece from here */
    double t;
    double xy[2];
    bool any_level;
};

/* An end of a line: whether it touches something, and what is nearest. */
struct end {
    bool touched;
    uint32_t nearest; /* the piece's vertex, UINT32_MAX: none */
    double t;
    double gap_m;
    double xy[2];
};

struct node_slot {
    int64_t cell[2];
    uint32_t node;
};

struct builder {
    const struct lpg_sites *roads;
    const cim_call *call;
    struct lpg_network *network;
    size_t n_lines, lines_capacity;
    struct line *lines;
    size_t n_vertices, vertices_capacity;
    double *xy;
    uint32_t *vertex_line;
    struct lpg_rtree *tree;
    size_t n_cuts, cuts_capacity;
    struct cut *cuts;
    struct end *ends; /* two a line */
    size_t repairs_capacity, edges_capacity, nodes_capacity, out_capacity;
    int *node_level;     /* ANY_LEVEL: of all */
    size_t n_slots;      /* a power of two */
    uint32_t *slots;     /* heads of lists of nodes, number + 1 */
    uint32_t *slot_next; /* per node */
    cim_status status;
    cim_error *err;
};

enum { ANY_LEVEL = 127 };

static bool
grow(void **array, size_t size, size_t needed, size_t *capacity)
{
    size_t more = *capacity == 0 ? 1024 : *capacity;
    void *grown;
    if (needed <= *capacity) {
        return true;
    }
    while (more < needed) {
        more *= 2;
    }
    grown = realloc(*array, size * more);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    *capacity = more;
    return true;
}

static bool
fail_nomem(struct builder *b)
{
    if (b->status == CIM_OK) {
        b->status = cim_fail_nomem(b->err);
    }
    return false;
}

static double
value_of(const struct builder *b, uint32_t record, enum lpg_road_value value)
{
    const double *values = b->roads->values;
    return values != NULL ? values[LPG_SITES_VALUES_MAX * (size_t)record + value] : NAN;
}

/* ---- lines ---- */

static bool
add_vertex(struct builder *b, const double xy[2])
{
    const size_t n = b->n_vertices + 1;
    size_t capacity = b->vertices_capacity;
    if (!grow((void **)&b->xy, 2 * sizeof *b->xy, n, &capacity) ||
        !grow((void **)&b->vertex_line, sizeof *b->vertex_line, n, &b->vertices_capacity)) {
        return fail_nomem(b);
    }
    memcpy(b->xy + 2 * b->n_vertices, xy, 2 * sizeof *xy);
    b->vertex_line[b->n_vertices++] = (uint32_t)b->n_lines - 1;
    b->lines[b->n_lines - 1].n++;
    return true;
}

static bool
add_line(struct builder *b, uint32_t record)
{
    const double level = value_of(b, record, LPG_ROAD_LEVEL);
    if (!grow((void **)&b->lines, sizeof *b->lines, b->n_lines + 1, &b->lines_capacity)) {
        return fail_nomem(b);
    }
    b->lines[b->n_lines++] = (struct line){
        .record = record, .first = (uint32_t)b->n_vertices, .level = isnan(level) ? 0 : (int)level};
    return true;
}

struct road {
    const char *uid;
    uint32_t first; /* segment */
    uint32_t record;
};

static int
by_uid(const void *x, const void *y)
{
    const struct road *a = x;
    const struct road *b = y;
    const int order = strcmp(a->uid, b->uid);
    return order != 0 ? order : (a->record < b->record ? -1 : a->record > b->record);
}

/* The segments of one road as lines: it begins anew where one does not start at the last's end. */
static bool
read_road(struct builder *b, const struct road *road)
{
    const struct lpg_sites *roads = b->roads;
    const double *last = NULL;
    for (uint32_t i = road->first; i < roads->n && roads->record[i] == road->record; i++) {
        const double *segment = roads->lonlat + 4 * (size_t)i;
        double xy[2];
        if (segment[0] == segment[2] && segment[1] == segment[3]) {
            continue;
        }
        if (last == NULL || last[0] != segment[0] || last[1] != segment[1]) {
            lpg_tm_forward(&b->network->tm, segment[0], segment[1], xy);
            if (!add_line(b, road->record) || !add_vertex(b, xy)) {
                return false;
            }
        }
        lpg_tm_forward(&b->network->tm, segment[2], segment[3], xy);
        if (!add_vertex(b, xy)) {
            return false;
        }
        last = segment + 2;
    }
    return true;
}

static void
read_roads(struct builder *b)
{
    const struct lpg_sites *roads = b->roads;
    CIM_AUTO_FREE struct road *list = malloc((roads->n_records + 1U) * sizeof *list);
    size_t n = 0;
    if (list == NULL) {
        (void)fail_nomem(b);
        return;
    }
    for (uint32_t i = 0; i < roads->n; i++) {
        if ((i == 0 || roads->record[i] != roads->record[i - 1]) &&
            !lpg_sites_gone(roads, roads->record[i])) {
            const uint32_t record = roads->record[i];
            list[n++] = (struct road){
                roads->facts != NULL ? roads->text + roads->facts[record].uid : "", i, record};
        }
    }
    qsort(list, n, sizeof *list, by_uid);
    for (size_t i = 0; i < n && read_road(b, &list[i]); i++) {
    }
}

/* ---- where lines meet ---- */

static const double *
vertex(const struct builder *b, uint32_t v)
{
    return b->xy + 2 * (size_t)v;
}

static const struct line *
line_of(const struct builder *b, uint32_t v)
{
    return &b->lines[b->vertex_line[v]];
}

static bool
is_start(const struct builder *b, uint32_t v)
{
    return v == line_of(b, v)->first;
}

static bool
is_last(const struct builder *b, uint32_t v)
{
    return v + 1 == line_of(b, v)->first + line_of(b, v)->n;
}

static bool
is_end(const struct builder *b, uint32_t v)
{
    return is_start(b, v) || is_last(b, v);
}

static void
add_cut(struct builder *b, uint32_t v, double t, const double xy[2], bool any_level)
{
    if (!grow((void **)&b->cuts, sizeof *b->cuts, b->n_cuts + 1, &b->cuts_capacity)) {
        (void)fail_nomem(b);
        return;
    }
    b->cuts[b->n_cuts++] = (struct cut){v, t, {xy[0], xy[1]}, any_level};
}

static void
add_repair(struct builder *b, enum lpg_repair_kind kind, const double xy[2], double gap_m,
           uint32_t v, uint32_t w)
{
    struct lpg_network *network = b->network;
    if (!grow((void **)&network->repairs, sizeof *network->repairs, network->n_repairs + 1,
              &b->repairs_capacity)) {
        (void)fail_nomem(b);
        return;
    }
    network->repairs[network->n_repairs++] = (struct lpg_repair){
        kind, {xy[0], xy[1]}, gap_m, {line_of(b, v)->record, line_of(b, w)->record}};
}

/* A vertex of one line against a piece of another: they touch, or an end lies near. */
static void
look_at_vertex(struct builder *b, uint32_t v, uint32_t piece)
{
    const double *p = vertex(b, v);
    const double *from = vertex(b, piece);
    const double *to = vertex(b, piece + 1);
    const double t = lpg_segment_nearest(from, to, p);
    const double at[2] = {from[0] + t * (to[0] - from[0]), from[1] + t * (to[1] - from[1])};
    const double gap_m = hypot(p[0] - at[0], p[1] - at[1]);
    const uint32_t corner = t <= 0.0 ? piece : piece + 1;
    const bool same_level = line_of(b, v)->level == line_of(b, piece)->level;
    const bool end = is_end(b, v);
    const bool ends_meet = end && (t <= 0.0 || t >= 1.0) && is_end(b, corner);
    if (!same_level && !(end && gap_m <= LPG_NETWORK_TOUCH_M) && !ends_meet) {
        return;
    }
    if (gap_m <= LPG_NETWORK_TOUCH_M) {
        add_cut(b, v, 0.0, p, end);
        add_cut(b, piece, t, p, end);
        if (end) {
            b->ends[2 * (size_t)b->vertex_line[v] + !is_start(b, v)].touched = true;
        }
        if (ends_meet) {
            b->ends[2 * (size_t)b->vertex_line[corner] + !is_start(b, corner)].touched = true;
        }
        return;
    }
    if (end && b->vertex_line[v] != b->vertex_line[piece] && gap_m <= b->network->snap_m) {
        struct end *e = &b->ends[2 * (size_t)b->vertex_line[v] + !is_start(b, v)];
        if (e->nearest == UINT32_MAX || gap_m < e->gap_m ||
            (gap_m == e->gap_m && piece < e->nearest)) {
            e->nearest = piece;
            e->gap_m = gap_m;
            e->t = t;
            memcpy(e->xy, at, sizeof at);
        }
    }
}

/* Two pieces that cross away from their vertices. */
static void
look_at_crossing(struct builder *b, uint32_t v, uint32_t w)
{
    const double *a = vertex(b, v);
    const double *c = vertex(b, w);
    const double r[2] = {a[2] - a[0], a[3] - a[1]};
    const double s[2] = {c[2] - c[0], c[3] - c[1]};
    const double away[2] = {c[0] - a[0], c[1] - a[1]};
    const double turn = r[0] * s[1] - r[1] * s[0];
    double t;
    double u;
    double at[2];
    if (turn == 0.0) {
        return; /* along each other: vertices on the other cut it */
    }
    t = (away[0] * s[1] - away[1] * s[0]) / turn;
    u = (away[0] * r[1] - away[1] * r[0]) / turn;
    if (t < 0.0 || t > 1.0 || u < 0.0 || u > 1.0) {
        return;
    }
    at[0] = a[0] + t * r[0];
    at[1] = a[1] + t * r[1];
    for (int k = 0; k < 2; k++) { /* at a vertex they touch, which is seen to elsewhere */
        if (hypot(at[0] - a[2 * k], at[1] - a[2 * k + 1]) <= LPG_NETWORK_TOUCH_M ||
            hypot(at[0] - c[2 * k], at[1] - c[2 * k + 1]) <= LPG_NETWORK_TOUCH_M) {
            return;
        }
    }
    if (line_of(b, v)->level != line_of(b, w)->level) {
        add_repair(b, LPG_REPAIR_OVERPASS, at, 0.0, v, w);
        return;
    }
    add_cut(b, v, t, at, false);
    add_cut(b, w, u, at, false);
    add_repair(b, LPG_REPAIR_CROSSING, at, 0.0, v, w);
}

struct pair {
    struct builder *b;
    uint32_t v;
};

static int
look_at_pair(void *arg, uint32_t w)
{
    struct pair *pair = arg;
    struct builder *b = pair->b;
    const uint32_t v = pair->v;
    const bool one_line = b->vertex_line[v] == b->vertex_line[w];
    if (w <= v || (one_line && w == v + 1)) {
        return 0;
    }
    look_at_crossing(b, v, w);
    look_at_vertex(b, v, w);
    look_at_vertex(b, w, v);
    if (is_last(b, v + 1)) {
        look_at_vertex(b, v + 1, w);
    }
    if (is_last(b, w + 1)) {
        look_at_vertex(b, w + 1, v);
    }
    return b->status != CIM_OK;
}

/* Item v is the piece from vertex v; the last vertex of a line begins none. */
static void
piece_box(void *arg, uint32_t v, double ret_box[4])
{
    const struct builder *b = arg;
    const double *p = vertex(b, v);
    if (is_last(b, v)) {
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

static bool
is_cancelled(struct builder *b)
{
    if (b->status == CIM_OK) {
        b->status = cim_heed_cancel(b->call, b->err);
    }
    return b->status != CIM_OK;
}

static void
find_meetings(struct builder *b)
{
    const double reach_m = fmax(b->network->snap_m, LPG_NETWORK_TOUCH_M);
    b->ends = malloc((2 * b->n_lines + 1) * sizeof *b->ends);
    if (b->ends == NULL) {
        (void)fail_nomem(b);
        return;
    }
    for (size_t i = 0; i < 2 * b->n_lines; i++) {
        b->ends[i] = (struct end){.nearest = UINT32_MAX};
    }
    b->status = lpg_rtree_build((uint32_t)b->n_vertices, piece_box, b, &b->tree, b->err);
    for (uint32_t v = 0; v < b->n_vertices && b->status == CIM_OK; v++) {
        struct pair pair = {b, v};
        double box[4];
        if (is_last(b, v)) {
            continue;
        }
        piece_box(b, v, box);
        box[0] -= reach_m;
        box[1] -= reach_m;
        box[2] += reach_m;
        box[3] += reach_m;
        lpg_rtree_search(b->tree, box, look_at_pair, &pair);
        if (v % 1024 == 0 && is_cancelled(b)) {
            return;
        }
    }
}

/* Cuts the roads that loose ends are joined to. */
static void
snap_ends(struct builder *b)
{
    for (size_t i = 0; i < 2 * b->n_lines && b->status == CIM_OK; i++) {
        const struct end *e = &b->ends[i];
        if (!e->touched && e->nearest != UINT32_MAX) {
            add_cut(b, e->nearest, e->t, e->xy, e->t <= 0.0 || e->t >= 1.0);
        }
    }
}

/* ---- nodes ---- */

static size_t
slot_of(const struct builder *b, int64_t x, int64_t y)
{
    const uint64_t mixed =
        (uint64_t)x * 0x9E3779B97F4A7C15ULL ^ ((uint64_t)y + 0x7F4A7C15ULL) * 0xC2B2AE3D27D4EB4FULL;
    return (size_t)(mixed >> 20U) & (b->n_slots - 1);
}

static int64_t
cell_of(double m)
{
    return (int64_t)floor(m / (4.0 * LPG_NETWORK_TOUCH_M));
}

/* The node at this place and level, an old one or a new one; UINT32_MAX when out of memory. */
static uint32_t
node_at(struct builder *b, const double xy[2], int level)
{
    struct lpg_network *network = b->network;
    const int64_t cell[2] = {cell_of(xy[0]), cell_of(xy[1])};
    uint32_t best = UINT32_MAX;
    double best_m = LPG_NETWORK_TOUCH_M;
    size_t slot;
    for (int64_t dx = -1; dx <= 1; dx++) {
        for (int64_t dy = -1; dy <= 1; dy++) {
            for (uint32_t k = b->slots[slot_of(b, cell[0] + dx, cell[1] + dy)]; k != 0;
                 k = b->slot_next[k - 1]) {
                const double *p = network->node_xy + 2 * (size_t)(k - 1);
                const double d = hypot(p[0] - xy[0], p[1] - xy[1]);
                const int other = b->node_level[k - 1];
                if ((other == level || other == ANY_LEVEL || level == ANY_LEVEL) &&
                    (d < best_m || (d == best_m && k - 1 < best))) {
                    best = k - 1;
                    best_m = d;
                }
            }
        }
    }
    if (best != UINT32_MAX) {
        b->node_level[best] = level == ANY_LEVEL ? ANY_LEVEL : b->node_level[best];
        return best;
    }
    const size_t n = network->n_nodes + 1U;
    size_t capacity[2] = {b->nodes_capacity, b->nodes_capacity};
    if (!grow((void **)&network->node_xy, 2 * sizeof(double), n, &capacity[0]) ||
        !grow((void **)&b->node_level, sizeof(int), n, &capacity[1]) ||
        !grow((void **)&b->slot_next, sizeof(uint32_t), n, &b->nodes_capacity)) {
        (void)fail_nomem(b);
        return UINT32_MAX;
    }
    memcpy(network->node_xy + 2 * (size_t)network->n_nodes, xy, 2 * sizeof *xy);
    b->node_level[network->n_nodes] = level;
    slot = slot_of(b, cell[0], cell[1]);
    b->slot_next[network->n_nodes] = b->slots[slot];
    b->slots[slot] = network->n_nodes + 1;
    return network->n_nodes++;
}

/* ---- edges ---- */

static bool
add_position(struct builder *b, const double xy[2])
{
    struct lpg_network *network = b->network;
    const size_t n = network->n_vertices + 1U;
    size_t capacity = b->out_capacity;
    if (!grow((void **)&network->xy, 2 * sizeof(double), n, &capacity) ||
        !grow((void **)&network->vertex_edge, sizeof(uint32_t), n, &b->out_capacity)) {
        return fail_nomem(b);
    }
    memcpy(network->xy + 2 * (size_t)network->n_vertices, xy, 2 * sizeof *xy);
    network->vertex_edge[network->n_vertices++] = network->n_edges;
    return true;
}

/* Ends the edge whose positions were added since `first`. One without extent is none. */
static void
end_edge(struct builder *b, uint32_t record, uint32_t joins, uint32_t from, uint32_t to,
         uint32_t first)
{
    static const uint8_t ways[] = {LPG_WAY_FORWARD | LPG_WAY_BACKWARD, LPG_WAY_FORWARD,
                                   LPG_WAY_BACKWARD};
    struct lpg_network *network = b->network;
    const double direction = value_of(b, record, LPG_ROAD_DIRECTION);
    const double speed = value_of(b, record, LPG_ROAD_SPEED);
    double length_m = 0.0;
    for (uint32_t v = first; v + 1 < network->n_vertices; v++) {
        length_m += lpg_tm_distance_m(&network->tm, network->xy + 2 * (size_t)v,
                                      network->xy + 2 * (size_t)v + 2);
    }
    if (from == to && length_m <= LPG_NETWORK_TOUCH_M) {
        network->n_vertices = first;
        return;
    }
    if (!grow((void **)&network->edges, sizeof *network->edges, network->n_edges + 1U,
              &b->edges_capacity)) {
        (void)fail_nomem(b);
        return;
    }
    network->edges[network->n_edges++] = (struct lpg_edge){
        .from = from,
        .to = to,
        .record = record,
        .joins = joins,
        .first = first,
        .n = network->n_vertices - first,
        .length_mm = llround(length_m * 1e3),
        .road_class = b->roads->code[record],
        .speed_km_h = (int16_t)(isnan(speed) ? 0 : speed),
        .ways = joins != UINT32_MAX || isnan(direction) ? ways[0] : ways[(int)direction],
        .no_dangerous = value_of(b, record, LPG_ROAD_NO_DANGEROUS) > 0.0};
}

static int
by_place(const void *x, const void *y)
{
    const struct cut *a = x;
    const struct cut *b = y;
    if (a->vertex != b->vertex) {
        return a->vertex < b->vertex ? -1 : 1;
    }
    if (a->t != b->t) {
        return a->t < b->t ? -1 : 1;
    }
    if (a->xy[0] != b->xy[0]) {
        return a->xy[0] < b->xy[0] ? -1 : 1;
    }
    return a->xy[1] != b->xy[1] ? (a->xy[1] < b->xy[1] ? -1 : 1)
                                : (int)a->any_level - (int)b->any_level;
}

static bool
near(const double a[2], const double b[2])
{
    return hypot(a[0] - b[0], a[1] - b[1]) <= LPG_NETWORK_TOUCH_M;
}

/* Cuts of the line begin at `*next`; leaves it after them. */
static void
make_edges(struct builder *b, const struct line *line, size_t *next)
{
    const uint32_t last = line->first + line->n - 1;
    uint32_t from = node_at(b, vertex(b, line->first), ANY_LEVEL);
    uint32_t first = b->network->n_vertices;
    const double *end = vertex(b, last);
    if (from == UINT32_MAX || !add_position(b, vertex(b, line->first))) {
        return;
    }
    for (uint32_t v = line->first; v < last && b->status == CIM_OK; v++) {
        for (; *next < b->n_cuts && b->cuts[*next].vertex == v; ++*next) {
            const struct cut *cut = &b->cuts[*next];
            const double *node_xy = b->network->node_xy;
            uint32_t node;
            if (near(cut->xy, node_xy + 2 * (size_t)from) || near(cut->xy, end)) {
                continue;
            }
            node = node_at(b, cut->xy, cut->any_level ? ANY_LEVEL : line->level);
            if (node == UINT32_MAX || node == from || !add_position(b, cut->xy)) {
                continue;
            }
            end_edge(b, line->record, UINT32_MAX, from, node, first);
            from = node;
            first = b->network->n_vertices;
            if (!add_position(b, cut->xy)) {
                return;
            }
        }
        if (v + 1 < last &&
            !near(vertex(b, v + 1), b->network->xy + 2 * (size_t)(b->network->n_vertices - 1)) &&
            !add_position(b, vertex(b, v + 1))) {
            return;
        }
    }
    while (*next < b->n_cuts && b->cuts[*next].vertex == last) {
        ++*next;
    }
    if (b->status == CIM_OK && add_position(b, end)) {
        const uint32_t node = node_at(b, end, ANY_LEVEL);
        if (node != UINT32_MAX) {
            end_edge(b, line->record, UINT32_MAX, from, node, first);
        }
    }
}

static bool
are_joined(const struct lpg_network *network, uint32_t first, uint32_t a, uint32_t b)
{
    for (uint32_t e = first; e < network->n_edges; e++) {
        const struct lpg_edge *edge = &network->edges[e];
        if ((edge->from == a && edge->to == b) || (edge->from == b && edge->to == a)) {
            return true;
        }
    }
    return false;
}

static void
add_connectors(struct builder *b)
{
    struct lpg_network *network = b->network;
    uint32_t previous = network->n_edges;
    for (size_t i = 0; i < 2 * b->n_lines && b->status == CIM_OK; i++) {
        const struct end *e = &b->ends[i];
        const struct line *line = &b->lines[i / 2];
        const uint32_t v = i % 2 == 0 ? line->first : line->first + line->n - 1;
        uint32_t nodes[2];
        uint32_t first;
        if (e->touched || e->nearest == UINT32_MAX) {
            continue;
        }
        nodes[0] = node_at(b, vertex(b, v), ANY_LEVEL);
        nodes[1] = node_at(b, e->xy, line_of(b, e->nearest)->level);
        if (nodes[0] == UINT32_MAX || nodes[1] == UINT32_MAX || nodes[0] == nodes[1] ||
            are_joined(network, previous, nodes[0], nodes[1])) {
            continue;
        }
        first = network->n_vertices;
        if (add_position(b, vertex(b, v)) && add_position(b, e->xy)) {
            end_edge(b, line->record, line_of(b, e->nearest)->record, nodes[0], nodes[1], first);
            add_repair(b, LPG_REPAIR_SNAPPED, e->xy, e->gap_m, v, e->nearest);
        }
    }
}

static void
make_graph(struct builder *b)
{
    size_t next = 0;
    b->n_slots = 1024;
    while (b->n_slots < 2 * (b->n_lines + b->n_cuts)) {
        b->n_slots *= 2;
    }
    b->slots = calloc(b->n_slots, sizeof *b->slots);
    if (b->slots == NULL) {
        (void)fail_nomem(b);
        return;
    }
    if (b->n_cuts > 0) {
        qsort(b->cuts, b->n_cuts, sizeof *b->cuts, by_place);
    }
    for (size_t i = 0; i < b->n_lines && b->status == CIM_OK; i++) {
        make_edges(b, &b->lines[i], &next);
    }
    add_connectors(b);
}

static int
by_kind(const void *x, const void *y)
{
    const struct lpg_repair *a = x;
    const struct lpg_repair *b = y;
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->gap_m != b->gap_m) { /* the widest first */
        return a->gap_m > b->gap_m ? -1 : 1;
    }
    if (a->xy[0] != b->xy[0]) {
        return a->xy[0] < b->xy[0] ? -1 : 1;
    }
    return a->xy[1] < b->xy[1] ? -1 : a->xy[1] > b->xy[1];
}

/* ---- the whole ---- */

static void
builder_done(struct builder *b)
{
    free(b->lines);
    free(b->xy);
    free(b->vertex_line);
    free(b->cuts);
    free(b->ends);
    free(b->node_level);
    free(b->slots);
    free(b->slot_next);
    lpg_rtree_free(b->tree);
}

cim_status
lpg_network_build(const struct lpg_sites *roads, double snap_m, const cim_call *call,
                  struct lpg_network **ret_network, cim_error *err)
{
    struct lpg_network *network = calloc(1, sizeof *network);
    struct builder b = {.roads = roads, .call = call, .network = network, .err = err};
    const double *extent = roads->extent_deg;
    if (network == NULL) {
        return cim_fail_nomem(err);
    }
    atomic_init(&network->references, 1);
    network->roads_serial = roads->serial;
    network->snap_m = snap_m;
    lpg_tm_init(&network->tm, roads->n > 0 ? (extent[0] + extent[2]) / 2.0 : 0.0,
                roads->n > 0 ? (extent[1] + extent[3]) / 2.0 : 0.0);
    read_roads(&b);
    if (b.status == CIM_OK) {
        find_meetings(&b);
    }
    if (b.status == CIM_OK) {
        snap_ends(&b);
    }
    if (b.status == CIM_OK) {
        make_graph(&b);
    }
    if (b.status == CIM_OK) {
        b.status = lpg_network_index(network, err);
    }
    if (b.status == CIM_OK && network->n_repairs > 0) {
        qsort(network->repairs, network->n_repairs, sizeof *network->repairs, by_kind);
    }
    builder_done(&b);
    if (b.status != CIM_OK) {
        lpg_network_unref(network);
        return b.status;
    }
    *ret_network = network;
    return CIM_OK;
}
