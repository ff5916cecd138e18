/* kit/cql2_geometry.h -- the state of the CQL2 text parser, and its geometries; inside the kit. */
#ifndef CIM_KIT_CQL2_GEOMETRY_H
#define CIM_KIT_CQL2_GEOMETRY_H

#include "kit/cql2_scan.h"

struct json_object;

struct cim_cql2_parse {
    struct cim_cql2_scan scan;
    int depth;
};

/* ---- shared pieces (cql2_text.c) ---- */

/* {key: value}; takes the value. NULL: out of memory. */
struct json_object *cim_cql2_member(const char *key, struct json_object *value);
/* Takes the value, also on failure. */
cim_status cim_cql2_append(struct json_object *list, struct json_object *value);
/* One level more; the caller takes it back. */
cim_status cim_cql2_deeper(struct cim_cql2_parse *parse);
cim_status cim_cql2_take_sign(struct cim_cql2_parse *parse, const char *sign);
cim_status cim_cql2_take_number(struct cim_cql2_parse *parse, bool negative,
                                struct json_object **ret);

/* ---- WKT and BBOX (cql2_geometry.c) ---- */

/* Is the token POINT, …, GEOMETRYCOLLECTION or BBOX with its parenthesis? */
bool cim_cql2_is_geometry(const struct cim_cql2_scan *scan);
/* A GeoJSON geometry, or {"bbox": […]}. */
cim_status cim_cql2_parse_geometry(struct cim_cql2_parse *parse, struct json_object **ret);

#endif
