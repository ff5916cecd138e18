/* host/ogc/records.h -- the catalogue: every resource that plugins registered, as OGC API Records.
 *
 * A resource is a layer (dataset), its tiles (service), an analysis (process), or a dataset that is
 * bound to an input. Who signed in sees that it exists, with its metadata, unless its sharing type
 * is "none"; extent, time of the last change, quality and lineage only who may read it.
 */
#ifndef HOST_OGC_RECORDS_H
#define HOST_OGC_RECORDS_H

#include "host/ogc/ask.h"

enum {
    HOST_RECORD_ID_MAX = 160,
    HOST_RECORDS_MAX = 4000,
    HOST_RECORDS_PAGE_MAX = 1000,
    HOST_RECORDS_PAGE = 100
};

#define HOST_CATALOGUE_ID   "resources"
#define HOST_RECORD_CORE    "http://www.opengis.net/spec/ogcapi-records-1/1.0/conf/record-core"
#define HOST_RECORDS_PATH   "/catalogue/collections/" HOST_CATALOGUE_ID "/items"
#define HOST_RECORD_REQUEST "request" /* relation: where to ask for the data */

/* One resource that the caller may know of. */
struct host_record {
    char id[HOST_RECORD_ID_MAX];
    char layer[96];     /* whose extent is its geometry; "": none */
    const char *type;   /* static: dataset, service, process */
    bool readable;      /* extent, changes, lineage are told */
    int64_t changed_ms; /* 0: not known, or not told */
    struct json_object *doc;
};

struct host_record_list {
    const struct host_ask *ask;
    const char *only; /* id of the one that is wanted; NULL: all */
    size_t n;
    size_t capacity;
    struct host_record *at;
};
void host_record_list_done(struct host_record_list *list);
#define HOST_AUTO_RECORDS __attribute__((cleanup(host_record_list_done)))

/* All of them, by id, or the one that is called `only`, where there is one; without geometry and
 * links. (record_docs.c) */
cim_status host_records_list(const struct host_ask *ask, const char *only,
                             struct host_record_list *ret_list, cim_error *err);
/* Where the record's data lie, as the caller sees them; false where nothing is told. */
bool host_record_extent(const struct host_ask *ask, const struct host_record *record,
                        double ret_bbox[4]);
/* Geometry, time and links: what only records that are sent have. */
void host_record_finish(const struct host_ask *ask, const struct host_record *record);

/* Leaves in the list what q, type, ids, externalIds, bbox and datetime ask for, in the order of
 * sortby. (record_query.c) */
cim_status host_records_select(const struct host_ask *ask, struct host_record_list *list,
                               cim_error *err);
extern const char *const host_record_params[];

/* Counts of the layer as the caller sees it, and how many records have each field: a document.
 * (record_quality.c) */
cim_status host_record_quality(const struct host_ask *ask, const char *layer_id,
                               struct json_object **ret_doc, cim_error *err);

/* Registers /catalogue…. After host_ogc_add_routes(). */
cim_status host_ogc_add_record_routes(struct host_app *app, cim_error *err);

#endif
