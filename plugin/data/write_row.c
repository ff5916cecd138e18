/* plugin/data/write_row.c -- one checked record into the store. */
#include "data/classes.h"
#include "data/load.h"
#include "data/rules.h"
#include "data/sealed.h"
#include "data/words.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/scope_eval.h"

/* ---- statements, made once for all rows ---- */

static void
add_slot(struct lpg_plan *plan, const struct lpg_record *record, uint32_t slot)
{
    const struct cim_field *field = lpg_record_field(record, slot);
    const char *name = record->values[slot].name;
    const bool time =
        slot == CIM_RECORD_UPDATED_AT || (field != NULL && field->type == CIM_FIELD_TIME);
    cim_buf_addf(&plan->sql,
                 slot == CIM_RECORD_GEOM ? "{geom :%s}"
                 : time                  ? "{time :%s}"
                                         : ":%s",
                 name);
    plan->slots[plan->n_slots++] = slot;
}

/* What gives a bound value the type of its column where no table is there to tell it: the text
 * before the name and the text behind. */
struct typed {
    const char *before;
    const char *behind;
};

static struct typed
typed_of(const struct lpg_record *record, uint32_t slot)
{
    static const struct typed text = {"{string :", "}"};
    static const struct typed whole = {"cast(:", " as integer)"};
    static const struct typed of_field[] = {
        [CIM_FIELD_TEXT] = {"{string :", "}"},
        [CIM_FIELD_INTEGER] = {"cast(:", " as integer)"},
        [CIM_FIELD_NUMBER] = {"cast(:", " as real)"},
        [CIM_FIELD_BOOLEAN] = {"cast(:", " as smallint)"},
        [CIM_FIELD_DATE] = {"{date :", "}"},
        [CIM_FIELD_TIME] = {"{time :", "}"},
        [CIM_FIELD_CODE] = {"{string :", "}"},
    };
    switch (slot) {
    case CIM_RECORD_FID:
    case CIM_RECORD_VERSION:
        return whole;
    case CIM_RECORD_UPDATED_AT:
        return of_field[CIM_FIELD_TIME];
    case CIM_RECORD_GEOM:
        return (struct typed){"{geom :", "}"};
    default:
        return slot < LPG_RECORD_COLUMNS ? text : of_field[lpg_record_field(record, slot)->type];
    }
}

static void
add_typed_slot(struct lpg_plan *plan, const struct lpg_record *record, uint32_t slot)
{
    const struct typed typed = typed_of(record, slot);
    const char *name = record->values[slot].name;
    cim_buf_addf(&plan->sql, "%s%s%s as %s", typed.before, name, typed.behind, name);
    plan->slots[plan->n_slots++] = slot;
}

/* Of a class that changes by time, else NULL: what the record says it is. */
static const char *
expression_of(const struct lpg_record *record, uint32_t slot)
{
    return slot < LPG_RECORD_COLUMNS
               ? NULL
               : lpg_class_rule_of(record->layer->class_rule, slot - LPG_RECORD_COLUMNS);
}

/* `keeps_fid`: of an undo, whose records come back as they were. Rules may name any field. */
static bool
is_inserted(const struct lpg_record *record, uint32_t slot, bool keeps_fid)
{
    if (slot == CIM_RECORD_FID) {
        return keeps_fid;
    }
    return record->given[slot] || (slot != CIM_RECORD_GEOM && slot < LPG_RECORD_COLUMNS) ||
           (slot >= LPG_RECORD_COLUMNS && record->layer->class_rule != NULL);
}

/* The classes are worked out over the other values of the row, which stand in for the table. */
static void
add_class_source(struct lpg_plan *plan, const struct lpg_record *record, bool words, bool keeps_fid)
{
    const char *joint = " select ";
    for (uint32_t slot = 0; slot < record->n_slots; slot++) {
        if (is_inserted(record, slot, keeps_fid)) {
            const char *expression = expression_of(record, slot);
            cim_buf_add_text(&plan->sql, joint);
            cim_buf_add_text(&plan->sql,
                             expression != NULL ? expression : record->values[slot].name);
            joint = ", ";
        }
    }
    cim_buf_add_text(&plan->sql, words ? ", " LPG_WORDS_COLUMN " from (" : " from (");
    joint = "select ";
    for (uint32_t slot = 0; slot < record->n_slots; slot++) {
        if (is_inserted(record, slot, keeps_fid)) {
            cim_buf_add_text(&plan->sql, joint);
            add_typed_slot(plan, record, slot);
            joint = ", ";
        }
    }
    cim_buf_addf(&plan->sql, "%s) as %s",
                 words ? ", cast(:WORDS as text) as " LPG_WORDS_COLUMN : "",
                 record->layer->def->table);
}

static void
plan_insert(struct lpg_plan *plan, const struct lpg_record *record, bool words, bool keeps_fid)
{
    const char *joint = "";
    cim_buf_addf(&plan->sql, "insert into %s (", record->layer->def->table);
    for (uint32_t slot = 0; slot < record->n_slots; slot++) {
        if (is_inserted(record, slot, keeps_fid)) {
            cim_buf_addf(&plan->sql, "%s%s", joint, record->values[slot].name);
            joint = ", ";
        }
    }
    cim_buf_add_text(&plan->sql, words ? ", " LPG_WORDS_COLUMN ")" : ")");
    if (record->layer->class_rule != NULL) {
        add_class_source(plan, record, words, keeps_fid);
        return;
    }
    joint = " values (";
    for (uint32_t slot = 0; slot < record->n_slots; slot++) {
        if (is_inserted(record, slot, keeps_fid)) {
            cim_buf_add_text(&plan->sql, joint);
            add_slot(plan, record, slot);
            joint = ", ";
        }
    }
    cim_buf_add_text(&plan->sql, words ? ", :WORDS)" : ")");
}

/* After an update: the classes of the record as it is now. */
static void
plan_classify(struct cim_buf *sql, const struct lpg_record *record)
{
    const char *joint = " set ";
    cim_buf_addf(sql, "update %s", record->layer->def->table);
    for (uint32_t slot = LPG_RECORD_COLUMNS; slot < record->n_slots; slot++) {
        const char *expression = expression_of(record, slot);
        if (expression != NULL) {
            cim_buf_addf(sql, "%s%s = ", joint, record->values[slot].name);
            cim_buf_add_text(sql, expression);
            joint = ", ";
        }
    }
    cim_buf_add_text(sql, " where fid = :FID");
}

/* An update sets what is given; a replacement sets everything, but sensitive fields that are not
 * given stay: who sees them masked cannot send them back. */
bool
lpg_run_sets(const struct lpg_record *record, uint32_t slot)
{
    const struct cim_field *field = lpg_record_field(record, slot);
    if (slot == CIM_RECORD_GEOM && record->layer->def->geometry == CIM_GEOMETRY_NONE) {
        return false;
    }
    if (record->given[slot] || record->op == CIM_EDIT_UPDATE) {
        return record->given[slot];
    }
    return slot == CIM_RECORD_GEOM || (field != NULL && field->sensitive == CIM_SENSITIVE_NO);
}

static void
plan_update(struct lpg_plan *plan, const struct lpg_record *record, bool words)
{
    cim_buf_addf(&plan->sql,
                 "update %s set version = :NEXT, updated_at = ", record->layer->def->table);
    add_slot(plan, record, CIM_RECORD_UPDATED_AT);
    for (uint32_t slot = CIM_RECORD_OWNER_ORG; slot < record->n_slots; slot++) {
        if (slot != CIM_RECORD_UPDATED_AT && lpg_run_sets(record, slot)) {
            cim_buf_addf(&plan->sql, ", %s = ", record->values[slot].name);
            add_slot(plan, record, slot);
        }
    }
    cim_buf_add_text(&plan->sql, words ? ", " LPG_WORDS_COLUMN " = :WORDS" : "");
    cim_buf_add_text(&plan->sql, " where fid = :FID and version = :EXPECTED");
}

/* Every slot, so that a slot is a column: those that a layer lacks are absent. */
static void
plan_find(struct cim_buf *sql, const struct lpg_record *record)
{
    const bool by_fid = record->given[CIM_RECORD_FID];
    cim_buf_add_text(sql, "select ");
    for (uint32_t slot = 0; slot < record->n_slots; slot++) {
        const struct cim_field *field = lpg_record_field(record, slot);
        const char *name = record->values[slot].name;
        const bool time =
            slot == CIM_RECORD_UPDATED_AT || (field != NULL && field->type == CIM_FIELD_TIME);
        const bool none =
            slot == CIM_RECORD_GEOM && record->layer->def->geometry == CIM_GEOMETRY_NONE;
        cim_buf_add_text(sql, slot > 0 ? ", " : "");
        cim_buf_addf(sql,
                     none                      ? "cast(null as text) as %s"
                     : slot == CIM_RECORD_GEOM ? "{wkb %s}"
                     : time                    ? "{ms %s}"
                                               : "%s",
                     name);
    }
    cim_buf_addf(sql, " from %s where %s = :%s and ", record->layer->def->table,
                 by_fid ? "fid" : "uid", by_fid ? "fid" : "uid");
    lpg_load_visible(sql, record->layer->def->table);
}

cim_status
lpg_run_plan(struct lpg_run *run, cim_error *err)
{
    const struct lpg_record *record = &run->record;
    const char *table = run->layer->def->table;
    const bool undoes = (run->edit->flags & CIM_EDIT_UNDO) != 0 && record->given[CIM_RECORD_FID];
    cim_buf_init(&run->write.sql, LPG_STATEMENT_TEXT_MAX);
    cim_buf_init(&run->find_sql, LPG_STATEMENT_TEXT_MAX);
    cim_buf_init(&run->classify_sql, LPG_STATEMENT_TEXT_MAX);
    cim_buf_init(&run->words, LPG_WORDS_BYTES_MAX * 8);
    cim_buf_init(&run->sealed, LPG_SEALED_BYTES_MAX);
    cim_buf_init(&run->erased, LPG_SEALED_BYTES_MAX);
    run->writes_words = lpg_words_change(record);
    switch (record->op) {
    case CIM_EDIT_CREATE:
        plan_insert(&run->write, record, run->writes_words, undoes);
        break;
    case CIM_EDIT_DELETE:
        cim_buf_addf(&run->write.sql, "delete from %s where fid = :FID and version = :EXPECTED",
                     table);
        break;
    default:
        plan_update(&run->write, record, run->writes_words);
        if (run->layer->class_rule != NULL && !record->erases) {
            plan_classify(&run->classify_sql, record);
        }
    }
    if (record->op != CIM_EDIT_CREATE) {
        plan_find(&run->find_sql, record);
    }
    CIM_TRY(cim_buf_status(&run->find_sql, err));
    CIM_TRY(cim_buf_status(&run->classify_sql, err));
    return cim_buf_status(&run->write.sql, err);
}

uint32_t
lpg_run_args(struct lpg_run *run)
{
    const struct lpg_plan *plan = &run->write;
    for (uint32_t i = 0; i < plan->n_slots; i++) {
        run->args[i] = run->record.values[plan->slots[i]];
    }
    if (run->writes_words) {
        run->args[plan->n_slots] = (cim_value){.name = "WORDS",
                                               .type = CIM_COL_TEXT,
                                               .len = (uint32_t)run->words.len,
                                               .v.ptr = run->words.len > 0 ? run->words.data : ""};
        return plan->n_slots + 1;
    }
    return plan->n_slots;
}

static uint32_t
add_arg(struct lpg_run *run, uint32_t n_args, const char *name, int64_t number)
{
    run->args[n_args] = (cim_value){.name = name, .type = CIM_COL_INT64, .v.i64 = number};
    return n_args + 1;
}

/* ---- scope ---- */

static bool
scope_covers(const struct lpg_run *run, int32_t ordinal, const cim_value *owner)
{
    for (uint32_t i = 0; i < run->scope->n_terms; i++) {
        const char *text = owner->type == CIM_COL_TEXT ? (const char *)owner->v.ptr : NULL;
        if (cim_term_covers(run->scope->terms[i], run->call->now_ms, ordinal, text, owner->len)) {
            return true;
        }
    }
    return false;
}

static cim_status
refuse_scope(const cim_value *area, cim_error *err)
{
    char text[LPG_AREA_CODE_MAX] = "";
    if (area->type == CIM_COL_TEXT && area->len < sizeof text) {
        memcpy(text, area->v.ptr, area->len);
        text[area->len] = '\0';
    }
    return cim_fail(err, CIM_E_DENIED, "area_code", text, "您的权限不包括该区划或所属单位的记录",
                    "your grants do not cover records of this area and organisation");
}

/* An area that has ended, or not begun, takes no record that was not in it; an undo puts back what
 * was. */
static cim_status
check_in_force(const struct lpg_run *run, cim_error *err)
{
    const cim_value *area = &run->record.values[CIM_RECORD_AREA_CODE];
    if (!run->record.given[CIM_RECORD_AREA_CODE] || area->type == 0 || run->record.area_in_force ||
        (run->edit->flags & CIM_EDIT_UNDO) != 0) {
        return CIM_OK;
    }
    return lpg_refuse_value("area_code", area, "该区划现已停用或尚未启用，不再接收新记录",
                            "the area is not in force today and takes no new records", err);
}

/* The condition of the scope on one stored record; needed where terms have row filters. */
static cim_status
stored_in_scope(const struct lpg_run *run, cim_tx *tx, int64_t fid, bool *ret_covered,
                cim_error *err)
{
    LPG_AUTO_STATEMENT struct lpg_statement statement;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(lpg_statement_init(&statement, err));
    lpg_sql(&statement, "select fid from %s where fid = ", run->layer->def->table);
    lpg_sql_int(&statement, fid);
    lpg_sql(&statement, " and ");
    CIM_TRY(lpg_sql_scope(&statement, run->layer, run->scope, run->call->now_ms, err));
    CIM_TRY(lpg_statement_finish(&statement, err));
    CIM_TRY(run->layer->data->store->query(tx, statement.sql.data, statement.values,
                                           statement.n_values, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    *ret_covered = batch->n_rows == 1;
    return CIM_OK;
}

/* ---- create ---- */

static cim_status
take_back(const struct lpg_run *run, cim_tx *tx, int64_t fid, cim_error *err)
{
    char sql[128];
    const cim_value value = {.name = "fid", .type = CIM_COL_INT64, .v.i64 = fid};
    (void)snprintf(sql, sizeof sql, "delete from %s where fid = :fid", run->layer->def->table);
    return run->layer->data->store->exec(tx, sql, &value, 1, NULL, err);
}

static cim_status
fill_new(struct lpg_run *run, cim_error *err)
{
    cim_value *values = run->record.values;
    if (values[CIM_RECORD_UID].type == 0) {
        CIM_TRY(lpg_uid_next(&run->uids, run->call->now_ms, run->uid, err));
        values[CIM_RECORD_UID].type = CIM_COL_TEXT;
        values[CIM_RECORD_UID].v.ptr = run->uid;
        values[CIM_RECORD_UID].len = 36;
    }
    const bool goes_on = (run->edit->flags & CIM_EDIT_UNDO) != 0 &&
                         run->record.given[CIM_RECORD_VERSION] &&
                         values[CIM_RECORD_VERSION].type == CIM_COL_INT64;
    values[CIM_RECORD_VERSION].type = CIM_COL_INT64;
    values[CIM_RECORD_VERSION].v.i64 = goes_on ? values[CIM_RECORD_VERSION].v.i64 + 1 : 1;
    if (values[CIM_RECORD_UPDATED_AT].type == 0) {
        values[CIM_RECORD_UPDATED_AT].type = CIM_COL_TIME_MS;
        values[CIM_RECORD_UPDATED_AT].v.i64 = run->call->now_ms;
    }
    if (values[CIM_RECORD_OWNER_ORG].type == 0 && run->default_owner != NULL) {
        values[CIM_RECORD_OWNER_ORG].type = CIM_COL_TEXT;
        values[CIM_RECORD_OWNER_ORG].v.ptr = run->default_owner;
        values[CIM_RECORD_OWNER_ORG].len = (uint32_t)strlen(run->default_owner);
    }
    return CIM_OK;
}

/* Columns that the input lacks keep nothing of the row before. */
static void
forget_new(struct lpg_run *run)
{
    for (uint32_t slot = 0; slot < LPG_RECORD_COLUMNS; slot++) {
        if (!run->record.given[slot]) {
            run->record.values[slot].type = 0;
        }
    }
}

static void
note(struct lpg_run *run, int64_t fid, int32_t op)
{
    const cim_value *area = &run->record.values[CIM_RECORD_AREA_CODE];
    const cim_value *owner = &run->record.values[CIM_RECORD_OWNER_ORG];
    lpg_changes_add(&run->changes, fid, op, area->type != 0 ? area->v.ptr : NULL, area->len,
                    owner->type != 0 ? owner->v.ptr : NULL, owner->len);
}

cim_status
lpg_run_check_new(struct lpg_run *run, cim_error *err)
{
    const cim_value *owner = &run->record.values[CIM_RECORD_OWNER_ORG];
    char uid[37];
    forget_new(run);
    CIM_TRY(fill_new(run, err));
    lpg_placing_new(run);
    lpg_words_take(run, NULL);
    (void)snprintf(uid, sizeof uid, "%.36s",
                   (const char *)run->record.values[CIM_RECORD_UID].v.ptr);
    CIM_TRY(lpg_sealed_take(run, uid, NULL, err));
    CIM_TRY(check_in_force(run, err));
    return scope_covers(run, run->record.area_ordinal, owner)
               ? CIM_OK
               : refuse_scope(&run->record.values[CIM_RECORD_AREA_CODE], err);
}

cim_status
lpg_run_check_created(const struct lpg_run *run, cim_tx *tx, int64_t fid, const cim_value *area,
                      cim_error *err)
{
    bool covered = false;
    CIM_TRY(stored_in_scope(run, tx, fid, &covered, err));
    if (covered) {
        return CIM_OK;
    }
    CIM_TRY(take_back(run, tx, fid, err));
    return refuse_scope(area, err);
}

/* ---- replace, update, delete ---- */

/* The record's area as it will be; codes of the tree end with NUL. */
static const char *
area_of(const struct lpg_run *run, const struct lpg_stored *stored)
{
    const cim_value *area = &run->record.values[CIM_RECORD_AREA_CODE];
    const bool given = run->record.given[CIM_RECORD_AREA_CODE];
    return given && area->type == CIM_COL_TEXT ? (const char *)area->v.ptr
           : stored->has_area                  ? stored->area
                                               : "";
}

static cim_status
find_stored(struct lpg_run *run, cim_tx *tx, struct lpg_stored *stored, cim_error *err)
{
    const cim_value *by =
        &run->record.values[run->record.given[CIM_RECORD_FID] ? CIM_RECORD_FID : CIM_RECORD_UID];
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    if (by->type == 0) {
        return cim_fail(err, CIM_E_INVALID, by->name, NULL, "缺少 fid 或 uid，无法确定记录",
                        "expected fid or uid to name the record");
    }
    const cim_value values[] = {*by,
                                {.name = "LAYER",
                                 .type = CIM_COL_TEXT,
                                 .len = (uint32_t)strlen(run->layer->def->id),
                                 .v.ptr = run->layer->def->id}};
    CIM_TRY(run->layer->data->store->query(tx, run->find_sql.data, values, 2, &rows, err));
    CIM_TRY(rows->next(rows, &batch, err));
    if (batch->n_rows == 0) {
        return cim_fail(err, CIM_E_NOTFOUND, by->name, NULL, "没有这条记录",
                        "there is no such record");
    }
    stored->fid = cim_column_i64(batch->columns[CIM_RECORD_FID], 0);
    stored->version = cim_column_i64(batch->columns[CIM_RECORD_VERSION], 0);
    (void)lpg_copy_cell(batch->columns[CIM_RECORD_UID], 0, stored->uid, sizeof stored->uid);
    stored->has_area =
        lpg_copy_cell(batch->columns[CIM_RECORD_AREA_CODE], 0, stored->area, sizeof stored->area);
    stored->has_owner =
        lpg_copy_cell(batch->columns[CIM_RECORD_OWNER_ORG], 0, stored->owner, sizeof stored->owner);
    if (run->record.erases) {
        CIM_TRY(lpg_sealed_erase(run, batch, err));
    }
    lpg_placing_stored(run, area_of(run, stored), batch);
    lpg_audit_compare(run, batch);
    lpg_words_take(run, batch);
    lpg_image_take(run, batch);
    return run->record.op == CIM_EDIT_DELETE || run->record.erases
               ? CIM_OK
               : lpg_sealed_take(run, stored->uid, batch, err);
}

static cim_status
check_stored(struct lpg_run *run, cim_tx *tx, const struct lpg_stored *stored, cim_error *err)
{
    const struct lpg_data *data = run->layer->data;
    const cim_value *expected = &run->record.values[CIM_RECORD_VERSION];
    const cim_value owner = {.type = stored->has_owner ? CIM_COL_TEXT : 0,
                             .len = (uint32_t)strlen(stored->owner),
                             .v.ptr = stored->owner};
    const int32_t ordinal =
        stored->has_area ? data->access->area_ordinal(data->host, stored->area) : -1;
    bool covered = scope_covers(run, ordinal, &owner);
    if (covered && run->scope_has_filters) {
        CIM_TRY(stored_in_scope(run, tx, stored->fid, &covered, err));
    }
    if (!covered) {
        /* As if it were not there: its existence is not the caller's to know. */
        return cim_fail(err, CIM_E_NOTFOUND, "fid", NULL, "没有这条记录",
                        "there is no such record");
    }
    if (run->record.given[CIM_RECORD_VERSION] && expected->type != 0 &&
        expected->v.i64 != stored->version) {
        char text[24];
        (void)snprintf(text, sizeof text, "%lld", (long long)expected->v.i64);
        return cim_fail(err, CIM_E_VERSION, "version", text, "记录已被他人修改，现为第 %lld 版",
                        "the record was changed in between, its version is %lld now",
                        (long long)stored->version);
    }
    return CIM_OK;
}

/* What an update leaves out counts as it is stored. */
static void
complete(struct lpg_run *run, const struct lpg_stored *stored)
{
    const struct lpg_data *data = run->layer->data;
    cim_value *area = &run->record.values[CIM_RECORD_AREA_CODE];
    cim_value *owner = &run->record.values[CIM_RECORD_OWNER_ORG];
    if (!run->record.given[CIM_RECORD_AREA_CODE]) {
        area->type = stored->has_area ? CIM_COL_TEXT : 0;
        area->v.ptr = stored->area;
        area->len = (uint32_t)strlen(stored->area);
        run->record.area_ordinal =
            stored->has_area ? data->access->area_ordinal(data->host, stored->area) : -1;
    }
    if (!run->record.given[CIM_RECORD_OWNER_ORG]) {
        owner->type = stored->has_owner ? CIM_COL_TEXT : 0;
        owner->v.ptr = stored->owner;
        owner->len = (uint32_t)strlen(stored->owner);
    }
}

static bool
same_text(const cim_value *value, bool present, const char *text)
{
    return present ? value->type == CIM_COL_TEXT && value->len == strlen(text) &&
                         memcmp(value->v.ptr, text, value->len) == 0
                   : value->type == 0;
}

/* Whoever follows one area learns of a record that leaves it. */
static void
note_update(struct lpg_run *run, const struct lpg_stored *stored)
{
    const cim_value *values = run->record.values;
    if (!same_text(&values[CIM_RECORD_AREA_CODE], stored->has_area, stored->area) ||
        !same_text(&values[CIM_RECORD_OWNER_ORG], stored->has_owner, stored->owner)) {
        lpg_changes_add(&run->changes, stored->fid, CIM_CHANGE_UPDATE,
                        stored->has_area ? stored->area : NULL, strlen(stored->area),
                        stored->has_owner ? stored->owner : NULL, strlen(stored->owner));
    }
    note(run, stored->fid, CIM_CHANGE_UPDATE);
}

static cim_status
change_row(struct lpg_run *run, cim_tx *tx, cim_error *err)
{
    const struct lpg_data *data = run->layer->data;
    const bool deletes = run->record.op == CIM_EDIT_DELETE;
    struct lpg_stored stored = {.fid = 0};
    cim_value *updated = &run->record.values[CIM_RECORD_UPDATED_AT];
    int64_t n_changed = 0;
    CIM_TRY(find_stored(run, tx, &stored, err));
    CIM_TRY(check_stored(run, tx, &stored, err));
    complete(run, &stored);
    if (!deletes &&
        !same_text(&run->record.values[CIM_RECORD_AREA_CODE], stored.has_area, stored.area)) {
        CIM_TRY(check_in_force(run, err));
    }
    if (run->record.op == CIM_EDIT_UPDATE && !run->record.erases) {
        CIM_TRY(lpg_rules_check_update(run, tx, stored.fid, err));
    }
    if (!deletes &&
        !scope_covers(run, run->record.area_ordinal, &run->record.values[CIM_RECORD_OWNER_ORG])) {
        return refuse_scope(&run->record.values[CIM_RECORD_AREA_CODE], err);
    }
    updated->type = CIM_COL_TIME_MS;
    updated->v.i64 = run->call->now_ms;
    uint32_t n_args = lpg_run_args(run);
    if (!deletes) {
        n_args = add_arg(run, n_args, "NEXT", stored.version + 1);
    }
    n_args = add_arg(run, n_args, "FID", stored.fid);
    n_args = add_arg(run, n_args, "EXPECTED", stored.version);
    CIM_TRY(data->store->exec(tx, run->write.sql.data, run->args, n_args, &n_changed, err));
    if (n_changed != 1) {
        return cim_fail(err, CIM_E_VERSION, "version", NULL, "记录刚被他人修改",
                        "the record was changed in between");
    }
    if (run->classify_sql.len > 0) {
        const cim_value fid = {.name = "FID", .type = CIM_COL_INT64, .v.i64 = stored.fid};
        CIM_TRY(data->store->exec(tx, run->classify_sql.data, &fid, 1, NULL, err));
    }
    if (!deletes && run->scope_has_filters) {
        bool covered = false;
        CIM_TRY(stored_in_scope(run, tx, stored.fid, &covered, err));
        if (!covered) {
            /* The row is written already, so the whole edit has to go back. */
            return cim_fail(err, CIM_E_STATE, NULL, NULL, "修改后的记录超出您的权限",
                            "the changed record would leave what your grants cover");
        }
    }
    run->last_fid = stored.fid;
    memcpy(run->last_uid, stored.uid, sizeof stored.uid);
    if (deletes) {
        note(run, stored.fid, CIM_CHANGE_DELETE);
    } else {
        note_update(run, &stored);
    }
    return lpg_image_note(run, tx, stored.fid, stored.version + (deletes ? 0 : 1), err);
}

cim_status
lpg_run_row(struct lpg_run *run, cim_tx *tx, cim_error *err)
{
    CIM_TRY(change_row(run, tx, err));
    run->n_written++;
    return CIM_OK;
}
