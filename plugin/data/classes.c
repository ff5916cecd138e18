/* plugin/data/classes.c -- see classes.h: one round over the classes. */
#include "data/classes.h"

#include "cim/util.h"
#include "kit/cleanup.h"

static int32_t
never_cancelled(const cim_call *call)
{
    (void)call;
    return 0;
}

/* ---- one layer ---- */

/* Keeps the first refusal; a record that somebody else changed in between comes again, and so does
 * one of a load under way. */
static void
note_refusal(cim_edit *edit, int64_t row, const cim_error *why)
{
    cim_error *first = (cim_error *)edit->caller;
    (void)row;
    if (first->code == CIM_OK && why->code != CIM_E_VERSION && why->code != CIM_E_NOTFOUND) {
        *first = *why;
    }
}

/* The platform's own work: it may write every record of the layer. */
static cim_status
write_slice(struct lpg_layer *layer, cim_rows *rows, cim_edit *edit, cim_error *err)
{
    const struct lpg_data *data = layer->data;
    const cim_term term = {.struct_size = sizeof term,
                           .actions = CIM_ACT_UPDATE,
                           .resource = layer->def->id,
                           .all_areas = 1,
                           .sensitive_mode = CIM_FIELD_CLEAR,
                           .from_ms = INT64_MIN,
                           .until_ms = INT64_MAX};
    const cim_term *terms[] = {&term};
    cim_error refused = {.code = CIM_OK};
    const cim_scope scope = {.struct_size = sizeof scope,
                             .n_terms = 1,
                             .terms = terms,
                             .areas_version = data->access->areas_version(data->host)};
    const cim_call call = {.struct_size = sizeof call,
                           .request_id = "clock",
                           .principal = "",
                           .lang = "zh",
                           .scope = &scope,
                           .now_ms = data->clock->now_ms(data->host),
                           .cancelled = never_cancelled};
    *edit = (cim_edit){.struct_size = sizeof *edit,
                       .flags = CIM_EDIT_ROW_WISE,
                       .op = CIM_EDIT_UPDATE,
                       .rows = rows,
                       .refused = note_refusal,
                       .caller = &refused};
    CIM_TRY(lpg_layer_write(layer, &call, edit, err));
    edit->caller = NULL;
    if (refused.code != CIM_OK && err != NULL) {
        *err = refused;
    }
    return refused.code;
}

static cim_status
run_slice(struct lpg_layer *layer, cim_edit *edit, cim_error *err)
{
    const struct lpg_data *data = layer->data;
    const cim_value slice = {.name = "slice", .type = CIM_COL_INT64, .v.i64 = LPG_CLASS_SLICE};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(data->store->read(data->host, layer->class_sql, &slice, 1, &rows, err));
    return write_slice(layer, rows, edit, err);
}

/* ---- after the clock went back ---- */

static void
add_expression(struct lpg_statement *statement, const struct lpg_layer *layer, size_t i)
{
    cim_buf_add_text(&statement->sql, lpg_class_rule_of(layer->class_rule, i));
}

/* The first records behind fid `after` that the rule sees otherwise: a class, or a transition. */
static void
select_wrong(struct lpg_statement *statement, const struct lpg_layer *layer, int64_t after)
{
    const struct cim_definition *def = layer->def;
    const char *joint = " and (";
    lpg_sql(statement, "select fid, version");
    for (size_t i = 0; i < def->n_fields; i++) {
        if (lpg_class_rule_of(layer->class_rule, i) != NULL) {
            lpg_sql(statement, ", ");
            add_expression(statement, layer, i);
            lpg_sql(statement, " as %s", def->fields[i].name);
        }
    }
    lpg_sql(statement, " from %s where fid > ", def->table);
    lpg_sql_int(statement, after);
    for (size_t i = 0; i < def->n_fields; i++) {
        const char *name = def->fields[i].name;
        if (lpg_class_rule_of(layer->class_rule, i) != NULL) {
            lpg_sql(statement, "%s%s is null or %s <> ", joint, name, name);
            add_expression(statement, layer, i);
            joint = " or ";
        }
    }
    lpg_sql(statement, ") order by fid limit ");
    lpg_sql_int(statement, LPG_CLASS_SLICE);
}

/* The slice behind *after, which becomes its last fid. */
static cim_status
correct_slice(struct lpg_layer *layer, int64_t *after, cim_edit *edit, cim_error *err)
{
    LPG_AUTO_STATEMENT struct lpg_statement statement;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(lpg_statement_init(&statement, err));
    select_wrong(&statement, layer, *after);
    CIM_TRY(lpg_statement_finish(&statement, err));
    CIM_TRY(lpg_statement_read(layer->data, &statement, &rows, err));
    CIM_TRY(write_slice(layer, rows, edit, err));
    *after = edit->last_fid;
    return CIM_OK;
}

static cim_status
correct_layer(struct lpg_layer *layer, const atomic_bool *stop, int64_t *n_written, cim_error *err)
{
    cim_edit edit = {.n_read = LPG_CLASS_SLICE, .n_written = 1};
    int64_t after = 0;
    while (edit.n_read == LPG_CLASS_SLICE && edit.n_written > 0 &&
           (stop == NULL || !atomic_load(stop))) {
        CIM_TRY(correct_slice(layer, &after, &edit, err));
        *n_written += edit.n_written;
    }
    return CIM_OK;
}

static cim_status
run_layer(struct lpg_layer *layer, const atomic_bool *stop, int64_t *n_written, cim_error *err)
{
    cim_edit edit = {.n_read = LPG_CLASS_SLICE, .n_written = 1};
    /* A slice of which nothing was taken would come back unchanged: others are at the records. */
    for (int i = 0; i < LPG_CLASS_SLICES_MAX && edit.n_read == LPG_CLASS_SLICE &&
                    edit.n_written > 0 && (stop == NULL || !atomic_load(stop));
         i++) {
        CIM_TRY(run_slice(layer, &edit, err));
        *n_written += edit.n_written;
    }
    return CIM_OK;
}

cim_status
lpg_classes_run(struct lpg_data *data, const atomic_bool *stop, int64_t *ret_n_written,
                cim_error *err)
{
    const int64_t now_ms = data->clock->now_ms(data->host);
    const bool went_back = now_ms < data->classes_seen_ms - LPG_CLOCK_BACK_MS;
    cim_status result = CIM_OK;
    int64_t n_written = 0;
    for (size_t i = 0; i < data->n_layers; i++) {
        struct lpg_layer *layer = data->layers[i];
        cim_error why = {.code = 0};
        if (layer->class_sql == NULL) {
            continue;
        }
        const cim_status status = went_back ? correct_layer(layer, stop, &n_written, &why)
                                            : run_layer(layer, stop, &n_written, &why);
        if (status != CIM_OK && result == CIM_OK) {
            result = cim_fail(err, status, "layer", layer->def->id, "%s：%s%.0s", "%s: %.0s%s",
                              layer->def->id, why.zh, why.en);
        }
    }
    /* What could not be put right is tried again. */
    data->classes_seen_ms = went_back && result != CIM_OK ? data->classes_seen_ms : now_ms;
    *ret_n_written = n_written;
    return result;
}
