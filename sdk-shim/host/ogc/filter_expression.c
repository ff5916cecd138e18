/* host/ogc/filter_expression.c -- the parameters filter, filter-lang and filter-crs: CQL2 in, CQL2
 * JSON with longitude and latitude out. What the expression says is the layer's to judge. */
#include "host/ogc/filter.h"

#include "cim/util.h"
#include "host/ogc/limits.h"
#include "kit/cql2_text.h"
#include "kit/json.h"

#include <json-c/json.h>

struct walk {
    struct host_crs_worker *worker;
    const struct host_crs *crs;
    cim_error *err;
};

static cim_status walk_value(const struct walk *walk, struct json_object *value);

static bool
is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) ||
           json_object_is_type(value, json_type_double);
}

static cim_status
put_numbers(const struct walk *walk, struct json_object *list, const size_t *at,
            const double *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct json_object *number = json_object_new_double(numbers[i]);
        if (number == NULL || json_object_array_put_idx(list, at[i], number) != 0) {
            json_object_put(number);
            return cim_fail_nomem(walk->err);
        }
    }
    return CIM_OK;
}

/* A position, or lists of positions down to some depth. Anything else is left for the layer. */
static cim_status
walk_positions(const struct walk *walk, struct json_object *list)
{
    static const size_t at[] = {0, 1};
    double numbers[2];
    if (!json_object_is_type(list, json_type_array)) {
        return CIM_OK;
    }
    const size_t n = json_object_array_length(list);
    if (n >= 2 && is_number(json_object_array_get_idx(list, 0)) &&
        is_number(json_object_array_get_idx(list, 1))) {
        numbers[0] = json_object_get_double(json_object_array_get_idx(list, 0));
        numbers[1] = json_object_get_double(json_object_array_get_idx(list, 1));
        CIM_TRY(host_crs_to_lon_lat(walk->worker, walk->crs, &numbers[0], &numbers[1], walk->err));
        return put_numbers(walk, list, at, numbers, 2);
    }
    for (size_t i = 0; i < n; i++) {
        CIM_TRY(walk_positions(walk, json_object_array_get_idx(list, i)));
    }
    return CIM_OK;
}

static cim_status
walk_box(const struct walk *walk, struct json_object *list)
{
    double box[4];
    double deg[4];
    const size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    const size_t at[] = {0, 1, n / 2, n / 2 + 1};
    if (n != 4 && n != 6) {
        return CIM_OK;
    }
    for (size_t i = 0; i < 4; i++) {
        if (!is_number(json_object_array_get_idx(list, at[i]))) {
            return CIM_OK;
        }
        box[i] = json_object_get_double(json_object_array_get_idx(list, at[i]));
    }
    CIM_TRY(host_crs_bbox_to_lon_lat(walk->worker, walk->crs, box, deg, walk->err));
    return put_numbers(walk, list, at, deg, 4);
}

static cim_status
walk_array(const struct walk *walk, struct json_object *list)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        CIM_TRY(walk_value(walk, json_object_array_get_idx(list, i)));
    }
    return CIM_OK;
}

static cim_status
walk_value(const struct walk *walk, struct json_object *value)
{
    if (json_object_is_type(value, json_type_array)) {
        return walk_array(walk, value);
    }
    if (!json_object_is_type(value, json_type_object)) {
        return CIM_OK;
    }
    json_object_object_foreach(value, key, member)
    {
        if (strcmp(key, "coordinates") == 0) {
            CIM_TRY(walk_positions(walk, member));
        } else if (strcmp(key, "bbox") == 0) {
            CIM_TRY(walk_box(walk, member));
        } else {
            CIM_TRY(walk_value(walk, member));
        }
    }
    return CIM_OK;
}

static cim_status
add_tree(struct host_filter *filter, struct json_object *tree, const struct host_crs *crs,
         struct host_crs_worker *worker, cim_error *err)
{
    const struct walk walk = {.worker = worker, .crs = crs, .err = err};
    if (crs->kind != HOST_CRS_LON_LAT) {
        const cim_status status = walk_value(&walk, tree);
        if (status != CIM_OK) {
            if (err != NULL) {
                cim_copy_text(err->param, sizeof err->param, "filter");
            }
            return status;
        }
    }
    const char *text = json_object_to_json_string_ext(tree, JSON_C_TO_STRING_PLAIN |
                                                                JSON_C_TO_STRING_NOSLASHESCAPE);
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    if (filter->n++ > 0) {
        cim_buf_add_char(&filter->json, ',');
    }
    cim_buf_add_text(&filter->json, text);
    return cim_buf_status(&filter->json, err);
}

cim_status
host_filter_add_expression(struct host_filter *filter, const char *text, bool is_json,
                           const struct host_crs *crs, struct host_crs_worker *worker,
                           cim_error *err)
{
    struct json_object *tree = NULL;
    cim_status status = is_json ? cim_json_parse("filter", text, strlen(text), &tree, err)
                                : cim_cql2_text_parse(text, strlen(text), &tree, err);
    if (status != CIM_OK) {
        if (err != NULL) {
            cim_copy_text(err->param, sizeof err->param, "filter");
        }
        return status;
    }
    status = add_tree(filter, tree, crs, worker, err);
    json_object_put(tree);
    return status;
}
