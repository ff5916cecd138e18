/* plugin/data/filter.h -- the pieces of CQL2 JSON → SQL, inside this folder. */
#ifndef LPG_DATA_FILTER_H
#define LPG_DATA_FILTER_H

#include "data/internal.h"

struct json_object;

/* A filter that is being written. */
struct lpg_filter {
    struct lpg_statement *statement;
    const struct lpg_layer *layer;
    const cim_scope *scope; /* NULL: the filter is ours, every field may be named */
    cim_error *err;
    int n_values;
    int n_not;           /* conditions around this one in which false and absent differ */
    bool may_be_sealed;  /* only whether the property has a value is asked */
    bool no_text_column; /* nothing beside a text literal tells how to compare it */
};

/* What an expression is. */
enum lpg_kind {
    LPG_KIND_NUMBER,
    LPG_KIND_TEXT,
    LPG_KIND_BOOLEAN,
    LPG_KIND_DATE,
    LPG_KIND_TIME,
    LPG_KIND_GEOMETRY
};

/* ---- shared ---- */

struct json_object *lpg_member(struct json_object *object, const char *key);
/* CIM_E_INVALID: "filter", what is at fault, and what was expected. */
cim_status lpg_filter_refuse(const struct lpg_filter *filter, const char *what, const char *zh,
                             const char *en);
cim_status lpg_filter_too_deep(const struct lpg_filter *filter, int depth);
/* Counts a literal. */
cim_status lpg_filter_count(struct lpg_filter *filter);

/* ---- values (filter_value.c) ---- */

/* The column that {"property": …} names; *ret_is_geometry for the geometry, which is no column. */
cim_status lpg_filter_property(const struct lpg_filter *filter, struct json_object *name,
                               struct lpg_column *ret_column, bool *ret_is_geometry);
/* The kind of the first of the expressions that has one for certain (a plain text may be a date).
 * *ret_what names a property among them for messages, or is `op`. Sets no_text_column. */
cim_status lpg_filter_kind(struct lpg_filter *filter, const char *op,
                           struct json_object *const *values, size_t n, enum lpg_kind *ret_kind,
                           const char **ret_what);
/* The expression as SQL of that kind. */
cim_status lpg_filter_value(struct lpg_filter *filter, struct json_object *value,
                            enum lpg_kind kind, const char *what, int depth);
/* The pattern of `like`, a text or casei() or accenti() of one. */
cim_status lpg_filter_pattern(struct lpg_filter *filter, struct json_object *value, int depth);

/* ---- predicates in space and time (filter_space.c, filter_time.c) ---- */

cim_status lpg_filter_space(struct lpg_filter *filter, const char *op, struct json_object *args);
cim_status lpg_filter_time(struct lpg_filter *filter, const char *op, struct json_object *args,
                           int depth);
bool lpg_filter_is_time(const char *op);

#endif
