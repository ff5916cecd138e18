/* plugin/analysis/topology.c -- lpg.topology: features held against the rules that imports are held
 * against (kit/topology.h), and against two more that need all of them at once: gaps and dangling
 * ends. Everything that is found is told with its place. */
#include "kit/topology.h"

#include "analysis/feature_set.h"
#include "analysis/json_io.h"
#include "cim/util.h"
#include "geo/tm.h"

#include <math.h>
#include <stdlib.h>

enum { FINDINGS_MAX = 10000 };

enum rule {
    RULE_VALID,
    RULE_NO_OVERLAP,
    RULE_NO_GAP,
    RULE_DISJOINT,
    RULE_WITHIN,
    RULE_COVERED_BY,
    RULE_NO_DANGLE,
    RULES
};

static const struct {
    const char *name;
    const char *zh;
    const char *en;
    bool with;   /* needs the second input */
    uint32_t of; /* LPG_FEATURES_…: what it can be asked of */
} rules[RULES] = {
    {"valid", "几何无效", "the geometry is not valid", false, LPG_FEATURES_AREAS},
    {"no_overlap", "面重叠", "areas overlap", false, LPG_FEATURES_AREAS},
    {"no_gap", "面之间有空隙", "there is a gap between areas", false, LPG_FEATURES_AREAS},
    {"disjoint", "与另一图层相交", "meets the other layer", true, LPG_FEATURES_ANY},
    {"within", "不在另一图层的任何一个对象之内", "lies within none of the other layer", true,
     LPG_FEATURES_ANY},
    {"covered_by", "没有被另一图层完全覆盖", "is not covered by the other layer", true,
     LPG_FEATURES_ANY},
    {"no_dangle", "线端悬空", "a line ends in the open", false, LPG_FEATURES_LINES}};

struct check {
    struct lpg_task *task;
    struct lpg_feature_set features;
    struct lpg_feature_set with;
    bool asked[RULES];
    int64_t found[RULES];
    int64_t n_listed;
    double gap_max_m2; /* larger holes are meant to be there; infinite: none is */
    double near_m;
    bool *fit; /* a feature: it can be compared with others */
    cim_status status;
    cim_error *err;
    const struct lpg_feature *at; /* the feature being judged, and by what */
    enum rule rule;
};

/* ---- inputs ---- */

static cim_status
read_rules(struct check *check)
{
    struct json_object *given = lpg_in_member(check->task->inputs, "rules");
    const size_t n =
        json_object_is_type(given, json_type_array) ? json_object_array_length(given) : 0;
    if (n == 0) {
        return cim_fail(check->err, CIM_E_INVALID, "rules", lpg_in_given(given),
                        "应给出至少一条规则", "expected one rule at least");
    }
    for (size_t i = 0; i < n; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(given, i));
        size_t r = 0;
        while (r < RULES && (name == NULL || strcmp(rules[r].name, name) != 0)) {
            r++;
        }
        if (r == RULES) {
            return cim_fail(check->err, CIM_E_INVALID, "rules", name,
                            "应为 valid、no_overlap、no_gap、disjoint、within、covered_by、"
                            "no_dangle",
                            "expected valid, no_overlap, no_gap, disjoint, within, covered_by, "
                            "no_dangle");
        }
        check->asked[r] = true;
    }
    if (check->asked[RULE_DISJOINT] &&
        (check->asked[RULE_WITHIN] || check->asked[RULE_COVERED_BY])) {
        return cim_fail(check->err, CIM_E_INVALID, "rules", "disjoint",
                        "规则互相矛盾：disjoint 要求与 with 相离，%s 要求在其内，请去掉其一",
                        "the rules contradict each other: disjoint asks to keep apart from with, "
                        "%s to lie in it: take one of them away",
                        rules[check->asked[RULE_WITHIN] ? RULE_WITHIN : RULE_COVERED_BY].name);
    }
    return CIM_OK;
}

/* Every rule can be asked of what was given. */
static cim_status
check_fitting(const struct check *check)
{
    for (int r = 0; r < RULES; r++) {
        if (check->asked[r] && (rules[r].of & 1U << (unsigned)check->features.dimension) == 0) {
            return cim_fail(check->err, CIM_E_INVALID, "rules", rules[r].name,
                            "规则 %s 只用于%s%.0s", "the rule %s is for %.0s%s", rules[r].name,
                            rules[r].of == LPG_FEATURES_LINES ? "线" : "面",
                            rules[r].of == LPG_FEATURES_LINES ? "lines" : "areas");
        }
        if (check->asked[r] && rules[r].with && check->with.n == 0) {
            return cim_fail(check->err, CIM_E_INVALID, "with", rules[r].name,
                            "规则 %s 应给出另一图层 with",
                            "the rule %s needs another layer in with", rules[r].name);
        }
    }
    return CIM_OK;
}

static cim_status
read_question(struct check *check)
{
    struct json_object *inputs = check->task->inputs;
    check->gap_max_m2 = HUGE_VAL;
    check->near_m = 10.0;
    CIM_TRY(read_rules(check));
    CIM_TRY(lpg_in_number(inputs, "gap_max_m2", 0.0, 1e12, &check->gap_max_m2, check->err));
    CIM_TRY(lpg_in_number(inputs, "near_m", 0.01, 1000.0, &check->near_m, check->err));
    CIM_TRY(lpg_feature_set_read(check->task, "features",
                                 LPG_FEATURES_ANY | LPG_FEATURES_ALIKE | LPG_FEATURES_INVALID,
                                 &check->features, check->err));
    CIM_TRY(lpg_feature_set_read(check->task, "with", LPG_FEATURES_ANY | LPG_FEATURES_OPTIONAL,
                                 &check->with, check->err));
    return check_fitting(check);
}

/* ---- telling ---- */

/* `other`, `more_zh` and `more_en` may be NULL. */
static void
tell(struct check *check, const char *other, const GEOSGeometry *where, double nearest_m,
     const char *more_zh, const char *more_en)
{
    const GEOSContextHandle_t geos = check->task->geos;
    const enum rule rule = check->rule;
    struct json_object *properties;
    char zh[400];
    char en[400];
    check->found[rule]++;
    if (check->n_listed == FINDINGS_MAX || check->status != CIM_OK || where == NULL) {
        return;
    }
    check->n_listed++;
    (void)snprintf(zh, sizeof zh, "%s%s%.120s", rules[rule].zh, more_zh != NULL ? "：" : "",
                   more_zh != NULL ? more_zh : "");
    (void)snprintf(en, sizeof en, "%s%s%.200s", rules[rule].en, more_en != NULL ? ": " : "",
                   more_en != NULL ? more_en : "");
    properties = json_object_new_object();
    (void)json_object_object_add(properties, "rule", json_object_new_string(rules[rule].name));
    (void)json_object_object_add(
        properties, "feature", check->at != NULL ? json_object_new_string(check->at->name) : NULL);
    (void)json_object_object_add(
        properties, "uid",
        check->at != NULL ? json_object_get(lpg_in_member(check->at->properties, "uid")) : NULL);
    (void)json_object_object_add(properties, "other",
                                 other != NULL ? json_object_new_string(other) : NULL);
    (void)json_object_object_add(properties, "area_m2", lpg_metres_new(lpg_shape_m2(geos, where)));
    if (!isnan(nearest_m)) {
        (void)json_object_object_add(properties, "nearest_m", lpg_metres_new(nearest_m));
    }
    (void)json_object_object_add(properties, "message_zh", json_object_new_string(zh));
    (void)json_object_object_add(properties, "message_en", json_object_new_string(en));
    check->status = lpg_feature_write(check->task, where, properties, check->err);
    (void)json_object_put(properties);
}

static bool
tell_finding(void *arg, const struct cim_topology_finding *finding)
{
    struct check *check = arg;
    tell(check, finding->other, finding->where, (double)NAN, NULL, NULL);
    return check->status == CIM_OK;
}

/* ---- valid ---- */

static cim_status
check_validity(struct check *check, GEOSWKBWriter *writer, size_t i)
{
    const GEOSContextHandle_t geos = check->task->geos;
    cim_error why = {0};
    double place_deg[2];
    size_t len = 0;
    unsigned char *wkb = GEOSWKBWriter_write_r(geos, writer, check->at->shape, &len);
    const cim_status status =
        wkb == NULL ? cim_fail_nomem(&why) : cim_validity_check(geos, wkb, len, place_deg, &why);
    GEOSFree_r(geos, wkb);
    check->fit[i] = status == CIM_OK;
    if (status == CIM_E_INVALID && check->asked[RULE_VALID]) {
        GEOSGeometry *place = isnan(place_deg[0])
                                  ? GEOSGetCentroid_r(geos, check->at->shape)
                                  : GEOSGeom_createPointFromXY_r(geos, place_deg[0], place_deg[1]);
        check->rule = RULE_VALID;
        tell(check, NULL, place, (double)NAN, why.zh, why.en);
        GEOSGeom_destroy_r(geos, place);
    } else if (status != CIM_OK && status != CIM_E_INVALID) {
        *check->err = why;
        return status;
    }
    return check->status;
}

static cim_status
check_all_validity(struct check *check)
{
    const GEOSContextHandle_t geos = check->task->geos;
    GEOSWKBWriter *writer = GEOSWKBWriter_create_r(geos);
    cim_status status = writer != NULL ? CIM_OK : cim_fail_nomem(check->err);
    for (size_t i = 0; status == CIM_OK && i < check->features.n; i++) {
        check->at = &check->features.features[i];
        check->fit[i] = true;
        if (check->features.dimension == 2) {
            status = check_validity(check, writer, i);
        }
    }
    GEOSWKBWriter_destroy_r(geos, writer);
    return status;
}

/* ---- one by one against the others ---- */

static cim_status
pile_up(const struct check *check, const struct lpg_feature *feature, struct cim_pile *pile)
{
    GEOSGeometry *copy = GEOSGeom_clone_r(check->task->geos, feature->shape);
    return copy != NULL ? cim_pile_add(pile, copy, feature->name, check->err)
                        : cim_fail_nomem(check->err);
}

static cim_status
judge_each(struct check *check, enum rule rule, enum cim_topology_kind kind)
{
    struct cim_pile *pile = NULL;
    const size_t n = check->features.n;
    cim_status status = cim_pile_new(check->task->geos, &pile, check->err);
    for (size_t i = 0; status == CIM_OK && rule != RULE_NO_OVERLAP && i < check->with.n; i++) {
        status = pile_up(check, &check->with.features[i], pile);
    }
    check->rule = rule;
    for (size_t i = 0; status == CIM_OK && i < n; i++) {
        check->at = &check->features.features[i];
        if (!check->fit[i]) {
            continue;
        }
        cim_topology_judge(pile, kind, check->at->shape, tell_finding, check);
        status = check->status;
        if (status == CIM_OK && rule == RULE_NO_OVERLAP) {
            status = pile_up(check, check->at, pile); /* each pair once, told of the later one */
        }
        if (status == CIM_OK && i % 64 == 0) {
            status = lpg_task_step(check->task, 0.2 + 0.6 * (double)i / (double)n, "正在核对",
                                   "checking", check->err);
        }
    }
    cim_pile_free(pile);
    return status;
}

/* ---- gaps ---- */

static void
tell_holes(struct check *check, const GEOSGeometry *shape)
{
    const GEOSContextHandle_t geos = check->task->geos;
    if (GEOSGeomTypeId_r(geos, shape) != GEOS_POLYGON) {
        for (int i = 0; i < GEOSGetNumGeometries_r(geos, shape); i++) {
            tell_holes(check, GEOSGetGeometryN_r(geos, shape, i));
        }
        return;
    }
    for (int i = 0; i < GEOSGetNumInteriorRings_r(geos, shape); i++) {
        GEOSGeometry *ring = GEOSGeom_clone_r(geos, GEOSGetInteriorRingN_r(geos, shape, i));
        GEOSGeometry *hole = ring != NULL ? GEOSGeom_createPolygon_r(geos, ring, NULL, 0) : NULL;
        const double m2 = lpg_shape_m2(geos, hole);
        if (m2 > CIM_TOPOLOGY_LEAST_M2 && m2 <= check->gap_max_m2) {
            tell(check, NULL, hole, (double)NAN, NULL, NULL);
        }
        GEOSGeom_destroy_r(geos, hole);
    }
}

/* What areas close in together is a gap. */
static cim_status
check_gaps(struct check *check)
{
    const GEOSContextHandle_t geos = check->task->geos;
    GEOSGeometry **copies = calloc(check->features.n, sizeof(GEOSGeometry *));
    GEOSGeometry *collection = NULL;
    GEOSGeometry *all = NULL;
    unsigned n = 0;
    CIM_TRY(lpg_task_step(check->task, 0.8, "正在找空隙", "looking for gaps", check->err));
    for (size_t i = 0; copies != NULL && i < check->features.n; i++) {
        if (check->fit[i]) {
            copies[n] = GEOSGeom_clone_r(geos, check->features.features[i].shape);
            n += copies[n] != NULL ? 1 : 0;
        }
    }
    if (copies != NULL) {
        collection = GEOSGeom_createCollection_r(geos, GEOS_GEOMETRYCOLLECTION, copies, n);
    }
    free(copies);
    if (collection != NULL) {
        all = GEOSUnaryUnion_r(geos, collection);
        GEOSGeom_destroy_r(geos, collection);
    }
    if (all == NULL) {
        return lpg_task_fail_geos("features", check->err);
    }
    check->rule = RULE_NO_GAP;
    check->at = NULL;
    tell_holes(check, all);
    GEOSGeom_destroy_r(geos, all);
    return check->status;
}

/* ---- dangling ends ---- */

struct lines {
    struct check *check;
    struct lpg_tm tm;
    size_t n;
    size_t capacity;
    GEOSGeometry **parts; /* in the plane */
    size_t *of;           /* the feature that a part is of */
};

static int
to_plane(double *x, double *y, void *arg)
{
    double xy[2];
    lpg_tm_forward(arg, *x, *y, xy);
    *x = xy[0];
    *y = xy[1];
    return 1;
}

static cim_status
take_lines(struct lines *lines, const GEOSGeometry *shape, size_t of)
{
    const GEOSContextHandle_t geos = lines->check->task->geos;
    if (GEOSGeomTypeId_r(geos, shape) != GEOS_LINESTRING) {
        for (int i = 0; i < GEOSGetNumGeometries_r(geos, shape); i++) {
            CIM_TRY(take_lines(lines, GEOSGetGeometryN_r(geos, shape, i), of));
        }
        return CIM_OK;
    }
    if (lines->n == lines->capacity) {
        const size_t capacity = lines->capacity == 0 ? 256 : lines->capacity * 2;
        GEOSGeometry **parts = realloc(lines->parts, capacity * sizeof(GEOSGeometry *));
        lines->parts = parts != NULL ? parts : lines->parts;
        size_t *grown = realloc(lines->of, capacity * sizeof *grown);
        lines->of = grown != NULL ? grown : lines->of;
        if (parts == NULL || grown == NULL) {
            return cim_fail_nomem(lines->check->err);
        }
        lines->capacity = capacity;
    }
    lines->parts[lines->n] = GEOSGeom_transformXY_r(geos, shape, to_plane, &lines->tm);
    if (lines->parts[lines->n] == NULL) {
        return lpg_task_fail_geos("features", lines->check->err);
    }
    lines->of[lines->n++] = of;
    return CIM_OK;
}

struct nearest {
    GEOSContextHandle_t geos;
    const GEOSGeometry *end;
    const GEOSGeometry *own;
    double distance_m;
};

static void
see_line(void *item, void *arg)
{
    struct nearest *nearest = arg;
    double m = HUGE_VAL;
    if (item != nearest->own && GEOSDistance_r(nearest->geos, nearest->end, item, &m) == 1) {
        nearest->distance_m = fmin(nearest->distance_m, m);
    }
}

/* The line without the segment that ends there: it may come back to itself. NULL: nothing is left.
 */
static GEOSGeometry *
rest_of(GEOSContextHandle_t geos, const GEOSGeometry *line, bool first)
{
    const GEOSCoordSequence *sequence = GEOSGeom_getCoordSeq_r(geos, line);
    unsigned n = 0;
    GEOSCoordSequence *cut;
    if (GEOSCoordSeq_getSize_r(geos, sequence, &n) == 0 || n < 4) {
        return NULL;
    }
    cut = GEOSCoordSeq_create_r(geos, n - 2, 2);
    for (unsigned i = 0; cut != NULL && i < n - 2; i++) {
        double x = 0;
        double y = 0;
        (void)GEOSCoordSeq_getXY_r(geos, sequence, i + (first ? 2 : 0), &x, &y);
        (void)GEOSCoordSeq_setXY_r(geos, cut, i, x, y);
    }
    return cut != NULL ? GEOSGeom_createLineString_r(geos, cut) : NULL;
}

static void
check_end(struct lines *lines, GEOSSTRtree *tree, size_t i, bool first)
{
    const double touch_m = 0.01;
    struct check *check = lines->check;
    const GEOSContextHandle_t geos = check->task->geos;
    GEOSGeometry *end = first ? GEOSGeomGetStartPoint_r(geos, lines->parts[i])
                              : GEOSGeomGetEndPoint_r(geos, lines->parts[i]);
    GEOSGeometry *around = end != NULL ? GEOSBuffer_r(geos, end, check->near_m, 2) : NULL;
    GEOSGeometry *rest = rest_of(geos, lines->parts[i], first);
    struct nearest nearest = {geos, end, lines->parts[i], HUGE_VAL};
    double x = 0;
    double y = 0;
    if (around != NULL) {
        GEOSSTRtree_query_r(geos, tree, around, see_line, &nearest);
    }
    if (rest != NULL) {
        see_line(rest, &nearest);
    }
    if (end != NULL && nearest.distance_m > touch_m && GEOSGeomGetX_r(geos, end, &x) == 1 &&
        GEOSGeomGetY_r(geos, end, &y) == 1) {
        double lonlat[2];
        lpg_tm_inverse(&lines->tm, x, y, lonlat);
        GEOSGeometry *place = GEOSGeom_createPointFromXY_r(geos, lonlat[0], lonlat[1]);
        const bool near = nearest.distance_m <= check->near_m;
        tell(check, NULL, place, near ? nearest.distance_m : (double)NAN,
             near ? "附近有线而未相接" : NULL, near ? "a line is near and not met" : NULL);
        GEOSGeom_destroy_r(geos, place);
    }
    GEOSGeom_destroy_r(geos, rest);
    GEOSGeom_destroy_r(geos, around);
    GEOSGeom_destroy_r(geos, end);
}

static cim_status
check_ends(struct lines *lines)
{
    struct check *check = lines->check;
    const GEOSContextHandle_t geos = check->task->geos;
    GEOSSTRtree *tree = GEOSSTRtree_create_r(geos, 10);
    cim_status status = tree != NULL ? CIM_OK : cim_fail_nomem(check->err);
    for (size_t i = 0; status == CIM_OK && i < lines->n; i++) {
        GEOSSTRtree_insert_r(geos, tree, lines->parts[i], lines->parts[i]);
    }
    check->rule = RULE_NO_DANGLE;
    for (size_t i = 0; status == CIM_OK && i < lines->n; i++) {
        check->at = &check->features.features[lines->of[i]];
        if (GEOSisClosed_r(geos, lines->parts[i]) != 1) {
            check_end(lines, tree, i, true);
            check_end(lines, tree, i, false);
        }
        status = check->status;
        if (status == CIM_OK && i % 256 == 0) {
            status = lpg_task_step(check->task, 0.2 + 0.7 * (double)i / (double)lines->n,
                                   "正在核对线端", "checking ends", check->err);
        }
    }
    if (tree != NULL) {
        GEOSSTRtree_destroy_r(geos, tree);
    }
    return status;
}

static cim_status
check_dangles(struct check *check)
{
    const double *box = check->features.box_deg;
    struct lines lines = {.check = check};
    cim_status status = CIM_OK;
    if (box[2] - box[0] > 40.0) {
        return cim_fail(check->err, CIM_E_TOO_LARGE, "features", NULL, "东西宽最多 40 度",
                        "at most 40 degrees from west to east");
    }
    lpg_tm_init(&lines.tm, (box[0] + box[2]) / 2.0, (box[1] + box[3]) / 2.0);
    for (size_t i = 0; status == CIM_OK && i < check->features.n; i++) {
        status = take_lines(&lines, check->features.features[i].shape, i);
    }
    if (status == CIM_OK) {
        status = check_ends(&lines);
    }
    for (size_t i = 0; i < lines.n; i++) {
        GEOSGeom_destroy_r(check->task->geos, lines.parts[i]);
    }
    free(lines.parts);
    free(lines.of);
    return status;
}

/* ---- the whole ---- */

static cim_status
check_all(struct check *check)
{
    static const struct {
        enum rule rule;
        enum cim_topology_kind kind;
    } each[] = {{RULE_NO_OVERLAP, CIM_TOPOLOGY_NO_OVERLAP},
                {RULE_DISJOINT, CIM_TOPOLOGY_DISJOINT},
                {RULE_WITHIN, CIM_TOPOLOGY_WITHIN},
                {RULE_COVERED_BY, CIM_TOPOLOGY_COVERED_BY}};
    CIM_TRY(check_all_validity(check));
    for (size_t i = 0; i < sizeof each / sizeof each[0]; i++) {
        if (check->asked[each[i].rule]) {
            CIM_TRY(judge_each(check, each[i].rule, each[i].kind));
        }
    }
    if (check->asked[RULE_NO_GAP]) {
        CIM_TRY(check_gaps(check));
    }
    return check->asked[RULE_NO_DANGLE] ? check_dangles(check) : CIM_OK;
}

static cim_status
answer(struct check *check)
{
    struct cim_buf *out = &check->task->out;
    const struct lpg_feature_set *sets[] = {&check->features, &check->with};
    int64_t n_unfit = 0;
    int64_t total = 0;
    CIM_TRY(read_question(check));
    check->fit = calloc(check->features.n, sizeof *check->fit);
    if (check->fit == NULL) {
        return cim_fail_nomem(check->err);
    }
    cim_buf_add_text(out, "{\"findings\":{\"type\":\"FeatureCollection\",\"features\":[");
    CIM_TRY(check_all(check));
    cim_buf_add_text(out, "]}");
    for (size_t i = 0; i < check->features.n; i++) {
        n_unfit += check->fit[i] ? 0 : 1;
    }
    lpg_out_key(out, "counts");
    cim_buf_add_char(out, '{');
    for (int r = 0; r < RULES; r++) {
        if (check->asked[r]) {
            lpg_out_int(out, rules[r].name, check->found[r]);
            total += check->found[r];
        }
    }
    cim_buf_add_char(out, '}');
    lpg_out_int(out, "n_features", (int64_t)check->features.n);
    lpg_out_int(out, "n_findings", total);
    lpg_out_int(out, "n_listed", check->n_listed);
    lpg_out_int(out, "n_not_compared", n_unfit);
    CIM_TRY(lpg_feature_sources_write(check->task, sets, 2, check->err));
    cim_buf_add_char(out, '}');
    return CIM_OK;
}

cim_status
lpg_topology_task(struct lpg_task *task, cim_error *err)
{
    struct check check = {.task = task, .err = err};
    const cim_status status = answer(&check);
    free(check.fit);
    lpg_feature_set_done(&check.features);
    lpg_feature_set_done(&check.with);
    return status;
}
