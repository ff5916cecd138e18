/* host/ogc/edit_topology.c -- see edit_topology.h. */
#include "host/ogc/edit_topology.h"

#include "cim/util.h"
#include "host/exchange/rules.h"
#include "host/ogc/doc.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>

enum { COORDINATES_DEPTH_MAX = 8 };

struct host_edit_topology {
    GEOSContextHandle_t geos; /* for areas; else NULL */
    struct host_rules *rules; /* or NULL */
};

/* ---- where the document lies ---- */

static bool
is_position(struct json_object *array)
{
    struct json_object *first = json_object_array_get_idx(array, 0);
    return json_object_is_type(first, json_type_double) ||
           json_object_is_type(first, json_type_int);
}

/* Arrays in arrays down to positions; what is no coordinate is refused elsewhere. */
static void
widen(double bbox[4], struct json_object *array, bool lat_lon, int depth)
{
    if (!json_object_is_type(array, json_type_array) || depth > COORDINATES_DEPTH_MAX) {
        return;
    }
    if (is_position(array)) {
        const double x = json_object_get_double(json_object_array_get_idx(array, lat_lon ? 1 : 0));
        const double y = json_object_get_double(json_object_array_get_idx(array, lat_lon ? 0 : 1));
        bbox[0] = fmin(bbox[0], x);
        bbox[1] = fmin(bbox[1], y);
        bbox[2] = fmax(bbox[2], x);
        bbox[3] = fmax(bbox[3], y);
        return;
    }
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        widen(bbox, json_object_array_get_idx(array, i), lat_lon, depth + 1);
    }
}

static void
widen_feature(double bbox[4], struct json_object *feature, bool lat_lon)
{
    struct json_object *geometry = NULL;
    struct json_object *coordinates = NULL;
    if (json_object_is_type(feature, json_type_object) &&
        json_object_object_get_ex(feature, "geometry", &geometry) &&
        json_object_is_type(geometry, json_type_object) &&
        json_object_object_get_ex(geometry, "coordinates", &coordinates)) {
        widen(bbox, coordinates, lat_lon, 0);
    }
}

/* False: there are no coordinates in it. */
static bool
find_bbox(const struct host_edit_reader *reader, double ret_bbox[4])
{
    struct json_object *features = NULL;
    double bbox[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    if (json_object_object_get_ex(reader->document, "features", &features) &&
        json_object_is_type(features, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(features); i++) {
            widen_feature(bbox, json_object_array_get_idx(features, i), reader->lat_lon);
        }
    } else {
        widen_feature(bbox, reader->document, reader->lat_lon);
    }
    memcpy(ret_bbox, bbox, sizeof bbox);
    return bbox[0] <= bbox[2] && bbox[1] <= bbox[3];
}

/* ---- rules ---- */

cim_status
host_edit_topology_open(const struct host_edit_reader *reader, struct host_layer_reading *reading,
                        host_topology_fn found, void *arg, struct host_edit_topology **ret_topology,
                        cim_error *err)
{
    const struct cim_definition *def = reader->def;
    const struct host_layer_reader layers = {host_layer_read, reading};
    const bool is_area =
        def->geometry == CIM_GEOMETRY_POLYGON || def->geometry == CIM_GEOMETRY_MULTI_POLYGON;
    double bbox[4];
    *ret_topology = NULL;
    if (reader->op == CIM_EDIT_DELETE || (!is_area && def->n_topology == 0) ||
        (reader->document != NULL && !find_bbox(reader, bbox))) {
        return CIM_OK;
    }
    struct host_edit_topology *topology = calloc(1, sizeof *topology);
    if (topology == NULL) {
        return cim_fail_nomem(err);
    }
    topology->geos = is_area ? GEOS_init_r() : NULL;
    reading->changed_layer = def->id;
    reading->changed = reader->key;
    const cim_status status =
        is_area && topology->geos == NULL
            ? cim_fail_nomem(err)
            : host_rules_open(def, &layers, true, reader->document != NULL ? bbox : NULL, found,
                              arg, &topology->rules, err);
    if (status != CIM_OK) {
        host_edit_topology_free(topology);
        return status;
    }
    *ret_topology = topology;
    return CIM_OK;
}

void
host_edit_topology_free(struct host_edit_topology *topology)
{
    if (topology != NULL) {
        host_rules_free(topology->rules);
        if (topology->geos != NULL) {
            GEOS_finish_r(topology->geos);
        }
        free(topology);
    }
}

cim_status
host_edit_topology_check(void *self, int64_t row, const uint8_t *wkb, size_t len, cim_error *err)
{
    const struct host_edit_topology *topology = self;
    if (topology->geos != NULL) {
        CIM_TRY(cim_validity_check(topology->geos, wkb, len, NULL, err));
    }
    return topology->rules != NULL ? host_rules_check(topology->rules, row, wkb, len, err) : CIM_OK;
}
