/* plugin/analysis/feature_set.h -- what an analysis is given to work on, and what it gives back:
 * records of a layer as the caller may read them, or the features of a GeoJSON FeatureCollection.
 *
 * An input is "lpg.buildings", or {"layer": "lpg.buildings", "filter": CQL2 JSON, "area": code,
 * "bbox": [w, s, e, n], "properties": [names]}, or a FeatureCollection. Geometries are degrees.
 */
#ifndef LPG_ANALYSIS_FEATURE_SET_H
#define LPG_ANALYSIS_FEATURE_SET_H

#include "analysis/task.h"

#include <stdbool.h>

enum {
    LPG_FEATURES_MAX = 100000,
    LPG_FEATURE_POSITIONS_MAX = 1000000, /* of all of them */
    LPG_FEATURE_NAME_BYTES = 128
};
enum {
    LPG_FEATURES_POINTS = 1, /* dimension 0 is taken, … */
    LPG_FEATURES_LINES = 2,
    LPG_FEATURES_AREAS = 4,
    LPG_FEATURES_ANY = 7,
    LPG_FEATURES_ALIKE = 8,    /* all of one dimension */
    LPG_FEATURES_INVALID = 16, /* areas are taken as they are */
    LPG_FEATURES_OPTIONAL = 32 /* the input may be missing: none then */
};

struct lpg_feature {
    GEOSGeometry *shape;
    struct json_object *properties;    /* an object */
    char name[LPG_FEATURE_NAME_BYTES]; /* what people know it by */
};

struct lpg_feature_set {
    GEOSContextHandle_t geos; /* the task's */
    const char *input;        /* borrowed */
    char layer[128];          /* "": features were given */
    uint32_t take;
    bool repair;
    int dimension; /* of all where they are alike; -1: none */
    size_t n;
    size_t capacity;
    struct lpg_feature *features;
    int64_t n_positions;
    int64_t n_repaired;
    int64_t n_without; /* records without a geometry */
    double box_deg[4];
};

/* Reads task->inputs[input]; `repair` of the inputs mends areas that are not valid. Refusals name
 * the input, the feature and the mend: nothing there (CIM_E_INVALID), not to be read
 * (CIM_E_DENIED), too many (CIM_E_TOO_LARGE). ret_set is done by the caller, also on failure;
 * starts from {0}. [worker] */
cim_status lpg_feature_set_read(const struct lpg_task *task, const char *input, uint32_t take,
                                struct lpg_feature_set *ret_set, cim_error *err);
void lpg_feature_set_done(struct lpg_feature_set *set); /* also of {0} */
/* "sources" for the layers among these sets. */
cim_status lpg_feature_sources_write(struct lpg_task *task,
                                     const struct lpg_feature_set *const *sets, size_t n_sets,
                                     cim_error *err);
/* A number of the feature's properties; NaN: it is absent or no number. */
double lpg_feature_number(const struct lpg_feature *feature, const char *field);
/* A tree of them, its items struct lpg_feature. NULL: no memory. */
GEOSSTRtree *lpg_feature_set_index(const struct lpg_feature_set *set);

/* ---- writing ---- */

/* The parts of `shape` of this dimension as one geometry, owned; NULL: there are none. */
GEOSGeometry *lpg_shape_parts(GEOSContextHandle_t geos, const GEOSGeometry *shape, int dimension);
/* Square metres of the areas of `shape`, metres of its lines, on the ellipsoid, edges as
 * geodesics. */
double lpg_shape_m2(GEOSContextHandle_t geos, const GEOSGeometry *shape);
double lpg_shape_length_m(GEOSContextHandle_t geos, const GEOSGeometry *shape);
/* {"type":"Feature","geometry":…,"properties":{…properties, "key": value}}, with a comma before it
 * where there is one before. `properties` may be NULL; both stay the caller's. */
cim_status lpg_feature_write(struct lpg_task *task, const GEOSGeometry *shape,
                             struct json_object *properties, cim_error *err);
/* A number as a JSON value, in its shortest text; metres to the millimetre. Owned. */
struct json_object *lpg_number_new(double value);
struct json_object *lpg_metres_new(double value);
/* A GeoJSON geometry. */
cim_status lpg_shape_write_geojson(struct lpg_task *task, const GEOSGeometry *shape,
                                   cim_error *err);

#endif
