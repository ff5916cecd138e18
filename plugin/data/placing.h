/* plugin/data/placing.h -- records that say where they are in words: a point from the address.
 *
 * Of a layer whose definition has `placing`. A point that is given stays as it is given; without
 * one the address is matched, and the record keeps how good the match is. What was placed by hand,
 * by survey or came with a point is never moved by an address. Who matches is handed in: the
 * records that addresses are matched with are analyses' business.
 */
#ifndef LPG_DATA_PLACING_H
#define LPG_DATA_PLACING_H

#include "data/data.h"

struct lpg_placed {
    const char *grade; /* static; a code of the definition's grades */
    bool has_point;
    double lonlat_deg[2];
    double error_m;
    const char *source; /* id of a layer; NULL: none */
};

struct lpg_placer {
    void *self;
    const char *const *grades; /* those that it gives; ends with NULL. Others are people's */
    /* What the caller may match with. Before the edit's transaction. [worker] */
    cim_status (*open)(void *self, const cim_call *call, void **ret_view, cim_error *err);
    void (*close)(void *view);
    /* `area`: code of the record's area; "" none. Asks no store. [any] */
    void (*place)(void *view, const char *area, const char *text, size_t len,
                  struct lpg_placed *ret_placed);
};

/* Copies. Without one records stay as they come. [lifecycle] */
void lpg_data_set_placer(struct lpg_data *data, const struct lpg_placer *placer);

/* ---- inside of data ---- */

enum { LPG_PLACING_GRADE, LPG_PLACING_ERROR, LPG_PLACING_SOURCE, LPG_PLACING_FIELDS };

/* Of an edit. */
struct lpg_placing {
    bool on;
    void *view; /* NULL: no address is given */
    uint32_t address;
    uint32_t slots[LPG_PLACING_FIELDS];
    bool said[LPG_PLACING_FIELDS]; /* the edit gives the field itself */
    bool said_point;
    uint8_t wkb[21];
    char texts[LPG_PLACING_FIELDS][512];
};

struct lpg_run;
/* After the record's columns are mapped and before the statements are made. */
cim_status lpg_placing_begin(struct lpg_run *run, cim_error *err);
void lpg_placing_done(struct lpg_run *run);
/* Of the new record at hand. */
void lpg_placing_new(struct lpg_run *run);
/* Of the record at hand that is updated or replaced; its area code, and `stored` with the record in
 * its first row. */
void lpg_placing_stored(struct lpg_run *run, const char *area, const cim_batch *stored);
/* The grade of the record at hand; "" where the layer has none. */
const char *lpg_placing_grade(const struct lpg_run *run, size_t *ret_len);

#endif
