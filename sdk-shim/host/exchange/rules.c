/* host/exchange/rules.c -- see rules.h. */
#include "host/exchange/rules.h"

#include "cim/util.h"

#include <stdlib.h>

struct judge {
    const struct cim_topology_rule *rule;
    struct cim_pile *pile;
    size_t bytes;
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

/* ---- reading the layers ---- */

struct taking {
    struct host_rules *rules;
    struct judge *judge;
};

static cim_status
take_record(void *arg, const char *name, const uint8_t *wkb, size_t len, cim_error *err)
{
    const struct taking *taking = arg;
    struct judge *judge = taking->judge;
    judge->bytes += len;
    if (cim_pile_count(judge->pile) >= HOST_RULES_RECORDS_MAX ||
        judge->bytes > HOST_RULES_BYTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "记录过多", "it has too many records");
    }
    GEOSGeometry *geometry =
        GEOSWKBReader_read_r(taking->rules->geos, taking->rules->reader, wkb, len);
    return geometry != NULL ? cim_pile_add(judge->pile, geometry, name, err) : CIM_OK;
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

/* Any record is as good as all. */
static cim_status
see_record(void *arg, const char *name, const uint8_t *wkb, size_t len, cim_error *err)
{
    (void)name;
    (void)wkb;
    (void)len;
    *(bool *)arg = true;
    return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "已找到", "found");
}

/* Where nothing is near, the layer may be empty, which makes a rule idle, or elsewhere. */
static bool
is_empty(const struct host_layer_reader *reader, const char *layer, const char *filter_json)
{
    bool seen = false;
    (void)reader->read(reader->arg, layer, filter_json, NULL, see_record, &seen, NULL);
    return !seen;
}

static cim_status
read_layer(struct host_rules *rules, struct judge *judge, const char *layer,
           const struct host_layer_reader *reader, const double *bbox_deg, cim_error *err)
{
    struct taking taking = {rules, judge};
    cim_error why = {.code = CIM_OK};
    const cim_status status = reader->read(reader->arg, layer, judge->rule->filter_json, bbox_deg,
                                           take_record, &taking, &why);
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
        judge->rule->kind != CIM_TOPOLOGY_DISJOINT && cim_pile_count(judge->pile) == 0 &&
        (bbox_deg == NULL || is_empty(reader, layer, judge->rule->filter_json))) {
        tell_idle(rules, judge, layer, "该图层没有记录", "it has no records");
    }
    return CIM_OK;
}

cim_status
host_rules_open(const struct cim_definition *definition, const struct host_layer_reader *reader,
                bool own, const double *bbox_deg, host_topology_fn found, void *arg,
                struct host_rules **ret_rules, cim_error *err)
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
        status = cim_pile_new(rules->geos, &judge->pile, err);
        if (status == CIM_OK && (judge->rule->layer != NULL || own)) {
            status = read_layer(rules, judge,
                                judge->rule->layer != NULL ? judge->rule->layer : definition->id,
                                reader, bbox_deg, err);
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
        cim_pile_free(rules->judges[i].pile);
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

struct judging {
    const struct cim_topology_rule *rule;
    cim_error *why;
};

/* The first finding refuses. */
static bool
refuse(void *arg, const struct cim_topology_finding *finding)
{
    const struct judging *judging = arg;
    const char *layer = judging->rule->layer;
    switch (judging->rule->kind) {
    case CIM_TOPOLOGY_WITHIN:
        (void)cim_fail(judging->why, CIM_E_INVALID, "geom", layer, "不在图层 %s 的任何一个对象之内",
                       "lies within no record of the layer %s", layer);
        break;
    case CIM_TOPOLOGY_COVERED_BY:
        (void)cim_fail(judging->why, CIM_E_INVALID, "geom", layer,
                       "没有被图层 %s 完全覆盖，余下约 %.1f 平方米",
                       "is not covered by the layer %s, about %.1f square metres are left", layer,
                       finding->m2);
        break;
    case CIM_TOPOLOGY_NO_OVERLAP:
        (void)cim_fail(judging->why, CIM_E_INVALID, "geom", finding->other,
                       "与“%s”重叠约 %.1f 平方米，此图层的面不得重叠",
                       "overlaps '%s' by about %.1f square metres: areas of this layer must not",
                       finding->other, finding->m2);
        break;
    case CIM_TOPOLOGY_DISJOINT:
    default:
        (void)cim_fail(
            judging->why, CIM_E_INVALID, "geom", finding->other, "与图层 %s 的“%s”相交，应与之相离",
            "the layer %s has '%s' there, from which it must keep apart", layer, finding->other);
        break;
    }
    return false;
}

static cim_status
judge_all(struct host_rules *rules, int64_t row, const GEOSGeometry *geometry, cim_error *err)
{
    for (size_t i = 0; i < rules->n; i++) {
        struct judge *by = &rules->judges[i];
        cim_error why = {.code = CIM_OK};
        struct judging judging = {by->rule, &why};
        if (!by->idle) {
            cim_topology_judge(by->pile, by->rule->kind, geometry, refuse, &judging);
        }
        const cim_status status = (cim_status)why.code;
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
    char name[CIM_TOPOLOGY_NAME_BYTES];
    (void)snprintf(name, sizeof name, "第 %lld 行 / row %lld", (long long)row, (long long)row);
    for (size_t i = 0; i < rules->n; i++) {
        struct judge *by = &rules->judges[i];
        if (by->rule->kind == CIM_TOPOLOGY_NO_OVERLAP && !by->idle) {
            GEOSGeometry *copy = GEOSGeom_clone_r(rules->geos, geometry);
            if (copy == NULL) {
                return cim_fail_nomem(err);
            }
            CIM_TRY(cim_pile_add(by->pile, copy, name, err));
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
