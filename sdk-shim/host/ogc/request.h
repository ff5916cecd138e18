/* host/ogc/request.h -- a request for items of a collection, parsed and checked as a whole. */
#ifndef HOST_OGC_REQUEST_H
#define HOST_OGC_REQUEST_H

#include "cim/layers.h"
#include "host/ogc/limits.h"
#include "host/ogc/params.h"

struct host_items_request {
    cim_query query;     /* points into the texts below */
    int64_t limit;       /* rows wanted in all; 0: all of an export */
    int64_t known_count; /* numberMatched as an earlier page found it; -1: not known */
    struct host_crs crs; /* of the coordinates that go out */
    bool crs_degrees;
    bool export_all;
    const char *format;   /* the `f` parameter; NULL */
    const char *lang;     /* the `lang` parameter; NULL */
    const char *encoding; /* of the texts of a Shapefile or TXT; NULL */
    const char *map;      /* of a TXT: which field a column is taken from; NULL */
    size_t n_filters;
    const struct cim_field *filter_fields[HOST_QUERY_PAIRS_MAX];
    char *filter_json;
    size_t n_texts;
    char *texts[HOST_QUERY_PAIRS_MAX];
    const char *properties[HOST_QUERY_NAMES_MAX];
    const char *sort[HOST_QUERY_NAMES_MAX];
};

/* An unknown name is refused with what exists. */
cim_status host_items_request_parse(const struct cim_definition *def, const struct host_pair *pairs,
                                    size_t n_pairs, struct host_crs_worker *crs,
                                    struct host_items_request **ret_request, cim_error *err);
void host_items_request_free(struct host_items_request *request); /* NULL-safe */

/* The part that tiles share: `area` and attribute filters. Other names are refused, listing
 * `also` (comma-separated, may be NULL) among what exists. The results are owned by the caller. */
cim_status host_filters_parse(const struct cim_definition *def, const struct host_pair *pairs,
                              size_t n_pairs, const char *const *also, char **ret_area,
                              char **ret_filter_json, const struct cim_field **ret_fields,
                              size_t max_fields, size_t *ret_n_fields, cim_error *err);

/* A paging token as it stands in a link: how many records matched, then the plugin's own token. */
cim_status host_cursor_split(const char *text, int64_t *ret_count, const char **ret_token,
                             cim_error *err);

#endif
