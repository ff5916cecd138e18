/* host/exchange/rules.c -- see rules.h. */
#include "host/exchange/rules.h"

#include "cim/util.h"

#include <stdlib.h>

enum { NODE_CAPACITY = 10, LEVELS = 24, FIRST_LEVEL = 64, NAME_BYTES = 96 };

struct thing {
    GEOSGeometry *geometry;
    const GEOSPreparedGeometry *prepared; /* once it was needed */
    char name[NAME_BYTES];                /* of the record; or of the row */
};

/* Things that only get more: trees of doubling size, so that each is built a few times at most. */
struct pile {
    size_t n;
    size_t capacity;
    struct thing **things;
    size_t in_trees;
    GEOSSTRtree *trees[LEVELS]; /* of FIRST_LEVEL << i things, or NULL */
    size_t bytes;
};

struct judge {
    const struct cim_topology_rule *rule;
    struct pile pile;
    bool idle; /* it cannot be judged */
};

struct host_rules {
    GEOSContextHandle_t geos;
    GEOSWKBReader *reader;
    host_topology_fn found;
    void *arg;
    size_t n;
    struct judge *judges;
};

/* ---- the pile ---- */

static void
free_pile(struct host_rules *rules, struct pile *pile)
{
    for (size_t i = 0; i < LEVELS; i++) {
        if (pile->trees[i] != NULL) {
            GEOSSTRtree_destroy_r(rules->geos, pile->trees[i]);
        }
    }
    for (size_t i = 0; i < pile->n; i++) {
        GEOSPreparedGeom_destroy_r(rules->geos, pile->things[i]->prepared);
        GEOSGeom_destroy_r(rules->geos, pile->things[i]->geometry);
        free(pile->things[i]);
    }
    free(pile->things);
}

/* A full bottom goes into the first free level, with all levels below it. */
static cim_status
carry(struct host_rules *rules, struct pile *pile, cim_error *err)
{
    size_t level = 0;
    size_t n = FIRST_LEVEL;
    while (level < LEVELS - 1 && pile->trees[level] != NULL) {
        GEOSSTRtree_destroy_r(rules->geos, pile->trees[level]);
        pile->trees[level] = NULL;
        n += (size_t)FIRST_LEVEL << level++;
    }
    GEOSSTRtree *tree = GEOSSTRtree_create_r(rules->geos, NODE_CAPACITY);
    if (tree == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = pile->n - n; i < pile->n; i++) {
        GEOSSTRtree_insert_r(rules->geos, tree, pile->things[i]->geometry, pile->things[i]);
    }
    pile->trees[level] = tree;
    pile->in_trees = pile->n;
    return CIM_OK;
}

/* Takes the geometry. */
static cim_status
add(struct host_rules *rules, struct pile *pile, GEOSGeometry *geometry, const char *name,
    cim_error *err)
{
    struct thing *thing = calloc(1, sizeof *thing);
    if (thing != NULL && pile->n == pile->capacity) {
        const size_t capacity = pile->capacity == 0 ? 256 : pile->capacity * 2;
        struct thing **grown = realloc(pile->things, capacity * sizeof(struct thing *));
        if (grown != NULL) {
            pile->things = grown;
            pile->capacity = capacity;
        }
    }
    if (thing == NULL || pile->n == pile->capacity) {
        free(thing);
        GEOSGeom_destroy_r(rules->geos, geometry);
        return cim_fail_nomem(err);
    }
    thing->geometry = geometry;
    cim_copy_text(thing->name, sizeof thing->name, name);
    pile->things[pile->n++] = thing;
    return pile->n - pile->in_trees == FIRST_LEVEL ? carry(rules, pile, err) : CIM_OK;
}

static void
each_near(struct host_rules *rules, struct pile *pile, const GEOSGeometry *geometry,
          GEOSQueryCallback each, void *arg)
{
    for (size_t i = 0; i < LEVELS; i++) {
        if (pile->trees[i] != NULL) {
            GEOSSTRtree_query_r(rules->geos, pile->trees[i], geometry, each, arg);
        }
    }
    for (size_t i = pile->in_trees; i < pile->n; i++) {
        each(pile->things[i], arg);
    }
}

/* ---- reading the layers ---- */

struct taking {
    struct host_rules *rules;
    struct pile *pile;
};

static cim_status
take_record(void *arg, const char *name, const uint8_t *wkb, size_t len, cim_error *err)
{
    const struct taking *taking = arg;
    struct pile *pile = taking->pile;
    pile->bytes += len;
    if (pile->n >= HOST_RULES_RECORDS_MAX || pile->bytes > HOST_RULES_BYTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "记录过多", "it has too many records");
    }
    GEOSGeometry *geometry =
        GEOSWKBReader_read_r(taking->rules->geos, taking->rules->reader, wkb, len);
    return geometry != NULL ? add(taking->rules, pile, geometry, name, err) : CIM_OK;
}

static void
tell_idle(struct host_rules *rules, struct judge *judge, const char *layer, const char *zh,
          const char *en)
{
    cim_error what = {.code = CIM_OK};
    judge->idle = true;
    (void)cim_fail(&what, CIM_E_STATE, "geom", layer, "与图层 %s 的拓扑规则未检查：%s%.0s",
                   "the topology rule with the layer %s was not checked: %.0s%s", layer, zh, en);
    rules->found(rules->arg, 1, &what);
}

static cim_status
read_layer(struct host_rules *rules, struct judge *judge, const char *layer,
           const struct host_layer_reader *reader, cim_error *err)
{
    struct taking taking = {rules, &judge->pile};
    cim_error why = {.code = CIM_OK};
    const cim_status status =
        reader->read(reader->arg, layer, judge->rule->filter_json, take_record, &taking, &why);
    if (status == CIM_E_DENIED || status == CIM_E_NOTFOUND || status == CIM_E_TOO_LARGE) {
        tell_idle(rules, judge, layer, why.zh, why.en);
        return CIM_OK;
    }
    if (status != CIM_OK) {
        if (err != NULL) {
            *err = why;
        }
        return status;
    }
    if (judge->rule->kind != CIM_TOPOLOGY_NO_OVERLAP &&
        judge->rule->kind != CIM_TOPOLOGY_DISJOINT && judge->pile.n == 0) {
        tell_idle(rules, judge, layer, "该图层没有记录", "it has no records");
    }
    return CIM_OK;
}

cim_status
host_rules_open(const struct cim_definition *definition, const struct host_layer_reader *reader,
                bool own, host_topology_fn found, void *arg, struct host_rules **ret_rules,
                cim_error *err)
{
    struct host_rules *rules = NULL;
    cim_status status = CIM_OK;
    *ret_rules = NULL;
    if (definition->n_topology == 0 || reader == NULL) {
        return CIM_OK;
    }
    rules = calloc(1, sizeof *rules);
    if (rules == NULL) {
        return cim_fail_nomem(err);
    }
    rules->found = found;
    rules->arg = arg;
    rules->geos = GEOS_init_r();
    rules->reader = rules->geos != NULL ? GEOSWKBReader_create_r(rules->geos) : NULL;
    rules->judges = calloc(definition->n_topology, sizeof *rules->judges);
    if (rules->reader == NULL || rules->judges == NULL) {
        status = cim_fail_nomem(err);
    }
    for (size_t i = 0; status == CIM_OK && i < definition->n_topology; i++) {
        struct judge *judge = &rules->judges[rules->n++];
        judge->rule = &definition->topology[i];
        if (judge->rule->layer != NULL || own) {
            status = read_layer(rules, judge,
                                judge->rule->layer != NULL ? judge->rule->layer : definition->id,
                                reader, err);
        }
    }
    if (status != CIM_OK) {
        host_rules_free(rules);
        return status;
    }
    *ret_rules = rules;
    return CIM_OK;
}

void
host_rules_free(struct host_rules *rules)
{
    if (rules == NULL) {
        return;
    }
    for (size_t i = 0; i < rules->n; i++) {
        free_pile(rules, &rules->judges[i].pile);
    }
    if (rules->reader != NULL) {
        GEOSWKBReader_destroy_r(rules->geos, rules->reader);
    }
    if (rules->geos != NULL) {
        GEOS_finish_r(rules->geos);
    }
    free(rules->judges);
    free(rules);
}

/* ---- judging ---- */

struct search {
    struct host_rules *rules;
    const struct cim_topology_rule *rule;
    const GEOSGeometry *geometry;
    bool is_area;
    const struct thing *hit; /* what it lies in, or what it meets */
    double shared_m2;
    GEOSGeometry *left; /* of covered_by: what nothing has covered yet */
};

static const GEOSPreparedGeometry *
prepared_of(struct host_rules *rules, struct thing *thing)
{
    if (thing->prepared == NULL) {
        thing->prepared = GEOSPrepare_r(rules->geos, thing->geometry);
    }
    return thing->prepared;
}

static void
look_for_cover(void *item, void *arg)
{
    struct search *search = arg;
    struct thing *thing = item;
    if (search->hit == NULL &&
        GEOSPreparedCovers_r(search->rules->geos, prepared_of(search->rules, thing),
                             search->geometry) == 1) {
        search->hit = thing;
    }
}

static void
take_away(void *item, void *arg)
{
    struct search *search = arg;
    struct thing *thing = item;
    if (search->left == NULL ||
        GEOSPreparedIntersects_r(search->rules->geos, prepared_of(search->rules, thing),
                                 search->left) != 1) {
        return;
    }
    GEOSGeometry *less = GEOSDifference_r(search->rules->geos, search->left, thing->geometry);
    GEOSGeom_destroy_r(search->rules->geos, search->left);
    search->left = less;
}

/* Areas that share a border do not meet. */
static void
look_for_meeting(void *item, void *arg)
{
    struct search *search = arg;
    struct thing *thing = item;
    if (search->hit != NULL ||
        GEOSPreparedIntersects_r(search->rules->geos, prepared_of(search->rules, thing),
                                 search->geometry) != 1) {
        return;
    }
    search->shared_m2 = search->is_area ? host_topology_shared_m2(search->rules->geos,
                                                                  search->geometry, thing->geometry)
                                        : 0;
    if (!search->is_area || search->shared_m2 > HOST_TOPOLOGY_OVERLAP_LEAST_M2) {
        search->hit = thing;
    }
}

static cim_status
refuse_meeting(const struct search *search, cim_error *why)
{
    const char *layer = search->rule->layer;
    if (layer == NULL) {
        return cim_fail(why, CIM_E_INVALID, "geom", search->hit->name,
                        "与“%s”重叠约 %.1f 平方米，此图层的面不得重叠",
                        "overlaps '%s' by about %.1f square metres: areas of this layer must not",
                        search->hit->name, search->shared_m2);
    }
    return cim_fail(
        why, CIM_E_INVALID, "geom", search->hit->name, "与图层 %s 的“%s”相交，应与之相离",
        "the layer %s has '%s' there, from which it must keep apart", layer, search->hit->name);
}

static cim_status
judge_cover(struct search *search, struct pile *pile, cim_error *why)
{
    each_near(search->rules, pile, search->geometry, look_for_cover, search);
    return search->hit != NULL
               ? CIM_OK
               : cim_fail(why, CIM_E_INVALID, "geom", search->rule->layer,
                          "不在图层 %s 的任何一个对象之内", "lies within no record of the layer %s",
                          search->rule->layer);
}

static cim_status
judge_union(struct search *search, struct pile *pile, cim_error *why)
{
    search->left = GEOSGeom_clone_r(search->rules->geos, search->geometry);
    each_near(search->rules, pile, search->geometry, take_away, search);
    double m2 = 0;
    bool covered = search->left != NULL && GEOSisEmpty_r(search->rules->geos, search->left) == 1;
    if (search->left != NULL && !covered && search->is_area) {
        m2 = host_topology_shared_m2(search->rules->geos, search->left, search->geometry);
        covered = m2 <= HOST_TOPOLOGY_OVERLAP_LEAST_M2;
    }
    GEOSGeom_destroy_r(search->rules->geos, search->left);
    return covered ? CIM_OK
                   : cim_fail(why, CIM_E_INVALID, "geom", search->rule->layer,
                              "没有被图层 %s 完全覆盖，余下约 %.1f 平方米",
                              "is not covered by the layer %s, about %.1f square metres are left",
                              search->rule->layer, m2);
}

static cim_status
judge(struct host_rules *rules, struct judge *by, const GEOSGeometry *geometry, cim_error *why)
{
    struct search search = {.rules = rules,
                            .rule = by->rule,
                            .geometry = geometry,
                            .is_area = GEOSGeom_getDimensions_r(rules->geos, geometry) == 2};
    switch (by->rule->kind) {
    case CIM_TOPOLOGY_WITHIN:
        return judge_cover(&search, &by->pile, why);
    case CIM_TOPOLOGY_COVERED_BY:
        return judge_union(&search, &by->pile, why);
    case CIM_TOPOLOGY_NO_OVERLAP:
    case CIM_TOPOLOGY_DISJOINT:
    default:
        each_near(rules, &by->pile, geometry, look_for_meeting, &search);
        return search.hit != NULL ? refuse_meeting(&search, why) : CIM_OK;
    }
}

static cim_status
judge_all(struct host_rules *rules, int64_t row, const GEOSGeometry *geometry, cim_error *err)
{
    for (size_t i = 0; i < rules->n; i++) {
        struct judge *by = &rules->judges[i];
        cim_error why = {.code = CIM_OK};
        const cim_status status = by->idle ? CIM_OK : judge(rules, by, geometry, &why);
        if (status != CIM_OK && by->rule->warns) {
            rules->found(rules->arg, row, &why);
        } else if (status != CIM_OK) {
            if (err != NULL) {
                *err = why;
            }
            return status;
        }
    }
    return CIM_OK;
}

static cim_status
keep_row(struct host_rules *rules, int64_t row, const GEOSGeometry *geometry, cim_error *err)
{
    char name[NAME_BYTES];
    (void)snprintf(name, sizeof name, "第 %lld 行 / row %lld", (long long)row, (long long)row);
    for (size_t i = 0; i < rules->n; i++) {
        struct judge *by = &rules->judges[i];
        if (by->rule->kind == CIM_TOPOLOGY_NO_OVERLAP && !by->idle) {
            GEOSGeometry *copy = GEOSGeom_clone_r(rules->geos, geometry);
            if (copy == NULL) {
                return cim_fail_nomem(err);
            }
            CIM_TRY(add(rules, &by->pile, copy, name, err));
        }
    }
    return CIM_OK;
}

cim_status
host_rules_check(struct host_rules *rules, int64_t row, const uint8_t *wkb, size_t len,
                 cim_error *err)
{
    GEOSGeometry *geometry = GEOSWKBReader_read_r(rules->geos, rules->reader, wkb, len);
    if (geometry == NULL || GEOSisValid_r(rules->geos, geometry) != 1) {
        GEOSGeom_destroy_r(rules->geos, geometry);
        return CIM_OK; /* told already, or taken as it is on demand */
    }
    cim_status status = judge_all(rules, row, geometry, err);
    if (status == CIM_OK) {
        status = keep_row(rules, row, geometry, err);
    }
    GEOSGeom_destroy_r(rules->geos, geometry);
    return status;
}
