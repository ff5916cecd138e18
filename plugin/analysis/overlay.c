/* plugin/analysis/overlay.c -- lpg.overlay: two sets of features cut with each other, by GEOS
 * OverlayNG on a grid of 1e-9 degrees (0.1 mm), the one that coordinates are written on: what is
 * valid here is valid in the answer, and both sides of a cut share its corners. */
#include "analysis/feature_set.h"
#include "analysis/json_io.h"
#include "cim/util.h"

#include <math.h>
#include <stdlib.h>

#define GRID_DEG 1e-9

enum { PIECES_MAX = 200000 };
enum operation { INTERSECTION, UNION, DIFFERENCE, SYMMETRIC_DIFFERENCE, OPERATIONS };

static const char *const operations[OPERATIONS] = {"intersection", "union", "difference",
                                                   "symmetric_difference"};

struct near {
    size_t n;
    size_t capacity;
    struct lpg_feature **list;
    bool failed;
};

struct overlay {
    struct lpg_task *task;
    enum operation operation;
    struct lpg_feature_set a;
    struct lpg_feature_set b;
    struct near near;
    int64_t n_pieces;
    double m2;
    double length_m;
    int dimension; /* of the pieces of an intersection */
    cim_error *err;
};

/* ---- pieces ---- */

/* Those of b keep apart from those of a by their names. */
static void
add_properties(struct json_object *to, struct json_object *from, const char *prefix)
{
    json_object_object_foreach(from, key, value)
    {
        char name[160];
        (void)snprintf(name, sizeof name, "%s%.150s", prefix, key);
        (void)json_object_object_add(to, name, json_object_get(value));
    }
}

static cim_status
write_piece(struct overlay *overlay, const GEOSGeometry *shape, int dimension,
            const struct lpg_feature *a, const struct lpg_feature *b)
{
    const GEOSContextHandle_t geos = overlay->task->geos;
    GEOSGeometry *parts = lpg_shape_parts(geos, shape, dimension);
    struct json_object *properties;
    cim_status status;
    if (parts == NULL) {
        return CIM_OK; /* they touch, and share nothing of that dimension */
    }
    if (++overlay->n_pieces > PIECES_MAX) {
        GEOSGeom_destroy_r(geos, parts);
        return cim_fail(overlay->err, CIM_E_TOO_LARGE, "a", NULL,
                        "结果超过 %d 个对象，请缩小范围或用 filter 挑选",
                        "more than %d features come of it: take a smaller area, or choose with "
                        "filter",
                        PIECES_MAX);
    }
    properties = json_object_new_object();
    if (a != NULL) {
        add_properties(properties, a->properties, "");
    }
    if (b != NULL) {
        add_properties(properties, b->properties, "b_");
    }
    if (dimension == 2) {
        const double m2 = lpg_shape_m2(geos, parts);
        overlay->m2 += m2;
        (void)json_object_object_add(properties, "area_m2", lpg_metres_new(m2));
    } else if (dimension == 1) {
        const double m = lpg_shape_length_m(geos, parts);
        overlay->length_m += m;
        (void)json_object_object_add(properties, "length_m", lpg_metres_new(m));
    }
    status = lpg_feature_write(overlay->task, parts, properties, overlay->err);
    (void)json_object_put(properties);
    GEOSGeom_destroy_r(geos, parts);
    return status;
}

static void
take_near(void *item, void *arg)
{
    struct near *near = arg;
    if (near->n == near->capacity) {
        const size_t capacity = near->capacity == 0 ? 64 : near->capacity * 2;
        struct lpg_feature **grown = realloc(near->list, capacity * sizeof(struct lpg_feature *));
        if (grown == NULL) {
            near->failed = true;
            return;
        }
        near->list = grown;
        near->capacity = capacity;
    }
    near->list[near->n++] = item;
}

static int
compare_near(const void *x, const void *y)
{
    const struct lpg_feature *const *a = x;
    const struct lpg_feature *const *b = y;
    return *a < *b ? -1 : *a > *b; /* places in one list: the order that they were given in */
}

/* Those of the other set that meet this one. */
static cim_status
find_near(struct overlay *overlay, GEOSSTRtree *tree, const GEOSGeometry *shape)
{
    const GEOSContextHandle_t geos = overlay->task->geos;
    const GEOSPreparedGeometry *prepared = GEOSPrepare_r(geos, shape);
    struct near *near = &overlay->near;
    size_t kept = 0;
    near->n = 0;
    if (prepared == NULL) {
        return lpg_task_fail_geos(overlay->a.input, overlay->err);
    }
    GEOSSTRtree_query_r(geos, tree, shape, take_near, near);
    for (size_t i = 0; i < near->n; i++) {
        if (GEOSPreparedIntersects_r(geos, prepared, near->list[i]->shape) == 1) {
            near->list[kept++] = near->list[i];
        }
    }
    GEOSPreparedGeom_destroy_r(geos, prepared);
    near->n = kept;
    if (near->n > 1) {
        qsort(near->list, near->n, sizeof(struct lpg_feature *), compare_near);
    }
    return near->failed ? cim_fail_nomem(overlay->err) : CIM_OK;
}

/* What the near ones leave of it; NULL: it failed. */
static GEOSGeometry *
less_near(const struct overlay *overlay, const GEOSGeometry *shape)
{
    const GEOSContextHandle_t geos = overlay->task->geos;
    const struct near *near = &overlay->near;
    GEOSGeometry **copies;
    GEOSGeometry *all = NULL;
    GEOSGeometry *together = NULL;
    GEOSGeometry *rest = NULL;
    if (near->n == 0) {
        return GEOSGeom_setPrecision_r(geos, shape, GRID_DEG, 0);
    }
    copies = calloc(near->n, sizeof(GEOSGeometry *));
    for (size_t i = 0; copies != NULL && i < near->n; i++) {
        copies[i] = GEOSGeom_clone_r(geos, near->list[i]->shape);
    }
    if (copies != NULL) {
        all = GEOSGeom_createCollection_r(geos, GEOS_GEOMETRYCOLLECTION, copies, (unsigned)near->n);
    }
    free(copies);
    if (all != NULL) {
        together = GEOSUnaryUnionPrec_r(geos, all, GRID_DEG);
        GEOSGeom_destroy_r(geos, all);
    }
    if (together != NULL) {
        rest = GEOSDifferencePrec_r(geos, shape, together, GRID_DEG);
        GEOSGeom_destroy_r(geos, together);
    }
    return rest;
}

static cim_status
write_rest(struct overlay *overlay, const struct lpg_feature *feature, bool of_a)
{
    GEOSGeometry *rest = less_near(overlay, feature->shape);
    const cim_status status =
        rest == NULL
            ? lpg_task_fail_geos(of_a ? "a" : "b", overlay->err)
            : write_piece(overlay, rest, of_a ? overlay->a.dimension : overlay->b.dimension,
                          of_a ? feature : NULL, of_a ? NULL : feature);
    GEOSGeom_destroy_r(overlay->task->geos, rest);
    return status;
}

static cim_status
write_shared(struct overlay *overlay, const struct lpg_feature *a)
{
    const GEOSContextHandle_t geos = overlay->task->geos;
    for (size_t i = 0; i < overlay->near.n; i++) {
        const struct lpg_feature *b = overlay->near.list[i];
        GEOSGeometry *shared = GEOSIntersectionPrec_r(geos, a->shape, b->shape, GRID_DEG);
        const cim_status status = shared == NULL
                                      ? lpg_task_fail_geos("a", overlay->err)
                                      : write_piece(overlay, shared, overlay->dimension, a, b);
        GEOSGeom_destroy_r(geos, shared);
        CIM_TRY(status);
    }
    return CIM_OK;
}

/* ---- the whole ---- */

static cim_status
go_through(struct overlay *overlay, const struct lpg_feature_set *set, GEOSSTRtree *others,
           bool of_a)
{
    const enum operation operation = overlay->operation;
    for (size_t i = 0; i < set->n; i++) {
        CIM_TRY(find_near(overlay, others, set->features[i].shape));
        if (of_a && (operation == INTERSECTION || operation == UNION)) {
            CIM_TRY(write_shared(overlay, &set->features[i]));
        }
        if (operation != INTERSECTION) {
            CIM_TRY(write_rest(overlay, &set->features[i], of_a));
        }
        if (i % 32 == 0) {
            CIM_TRY(lpg_task_step(overlay->task,
                                  (of_a ? 0.1 : 0.6) + 0.4 * (double)i / (double)set->n, "正在叠加",
                                  "overlaying", overlay->err));
        }
    }
    return CIM_OK;
}

static cim_status
cut(struct overlay *overlay)
{
    const GEOSContextHandle_t geos = overlay->task->geos;
    GEOSSTRtree *of_b = lpg_feature_set_index(&overlay->b);
    GEOSSTRtree *of_a = lpg_feature_set_index(&overlay->a);
    cim_status status = of_a == NULL || of_b == NULL ? cim_fail_nomem(overlay->err) : CIM_OK;
    if (status == CIM_OK) {
        status = go_through(overlay, &overlay->a, of_b, true);
    }
    if (status == CIM_OK &&
        (overlay->operation == UNION || overlay->operation == SYMMETRIC_DIFFERENCE)) {
        status = go_through(overlay, &overlay->b, of_a, false);
    }
    if (of_a != NULL) {
        GEOSSTRtree_destroy_r(geos, of_a);
    }
    if (of_b != NULL) {
        GEOSSTRtree_destroy_r(geos, of_b);
    }
    return status;
}

static cim_status
read_question(struct overlay *overlay)
{
    static const uint32_t take = LPG_FEATURES_ANY | LPG_FEATURES_ALIKE;
    const char *given = json_object_get_string(lpg_in_member(overlay->task->inputs, "operation"));
    int found = -1;
    for (int i = 0; given != NULL && i < OPERATIONS; i++) {
        found = strcmp(given, operations[i]) == 0 ? i : found;
    }
    if (found < 0) {
        return cim_fail(overlay->err, CIM_E_INVALID, "operation", given,
                        "应为 intersection、union、difference 或 symmetric_difference",
                        "expected intersection, union, difference or symmetric_difference");
    }
    overlay->operation = (enum operation)found;
    CIM_TRY(lpg_feature_set_read(overlay->task, "a", take, &overlay->a, overlay->err));
    CIM_TRY(lpg_feature_set_read(overlay->task, "b", take, &overlay->b, overlay->err));
    overlay->dimension =
        overlay->a.dimension < overlay->b.dimension ? overlay->a.dimension : overlay->b.dimension;
    if (overlay->operation == DIFFERENCE
            ? overlay->b.dimension < overlay->a.dimension
            : overlay->operation != INTERSECTION && overlay->a.dimension != overlay->b.dimension) {
        return cim_fail(overlay->err, CIM_E_INVALID, "b", operations[found],
                        "此运算要求 a 与 b 为同一种几何（difference 的 b 不得比 a 维数低）",
                        "this operation needs a and b of one kind of geometry (b of a difference "
                        "not of a lower dimension than a)");
    }
    return CIM_OK;
}

static cim_status
answer(struct overlay *overlay)
{
    struct cim_buf *out = &overlay->task->out;
    const struct lpg_feature_set *sets[] = {&overlay->a, &overlay->b};
    CIM_TRY(read_question(overlay));
    cim_buf_add_text(out, "{\"pieces\":{\"type\":\"FeatureCollection\",\"features\":[");
    CIM_TRY(cut(overlay));
    cim_buf_add_text(out, "]}");
    lpg_out_int(out, "n_pieces", overlay->n_pieces);
    lpg_out_m(out, "area_m2", overlay->m2);
    lpg_out_m(out, "length_m", overlay->length_m);
    lpg_out_int(out, "n_repaired", overlay->a.n_repaired + overlay->b.n_repaired);
    CIM_TRY(lpg_feature_sources_write(overlay->task, sets, 2, overlay->err));
    cim_buf_add_char(out, '}');
    return CIM_OK;
}

cim_status
lpg_overlay_task(struct lpg_task *task, cim_error *err)
{
    struct overlay overlay = {.task = task, .err = err};
    const cim_status status = answer(&overlay);
    free(overlay.near.list);
    lpg_feature_set_done(&overlay.a);
    lpg_feature_set_done(&overlay.b);
    return status;
}
