/* kit/definition_topology.c -- the member "topology" of a layer definition. */
#include "kit/definition_topology.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <stdlib.h>

enum { RULES_MAX = 16, LAYER_ID_MAX = 64 };

static const char *const names[] = {[CIM_TOPOLOGY_NO_OVERLAP] = "no_overlap",
                                    [CIM_TOPOLOGY_WITHIN] = "within",
                                    [CIM_TOPOLOGY_COVERED_BY] = "covered_by",
                                    [CIM_TOPOLOGY_DISJOINT] = "disjoint"};

static cim_status
read_kind(const struct cim_reader *reader, const struct cim_definition *def,
          struct cim_topology_rule *rule)
{
    CIM_AUTO_FREE char *text = NULL;
    const bool is_area =
        def->geometry == CIM_GEOMETRY_POLYGON || def->geometry == CIM_GEOMETRY_MULTI_POLYGON;
    CIM_TRY(cim_reader_text(reader, "rule", true, &text));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], text) == 0) {
            rule->kind = (enum cim_topology_kind)i;
            return i != CIM_TOPOLOGY_NO_OVERLAP || is_area
                       ? CIM_OK
                       : cim_reader_fail(reader, "rule", "no_overlap 只用于面图层",
                                         "no_overlap is for layers of areas");
        }
    }
    return cim_reader_fail(reader, "rule", "应为 no_overlap、within、covered_by 或 disjoint",
                           "expected no_overlap, within, covered_by or disjoint");
}

static cim_status
read_severity(const struct cim_reader *reader, struct cim_topology_rule *rule)
{
    CIM_AUTO_FREE char *text = NULL;
    CIM_TRY(cim_reader_text(reader, "severity", false, &text));
    rule->warns = text != NULL && strcmp(text, "warn") == 0;
    return text == NULL || rule->warns || strcmp(text, "refuse") == 0
               ? CIM_OK
               : cim_reader_fail(reader, "severity", "应为 refuse 或 warn",
                                 "expected refuse or warn");
}

static cim_status
read_rule(const struct cim_reader *reader, const struct cim_definition *def,
          struct cim_topology_rule *rule)
{
    static const char *const keys[] = {"rule", "layer", "where", "severity", NULL};
    struct cim_reader where;
    CIM_TRY(cim_reader_only(reader, keys));
    CIM_TRY(read_kind(reader, def, rule));
    const bool between = rule->kind != CIM_TOPOLOGY_NO_OVERLAP;
    CIM_TRY(cim_reader_text(reader, "layer", between, &rule->layer));
    CIM_TRY(cim_reader_object(reader, "where", false, &where));
    if (!between && rule->layer != NULL) {
        return cim_reader_fail(reader, "layer", "no_overlap 只与本图层比较",
                               "no_overlap compares the layer with itself");
    }
    if (between && !cim_name_is_valid(rule->layer, "-.", LAYER_ID_MAX)) {
        return cim_reader_fail(reader, "layer", "应为图层编号", "expected the id of a layer");
    }
    if (where.object != NULL) {
        const char *text = json_object_to_json_string_ext(where.object, JSON_C_TO_STRING_PLAIN);
        rule->filter_json = cim_copy(text, strlen(text));
        if (rule->filter_json == NULL) {
            return cim_fail_nomem(reader->err);
        }
    }
    return read_severity(reader, rule);
}

cim_status
cim_read_topology(const struct cim_reader *reader, struct cim_definition *def)
{
    struct json_object *array = NULL;
    CIM_TRY(cim_reader_array(reader, "topology", false, RULES_MAX, &array));
    const size_t n = array != NULL ? json_object_array_length(array) : 0;
    if (n == 0) {
        return CIM_OK;
    }
    if (def->geometry == CIM_GEOMETRY_NONE) {
        return cim_reader_fail(reader, "topology", "没有几何的图层没有拓扑规则",
                               "a layer without geometry has no topology");
    }
    def->topology = calloc(n, sizeof *def->topology);
    if (def->topology == NULL) {
        return cim_fail_nomem(reader->err);
    }
    for (size_t i = 0; i < n; i++) {
        struct cim_reader element;
        CIM_TRY(cim_reader_element(reader, "topology", array, i, &element));
        def->n_topology++;
        CIM_TRY(read_rule(&element, def, &def->topology[i]));
    }
    return CIM_OK;
}

void
cim_topology_done(struct cim_definition *def)
{
    for (size_t i = 0; i < def->n_topology; i++) {
        free(def->topology[i].layer);
        free(def->topology[i].filter_json);
    }
    free(def->topology);
}
