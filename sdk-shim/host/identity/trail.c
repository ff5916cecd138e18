/* host/identity/trail.c -- see trail.h. */
#include "host/identity/trail.h"

#include "cim/util.h"
#include "host/identity/internal.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include <json-c/json.h>

static const char *const person_members[] = {"display_name", "org", "area", "source"};
static const char *const org_members[] = {"name", "kind", "parent", "area", "source"};

static const struct {
    const char *sql; /* the members, then when it ended */
    const char *const *members;
    uint32_t n;
} kinds[] = {
    [HOST_TRAIL_PERSON] = {"select display_name, org, area, source, ended_ms from cim_account "
                           "where username = :name",
                           person_members, sizeof person_members / sizeof person_members[0]},
    [HOST_TRAIL_ORG] = {"select name, kind, parent, area, source, ended_ms from cim_org where "
                        "code = :name",
                        org_members, sizeof org_members / sizeof org_members[0]},
};

static cim_status
ask(cim_tx *tx, struct host_store *store, const char *sql, const cim_value *values, uint32_t n,
    cim_rows **ret_rows, cim_error *err)
{
    return tx != NULL ? host_store_query(tx, sql, values, n, ret_rows, err)
                      : host_store_read(store, sql, values, n, ret_rows, err);
}

static cim_status
add_text(struct json_object *image, const char *member, const struct host_row *row, uint32_t column,
         cim_error *err)
{
    CIM_AUTO_FREE char *text = NULL;
    if (!host_row_text_or_null(row, column, &text) ||
        json_object_object_add(image, member, text != NULL ? json_object_new_string(text) : NULL) !=
            0) {
        return cim_fail_nomem(err);
    }
    return CIM_OK;
}

static cim_status
add_members(struct json_object *image, enum host_trail_kind kind, const struct host_row *row,
            cim_error *err)
{
    const uint32_t n = kinds[kind].n;
    for (uint32_t i = 0; i < n; i++) {
        CIM_TRY(add_text(image, kinds[kind].members[i], row, i, err));
    }
    return json_object_object_add(image, "ended",
                                  host_row_has(row, n) ? json_object_new_int64(host_row_i64(row, n))
                                                       : NULL) == 0
               ? CIM_OK
               : cim_fail_nomem(err);
}

/* By which id the directory knows the account. */
static cim_status
add_link(cim_tx *tx, struct host_store *store, const char *name, struct json_object *image,
         cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("name", name),
                                host_value_text("provider", HOST_PROVIDER_DIRECTORY)};
    CIM_TRY(ask(tx, store,
                "select subject from cim_external_account where username = :name and provider = "
                ":provider order by subject limit 1",
                values, 2, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    return there ? add_text(image, "id", &row, 0, err) : CIM_OK;
}

cim_status
host_trail_image(cim_tx *tx, struct host_store *store, enum host_trail_kind kind, const char *name,
                 struct json_object **ret_image, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("name", name)};
    CIM_TRY(ask(tx, store, kinds[kind].sql, values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        *ret_image = NULL;
        return CIM_OK;
    }
    struct json_object *image = json_object_new_object();
    if (image == NULL) {
        return cim_fail_nomem(err);
    }
    cim_status status = add_members(image, kind, &row, err);
    if (status == CIM_OK && kind == HOST_TRAIL_PERSON) {
        status = add_link(tx, store, name, image, err);
    }
    if (status != CIM_OK) {
        (void)json_object_put(image);
        return status;
    }
    *ret_image = image;
    return CIM_OK;
}

cim_status
host_step_begin(struct host_step *step, cim_tx *tx, cim_error *err)
{
    return step->trail != NULL
               ? host_trail_image(tx, NULL, step->kind, step->name, &step->before, err)
               : CIM_OK;
}

static cim_status
write_step(const struct host_step *step, cim_tx *tx, struct json_object *after, const char *grants,
           cim_error *err)
{
    struct host_trail *trail = step->trail;
    const char *before = step->before != NULL
                             ? json_object_to_json_string_ext(step->before, JSON_C_TO_STRING_PLAIN)
                             : NULL;
    const cim_value values[] = {
        host_value_text("run", trail->run),
        host_value_i64("n", ++trail->n),
        host_value_text("kind", step->kind == HOST_TRAIL_PERSON ? "person" : "org"),
        host_value_text("name", step->name),
        host_value_text("before", before),
        host_value_text("after", json_object_to_json_string_ext(after, JSON_C_TO_STRING_PLAIN)),
        host_value_text("grants", grants),
    };
    return host_store_exec(tx,
                           "insert into cim_directory_step (run, n, kind, name, before_image, "
                           "after_image, grants) values (:run, :n, :kind, :name, :before, :after, "
                           ":grants)",
                           values, 7, NULL, err);
}

cim_status
host_step_end(struct host_step *step, cim_tx *tx, const char *grants, cim_error *err)
{
    struct json_object *after = NULL;
    if (step->trail == NULL) {
        return CIM_OK;
    }
    CIM_TRY(host_trail_image(tx, NULL, step->kind, step->name, &after, err));
    const cim_status status =
        json_object_equal(step->before, after) ? CIM_OK : write_step(step, tx, after, grants, err);
    (void)json_object_put(after);
    return status;
}

void
host_step_done(struct host_step *step)
{
    (void)json_object_put(step->before);
    step->before = NULL;
}
