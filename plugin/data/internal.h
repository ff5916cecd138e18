/* plugin/data/internal.h -- what the files of this folder share. */
#ifndef LPG_DATA_INTERNAL_H
#define LPG_DATA_INTERNAL_H

#include "data/data.h"
#include "data/placing.h"

#include "cim/access.h"
#include "cim/audit.h"
#include "cim/batches.h"
#include "cim/crypt.h"
#include "cim/services.h"
#include "cim/store.h"
#include "kit/buf.h"

#include <locale.h>
#include <pthread.h>
#include <stdbool.h>

enum { LPG_CACHE_SLOTS = 16, LPG_RECORD_COLUMNS = 7 };

/* An answer of one number row (a count, an extent), valid at one position of the layer. */
struct lpg_cached {
    uint64_t key; /* hash of statement and values; 0: free */
    int64_t pos;
    uint64_t used;
    double numbers[4];
};

/* How many records each area has, about: for choosing between two ways of reading. */
struct lpg_area_counts {
    int64_t areas_version;
    int64_t pos; /* of the layer */
    int64_t taken_ms;
    int32_t n_areas;
    int64_t *before; /* n_areas + 1: records of the areas with smaller ordinals */
};

struct lpg_tally;

struct lpg_layer {
    struct lpg_data *data;
    struct cim_definition *def;
    char *text;                        /* the definition's JSON */
    char *class_sql;                   /* of its classes that change by time; or NULL */
    struct lpg_class_rule *class_rule; /* the same, expression by expression */
    pthread_mutex_t mutex;
    uint64_t tick;
    struct lpg_cached cache[LPG_CACHE_SLOTS];
    struct lpg_area_counts counts;
    struct lpg_tally *tally; /* see tally.h; of whoever set tally_busy alone */
    bool tally_busy;
    bool tally_wanted;          /* a count has missed it */
    bool tally_refused;         /* the layer has too many records or values */
    int64_t n_tallied;          /* counts that it answered, or tried to */
    _Atomic int words;          /* has the table a column of words? see words.c */
    struct lpg_caller *callers; /* who waits to create a record, see together.c */
    int n_running;
};

struct lpg_data {
    const cim_host *host;
    const cim_store_v1 *store;
    const cim_access_v1 *access;
    const cim_audit_v1 *audit;
    const cim_batches_v1 *batches;
    const cim_crypt_v1 *crypt;
    const cim_clock_v1 *clock;
    locale_t c_locale;
    struct lpg_placer placer; /* open NULL: none */
    struct cim_codes *codes;
    size_t n_layers;
    struct lpg_layer **layers;            /* by id */
    int64_t classes_seen_ms;              /* the clock, when classes were last looked at */
    char sealed_head[CIM_CRYPT_HEAD_MAX]; /* of the key that all values were found sealed with */
};

/* ---- statements with bound values ---- */

enum {
    LPG_STATEMENT_VALUES_MAX = 480,
    LPG_STATEMENT_TEXT_MAX = 128 << 10,
    LPG_STATEMENT_BYTES_MAX = 512 << 10 /* of bound texts and geometries */
};

struct lpg_bound {
    char name[12];
    size_t offset; /* of a text or geometry in `texts` */
};

/* SQL that grows together with its values, named p0, p1, … in the order of the text. */
struct lpg_statement {
    struct cim_buf sql;
    struct cim_buf texts; /* bytes of texts and geometries */
    uint32_t n_values;
    cim_status failed;
    bool in_fid_order; /* a page of it is wanted, in the order of the table */
    cim_value *values;
    struct lpg_bound *bounds; /* beside the values */
};

/* A place to come back to, so that pages share the beginning of their statement. */
struct lpg_mark {
    size_t sql_len;
    size_t texts_len;
    uint32_t n_values;
};

cim_status lpg_statement_init(struct lpg_statement *statement, cim_error *err);
void lpg_statement_done(struct lpg_statement *statement);
#define LPG_AUTO_STATEMENT __attribute__((cleanup(lpg_statement_done)))
/* Formatted text; only names and words of ours, never a caller's value. */
__attribute__((format(printf, 2, 3))) void lpg_sql(struct lpg_statement *statement,
                                                   const char *format, ...);
void lpg_sql_int(struct lpg_statement *statement, int64_t value);
void lpg_sql_real(struct lpg_statement *statement, double value);
void lpg_sql_text(struct lpg_statement *statement, const char *text, size_t len);
/* A bound geometry, WKB, that is not in the text yet: its name, for macros. */
const char *lpg_sql_geometry(struct lpg_statement *statement, const char *wkb, size_t len);
void lpg_sql_time(struct lpg_statement *statement, int64_t ms); /* as a stored time */
/* A value under a name of its own, such as bbox_w, which the text holds already. */
void lpg_sql_named_real(struct lpg_statement *statement, const char *name, double value);
/* Ends the statement: its text and values may be used until done. */
cim_status lpg_statement_finish(struct lpg_statement *statement, cim_error *err);
struct lpg_mark lpg_statement_mark(const struct lpg_statement *statement);
void lpg_statement_rewind(struct lpg_statement *statement, struct lpg_mark mark);
uint64_t lpg_statement_hash(const struct lpg_statement *statement);
cim_status lpg_statement_read(const struct lpg_data *data, const struct lpg_statement *statement,
                              cim_rows **ret_rows, cim_error *err);

/* ---- columns ---- */

/* A record column or a field, as filters, sorts and results name it. */
struct lpg_column {
    const char *name;
    enum cim_field_type type;
    const struct cim_field *field; /* NULL: a record column */
    bool required;
};
/* False when the layer has no such column; geom is none. */
bool lpg_column_find(const struct lpg_layer *layer, const char *name, struct lpg_column *ret);
/* A text as a string, cut where it is too long; false and "" where it is absent. */
bool lpg_copy_cell(const cim_column *column, int64_t row, char *to, size_t capacity);
uint32_t lpg_column_type(enum cim_field_type type); /* CIM_COL_… of its values in rows */
/* Refuses, with CIM_E_DENIED, a field that some term does not show in clear. */
cim_status lpg_column_must_be_clear(const cim_scope *scope, const struct lpg_column *column,
                                    cim_error *err);

/* ---- conditions ---- */

/* The caller's scope for the action, checked against the area tree of now. */
cim_status lpg_scope_of(const struct lpg_layer *layer, const cim_call *call, uint32_t action,
                        const cim_scope **ret_scope, cim_error *err);
/* True if the scope lets everything through, so that no condition is needed. */
bool lpg_scope_is_open(const cim_scope *scope, int64_t now_ms);
/* "(term or term …)", "1 = 0" for none. */
cim_status lpg_sql_scope(struct lpg_statement *statement, const struct lpg_layer *layer,
                         const cim_scope *scope, int64_t now_ms, cim_error *err);
/* The condition of one term without its time. */
cim_status lpg_sql_term(struct lpg_statement *statement, const struct lpg_layer *layer,
                        const cim_term *term, cim_error *err);
/* "area_code in (…" up to the parenthesis, for areas that hold these ordinals. Where they hold many
 * records and a page in the table's order is wanted, the index on areas stays out of it: it would
 * fetch and sort all of them for one page. */
void lpg_sql_area_begin(struct lpg_statement *statement, const struct lpg_layer *layer,
                        int64_t n_rows);
/* About how many records lie in areas with ordinals in [first, end). */
cim_status lpg_area_rows(struct lpg_layer *layer, int32_t first, int32_t end, int64_t *ret_rows,
                         cim_error *err);
/* CQL2 JSON as a condition. With a scope, properties that it does not show in clear are refused. */
cim_status lpg_sql_filter(struct lpg_statement *statement, const struct lpg_layer *layer,
                          const char *filter_json, const cim_scope *scope, cim_error *err);
/* " where …" of a query: its own conditions, the scope, and no load under way (load.h). */
cim_status lpg_sql_where(struct lpg_statement *statement, const struct lpg_layer *layer,
                         const cim_query *query, const cim_scope *scope, int64_t now_ms,
                         cim_error *err);

#endif
