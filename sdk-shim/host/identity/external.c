/* host/identity/external.c -- accounts of people who sign in at a provider.
 *
 * Who somebody is there (provider and subject) leads to one account here, whatever he is called
 * there later. Name, organisation and the roles that the mapping gives follow the provider at each
 * sign-in; what administrators granted here is left alone.
 */
#include "host/identity/internal.h"
#include "host/identity/jose.h"
#include "host/identity/provider.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include "cim/util.h"
#include "kit/buf.h"

#include <json-c/json.h>

enum { AREAS_MAX_BYTES = 4000, WANTED_MAX = HOST_PROVIDER_ROLES_MAX };

struct wanted {
    const char *role;
    char *areas;
    bool there; /* granted already */
};

struct visit {
    struct host_identity *identity;
    const struct host_external *external;
    char by[HOST_PROVIDER_ID_MAX + 16]; /* who grants: "provider:ID" */
    char *username;                     /* out */
    bool changed;                       /* out */
    size_t n_wanted;
    struct wanted wanted[WANTED_MAX];
};

/* ---- which roles the claims give ---- */

static bool
is_area_code(const char *text)
{
    const size_t len = strlen(text);
    return len > 0 && len <= 64 &&
           strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

/* Codes of a claim with commas between them; what is no code is left out, and so is "*": all areas
 * come from the operator's file alone. */
static char *
areas_of(struct json_object *value)
{
    CIM_AUTO_BUF struct cim_buf out;
    const bool list = json_object_is_type(value, json_type_array);
    const size_t n = list ? json_object_array_length(value) : value != NULL ? 1 : 0;
    cim_buf_init(&out, AREAS_MAX_BYTES);
    cim_buf_add_text(&out, "");
    for (size_t i = 0; i < n; i++) {
        struct json_object *one = list ? json_object_array_get_idx(value, i) : value;
        const char *text =
            json_object_is_type(one, json_type_string) ? json_object_get_string(one) : "";
        if (is_area_code(text)) {
            cim_buf_add_text(&out, out.len > 0 ? "," : "");
            cim_buf_add_text(&out, text);
        }
    }
    return cim_buf_status(&out, NULL) == CIM_OK && out.len > 0 ? strdup(out.data) : NULL;
}

static bool
is_wanted(const struct visit *visit, const char *role, const char *areas)
{
    for (size_t i = 0; i < visit->n_wanted; i++) {
        if (strcmp(visit->wanted[i].role, role) == 0 &&
            strcmp(visit->wanted[i].areas, areas) == 0) {
            return true;
        }
    }
    return false;
}

static cim_status
map_roles(struct visit *visit, cim_error *err)
{
    const struct host_provider *provider = visit->external->provider;
    struct json_object *claims = visit->external->claims;
    for (size_t i = 0; i < provider->n_roles; i++) {
        const struct host_provider_role *rule = &provider->roles[i];
        const bool holds = rule->value != NULL ? host_claim_has(claims, rule->claim, rule->value)
                                               : host_claim(claims, rule->claim) != NULL;
        char *areas = NULL;
        if (!holds) {
            continue;
        }
        areas = rule->areas != NULL ? strdup(rule->areas)
                                    : areas_of(host_claim(claims, rule->areas_claim));
        if (areas == NULL && rule->areas != NULL) {
            return cim_fail_nomem(err);
        }
        if (areas == NULL || is_wanted(visit, rule->role, areas)) {
            free(areas);
            continue;
        }
        visit->wanted[visit->n_wanted++] = (struct wanted){.role = rule->role, .areas = areas};
    }
    return CIM_OK;
}

/* ---- the grants ---- */

static cim_status
end_grant(const struct visit *visit, cim_tx *tx, const char *uid, cim_error *err)
{
    const cim_value values[] = {host_value_text("uid", uid),
                                host_value_i64("now", visit->external->now_ms),
                                host_value_text("by", visit->by)};
    return host_store_exec(tx,
                           "update cim_grant set ended_ms = :now, ended_by = :by where uid = :uid",
                           values, 3, NULL, err);
}

/* Marks what is granted already; the uid of the first grant that the claims do not give any more.
 */
static cim_status
compare(struct visit *visit, cim_tx *tx, char **ret_uid, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("username", visit->username),
                                host_value_text("by", visit->by)};
    CIM_TRY(host_store_query(tx,
                             "select uid, name, areas from cim_grant where holder_kind = 'user' "
                             "and holder = :username and kind = 'role' and granted_by = :by and "
                             "ended_ms is null",
                             values, 2, &rows, err));
    row.rows = rows;
    for (;;) {
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        CIM_AUTO_FREE char *uid = host_row_text(&row, 0);
        CIM_AUTO_FREE char *name = host_row_text(&row, 1);
        CIM_AUTO_FREE char *areas = host_row_text(&row, 2);
        bool good = false;
        if (uid == NULL || name == NULL || areas == NULL) {
            return cim_fail_nomem(err);
        }
        for (size_t i = 0; i < visit->n_wanted; i++) {
            if (strcmp(visit->wanted[i].role, name) == 0 &&
                strcmp(visit->wanted[i].areas, areas) == 0) {
                visit->wanted[i].there = true;
                good = true;
            }
        }
        if (!good) {
            *ret_uid = CIM_TAKE(uid);
            return CIM_OK;
        }
    }
}

static cim_status
sync_grants(struct visit *visit, cim_tx *tx, cim_error *err)
{
    for (;;) { /* one after the other: no statement runs while another is read */
        CIM_AUTO_FREE char *uid = NULL;
        CIM_TRY(compare(visit, tx, &uid, err));
        if (uid == NULL) {
            break;
        }
        CIM_TRY(end_grant(visit, tx, uid, err));
        visit->changed = true;
    }
    for (size_t i = 0; i < visit->n_wanted; i++) {
        char uid[37];
        if (visit->wanted[i].there) {
            continue;
        }
        CIM_TRY(host_new_uid(visit->external->now_ms, uid, err));
        const struct host_grant grant = {
            .uid = uid,
            .holder_kind = (char *)"user",
            .holder = visit->username,
            .kind = (char *)"role",
            .name = (char *)(uintptr_t)visit->wanted[i].role,
            .areas = visit->wanted[i].areas,
            .granted_by = visit->by,
            .granted_ms = visit->external->now_ms,
            .until_ms = INT64_MAX,
        };
        CIM_TRY(host_grant_insert(tx, &grant, err));
        visit->changed = true;
    }
    return CIM_OK;
}

/* ---- the account ---- */

/* One row of one text; NULL: none. */
static cim_status
find_text(cim_tx *tx, const char *sql, const cim_value *values, uint32_t n, char **ret_text,
          bool *ret_there, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    CIM_TRY(host_store_query(tx, sql, values, n, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, ret_there, err));
    return !*ret_there || host_row_text_or_null(&row, 0, ret_text) ? CIM_OK : cim_fail_nomem(err);
}

static cim_status
make_account(struct visit *visit, cim_tx *tx, cim_error *err)
{
    const struct host_external *external = visit->external;
    const cim_value values[] = {host_value_text("username", visit->username),
                                host_value_text("provider", external->provider->id),
                                host_value_i64("now", external->now_ms)};
    visit->changed = true;
    return host_store_exec(tx,
                           "insert into cim_account (username, display_name, password_hash, "
                           "password_set_ms, provider) values (:username, :username, '!', :now, "
                           ":provider)",
                           values, 3, NULL, err);
}

static cim_status
link_account(const struct visit *visit, cim_tx *tx, cim_error *err)
{
    const cim_value values[] = {host_value_text("provider", visit->external->provider->id),
                                host_value_text("subject", visit->external->subject),
                                host_value_text("username", visit->username)};
    return host_store_exec(tx,
                           "insert into cim_external_account (provider, subject, username) values "
                           "(:provider, :subject, :username)",
                           values, 3, NULL, err);
}

/* Somebody who comes for the first time. */
static cim_status
welcome(struct visit *visit, cim_tx *tx, cim_error *err)
{
    const struct host_provider *provider = visit->external->provider;
    const char *name = host_claim_text(visit->external->claims, provider->username_claim);
    CIM_AUTO_FREE char *ended = NULL;
    bool there = false;
    if (name == NULL || !host_username_is_good(name)) {
        return cim_fail(err, CIM_E_DENIED, "name", NULL, "认证系统没有给出可用的用户名",
                        "the sign-in provider gave no usable user name");
    }
    visit->username = strdup(name);
    if (visit->username == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_value values[] = {host_value_text("username", name)};
    CIM_TRY(find_text(tx, "select provider from cim_account where username = :username", values, 1,
                      &ended, &there, err));
    if (there && !provider->link_by_name) {
        return cim_fail(err, CIM_E_DENIED, "name", NULL, "本平台已有同名账号，请与平台管理员联系",
                        "there is an account of that name here: ask the administrator");
    }
    if (!there && !provider->create) {
        return cim_fail(err, CIM_E_DENIED, "account", NULL,
                        "您在本平台还没有账号，请与平台管理员联系",
                        "you have no account here yet: ask the administrator");
    }
    if (!there) {
        CIM_TRY(make_account(visit, tx, err));
    }
    return link_account(visit, tx, err);
}

/* Name and organisation of an account that signs in there alone, and follows no directory. */
static cim_status
bring_up_to_date(struct visit *visit, cim_tx *tx, cim_error *err)
{
    const struct host_provider *provider = visit->external->provider;
    struct json_object *claims = visit->external->claims;
    const char *name = host_claim_text(claims, provider->name_claim);
    const char *org =
        provider->org_claim != NULL ? host_claim_text(claims, provider->org_claim) : NULL;
    int64_t changes = 0;
    const cim_value values[] = {
        host_value_text("username", visit->username),
        host_value_text("provider", provider->id),
        host_value_text("name", name != NULL && name[0] != '\0' && strlen(name) <= 200
                                    ? name
                                    : visit->username),
        host_value_text("org", org != NULL && strlen(org) <= 200 ? org : ""),
    };
    CIM_TRY(
        host_store_exec(tx,
                        "update cim_account set display_name = :name, org = nullif(:org, '') "
                        "where username = :username and provider = :provider and "
                        "source is null and (display_name <> :name or coalesce(org, '') <> :org)",
                        values, 4, &changes, err));
    visit->changed = visit->changed || changes > 0;
    return CIM_OK;
}

static cim_status
visit_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    struct visit *visit = arg;
    CIM_AUTO_FREE char *ended = NULL;
    bool there = false;
    const cim_value values[] = {host_value_text("provider", visit->external->provider->id),
                                host_value_text("subject", visit->external->subject)};
    CIM_TRY(find_text(tx,
                      "select username from cim_external_account where provider = :provider and "
                      "subject = :subject",
                      values, 2, &visit->username, &there, err));
    if (!there) {
        CIM_TRY(welcome(visit, tx, err));
    }
    const cim_value name[] = {host_value_text("username", visit->username)};
    CIM_TRY(find_text(tx,
                      "select username from cim_account where username = :username and ended_ms "
                      "is null",
                      name, 1, &ended, &there, err));
    if (!there) {
        return cim_fail(err, CIM_E_DENIED, "ended", NULL, "您的账号已停用，请与平台管理员联系",
                        "your account has ended: ask the administrator");
    }
    CIM_TRY(bring_up_to_date(visit, tx, err));
    return sync_grants(visit, tx, err);
}

cim_status
host_external_account(struct host_identity *identity, const struct host_external *external,
                      char **ret_username, cim_error *err)
{
    struct visit *visit = calloc(1, sizeof *visit);
    if (visit == NULL) {
        return cim_fail_nomem(err);
    }
    visit->identity = identity;
    visit->external = external;
    (void)snprintf(visit->by, sizeof visit->by, "provider:%s", external->provider->id);
    cim_status status = map_roles(visit, err);
    if (status == CIM_OK) {
        status = host_store_write(identity->options.platform, visit_in_tx, visit, NULL, err);
    }
    if (status == CIM_OK) {
        if (visit->changed) {
            host_grants_changed(identity, "user", visit->username);
        }
        *ret_username = CIM_TAKE(visit->username);
    }
    for (size_t i = 0; i < visit->n_wanted; i++) {
        free(visit->wanted[i].areas);
    }
    free(visit->username);
    free(visit);
    return status;
}

cim_status
host_external_find(struct host_identity *identity, const char *provider, const char *subject,
                   char **ret_username, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("provider", provider),
                                host_value_text("subject", subject)};
    CIM_TRY(host_store_read(identity->options.platform,
                            "select username from cim_external_account where provider = :provider "
                            "and subject = :subject",
                            values, 2, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        return cim_fail(err, CIM_E_NOTFOUND, "sub", NULL, "没有这个人的账号",
                        "that person has no account here");
    }
    *ret_username = host_row_text(&row, 0);
    return *ret_username != NULL ? CIM_OK : cim_fail_nomem(err);
}
