/* cim/store.h -- cim.store/1: SQL in the common subset, one write path, the position of changes.
 *
 * Statements bind by name (":name") and never concatenate values. Macros, expanded per driver:
 *   {wkb COLUMN}      geometry column as ISO WKB (in a select list)
 *   {geom :NAME}      a bound WKB value as a geometry (in insert and update)
 *   {bbox TABLE}      condition on TABLE's alias-free `fid`/`geom` that its geometry's envelope
 *                     meets :bbox_w, :bbox_s, :bbox_e, :bbox_n (index-backed)
 *   {near TABLE :NAME}
 *                     condition for the index alone: the envelopes of TABLE's geometry and of the
 *                     bound WKB value meet
 *   {s_intersects A B}
 *                     exact, by GEOS; A and B a geometry column or a :NAME bound to WKB. Also
 *                     s_disjoint, s_touches, s_crosses, s_overlaps, s_within, s_contains, s_equals
 *   {pinyin COLUMN}   a text in the order of pinyin (ICU's zh); :NAME, too
 *   {string :NAME}    a bound text where nothing beside it is a text column
 *   {date :NAME}      a bound text as a date, likewise
 *   {time :NAME}      a bound TIME_MS value as a stored time; {ms COLUMN} the reverse in a select
 *   {now}             the call's time as a stored time
 *   {day N}           the Beijing day of that time, N days later (a date; N whole, may be negative)
 *   {midnight COLUMN N}  the instant at which Beijing day COLUMN + N begins (a stored time)
 *   {time_add COLUMN N}  a stored time, N seconds later
 *   {never}           a stored time after all others
 * Functions of both stores beside those of SQL: cim_casei(text) and cim_accenti(text) take case and
 * accents off for comparisons; cim_power, cim_div and cim_mod of two reals are NULL where they have
 * no answer. Text compares bytewise. The subset: no vendor functions, CAST only, no interval, no
 * ilike, no lateral.
 */
#ifndef CIM_STORE_H
#define CIM_STORE_H

#include "cim/rows.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CIM_SERVICE_STORE "cim.store/1"

typedef struct cim_tx cim_tx; /* valid inside one cim_tx_fn call */

/* Work inside a transaction. May run on a thread of the store, and again after a rollback that the
 * store caused: no side effects but through tx. A failure undoes all of it. */
typedef cim_status (*cim_tx_fn)(void *arg, cim_tx *tx, cim_error *err);

enum { CIM_CHANGE_CREATE = 1, CIM_CHANGE_UPDATE = 2, CIM_CHANGE_DELETE = 3, CIM_CHANGE_BULK = 4 };

enum { CIM_INSERT_ROWS_MAX = 10000 };

/* Rows of one layer's table, whose key is `fid`. */
typedef struct cim_insert cim_insert;
struct cim_insert {
    uint32_t struct_size;
    uint32_t n_values; /* of each row */
    const char *table;
    /* "insert into TABLE (…) values (…)", values bound by name; or "insert into TABLE (…) select …
     * from (select :NAME as NAME, …) as TABLE" with a type for each value, where a column is worked
     * out from the others. */
    const char *sql;
    const cim_value *values; /* row after row, the names of each in the same order */
    uint32_t n_rows;         /* at most CIM_INSERT_ROWS_MAX */
    uint32_t reserved;
    int64_t *ret_fids; /* of each row; 0: it was refused, or not tried */
    /* Told of a row (from 0) that the store refuses, by rising rows, as exec() would: a value that
     * a unique index has already, one that a column cannot hold. Non-zero: rows behind it are not
     * tried; rows before it may have been. May be called again for the same transaction only if
     * `fn` runs again. */
    int32_t (*refused)(cim_insert *insert, uint32_t row, const cim_error *why);
    void *caller; /* the caller's own */
};

typedef struct cim_store_v1 {
    uint32_t struct_size;
    uint32_t reserved;
    /* Rows of a select, from one snapshot; holds a read connection until released, so take pages,
     * not tables, where a slow client is at the other end. `sql` stays valid until release().
     * CIM_E_BUSY when all connections are taken for too long. [worker] */
    cim_status (*read)(const cim_host *host, const char *sql, const cim_value *values,
                       uint32_t n_values, cim_rows **ret_rows, cim_error *err);
    /* Runs `fn` in a transaction (on the embedded store a savepoint of a group commit) and returns
     * after it is durable. *ret_pos: the position the change took, 0 where it is not known yet
     * (another program's long transaction holds it back). Not from inside a cim_tx_fn.
     * [worker] */
    cim_status (*write)(const cim_host *host, cim_tx_fn fn, void *arg, int64_t *ret_pos,
                        cim_error *err);
    /* Inside `fn`. CIM_E_EXISTS with the column in err->param when a unique index refuses;
     * the transaction stays usable after that. ret_changes may be NULL. */
    cim_status (*exec)(cim_tx *tx, const char *sql, const cim_value *values, uint32_t n_values,
                       int64_t *ret_changes, cim_error *err);
    cim_status (*query)(cim_tx *tx, const char *sql, const cim_value *values, uint32_t n_values,
                        cim_rows **ret_rows, cim_error *err);
    /* Notes a change of a layer's record in the change log; fid 0 with CIM_CHANGE_BULK stands for
     * "many". Every write to a layer's table notes its change. */
    cim_status (*change)(cim_tx *tx, const char *layer, int64_t fid, int32_t op,
                         const char *area_code, const char *owner_org, cim_error *err);
    /* Newest position of the whole store, and of one layer (0: never changed). Dense, only grows;
     * a read that starts after sees everything up to it. [any] */
    int64_t (*pos)(const cim_host *host);
    int64_t (*layer_pos)(const cim_host *host, const char *layer);
    /* Inside `fn`: many rows into one layer's table at the pace of the database. All rows are
     * tried; one that is refused leaves nothing, and the transaction stays usable. */
    cim_status (*insert)(cim_tx *tx, cim_insert *insert, cim_error *err);
    /* Tells that a layer's table has many new rows, after they were committed: the database looks
     * at what they are like, so that it plans with it. Takes a second at most and never fails;
     * without it, plans alone are worse. Not from inside a cim_tx_fn. [worker] */
    void (*loaded)(const cim_host *host, const char *table);
} cim_store_v1;

#ifdef __cplusplus
}
#endif
#endif
