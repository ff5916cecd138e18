/* plugin/data/data.h -- the layers: validate, read and write records as their definitions say.
 *
 * Nothing here knows a kind of record: definitions, code lists and migrations do. Reads go through
 * cim.store/1 in pages, so no connection is held while a client is slow; every answer is cut to the
 * caller's scope and masked record by record.
 */
#ifndef LPG_DATA_DATA_H
#define LPG_DATA_DATA_H

#include "cim/layers.h"
#include "cim/plugin.h"
#include "kit/definition.h"

struct lpg_data;
struct lpg_layer;

enum {
    LPG_LAYERS_MAX = 200,
    LPG_PAGE_ROWS = 1000,     /* of one store read */
    LPG_PAGE_BYTES = 8 << 20, /* likewise */
    LPG_SORT_KEYS_MAX = 8,    /* of a query */
    LPG_FILTER_BYTES_MAX = 64 << 10,
    LPG_FILTER_DEPTH_MAX = 16,   /* of a CQL2 expression */
    LPG_FILTER_VALUES_MAX = 200, /* literals in it */
    LPG_GROUPS_MAX = 10000,      /* of a count by value */
    LPG_GROUP_BY_MAX = 4,
    LPG_BATCH_IMAGES_MAX = 1000000, /* records that one edit changes or deletes */
    LPG_CHANGES_SINGLE_MAX = 1000   /* noted one by one; more are noted as one "many" */
};

/* Reads codes.json and every other *.json of the folder. Keeps `host`, whose services store/1,
 * access/1 and clock/1 it uses. A wrong file is refused with its name and place. [lifecycle] */
cim_status lpg_data_open(const cim_host *host, const char *layers_dir, struct lpg_data **ret_data,
                         cim_error *err);
void lpg_data_close(struct lpg_data *data); /* NULL-safe */
const struct cim_codes *lpg_data_codes(const struct lpg_data *data);
/* Layers in the order of their ids. */
size_t lpg_data_layer_count(const struct lpg_data *data);
struct lpg_layer *lpg_data_layer_at(struct lpg_data *data, size_t i);
struct lpg_layer *lpg_data_layer(struct lpg_data *data, const char *id); /* NULL: none */
const struct cim_definition *lpg_layer_definition(const struct lpg_layer *layer);
/* Registers all of them with cim.layers/1. [lifecycle] */
cim_status lpg_data_register(struct lpg_data *data, cim_error *err);
/* The cim_layer of one; its `self` is the layer. */
void lpg_layer_describe(struct lpg_layer *layer, cim_layer *ret_layer);

/* The functions of cim/layers.h, where their contract is written; `self` is a struct lpg_layer.
 * Without a scope in the call they ask access/1 for the layer's own. [worker] */
cim_status lpg_layer_count(void *self, const cim_call *call, const cim_query *query,
                           int64_t *ret_count, cim_error *err);
cim_status lpg_layer_extent(void *self, const cim_call *call, const cim_query *query,
                            double ret_bbox_deg[4], cim_error *err);
cim_status lpg_layer_query(void *self, const cim_call *call, const cim_query *query,
                           cim_rows **ret_rows, cim_error *err);
/* With CIM_EDIT_DRY_RUN everything is tried and undone. A column `version` in rows to replace,
 * update or delete is the expected version; without one none is expected. Records to change are
 * named by `fid` or `uid`. The rows' callbacks may run on a thread of the store while this call
 * waits. */
cim_status lpg_layer_write(void *self, const cim_call *call, cim_edit *edit, cim_error *err);

struct lpg_grouping {
    uint32_t n_by;                    /* 1 to LPG_GROUP_BY_MAX */
    const char *by[LPG_GROUP_BY_MAX]; /* fields or record columns */
    /* With area_code among them: the level of the areas ("county") that those below count for;
     * records that lie in none of it keep their own. NULL: as they are stored. */
    const char *area_level;
};

/* Visible records that the query selects (its sort, limit and cursor do not matter), counted per
 * combination of values: rows of a TEXT for each of `by` (absent: the records without one) and
 * `count` INT64, most first, LPG_GROUPS_MAX of them at most. Exact; without reading a record where
 * the columns are those that the definition counts by, area_code or owner_org (tally.h). Refuses
 * fields that the caller does not see in clear. [worker] */
cim_status lpg_data_group_count(struct lpg_layer *layer, const cim_call *call,
                                const cim_query *query, const struct lpg_grouping *grouping,
                                cim_rows **ret_rows, cim_error *err);

#endif
