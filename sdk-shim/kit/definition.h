/* kit/definition.h -- layer definitions: the parser that host and plugin share.
 *
 * A definition says everything in which one kind of record differs from another. Parsing is strict:
 * an unknown key, a wrong type, a missing comma or a code list that does not exist is refused with
 * file, line or key path, value and what was expected.
 */
#ifndef CIM_KIT_DEFINITION_H
#define CIM_KIT_DEFINITION_H

#include "cim/base.h"

#include <stdbool.h>

enum cim_field_type {
    CIM_FIELD_TEXT = 1,
    CIM_FIELD_INTEGER,
    CIM_FIELD_NUMBER,
    CIM_FIELD_BOOLEAN,
    CIM_FIELD_DATE,
    CIM_FIELD_TIME,
    CIM_FIELD_CODE
};

enum cim_geometry_type {
    CIM_GEOMETRY_NONE = 0,
    CIM_GEOMETRY_POINT = 1, /* numbers of ISO WKB */
    CIM_GEOMETRY_LINE_STRING = 2,
    CIM_GEOMETRY_POLYGON = 3,
    CIM_GEOMETRY_MULTI_POINT = 4,
    CIM_GEOMETRY_MULTI_LINE_STRING = 5,
    CIM_GEOMETRY_MULTI_POLYGON = 6
};

enum cim_sensitive {
    CIM_SENSITIVE_NO = 0,
    CIM_SENSITIVE_NAME,
    CIM_SENSITIVE_ID,
    CIM_SENSITIVE_PHONE,
    CIM_SENSITIVE_ADDRESS
};

enum cim_check {
    CIM_CHECK_NONE = 0,
    CIM_CHECK_USCC,
    CIM_CHECK_PHONE,
    CIM_CHECK_PLATE,
    CIM_CHECK_ID_CARD,
    CIM_CHECK_AREA_CODE,
    CIM_CHECK_GB28181,
    CIM_CHECK_BODY_CODE,
    CIM_CHECK_IOT_SIM,
    CIM_CHECK_HOUR_MINUTE
};

enum { CIM_LAYER_FIELDS_MAX = 120, CIM_CODES_MAX = 400, CIM_LAYER_TEXT_MAX = 1 << 20 };

struct cim_text2 {
    char *zh;
    char *en;
};

struct cim_code {
    char *value;
    struct cim_text2 title;
};

struct cim_code_list {
    char *id;
    struct cim_text2 title;
    size_t n_codes;
    struct cim_code *codes;
};

struct cim_codes {
    size_t n_lists;
    struct cim_code_list *lists;
};

enum { CIM_FIELD_AFTER, CIM_FIELD_NEXT, CIM_FIELD_REQUIRED_IF, CIM_FIELD_NAMES };

struct cim_field {
    char *name; /* [a-z][a-z0-9_]*, at most 40 characters */
    struct cim_text2 title;
    enum cim_field_type type;
    enum cim_sensitive sensitive;
    bool encrypted; /* in the store; by default identity numbers, phones and addresses */
    enum cim_check check;
    bool check_warns;                  /* a value that fails the check is stored, and told of */
    const struct cim_code_list *codes; /* of a code field; points into the cim_codes */
    bool required;
    bool unique;
    bool search;
    bool has_min;
    bool has_max;
    double min;
    double max;
    int32_t max_length; /* characters; 0: CIM_TEXT_FIELD_MAX */
    char *unit;         /* may be NULL */
    /* Of a date or time: the field of the same type that it may not lie before; or NULL. */
    const struct cim_field *after;
    /* Of a class that changes by time: the time field with its next transition; or NULL. */
    const struct cim_field *next;
    bool is_next; /* some field's `next` */
    /* A value is required where this field has `required_value`, or, with that NULL, has none. */
    const struct cim_field *required_if;
    char *required_value;
    char *names[CIM_FIELD_NAMES]; /* inside the kit: the names that the pointers above come from */
};

enum { CIM_TEXT_FIELD_MAX = 4000 };

/* What imports and edits hold the geometries of a layer against. */
enum cim_topology_kind {
    CIM_TOPOLOGY_NO_OVERLAP, /* areas do not overlap each other, by more than a square metre */
    CIM_TOPOLOGY_WITHIN,     /* inside of one record of `layer` */
    CIM_TOPOLOGY_COVERED_BY, /* inside of the records of `layer` together */
    CIM_TOPOLOGY_DISJOINT    /* apart from every record of `layer`; borders may be shared */
};

struct cim_topology_rule {
    enum cim_topology_kind kind;
    char *layer;       /* NULL: of no_overlap */
    char *filter_json; /* CQL2 JSON: the records of `layer` that count; NULL: all */
    bool warns;        /* tells, and lets the row pass */
};

enum { CIM_RATES_MAX = 4 }; /* of one layer */

/* A share that tiles tell per cluster, hexagon and area: of the records whose `field` has one of
 * the values `denominator`, those that have one of `numerator`, which are some of them. */
struct cim_rate {
    char *name; /* of the tile attributes "<name>_n", "<name>_of" and "<name>_pct" */
    struct cim_text2 title;
    const struct cim_field *field; /* one of count_by */
    size_t n_numerator;
    char **numerator; /* codes; of a boolean "true" or "false" */
    size_t n_denominator;
    char **denominator;
};

/* Who may have the data, of the core items of a catalogue of government information resources. */
enum cim_sharing {
    CIM_SHARING_CONDITIONAL, /* whoever asks and is granted it; the default */
    CIM_SHARING_UNCONDITIONAL,
    CIM_SHARING_NONE /* not even that there is such a resource, but to who may read it */
};
enum cim_openness { CIM_OPEN_NO, CIM_OPEN_CONDITIONAL, CIM_OPEN_YES };

struct cim_catalogue {
    char *class_name; /* of CIM data: "公共专题"; may be NULL */
    char *update;     /* realtime, daily, monthly, yearly; may be NULL */
    enum cim_sharing sharing;
    enum cim_openness open;     /* to the public */
    struct cim_text2 condition; /* of sharing or opening; may be empty */
};

/* Records without a geometry get their point from what a field says of where they are. */
struct cim_placing {
    const struct cim_field *address; /* NULL: the definition does not say so */
    const struct cim_field *grade;   /* code: how the point came about, the best first */
    const struct cim_field *error;   /* metres by which the point may be off */
    const struct cim_field *source;  /* text: the layer that it was found in */
    const struct cim_code *least;    /* of the grades: what is worse gets no point */
};

struct cim_definition {
    char *id;    /* "lpg.enterprises" */
    char *table; /* "lpg_enterprise" */
    struct cim_text2 title;
    struct cim_text2 description;
    enum cim_geometry_type geometry;
    size_t n_fields;
    struct cim_field *fields;
    char *label;       /* field shown as the record's name */
    char *time;        /* field of OGC datetime; "updated_at" by default */
    char *style;       /* style id */
    char *retention;   /* "10y"; may be NULL */
    bool immutable;    /* records are created and never changed */
    bool has_rules;    /* some field has `after` or `required_if` */
    bool has_next;     /* some field has `next` */
    bool has_warnings; /* some field may warn: `check_warns`, or a credit code */
    struct cim_catalogue catalogue;
    struct cim_placing placing;
    size_t n_topology;
    struct cim_topology_rule *topology;
    size_t n_clauses;
    char **clauses;
    size_t n_popup;
    const struct cim_field **popup;
    size_t n_tile_attributes;
    const struct cim_field **tile_attributes;
    size_t n_count_by;
    const struct cim_field **count_by;
    size_t n_rates;
    struct cim_rate *rates;
    char *rate_areas; /* layer of polygons whose area codes the rates are told for; or NULL */
    int32_t tile_min_zoom;
    int32_t tile_max_zoom;
};

/* `where` names the source in messages (a file name); `text` need not be NUL-terminated. */
cim_status cim_codes_parse(const char *where, const char *text, size_t len,
                           struct cim_codes **ret_codes, cim_error *err);
void cim_codes_free(struct cim_codes *codes);
const struct cim_code_list *cim_codes_find(const struct cim_codes *codes, const char *id);
const struct cim_code *cim_code_find(const struct cim_code_list *list, const char *value);

/* Keeps pointers into `codes` (which may be NULL when no field has type code). */
cim_status cim_definition_parse(const char *where, const char *text, size_t len,
                                const struct cim_codes *codes, struct cim_definition **ret_def,
                                cim_error *err);
void cim_definition_free(struct cim_definition *def);
/* NULL when there is none; record columns are not fields. */
const struct cim_field *cim_definition_field(const struct cim_definition *def, const char *name);
/* Is a point of this grade good enough? Not of one that is no code of the list. */
bool cim_placing_is_good(const struct cim_placing *placing, const char *grade, size_t len);
/* "Point" and back. */
const char *cim_geometry_name(enum cim_geometry_type type);

#endif
