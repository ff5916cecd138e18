/* plugin/data/placing.c -- see placing.h. */
#include "data/edit.h"

#include "cim/util.h"
#include "kit/rows.h"
#include "kit/wkb.h"

void
lpg_data_set_placer(struct lpg_data *data, const struct lpg_placer *placer)
{
    data->placer = *placer;
}

static uint32_t
slot_of(const struct lpg_layer *layer, const struct cim_field *field)
{
    return LPG_RECORD_COLUMNS + (uint32_t)(field - layer->def->fields);
}

cim_status
lpg_placing_begin(struct lpg_run *run, cim_error *err)
{
    const struct lpg_layer *layer = run->layer;
    const struct cim_placing *def = &layer->def->placing;
    struct lpg_record *record = &run->record;
    struct lpg_placing *placing = &run->placing;
    if (layer->data->placer.open == NULL || def->address == NULL || record->op == CIM_EDIT_DELETE ||
        record->undoes || record->erases) {
        return CIM_OK;
    }
    placing->address = slot_of(layer, def->address);
    placing->slots[LPG_PLACING_GRADE] = slot_of(layer, def->grade);
    placing->slots[LPG_PLACING_ERROR] = slot_of(layer, def->error);
    placing->slots[LPG_PLACING_SOURCE] = slot_of(layer, def->source);
    placing->said_point = record->given[CIM_RECORD_GEOM];
    if (record->op == CIM_EDIT_UPDATE && !placing->said_point && !record->given[placing->address]) {
        return CIM_OK; /* it moves nothing */
    }
    placing->on = true;
    record->given[CIM_RECORD_GEOM] = true;
    for (int i = 0; i < LPG_PLACING_FIELDS; i++) {
        placing->said[i] = record->given[placing->slots[i]];
        record->given[placing->slots[i]] = true;
    }
    return record->given[placing->address]
               ? layer->data->placer.open(layer->data->placer.self, run->call, &placing->view, err)
               : CIM_OK;
}

void
lpg_placing_done(struct lpg_run *run)
{
    if (run->placing.view != NULL) {
        run->layer->data->placer.close(run->placing.view);
    }
}

/* ---- values ---- */

static cim_value *
value_of(struct lpg_run *run, int i)
{
    return &run->record.values[run->placing.slots[i]];
}

static void
set_text(struct lpg_run *run, int i, const char *text, size_t len)
{
    char *kept = run->placing.texts[i];
    const size_t capacity = sizeof run->placing.texts[i];
    cim_value *value = value_of(run, i);
    len = len < capacity ? len : 0;
    memcpy(kept, text, len);
    value->type = len > 0 ? CIM_COL_TEXT : 0;
    value->v.ptr = kept;
    value->len = (uint32_t)len;
}

static void
set_point(struct lpg_run *run, const uint8_t *wkb, size_t len)
{
    cim_value *geom = &run->record.values[CIM_RECORD_GEOM];
    geom->type = len == sizeof run->placing.wkb ? CIM_COL_WKB : 0;
    if (geom->type != 0) {
        memcpy(run->placing.wkb, wkb, len);
        geom->v.ptr = run->placing.wkb;
        geom->len = (uint32_t)len;
    }
}

/* Fields that the edit does not give have no value, unless something sets one. */
static void
clear_unsaid(struct lpg_run *run)
{
    for (int i = 0; i < LPG_PLACING_FIELDS; i++) {
        if (!run->placing.said[i]) {
            value_of(run, i)->type = 0;
        }
    }
    if (!run->placing.said_point) {
        run->record.values[CIM_RECORD_GEOM].type = 0;
    }
}

/* ---- placing ---- */

/* By the address alone: what the edit says of the position means nothing without a point. */
static void
place(struct lpg_run *run, const char *area)
{
    const struct cim_placing *def = &run->layer->def->placing;
    const cim_value *address = &run->record.values[run->placing.address];
    struct lpg_placed placed = {.grade = "none"};
    if (run->placing.view != NULL && address->type == CIM_COL_TEXT) {
        run->layer->data->placer.place(run->placing.view, area, (const char *)address->v.ptr,
                                       address->len, &placed);
    }
    const bool good =
        placed.has_point && cim_placing_is_good(def, placed.grade, strlen(placed.grade));
    uint8_t wkb[sizeof run->placing.wkb];
    cim_value *error = value_of(run, LPG_PLACING_ERROR);
    cim_wkb_from_point(placed.lonlat_deg[0], placed.lonlat_deg[1], wkb);
    set_point(run, wkb, good ? sizeof wkb : 0);
    set_text(run, LPG_PLACING_GRADE, placed.grade, strlen(placed.grade));
    set_text(run, LPG_PLACING_SOURCE, good && placed.source != NULL ? placed.source : "",
             good && placed.source != NULL ? strlen(placed.source) : 0);
    error->type = good ? CIM_COL_FLOAT64 : 0;
    error->v.f64 = placed.error_m;
}

static bool
is_of_placer(const struct lpg_run *run, const char *grade, size_t len)
{
    for (const char *const *g = run->layer->data->placer.grades; *g != NULL; g++) {
        if (strlen(*g) == len && memcmp(*g, grade, len) == 0) {
            return true;
        }
    }
    return false;
}

static bool
has_point(const struct lpg_run *run)
{
    return run->record.values[CIM_RECORD_GEOM].type != 0;
}

void
lpg_placing_new(struct lpg_run *run)
{
    const cim_value *area = &run->record.values[CIM_RECORD_AREA_CODE];
    if (!run->placing.on) {
        return;
    }
    clear_unsaid(run);
    if (!has_point(run)) {
        char code[LPG_AREA_CODE_MAX] = "";
        if (area->type == CIM_COL_TEXT && area->len < sizeof code) {
            memcpy(code, area->v.ptr, area->len);
            code[area->len] = '\0';
        }
        place(run, code);
    } else if (value_of(run, LPG_PLACING_GRADE)->type == 0) {
        set_text(run, LPG_PLACING_GRADE, "given", strlen("given"));
    }
}

/* The grade that a point has which an update brings: what it says, unless that is of a match that
 * found another point. */
static void
grade_moved(struct lpg_run *run, const cim_batch *stored)
{
    const cim_value *grade = value_of(run, LPG_PLACING_GRADE);
    const cim_value *geom = &run->record.values[CIM_RECORD_GEOM];
    const cim_column *old = stored->columns[CIM_RECORD_GEOM];
    size_t len = 0;
    const uint8_t *wkb = cim_column_present(old, 0) ? cim_column_bytes(old, 0, &len) : NULL;
    const bool moved = wkb == NULL || len != geom->len || memcmp(wkb, geom->v.ptr, len) != 0;
    if (grade->type == 0 || (moved && is_of_placer(run, (const char *)grade->v.ptr, grade->len))) {
        set_text(run, LPG_PLACING_GRADE, "manual", strlen("manual"));
        value_of(run, LPG_PLACING_SOURCE)->type = 0;
        value_of(run, LPG_PLACING_ERROR)->type = 0;
    }
}

static void
keep_field(struct lpg_run *run, int i, const cim_batch *stored)
{
    const cim_column *column = stored->columns[run->placing.slots[i]];
    cim_value *value = value_of(run, i);
    size_t len = 0;
    if (run->placing.said[i]) {
        return;
    }
    if (!cim_column_present(column, 0)) {
        value->type = 0;
    } else if (i == LPG_PLACING_ERROR) {
        value->type = CIM_COL_FLOAT64;
        value->v.f64 = cim_column_f64(column, 0);
    } else {
        const uint8_t *text = cim_column_bytes(column, 0, &len);
        set_text(run, i, (const char *)text, len);
    }
}

static void
keep_all(struct lpg_run *run, const cim_batch *stored)
{
    const cim_column *geom = stored->columns[CIM_RECORD_GEOM];
    size_t len = 0;
    const uint8_t *wkb = cim_column_present(geom, 0) ? cim_column_bytes(geom, 0, &len) : NULL;
    set_point(run, wkb, len);
    for (int i = 0; i < LPG_PLACING_FIELDS; i++) {
        keep_field(run, i, stored);
    }
}

/* Somebody put the point where it is. */
static bool
is_by_hand(const struct lpg_run *run, const cim_batch *stored)
{
    const cim_column *grade = stored->columns[run->placing.slots[LPG_PLACING_GRADE]];
    size_t len = 0;
    if (!cim_column_present(stored->columns[CIM_RECORD_GEOM], 0)) {
        return false;
    }
    if (!cim_column_present(grade, 0)) {
        return true; /* from before there were grades: it came with its point */
    }
    const uint8_t *text = cim_column_bytes(grade, 0, &len);
    return !is_of_placer(run, (const char *)text, len);
}

/* The point is taken away, and what the address was found to be stays told: an undo of placing. */
static bool
keeps_grade(const struct lpg_run *run)
{
    const cim_value *grade = &run->record.values[run->placing.slots[LPG_PLACING_GRADE]];
    return run->placing.view == NULL && grade->type == CIM_COL_TEXT &&
           !cim_placing_is_good(&run->layer->def->placing, (const char *)grade->v.ptr, grade->len);
}

void
lpg_placing_stored(struct lpg_run *run, const char *area, const cim_batch *stored)
{
    struct lpg_placing *placing = &run->placing;
    if (!placing->on) {
        return;
    }
    clear_unsaid(run);
    if (has_point(run)) {
        grade_moved(run, stored);
    } else if (!placing->said_point &&
               (is_by_hand(run, stored) || !run->record.given[placing->address])) {
        keep_all(run, stored);
    } else if (!keeps_grade(run)) {
        place(run, area);
    }
}

const char *
lpg_placing_grade(const struct lpg_run *run, size_t *ret_len)
{
    const cim_value *grade = &run->record.values[run->placing.slots[LPG_PLACING_GRADE]];
    *ret_len = run->placing.on && grade->type == CIM_COL_TEXT ? grade->len : 0;
    return *ret_len > 0 ? (const char *)grade->v.ptr : "";
}
