/* host/ogc/filter.h -- attribute filters of a query string as CQL2 JSON. */
#ifndef HOST_OGC_FILTER_H
#define HOST_OGC_FILTER_H

#include "host/ogc/params.h"
#include "kit/buf.h"

/* How a route that filters by field says so: a struct host_route_param. */
#define HOST_FILTER_PARAM                                                                          \
    {                                                                                              \
        "*", "query", "{\"type\":\"string\"}",                                                     \
            "按字段筛选：字段=值；数、日期、时刻也可为区间 起/止，开端写 ..；见 queryables",       \
            "Filter by field: name=value; of numbers, dates and times also from/to, .. for an "    \
            "open end; see queryables"                                                             \
    }

struct host_filter {
    struct cim_buf json; /* the comparisons, commas between */
    size_t n;
};

void host_filter_init(struct host_filter *filter);
void host_filter_done(struct host_filter *filter);
/* Adds `property` = `value`, the value typed as the definition says. */
cim_status host_filter_add(struct host_filter *filter, const struct host_property *property,
                           const char *value, cim_error *err);
/* Adds an expression in CQL2 text or JSON. Its geometries come in `crs`, in the axis order of that,
 * and go on in longitude and latitude. */
cim_status host_filter_add_expression(struct host_filter *filter, const char *text, bool is_json,
                                      const struct host_crs *crs, struct host_crs_worker *worker,
                                      cim_error *err);
/* Is it one of the fields that a search looks into? A sensitive field is none, or the search would
 * tell what the mask hides. */
bool host_filter_searches(const struct cim_field *field);
/* Moves the expression out: NULL when there is none. The caller frees it. */
cim_status host_filter_take(struct host_filter *filter, char **ret_json, cim_error *err);

#endif
