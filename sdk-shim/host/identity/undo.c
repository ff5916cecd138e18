/* host/identity/undo.c -- what a synchronisation with a directory changed is put back.
 *
 * Step by step backwards, each judged as if the caller did it by hand. A record that is no longer
 * as the run left it is left alone, and it is told which field says what since; one that is already
 * as it was before is told to be so, so that an undo may be asked for again. What is found and what
 * is written are one transaction; where it is only to be told, that transaction is taken back.
 *
 * An account that the run made goes only while nobody could have signed in with it: what has acted
 * is ended, not removed. An account that the run ended comes back with the grants that went then.
 */
#include "host/identity/api.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include <json-c/json.h>
#include <stdlib.h>

#define WHY "撤销目录同步"

enum { STEPS_MAX = 200000, LIST_BYTES_MAX = 6 << 20 };

enum outcome { UNDONE, SAME, REFUSED, OUTCOMES };
static const char *const outcomes[OUTCOMES] = {"undone", "same", "refused"};

struct step {
    enum host_trail_kind kind;
    const char *name;
    const char *grants;
    struct json_object *before; /* NULL: there was none */
    struct json_object *after;
    struct host_grants regiven; /* of an account that comes back */
    enum outcome outcome;
    cim_error *why; /* of a refusal; in request memory */
    struct json_object *now;
};

struct undo {
    struct host_api *api;
    const char *run;
    bool applies;
    int64_t now_ms;
    size_t n;
    struct step *steps; /* the last one first */
    int64_t sums[OUTCOMES];
};

static const char *
text_of(struct json_object *image, const char *member)
{
    return json_object_get_string(json_object_object_get(image, member)); /* NULL for null */
}

static bool
is_ended(struct json_object *image)
{
    return json_object_object_get(image, "ended") != NULL;
}

static bool
comes_back(const struct step *step)
{
    return step->before != NULL && !is_ended(step->before) && is_ended(step->after);
}

/* ---- the steps of a run ---- */

static cim_status
read_image(const struct host_row *row, uint32_t column, struct json_object **ret_image,
           cim_error *err)
{
    CIM_AUTO_FREE char *text = NULL;
    if (!host_row_text_or_null(row, column, &text)) {
        return cim_fail_nomem(err);
    }
    if (text == NULL) {
        return CIM_OK;
    }
    *ret_image = json_tokener_parse(text);
    return *ret_image != NULL ? CIM_OK
                              : cim_fail(err, CIM_E_IO, NULL, NULL, "同步记录已损坏",
                                         "a step of the run cannot be read");
}

static cim_status
read_step(struct undo *undo, const struct host_row *row, struct step *step, cim_error *err)
{
    CIM_AUTO_FREE char *kind = host_row_text(row, 0);
    CIM_AUTO_FREE char *name = host_row_text(row, 1);
    CIM_AUTO_FREE char *grants = host_row_text(row, 4);
    if (kind == NULL || name == NULL || grants == NULL) {
        return cim_fail_nomem(err);
    }
    step->kind = strcmp(kind, "org") == 0 ? HOST_TRAIL_ORG : HOST_TRAIL_PERSON;
    CIM_TRY(host_api_keep(undo->api, name, &step->name, err));
    CIM_TRY(host_api_keep(undo->api, grants, &step->grants, err));
    CIM_TRY(read_image(row, 2, &step->before, err));
    return read_image(row, 3, &step->after, err);
}

static cim_status
count_steps(const struct undo *undo, size_t *ret_n, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("run", undo->run)};
    CIM_TRY(host_store_read(undo->api->identity->options.platform,
                            "select count(*) from cim_directory_step where run = :run", values, 1,
                            &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    *ret_n = there ? (size_t)host_row_i64(&row, 0) : 0;
    return *ret_n <= STEPS_MAX ? CIM_OK
                               : cim_fail(err, CIM_E_TOO_LARGE, "run", undo->run, "改动超过 %d 项",
                                          "more than %d changes", STEPS_MAX);
}

static cim_status
read_steps(struct undo *undo, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    size_t n = 0;
    const cim_value values[] = {host_value_text("run", undo->run)};
    CIM_TRY(count_steps(undo, &n, err));
    undo->steps = calloc(n > 0 ? n : 1, sizeof *undo->steps);
    if (undo->steps == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(host_store_read(undo->api->identity->options.platform,
                            "select kind, name, before_image, after_image, grants from "
                            "cim_directory_step where run = :run order by n desc",
                            values, 1, &rows, err));
    row.rows = rows;
    while (undo->n < n) {
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            break;
        }
        CIM_TRY(read_step(undo, &row, &undo->steps[undo->n++], err));
    }
    return CIM_OK;
}

static cim_status
check_run(const struct undo *undo, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("run", undo->run)};
    CIM_TRY(host_store_read(undo->api->identity->options.platform,
                            "select uid from cim_directory_sync where uid = :run", values, 1, &rows,
                            err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    return there ? CIM_OK
                 : cim_fail(err, CIM_E_NOTFOUND, "run", undo->run, "没有这次同步",
                            "there was no such synchronisation");
}

/* ---- may the caller? ---- */

static cim_status
check_grants(const struct undo *undo, struct step *step, const struct host_account *account,
             cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const struct host_holder holder = {
        .kind = "user", .id = account->username, .areas = "", .org = account->org};
    const cim_value values[] = {
        host_value_text("username", step->name),
        host_value_i64("ended",
                       json_object_get_int64(json_object_object_get(step->after, "ended"))),
        host_value_i64("now", undo->now_ms)};
    CIM_TRY(host_store_read(undo->api->identity->options.platform,
                            "select " HOST_GRANT_COLUMNS
                            " from cim_grant where holder_kind = 'user' and holder = :username and "
                            "ended_ms = :ended and until_ms > :now order by uid",
                            values, 3, &rows, err));
    row.rows = rows;
    for (;;) {
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        CIM_TRY(host_grants_add(&step->regiven, &row, HOST_JSON_LIST_MAX, err));
        CIM_TRY(
            host_give_check(undo->api, &holder, &step->regiven.grants[step->regiven.n - 1], err));
    }
}

static cim_status
check_account(const struct undo *undo, struct step *step, const struct host_account *account,
              cim_error *err)
{
    if (step->before == NULL) {
        return host_api_check_person(undo->api, account, err);
    }
    CIM_TRY(host_api_change_user(undo->api, account, text_of(step->before, "display_name"),
                                 text_of(step->before, "org"), text_of(step->before, "area"), true,
                                 err));
    return comes_back(step) ? check_grants(undo, step, account, err) : CIM_OK;
}

static cim_status
check_person(const struct undo *undo, struct step *step, cim_error *err)
{
    struct host_account *account = NULL;
    const cim_status status = host_account_load(undo->api->identity, step->name, &account, err);
    if (status == CIM_E_NOTFOUND) {
        return CIM_OK; /* told as what it is */
    }
    CIM_TRY(status);
    const cim_status checked = check_account(undo, step, account, err);
    host_account_free(account);
    return checked;
}

static cim_status
check_org(const struct undo *undo, const struct step *step, cim_error *err)
{
    HOST_AUTO_ORG struct host_org org = {0};
    const cim_status status = host_api_load_org(undo->api, step->name, &org, err);
    if (status == CIM_E_NOTFOUND) {
        return CIM_OK;
    }
    CIM_TRY(status);
    if (step->before == NULL) {
        return host_delegate_areas(undo->api->giver, HOST_ADMIN_ORGS, org.area, "area", err);
    }
    const struct host_org_input input = {.code = org.code,
                                         .name = text_of(step->before, "name"),
                                         .kind = text_of(step->before, "kind"),
                                         .parent = text_of(step->before, "parent"),
                                         .area = text_of(step->before, "area"),
                                         .source = text_of(step->before, "source")};
    return host_api_change_org(undo->api, &org, &input, true, err);
}

static bool
ends_all(cim_status status)
{
    return status == CIM_E_BUSY || status == CIM_E_NOMEM || status == CIM_E_IO;
}

static cim_status
refuse(const struct undo *undo, struct step *step, const cim_error *why, cim_error *err)
{
    step->outcome = REFUSED;
    step->why = host_http_alloc(undo->api->req, sizeof *step->why);
    if (step->why == NULL) {
        return cim_fail_nomem(err);
    }
    *step->why = *why;
    return CIM_OK;
}

/* Of somebody whom the caller does not administer he is told nothing. */
static bool
is_of_others(const struct step *step)
{
    return step->outcome == REFUSED && step->why->code == CIM_E_DENIED;
}

static cim_status
check_rights(const struct undo *undo, cim_error *err)
{
    for (size_t i = 0; i < undo->n; i++) {
        struct step *step = &undo->steps[i];
        cim_error why = {.code = CIM_OK};
        const cim_status status = step->kind == HOST_TRAIL_ORG ? check_org(undo, step, &why)
                                                               : check_person(undo, step, &why);
        if (ends_all(status)) {
            *err = why;
            return status;
        }
        if (status != CIM_OK) {
            CIM_TRY(refuse(undo, step, &why, err));
        }
    }
    return CIM_OK;
}

/* ---- is it as the run left it? ---- */

static cim_status
find_one(cim_tx *tx, const char *sql, const char *name, bool *ret_there, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    const cim_value values[] = {host_value_text("name", name)};
    CIM_TRY(host_store_query(tx, sql, values, 1, &rows, err));
    row.rows = rows;
    return host_row_next(&row, ret_there, err);
}

/* The first member that is not what the run left. */
static cim_status
say_changed(const struct step *step, cim_error *err)
{
    if (step->now == NULL) {
        return cim_fail(err, CIM_E_STATE, "name", step->name, "此后已不存在",
                        "it is there no more");
    }
    json_object_object_foreach(step->after, member, left)
    {
        struct json_object *now = json_object_object_get(step->now, member);
        if (!json_object_equal(now, left) && strcmp(member, "ended") == 0) {
            return now != NULL ? cim_fail(err, CIM_E_STATE, member, step->name, "同步后已停用",
                                          "it has been ended since")
                               : cim_fail(err, CIM_E_STATE, member, step->name, "同步后已恢复",
                                          "it has been taken up again since");
        }
        if (!json_object_equal(now, left)) {
            const char *was = left != NULL ? json_object_get_string(left) : "";
            const char *is = now != NULL ? json_object_get_string(now) : "";
            return cim_fail(err, CIM_E_STATE, member, is, "同步后又有改动：当时为“%s”，现为“%s”",
                            "changed since: the run left '%s', it is '%s' now", was, is);
        }
    }
    return cim_fail(err, CIM_E_STATE, "id", text_of(step->now, "id"), "同步后又有改动",
                    "changed since");
}

/* Who could have signed in, or got something since, is ended by hand. */
static cim_status
check_unused(cim_tx *tx, const struct step *step, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(find_one(tx,
                     "select username from cim_account where username = :name and (password_hash "
                     "<> '!' or exists (select 1 from cim_external_account e where e.username = "
                     ":name and e.provider <> '" HOST_PROVIDER_DIRECTORY "') or exists (select 1 "
                     "from cim_session s where s.username = :name))",
                     step->name, &there, err));
    if (there) {
        return cim_fail(err, CIM_E_STATE, "username", step->name,
                        "此账号已设密码、令牌或登录过，请改为停用",
                        "this account has a password, a token or has signed in: end it instead");
    }
    const cim_value values[] = {host_value_text("name", step->name)};
    CIM_TRY(host_store_query(tx,
                             "select uid from cim_grant where holder_kind = 'user' and holder = "
                             ":name and ended_ms is null",
                             values, 1, &rows, err));
    row.rows = rows;
    for (;;) {
        char uid[37];
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        host_row_copy(&row, 0, uid, sizeof uid);
        if (strstr(step->grants, uid) == NULL) {
            return cim_fail(err, CIM_E_STATE, "username", step->name, "同步后又给此账号授了权",
                            "something was granted to this account since");
        }
    }
}

/* The directory's id of before may be another account's now. */
static cim_status
check_link(cim_tx *tx, const char *id, cim_error *err)
{
    bool there = false;
    CIM_TRY(find_one(tx,
                     "select username from cim_external_account where provider = "
                     "'" HOST_PROVIDER_DIRECTORY "' and subject = :name",
                     id, &there, err));
    return there ? cim_fail(err, CIM_E_STATE, "id", id, "目录标识现属另一账号",
                            "the directory's id is another account's now")
                 : CIM_OK;
}

static cim_status
check_empty(cim_tx *tx, const struct step *step, cim_error *err)
{
    static const struct {
        const char *sql;
        const char *zh;
        const char *en;
    } uses[] = {
        {"select username from cim_account where org = :name limit 1", "已有人员属于此组织",
         "people belong to the organisation"},
        {"select code from cim_org where parent = :name limit 1", "已有下级组织",
         "there are organisations below it"},
        {"select uid from cim_grant where holder_kind = 'org' and holder = :name limit 1",
         "已给此组织授权", "something was granted to it"},
    };
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        bool there = false;
        CIM_TRY(find_one(tx, uses[i].sql, step->name, &there, err));
        if (there) {
            return cim_fail(err, CIM_E_STATE, "code", step->name, "%s%.0s", "%.0s%s", uses[i].zh,
                            uses[i].en);
        }
    }
    return CIM_OK;
}

/* ---- putting back ---- */

static cim_status
end_grants(const struct undo *undo, cim_tx *tx, const char *uids, cim_error *err)
{
    for (const char *at = uids; *at != '\0';) {
        char uid[37];
        const size_t len = strcspn(at, ",");
        (void)snprintf(uid, sizeof uid, "%.*s", (int)len, at);
        const cim_value values[] = {host_value_text("uid", uid),
                                    host_value_i64("now", undo->now_ms),
                                    host_value_text("by", undo->api->call->principal)};
        CIM_TRY(host_store_exec(tx,
                                "update cim_grant set ended_ms = :now, ended_by = :by where uid = "
                                ":uid and ended_ms is null",
                                values, 3, NULL, err));
        at += len + (at[len] == ',' ? 1 : 0);
    }
    return CIM_OK;
}

static cim_status
give_again(const struct undo *undo, cim_tx *tx, const struct step *step, cim_error *err)
{
    for (size_t i = 0; i < step->regiven.n; i++) {
        struct host_grant grant = step->regiven.grants[i];
        char uid[37];
        CIM_TRY(host_new_uid(undo->now_ms, uid, err));
        grant.uid = uid;
        grant.granted_by = (char *)(uintptr_t)undo->api->call->principal;
        grant.granted_ms = undo->now_ms;
        grant.why = (char *)WHY;
        grant.ended_by = NULL;
        grant.ended_ms = 0;
        CIM_TRY(host_grant_insert(tx, &grant, err));
    }
    return CIM_OK;
}

static cim_status
remove_person(const struct undo *undo, cim_tx *tx, const struct step *step, cim_error *err)
{
    const cim_value values[] = {host_value_text("name", step->name)};
    CIM_TRY(check_unused(tx, step, err));
    CIM_TRY(end_grants(undo, tx, step->grants, err));
    CIM_TRY(host_store_exec(tx, "delete from cim_external_account where username = :name", values,
                            1, NULL, err));
    return host_store_exec(tx, "delete from cim_account where username = :name", values, 1, NULL,
                           err);
}

static cim_status
restore_person(const struct undo *undo, cim_tx *tx, const struct step *step, cim_error *err)
{
    const char *id = text_of(step->before, "id");
    const cim_value values[] = {
        host_value_text("name", step->name),
        host_value_text("display_name", text_of(step->before, "display_name")),
        host_value_text("org", text_of(step->before, "org")),
        host_value_text("area", text_of(step->before, "area")),
        host_value_text("source", text_of(step->before, "source")),
        is_ended(step->before)
            ? host_value_i64("ended",
                             json_object_get_int64(json_object_object_get(step->before, "ended")))
            : host_value_text("ended", NULL),
    };
    const cim_value link[] = {values[0], host_value_text("provider", HOST_PROVIDER_DIRECTORY)};
    const bool same_id = json_object_equal(json_object_object_get(step->before, "id"),
                                           json_object_object_get(step->after, "id"));
    if (!same_id && id != NULL) {
        CIM_TRY(check_link(tx, id, err));
    }
    CIM_TRY(host_store_exec(tx,
                            "update cim_account set display_name = :display_name, org = :org, area "
                            "= :area, source = :source, ended_ms = :ended where username = :name",
                            values, 6, NULL, err));
    if (!same_id) {
        CIM_TRY(host_store_exec(tx,
                                "delete from cim_external_account where username = :name and "
                                "provider = :provider",
                                link, 2, NULL, err));
        CIM_TRY(id != NULL ? host_directory_link(tx, id, step->name, err) : CIM_OK);
    }
    CIM_TRY(end_grants(undo, tx, step->grants, err));
    return give_again(undo, tx, step, err);
}

static cim_status
put_back_org(cim_tx *tx, const struct step *step, cim_error *err)
{
    const cim_value values[] = {
        host_value_text("code", step->name),
        host_value_text("name", text_of(step->before, "name")),
        host_value_text("kind", text_of(step->before, "kind")),
        host_value_text("parent", text_of(step->before, "parent")),
        host_value_text("area", text_of(step->before, "area")),
        host_value_text("source", text_of(step->before, "source")),
    };
    if (step->before != NULL) {
        return host_store_exec(tx,
                               "update cim_org set name = :name, kind = :kind, parent = :parent, "
                               "area = :area, source = :source where code = :code",
                               values, 6, NULL, err);
    }
    CIM_TRY(check_empty(tx, step, err));
    return host_store_exec(tx, "delete from cim_org where code = :code", values, 1, NULL, err);
}

static cim_status
put_back(const struct undo *undo, cim_tx *tx, const struct step *step, cim_error *err)
{
    if (step->kind == HOST_TRAIL_ORG) {
        return put_back_org(tx, step, err);
    }
    return step->before == NULL ? remove_person(undo, tx, step, err)
                                : restore_person(undo, tx, step, err);
}

static cim_status
undo_step(struct undo *undo, cim_tx *tx, struct step *step, cim_error *err)
{
    cim_error why = {.code = CIM_OK};
    cim_status status = CIM_OK;
    if (is_of_others(step)) {
        return CIM_OK;
    }
    CIM_TRY(host_trail_image(tx, NULL, step->kind, step->name, &step->now, err));
    if (json_object_equal(step->now, step->before)) {
        step->outcome = SAME;
    } else if (!json_object_equal(step->now, step->after)) {
        status = say_changed(step, &why);
    } else if (step->outcome != REFUSED) {
        status = put_back(undo, tx, step, &why);
    }
    if (status == CIM_E_STATE) { /* found before anything of the step was written */
        return refuse(undo, step, &why, err);
    }
    if (status != CIM_OK) {
        *err = why;
    }
    return status;
}

static cim_status
mark_run(const struct undo *undo, cim_tx *tx, cim_error *err)
{
    const cim_value values[] = {host_value_text("run", undo->run),
                                host_value_i64("now", undo->now_ms),
                                host_value_text("by", undo->api->call->principal)};
    return host_store_exec(tx,
                           "update cim_directory_sync set undone_ms = :now, undone_by = :by where "
                           "uid = :run",
                           values, 3, NULL, err);
}

static cim_status
undo_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    struct undo *undo = arg;
    for (size_t i = 0; i < undo->n; i++) {
        struct step *step = &undo->steps[i];
        CIM_TRY(undo_step(undo, tx, step, err));
        undo->sums[step->outcome]++;
    }
    /* What is only to be told is taken back; host_directory_undo() knows it by this. */
    return undo->applies ? mark_run(undo, tx, err) : CIM_E_CANCELLED;
}

/* ---- telling ---- */

static void
add_value(struct cim_buf *out, const char *name, struct json_object *value)
{
    host_api_add(out, name, value != NULL ? json_object_get_string(value) : NULL);
}

/* What the undo changes, from what is to what was. */
static void
add_changes(const struct step *step, struct cim_buf *out)
{
    int n = 0;
    json_object_object_foreach(step->after, member, left)
    {
        struct json_object *was = json_object_object_get(step->before, member);
        if (step->before == NULL || json_object_equal(left, was) || strcmp(member, "ended") == 0) {
            continue;
        }
        cim_buf_addf(out, "%s{\"field\":\"%s\"", n++ > 0 ? "," : ",\"changes\":[", member);
        add_value(out, "from", left);
        add_value(out, "to", was);
        cim_buf_add_char(out, '}');
    }
    cim_buf_add_text(out, n > 0 ? "]" : "");
}

static void
add_step(const struct step *step, struct cim_buf *out)
{
    const char *does = step->before == NULL ? "remove" : comes_back(step) ? "reopen" : "restore";
    cim_buf_addf(out, "{\"outcome\":\"%s\",\"does\":\"%s\",\"kind\":\"%s\"",
                 outcomes[step->outcome], does, step->kind == HOST_TRAIL_ORG ? "org" : "person");
    host_api_add(out, "name", step->name);
    host_api_add(out, "title",
                 text_of(step->after, step->kind == HOST_TRAIL_ORG ? "name" : "display_name"));
    if (step->outcome == REFUSED) {
        host_api_add(out, "param", step->why->param);
        host_api_add(out, "value", step->why->value);
        host_api_add(out, "zh", step->why->zh);
        host_api_add(out, "en", step->why->en);
    } else if (step->outcome == UNDONE) {
        add_changes(step, out);
    }
    cim_buf_add_char(out, '}');
}

static void
tell(const struct undo *undo, struct cim_buf *out)
{
    size_t n = 0;
    const size_t begin = out->len;
    cim_buf_addf(out, "{\"run\":\"%s\",\"applied\":%s,\"rows\":[", undo->run,
                 undo->applies ? "true" : "false");
    for (size_t i = 0; i < undo->n; i++) {
        const struct step *step = &undo->steps[i];
        if (!is_of_others(step) && out->len - begin < LIST_BYTES_MAX) {
            cim_buf_add_text(out, n++ > 0 ? "," : "");
            add_step(step, out);
        }
    }
    cim_buf_addf(out, "],\"omitted\":%lld", (long long)(undo->n - n));
    for (size_t i = 0; i < OUTCOMES; i++) {
        cim_buf_addf(out, ",\"%s\":%lld", outcomes[i], (long long)undo->sums[i]);
    }
    cim_buf_add_char(out, '}');
}

static cim_status
note(const struct undo *undo, cim_error *err)
{
    char more[96];
    for (size_t i = 0; i < undo->n; i++) {
        const struct step *step = &undo->steps[i];
        const bool org = step->kind == HOST_TRAIL_ORG;
        if (step->outcome == UNDONE) {
            const char *action = step->before == NULL ? org ? "org.remove" : "user.remove"
                                 : org                ? "org.change"
                                 : comes_back(step)   ? "user.reopen"
                                                      : "user.change";
            host_api_note(undo->api, action, step->name, WHY);
        }
        if (step->outcome == UNDONE && step->before == NULL && !org) {
            CIM_TRY(host_sessions_end_all_of(&undo->api->identity->sessions, step->name, err));
        }
    }
    (void)snprintf(more, sizeof more, "undone %lld, same %lld, refused %lld",
                   (long long)undo->sums[UNDONE], (long long)undo->sums[SAME],
                   (long long)undo->sums[REFUSED]);
    host_api_note(undo->api, "directory.undo", undo->run, more);
    return CIM_OK;
}

static cim_status
go(struct undo *undo, struct cim_buf *out, cim_error *err)
{
    CIM_TRY(check_run(undo, err));
    CIM_TRY(read_steps(undo, err));
    if (undo->n == 0) {
        return cim_fail(err, CIM_E_STATE, "run", undo->run,
                        "这次同步没有可撤销的改动，或其记录已清理",
                        "that run changed nothing, or what it changed is forgotten");
    }
    CIM_TRY(check_rights(undo, err));
    const cim_status status =
        host_store_write(undo->api->identity->options.platform, undo_in_tx, undo, NULL, err);
    if (status != CIM_OK && (undo->applies || status != CIM_E_CANCELLED)) {
        return status;
    }
    if (undo->applies) {
        (void)atomic_fetch_add(&undo->api->identity->generation, 1);
        CIM_TRY(note(undo, err));
    }
    tell(undo, out);
    return cim_buf_status(out, err);
}

cim_status
host_directory_undo(struct host_api *api, const char *run, bool applies, struct cim_buf *out,
                    cim_error *err)
{
    struct undo undo = {
        .api = api, .run = run, .applies = applies, .now_ms = host_clock_now_ms(api->giver->clock)};
    const cim_status status = go(&undo, out, err);
    for (size_t i = 0; i < undo.n; i++) {
        (void)json_object_put(undo.steps[i].before);
        (void)json_object_put(undo.steps[i].after);
        (void)json_object_put(undo.steps[i].now);
        host_grants_free(&undo.steps[i].regiven);
    }
    free(undo.steps);
    return status;
}
