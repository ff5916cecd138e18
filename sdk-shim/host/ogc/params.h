/* host/ogc/params.h -- the query parameters of OGC API Features, one parser each, no HTTP. */
#ifndef HOST_OGC_PARAMS_H
#define HOST_OGC_PARAMS_H

#include "host/ogc/crs.h"
#include "kit/definition.h"

#include <stddef.h>

/* One parameter of a request, decoded. */
struct host_pair {
    const char *name;
    const char *value;
};

/* What a definition's field or a record column is, seen from a query. */
struct host_property {
    const char *name;
    enum cim_field_type type;
    const struct cim_field *field; /* NULL: record column */
};

/* True and *ret_property for a field, or fid, uid, version, owner_org, area_code, updated_at. */
bool host_property_find(const struct cim_definition *def, const char *name,
                        struct host_property *ret_property);
/* Names of all properties with ", " between, as much as fits: for messages. */
void host_property_names(const struct cim_definition *def, char *out, size_t out_size);

/* A whole finite decimal number; no hexadecimal, no infinity. */
bool host_parse_number(const char *text, size_t len, double *ret_value);
/* A whole decimal integer. */
bool host_parse_integer(const char *text, size_t len, int64_t *ret_value);

/* Four numbers, or six with heights that are left out of account, in axis order of the box's
 * reference system. */
cim_status host_parse_bbox(const char *text, double ret_bbox[4], cim_error *err);
/* After conversion: ranges, and south not above north. */
cim_status host_check_bbox(const char *text, const double bbox_deg[4], cim_error *err);
/* Instant, closed interval, or one open at an end (".." or nothing). A date alone means that day in
 * Beijing. */
cim_status host_parse_datetime(const char *text, int64_t *ret_from_ms, int64_t *ret_to_ms,
                               cim_error *err);
/* What is larger than `page_max` is no error: Part 1 asks to answer with the maximum. */
cim_status host_parse_limit(const char *text, int64_t page_max, int64_t *ret_limit, cim_error *err);
/* "true" or "false". */
cim_status host_parse_flag(const char *param, const char *text, bool *ret_flag, cim_error *err);

/* Cuts a list at its commas, in place; at most `max` names that each are a property. With
 * `signs`, a name may start with '-' or '+' ('+' is dropped). */
cim_status host_parse_names(const char *param, char *text, const struct cim_definition *def,
                            bool signs, const char **ret_names, size_t max, size_t *ret_n,
                            cim_error *err);

#endif
