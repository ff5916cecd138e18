/* plugin/data/cell_filter.c -- CQL2 conditions that the cells of a tally can judge.
 *
 * and, or, not; = and <> between a property and a literal; in; isNull. Absent values follow SQL, as
 * in filter.c, which has refused before what is wrong. */
#include "data/filter.h"
#include "data/tally.h"

#include "kit/json.h"

#include <json-c/json.h>
#include <string.h>

enum { NODE_AND, NODE_OR, NODE_NOT, NODE_IN, NODE_NULL };
enum { UNKNOWN = -1, FALSE = 0, TRUE = 1 };

struct reading {
    struct lpg_cell_filter *filter;
    const char *const *names;
    uint32_t n_dims;
};

static bool read_node(struct reading *reading, struct json_object *value, int depth);

static struct lpg_cell_node *
add(struct reading *reading, int kind)
{
    struct lpg_cell_filter *filter = reading->filter;
    if (filter->n == LPG_CELL_NODES_MAX) {
        return NULL;
    }
    struct lpg_cell_node *node = &filter->nodes[filter->n++];
    *node = (struct lpg_cell_node){.kind = kind};
    return node;
}

static bool
find_dim(const struct reading *reading, struct json_object *value, uint32_t *ret_dim)
{
    struct json_object *name = lpg_member(value, "property");
    for (uint32_t d = 0; name != NULL && d < reading->n_dims; d++) {
        if (strcmp(json_object_get_string(name), reading->names[d]) == 0) {
            *ret_dim = d;
            return true;
        }
    }
    return false;
}

static bool
is_literal(struct json_object *value)
{
    return json_object_is_type(value, json_type_string) ||
           json_object_is_type(value, json_type_boolean);
}

static bool
read_equal(struct reading *reading, struct json_object *args, bool negated)
{
    struct json_object *left = json_object_array_get_idx(args, 0);
    struct json_object *right = json_object_array_get_idx(args, 1);
    struct lpg_cell_node *outer = negated ? add(reading, NODE_NOT) : NULL;
    struct lpg_cell_node *node = add(reading, NODE_IN);
    if (node == NULL || (negated && outer == NULL) || json_object_array_length(args) != 2) {
        return false;
    }
    if (outer != NULL) {
        outer->n_args = 1;
    }
    node->values = right;
    return find_dim(reading, left, &node->dim) && is_literal(right);
}

static bool
read_in(struct reading *reading, struct json_object *args)
{
    struct json_object *list = json_object_array_get_idx(args, 1);
    struct lpg_cell_node *node = add(reading, NODE_IN);
    bool good = node != NULL && json_object_array_length(args) == 2 &&
                find_dim(reading, json_object_array_get_idx(args, 0), &node->dim) &&
                json_object_is_type(list, json_type_array);
    for (size_t i = 0; good && i < json_object_array_length(list); i++) {
        good = is_literal(json_object_array_get_idx(list, i));
    }
    if (good) {
        node->values = list;
    }
    return good;
}

static bool
read_logic(struct reading *reading, int kind, struct json_object *args, int depth)
{
    struct lpg_cell_node *node = add(reading, kind);
    const size_t n = json_object_array_length(args);
    if (node == NULL || n == 0 || (kind == NODE_NOT && n != 1)) {
        return false;
    }
    node->n_args = (uint32_t)n;
    bool good = true;
    for (size_t i = 0; good && i < n; i++) {
        good = read_node(reading, json_object_array_get_idx(args, i), depth + 1);
    }
    return good;
}

static bool
read_null(struct reading *reading, struct json_object *args)
{
    struct lpg_cell_node *node = add(reading, NODE_NULL);
    return node != NULL && json_object_array_length(args) == 1 &&
           find_dim(reading, json_object_array_get_idx(args, 0), &node->dim);
}

static bool
read_node(struct reading *reading, struct json_object *value, int depth)
{
    struct json_object *op = lpg_member(value, "op");
    struct json_object *args = lpg_member(value, "args");
    if (op == NULL || !json_object_is_type(args, json_type_array) || depth > LPG_FILTER_DEPTH_MAX) {
        return false;
    }
    const char *name = json_object_get_string(op);
    return strcmp(name, "and") == 0      ? read_logic(reading, NODE_AND, args, depth)
           : strcmp(name, "or") == 0     ? read_logic(reading, NODE_OR, args, depth)
           : strcmp(name, "not") == 0    ? read_logic(reading, NODE_NOT, args, depth)
           : strcmp(name, "=") == 0      ? read_equal(reading, args, false)
           : strcmp(name, "<>") == 0     ? read_equal(reading, args, true)
           : strcmp(name, "in") == 0     ? read_in(reading, args)
           : strcmp(name, "isNull") == 0 ? read_null(reading, args)
                                         : false;
}

bool
lpg_cell_filter_open(struct lpg_cell_filter *filter, const char *json, const char *const *names,
                     uint32_t n_dims)
{
    struct reading reading = {filter, names, n_dims};
    filter->n = 0;
    filter->root = NULL;
    return cim_json_parse("filter", json, strlen(json), &filter->root, NULL) == CIM_OK &&
           read_node(&reading, filter->root, 0);
}

void
lpg_cell_filter_done(struct lpg_cell_filter *filter)
{
    json_object_put(filter->root);
    filter->root = NULL;
}

/* ---- judging ---- */

/* Booleans are "0" and "1" in a cell. */
static bool
equals(const struct lpg_cell_text *dim, struct json_object *value)
{
    if (json_object_is_type(value, json_type_boolean)) {
        return dim->len == 1 && dim->text[0] == (json_object_get_boolean(value) ? '1' : '0');
    }
    return dim->len == (size_t)json_object_get_string_len(value) &&
           memcmp(dim->text, json_object_get_string(value), dim->len) == 0;
}

static int
is_in(const struct lpg_cell_node *node, const struct lpg_cell_text *dim)
{
    if (dim->text == NULL) {
        return UNKNOWN;
    }
    if (!json_object_is_type(node->values, json_type_array)) {
        return equals(dim, node->values) ? TRUE : FALSE;
    }
    for (size_t i = 0; i < json_object_array_length(node->values); i++) {
        if (equals(dim, json_object_array_get_idx(node->values, i))) {
            return TRUE;
        }
    }
    return FALSE;
}

/* The node at *at, which moves behind what belongs to it. */
static int
judge(const struct lpg_cell_filter *filter, const struct lpg_cell *cell, uint32_t *at)
{
    const struct lpg_cell_node *node = &filter->nodes[(*at)++];
    if (node->kind == NODE_IN) {
        return is_in(node, &cell->dims[node->dim]);
    }
    if (node->kind == NODE_NULL) {
        return cell->dims[node->dim].text == NULL ? TRUE : FALSE;
    }
    int result = node->kind == NODE_AND ? TRUE : FALSE;
    for (uint32_t i = 0; i < node->n_args; i++) {
        const int one = judge(filter, cell, at);
        if (node->kind == NODE_NOT) {
            result = one == UNKNOWN ? UNKNOWN : !one;
        } else if (node->kind == NODE_AND) {
            result = result == FALSE || one == FALSE ? FALSE : one == UNKNOWN ? UNKNOWN : result;
        } else {
            result = result == TRUE || one == TRUE ? TRUE : one == UNKNOWN ? UNKNOWN : result;
        }
    }
    return result;
}

bool
lpg_cell_filter_passes(const struct lpg_cell_filter *filter, const struct lpg_cell *cell)
{
    uint32_t at = 0;
    return judge(filter, cell, &at) == TRUE;
}
