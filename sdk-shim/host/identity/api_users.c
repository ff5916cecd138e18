/* host/identity/api_users.c -- /admin/api/users. */
#include "host/identity/api.h"

#include "host/base/clock.h"
#include "host/store/row.h"
#include "host/store/store.h"

/* ---- list ---- */

#define USERS_SQL                                                                                  \
    "select a.username, a.display_name, a.org, o.name, coalesce(a.area, o.area, '*'), "            \
    "a.ended_ms, f.confirmed_ms, a.provider, a.source from cim_account a left join cim_org o on "  \
    "o.code = "                                                                                    \
    "a.org left "                                                                                  \
    "join cim_second_factor f on f.username = a.username "

enum { USER_COLUMNS = 5 };

struct user {
    char *texts[USER_COLUMNS]; /* username, display name, org, its name, area */
    bool ended;
    bool has_factor;
    char *provider; /* NULL: a password of the platform */
    char *source;   /* NULL: made here */
};

static void
user_done(struct user *user)
{
    free(user->provider);
    free(user->source);
    for (size_t i = 0; i < USER_COLUMNS; i++) {
        free(user->texts[i]);
    }
}
#define AUTO_USER __attribute__((cleanup(user_done)))

static cim_status
read_user(const struct host_row *row, struct user *user, cim_error *err)
{
    for (uint32_t i = 0; i < USER_COLUMNS; i++) {
        if (!host_row_text_or_null(row, i, &user->texts[i])) {
            return cim_fail_nomem(err);
        }
    }
    user->ended = host_row_has(row, USER_COLUMNS);
    user->has_factor = host_row_has(row, USER_COLUMNS + 1);
    if (!host_row_text_or_null(row, USER_COLUMNS + 2, &user->provider) ||
        !host_row_text_or_null(row, USER_COLUMNS + 3, &user->source)) {
        return cim_fail_nomem(err);
    }
    return CIM_OK;
}

/* The roles of a person, with where and until when. */
static cim_status
add_roles(const struct host_api *api, const char *username, struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    bool first = true;
    const cim_value values[] = {host_value_text("username", username),
                                host_value_i64("now", host_clock_now_ms(api->giver->clock))};
    CIM_TRY(host_store_read(api->identity->options.platform,
                            "select name, areas, until_ms from cim_grant where holder_kind = "
                            "'user' and holder = :username and kind = 'role' and ended_ms is null "
                            "and until_ms > :now order by name",
                            values, 2, &rows, err));
    row.rows = rows;
    cim_buf_add_text(out, ",\"roles\":[");
    for (;;) {
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            break;
        }
        CIM_AUTO_FREE char *name = host_row_text(&row, 0);
        CIM_AUTO_FREE char *areas = host_row_text(&row, 1);
        if (name == NULL || areas == NULL) {
            return cim_fail_nomem(err);
        }
        cim_buf_add_text(out, first ? "{\"role\":" : ",{\"role\":");
        cim_buf_add_json_text(out, name, SIZE_MAX);
        host_api_add_areas(out, "areas", areas);
        host_api_add_time(out, "until", host_row_i64(&row, 2));
        cim_buf_add_char(out, '}');
        first = false;
    }
    cim_buf_add_char(out, ']');
    return CIM_OK;
}

static cim_status
add_user(const struct host_api *api, const struct user *user, struct cim_buf *out, cim_error *err)
{
    cim_buf_add_text(out, "{\"username\":");
    cim_buf_add_json_text(out, user->texts[0], SIZE_MAX);
    host_api_add(out, "display_name", user->texts[1]);
    host_api_add(out, "org", user->texts[2]);
    host_api_add(out, "org_name", user->texts[3]);
    host_api_add(out, "area", user->texts[4]);
    cim_buf_addf(out, ",\"ended\":%s,\"factor\":%s", user->ended ? "true" : "false",
                 user->has_factor ? "true" : "false");
    const bool service =
        user->provider != NULL && strcmp(user->provider, HOST_PROVIDER_SERVICE) == 0;
    host_api_add(out, "kind", service ? "service" : "person");
    host_api_add(out, "provider", service ? NULL : user->provider);
    host_api_add(out, "source", user->source);
    CIM_TRY(add_roles(api, user->texts[0], out, err));
    cim_buf_add_char(out, '}');
    return CIM_OK;
}

static cim_status
list(const struct host_api *api, struct host_listing *listing, struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const char *org = host_http_query_param(api->req, "org");
    CIM_TRY(host_store_read(api->identity->options.platform, USERS_SQL "order by a.username", NULL,
                            0, &rows, err));
    row.rows = rows;
    for (;;) {
        AUTO_USER struct user user = {0};
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        CIM_TRY(read_user(&row, &user, err));
        if ((org == NULL || (user.texts[2] != NULL && strcmp(org, user.texts[2]) == 0)) &&
            host_delegate_inside(api->giver, &listing->areas, user.texts[4]) &&
            host_listing_matches(listing, (const char *const *)user.texts, USER_COLUMNS - 1) &&
            host_listing_take(listing)) {
            cim_buf_add_text(out, listing->written > 1 ? "," : "");
            CIM_TRY(add_user(api, &user, out, err));
        }
    }
}

static cim_status
handle_list(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    return host_api_answer_list(self, call, req, HOST_ADMIN_USERS, "users", list, err);
}

static cim_status
answer_user(const struct host_api *api, int32_t http_status, const char *username, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_AUTO_BUF struct cim_buf body;
    AUTO_USER struct user user = {0};
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("username", username)};
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    CIM_TRY(host_store_read(api->identity->options.platform,
                            USERS_SQL "where a.username = :username", values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    CIM_TRY(read_user(&row, &user, err));
    CIM_TRY(add_user(api, &user, &body, err));
    return host_api_answer(api, http_status, &body, err);
}

/* ---- new ones ---- */

enum { UIDS_BYTES_MAX = 256 << 10 };

static void
add_uid(struct cim_buf *uids, const char *uid)
{
    cim_buf_addf(uids, "%s%s", uids->len > 0 ? "," : "", uid);
}

struct creation {
    const struct host_new_user *user;
    const char *hash;
    const char *by;
    int64_t now_ms;
    bool must_change;
    struct host_trail *trail;
};

/* Each role a grant of its own; their uids, separated by commas. */
static cim_status
insert_roles(const struct creation *creation, cim_tx *tx, struct cim_buf *ret_uids, cim_error *err)
{
    const struct host_new_user *user = creation->user;
    CIM_AUTO_FREE char *roles = strdup(user->roles);
    char *rest = roles;
    if (roles == NULL) {
        return cim_fail_nomem(err);
    }
    while (rest != NULL) {
        char *role = strsep(&rest, ",");
        char uid[37];
        if (*role == '\0') {
            continue;
        }
        CIM_TRY(host_new_uid(creation->now_ms, uid, err));
        const struct host_grant grant = {
            .uid = uid,
            .holder_kind = (char *)"user",
            .holder = (char *)(uintptr_t)user->username,
            .kind = (char *)"role",
            .name = role,
            .areas = (char *)(uintptr_t)user->areas,
            .granted_by = (char *)(uintptr_t)creation->by,
            .granted_ms = creation->now_ms,
            .until_ms = user->until_ms,
        };
        CIM_TRY(host_grant_insert(tx, &grant, err));
        add_uid(ret_uids, uid);
    }
    return cim_buf_status(ret_uids, err);
}

static cim_status
insert_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct creation *creation = arg;
    const struct host_new_user *user = creation->user;
    CIM_AUTO_BUF struct cim_buf uids;
    HOST_AUTO_STEP struct host_step step = {
        .trail = creation->trail, .kind = HOST_TRAIL_PERSON, .name = user->username};
    const cim_value values[] = {
        host_value_text("username", user->username),
        host_value_text("display_name", user->display_name),
        host_value_text("org", user->org),
        host_value_text("area", user->area),
        host_value_text("hash", creation->hash),
        host_value_i64("now", creation->now_ms),
        host_value_i64("must", creation->must_change ? 1 : 0),
        host_value_text("provider", user->service ? HOST_PROVIDER_SERVICE : user->provider),
        host_value_text("source", user->of_directory ? HOST_SOURCE_DIRECTORY : NULL),
    };
    cim_buf_init(&uids, UIDS_BYTES_MAX);
    cim_buf_add_text(&uids, "");
    CIM_TRY(host_step_begin(&step, tx, err));
    const cim_status status =
        host_store_exec(tx,
                        "insert into cim_account (username, display_name, org, area, "
                        "password_hash, password_set_ms, must_change, provider, source) values "
                        "(:username, :display_name, :org, :area, :hash, :now, :must, :provider, "
                        ":source)",
                        values, 9, NULL, err);
    if (status == CIM_E_EXISTS) {
        return cim_fail(err, CIM_E_EXISTS, "username", user->username, "用户名“%s”已被占用",
                        "the user name '%s' is taken", user->username);
    }
    CIM_TRY(status);
    if (user->of_directory && user->directory_id != NULL) {
        CIM_TRY(host_directory_link(tx, user->directory_id, user->username, err));
    }
    CIM_TRY(insert_roles(creation, tx, &uids, err));
    return host_step_end(&step, tx, uids.data, err);
}

/* Each role as if it were granted by itself. */
static cim_status
check_roles(const struct host_api *api, const struct host_new_user *user, cim_error *err)
{
    CIM_AUTO_FREE char *roles = strdup(user->roles);
    char *rest = roles;
    const struct host_holder holder = {
        .kind = "user", .id = user->username, .areas = "", .org = user->org};
    if (roles == NULL) {
        return cim_fail_nomem(err);
    }
    while (rest != NULL) {
        char *role = strsep(&rest, ",");
        const struct host_grant grant = {
            .kind = (char *)"role",
            .name = role,
            .areas = user->areas[0] != '\0' ? (char *)(uintptr_t)user->areas : NULL,
            .until_ms = user->until_ms,
        };
        if (*role != '\0') {
            CIM_TRY(host_give_check(api, &holder, &grant, err));
        }
    }
    return CIM_OK;
}

/* The area of an organisation that is there; into *ret_area, owned, NULL without organisation. */
static cim_status
find_org_area(const struct host_api *api, const char *org, char **ret_area, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("org", org)};
    if (org == NULL) {
        return CIM_OK;
    }
    for (const struct host_planned_org *planned = api->planned; planned != NULL;
         planned = planned->next) {
        if (strcmp(planned->code, org) == 0) {
            *ret_area = strdup(planned->area);
            return *ret_area != NULL ? CIM_OK : cim_fail_nomem(err);
        }
    }
    CIM_TRY(host_store_read(api->identity->options.platform,
                            "select area from cim_org where code = :org and ended_ms is null",
                            values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        return cim_fail(err, CIM_E_INVALID, "org", org, "没有组织“%s”，请先建立",
                        "there is no organisation '%s': create it first", org);
    }
    *ret_area = host_row_text(&row, 0);
    return *ret_area != NULL ? CIM_OK : cim_fail_nomem(err);
}

/* The person as he would be: in his areas, with what his organisation gives him. */
static cim_status
check_new(const struct host_api *api, const struct host_new_user *user, cim_error *err)
{
    CIM_AUTO_FREE char *org_area = NULL;
    CIM_TRY(find_org_area(api, user->org, &org_area, err));
    struct host_account account = {
        .username = (char *)(uintptr_t)user->username,
        .display_name = (char *)(uintptr_t)user->display_name,
        .org = (char *)(uintptr_t)user->org,
        .org_area = org_area,
        .area = (char *)(uintptr_t)user->area,
    };
    CIM_TRY(host_api_check_person(api, &account, err));
    return check_roles(api, user, err);
}

static cim_status
check_free(const struct host_api *api, const char *username, cim_error *err)
{
    struct host_account *account = NULL;
    const cim_status status = host_account_load(api->identity, username, &account, err);
    host_account_free(account);
    if (status == CIM_OK) {
        return cim_fail(err, CIM_E_EXISTS, "username", username, "用户名“%s”已被占用",
                        "the user name '%s' is taken", username);
    }
    return status == CIM_E_NOTFOUND ? CIM_OK : status;
}

cim_status
host_api_add_user(const struct host_api *api, const struct host_new_user *user, bool dry_run,
                  cim_error *err)
{
    struct host_identity *identity = api->identity;
    char hash[HOST_PASSWORD_HASH_MAX] = "!"; /* no password has it */
    const struct host_account_input input = {.username = user->username,
                                             .display_name = user->display_name,
                                             .password = user->password,
                                             .roles = user->roles,
                                             .areas = user->areas,
                                             .org = user->org,
                                             .until_ms = user->until_ms,
                                             .service = user->service || user->of_directory};
    struct creation creation = {.user = user,
                                .hash = hash,
                                .by = api->call->principal,
                                .now_ms = host_clock_now_ms(api->giver->clock),
                                .must_change = identity->options.first_change,
                                .trail = api->trail};
    CIM_TRY(host_account_check(identity, &input, err));
    CIM_TRY(check_free(api, user->username, err));
    CIM_TRY(check_new(api, user, err));
    if (dry_run) {
        return CIM_OK;
    }
    if (!input.service) {
        CIM_TRY(host_password_hash(&identity->passwords, user->password, hash, err));
    }
    CIM_TRY(host_store_write(identity->options.platform, insert_in_tx, &creation, NULL, err));
    (void)atomic_fetch_add(&identity->generation, 1);
    host_api_note(api, "user.create", user->username, user->roles);
    return CIM_OK;
}

static cim_status
read_roles(const struct host_api *api, const char **ret_roles, cim_error *err)
{
    struct host_json_in list;
    CIM_AUTO_BUF struct cim_buf text;
    cim_buf_init(&text, HOST_API_BODY_MAX);
    CIM_TRY(host_json_list(&api->in, "roles", HOST_JSON_OPTIONAL, &list, err));
    cim_buf_add(&text, "", 0);
    for (size_t i = 0; i < host_json_length(&list); i++) {
        const char *role = NULL;
        CIM_TRY(host_json_text_at(&list, i, &role, err));
        cim_buf_addf(&text, "%s%s", i > 0 ? "," : "", role);
    }
    CIM_TRY(cim_buf_status(&text, err));
    return host_api_keep(api, text.len > 0 ? text.data : "", ret_roles, err);
}

static cim_status
read_kind(const struct host_api *api, bool *ret_service, cim_error *err)
{
    const char *kind = "person";
    CIM_TRY(host_api_text(api, "kind", HOST_JSON_OPTIONAL, &kind, err));
    *ret_service = strcmp(kind, "service") == 0;
    return *ret_service || strcmp(kind, "person") == 0
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "kind", kind, "应为 person 或 service",
                          "expected person or service");
}

static cim_status
handle_create(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"username", "display_name", "org",   "area", "password",
                                       "roles",    "areas",        "until", "kind", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    struct host_new_user user = {.roles = "", .areas = "", .until_ms = INT64_MAX};
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_api_text(&api, "username", HOST_JSON_REQUIRED, &user.username, err));
    CIM_TRY(host_api_text(&api, "display_name", HOST_JSON_REQUIRED, &user.display_name, err));
    CIM_TRY(host_api_text_or_none(&api, "org", &user.org, err));
    CIM_TRY(host_api_text_or_none(&api, "area", &user.area, err));
    CIM_TRY(read_kind(&api, &user.service, err));
    CIM_TRY(host_api_text(&api, "password", user.service ? HOST_JSON_OPTIONAL : HOST_JSON_REQUIRED,
                          &user.password, err));
    CIM_TRY(host_api_areas(&api, "areas", &user.areas, err));
    CIM_TRY(host_api_time(&api, "until", true, &user.until_ms, err));
    CIM_TRY(read_roles(&api, &user.roles, err));
    CIM_TRY(host_api_add_user(&api, &user, false, err));
    return answer_user(&api, 201, user.username, err);
}

/* ---- changes ---- */

struct user_change {
    const char *username;
    const char *display_name;
    const char *org;
    const char *area;
    struct host_trail *trail;
};

static cim_status
change_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct user_change *change = arg;
    HOST_AUTO_STEP struct host_step step = {
        .trail = change->trail, .kind = HOST_TRAIL_PERSON, .name = change->username};
    const cim_value values[] = {
        host_value_text("username", change->username),
        host_value_text("display_name", change->display_name),
        host_value_text("org", change->org),
        host_value_text("area", change->area),
    };
    CIM_TRY(host_step_begin(&step, tx, err));
    CIM_TRY(host_store_exec(tx,
                            "update cim_account set display_name = :display_name, org = :org, "
                            "area = :area where username = :username",
                            values, 4, NULL, err));
    return host_step_end(&step, tx, "", err);
}

cim_status
host_api_change_user(const struct host_api *api, const struct host_account *account,
                     const char *display_name, const char *org, const char *area, bool dry_run,
                     cim_error *err)
{
    CIM_AUTO_FREE char *org_area = NULL;
    if (display_name[0] == '\0' || strlen(display_name) > HOST_API_TEXT_MAX) {
        return cim_fail(err, CIM_E_INVALID, "display_name", display_name, "应为 1 到 %d 字节的文字",
                        "expected 1 to %d bytes", HOST_API_TEXT_MAX);
    }
    CIM_TRY(host_api_check_person(api, account, err));
    if (org != account->org) {
        CIM_TRY(find_org_area(api, org, &org_area, err));
    }
    const struct host_account changed = {
        .username = account->username,
        .display_name = (char *)(uintptr_t)display_name,
        .org = (char *)(uintptr_t)org,
        .org_area = org != account->org ? org_area : account->org_area,
        .area = (char *)(uintptr_t)area,
        .ended = account->ended,
    };
    CIM_TRY(host_api_check_person(api, &changed, err));
    if (dry_run) {
        return CIM_OK;
    }
    struct user_change change = {.username = account->username,
                                 .display_name = display_name,
                                 .org = org,
                                 .area = area,
                                 .trail = api->trail};
    CIM_TRY(host_store_write(api->identity->options.platform, change_in_tx, &change, NULL, err));
    (void)atomic_fetch_add(&api->identity->generation, 1);
    host_api_note(api, "user.change", account->username, display_name);
    return CIM_OK;
}

static cim_status
handle_change(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"display_name", "org", "area", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    struct host_account *account = NULL;
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_api_person(&api, host_http_path_param(req, "username"), &account, err));
    const char *display_name = account->display_name;
    const char *org = account->org;
    const char *area = account->area;
    cim_status status = host_api_text(&api, "display_name", HOST_JSON_OPTIONAL, &display_name, err);
    if (status == CIM_OK) {
        status = host_api_text_or_none(&api, "org", &org, err);
    }
    if (status == CIM_OK) {
        status = host_api_text_or_none(&api, "area", &area, err);
    }
    if (status == CIM_OK) {
        status = host_api_change_user(&api, account, display_name, org, area, false, err);
    }
    if (status == CIM_OK) {
        status = answer_user(&api, 200, account->username, err);
    }
    host_account_free(account);
    return status;
}

static cim_status
handle_password(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"password", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    struct host_account *account = NULL;
    const char *password = NULL;
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_json_text(&api.in, "password", HOST_JSON_REQUIRED, &password, err));
    CIM_TRY(host_api_person(&api, host_http_path_param(req, "username"), &account, err));
    if (account->provider != NULL) {
        host_account_free(account);
        return cim_fail(err, CIM_E_STATE, "password", NULL, "这个账号不用密码登录",
                        "this account signs in without a password");
    }
    cim_status status = host_password_set(api.identity, account->username, password,
                                          api.identity->options.first_change, err);
    if (status == CIM_OK) {
        host_api_note(&api, "user.password", account->username, NULL);
        status = answer_user(&api, 200, account->username, err);
    }
    host_account_free(account);
    return status;
}

/* Whoever has lost phone and recovery codes sets up a second factor anew. */
static cim_status
handle_factor(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_api api = host_api_begin(self, call, req);
    struct host_account *account = NULL;
    CIM_TRY(host_api_person(&api, host_http_path_param(req, "username"), &account, err));
    cim_status status = host_factor_remove(self, account->username, err);
    if (status == CIM_OK) {
        host_api_note(&api, "user.factor.remove", account->username, NULL);
        status = answer_user(&api, 200, account->username, err);
    }
    host_account_free(account);
    return status;
}

/* ---- leaving ---- */

struct leaving {
    const char *username;
    const char *to; /* NULL: nobody takes over */
    const char *by;
    const char *why;
    int64_t now_ms;
    const struct host_grants *grants; /* of the one who leaves, those that count */
    struct host_trail *trail;
};

/* The uids of what the heir gets, separated by commas. */
static cim_status
hand_over(const struct leaving *leaving, cim_tx *tx, struct cim_buf *ret_uids, cim_error *err)
{
    for (size_t i = 0; i < leaving->grants->n; i++) {
        struct host_grant grant = leaving->grants->grants[i];
        char uid[37];
        if (strcmp(grant.holder_kind, "user") != 0) {
            continue; /* of his organisation or a role: not his to hand over */
        }
        CIM_TRY(host_new_uid(leaving->now_ms, uid, err));
        grant.uid = uid;
        grant.holder = (char *)(uintptr_t)leaving->to;
        grant.granted_by = (char *)(uintptr_t)leaving->by;
        grant.granted_ms = leaving->now_ms;
        grant.why = (char *)(uintptr_t)leaving->why;
        CIM_TRY(host_grant_insert(tx, &grant, err));
        add_uid(ret_uids, uid);
    }
    return cim_buf_status(ret_uids, err);
}

static cim_status
leave_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct leaving *leaving = arg;
    CIM_AUTO_BUF struct cim_buf uids;
    HOST_AUTO_STEP struct host_step step = {
        .trail = leaving->trail, .kind = HOST_TRAIL_PERSON, .name = leaving->username};
    const cim_value values[] = {host_value_text("username", leaving->username),
                                host_value_i64("now", leaving->now_ms),
                                host_value_text("by", leaving->by)};
    cim_buf_init(&uids, UIDS_BYTES_MAX);
    cim_buf_add_text(&uids, "");
    CIM_TRY(host_step_begin(&step, tx, err));
    if (leaving->to != NULL) {
        CIM_TRY(hand_over(leaving, tx, &uids, err));
    }
    CIM_TRY(host_store_exec(tx,
                            "update cim_grant set ended_ms = :now, ended_by = :by where "
                            "holder_kind = 'user' and holder = :username and ended_ms is null",
                            values, 3, NULL, err));
    CIM_TRY(host_store_exec(tx, "update cim_account set ended_ms = :now where username = :username",
                            values, 2, NULL, err));
    return host_step_end(&step, tx, uids.data, err);
}

/* What the one who takes over gets must be the caller's to give, to him. */
static cim_status
check_heir(const struct host_api *api, const struct leaving *leaving, cim_error *err)
{
    struct host_holder holder = {0};
    CIM_TRY(host_give_find_holder(api, "user", leaving->to, &holder, err));
    if (strcmp(leaving->to, leaving->username) == 0) {
        return cim_fail(err, CIM_E_INVALID, "to", leaving->to, "接收人不能是本人",
                        "somebody else takes over");
    }
    for (size_t i = 0; i < leaving->grants->n; i++) {
        if (strcmp(leaving->grants->grants[i].holder_kind, "user") == 0) {
            CIM_TRY(host_give_check(api, &holder, &leaving->grants->grants[i], err));
        }
    }
    return CIM_OK;
}

static cim_status
leave(const struct host_api *api, struct leaving *leaving, const struct host_account *account,
      cim_error *err)
{
    struct host_grants grants = {0};
    CIM_TRY(host_grants_of(api->identity, account, leaving->now_ms, &grants, err));
    leaving->grants = &grants;
    cim_status status = leaving->to != NULL ? check_heir(api, leaving, err) : CIM_OK;
    if (status == CIM_OK) {
        status = host_store_write(api->identity->options.platform, leave_in_tx, leaving, NULL, err);
    }
    host_grants_free(&grants);
    CIM_TRY(status);
    (void)atomic_fetch_add(&api->identity->generation, 1);
    CIM_TRY(host_sessions_end_all_of(&api->identity->sessions, leaving->username, err));
    host_api_note(api, leaving->to != NULL ? "user.handover" : "user.end", leaving->username,
                  leaving->to != NULL ? leaving->to : leaving->why);
    return CIM_OK;
}

cim_status
host_api_end_user(const struct host_api *api, const char *username, const char *to, const char *why,
                  cim_error *err)
{
    struct host_account *account = NULL;
    struct leaving leaving = {.to = to,
                              .by = api->call->principal,
                              .why = why,
                              .now_ms = host_clock_now_ms(api->giver->clock),
                              .trail = api->trail};
    CIM_TRY(host_api_person(api, username, &account, err));
    leaving.username = account->username;
    const cim_status status = account->ended
                                  ? cim_fail(err, CIM_E_STATE, "username", account->username,
                                             "账号已停用", "the account has ended already")
                                  : leave(api, &leaving, account, err);
    host_account_free(account);
    return status;
}

static cim_status
handle_end(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const char *const keys[] = {"why", "to", NULL};
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    const char *username = host_http_path_param(req, "username");
    const char *why = NULL;
    const char *to = NULL;
    CIM_TRY(host_api_body(&api, keys, err));
    CIM_TRY(host_api_text(&api, "why", HOST_JSON_REQUIRED, &why, err));
    CIM_TRY(host_api_text(&api, "to", HOST_JSON_OPTIONAL, &to, err));
    CIM_TRY(host_api_end_user(&api, username, to, why, err));
    return answer_user(&api, 200, username, err);
}

cim_status
host_api_user_routes(struct host_identity *identity, struct host_http *http, cim_error *err)
{
    static const struct host_route_param username[] = {
        {"username", "path", "{\"type\":\"string\"}", "用户名", "User name"}, {.name = NULL}};
    const struct host_route routes[] = {
        {.method = "GET",
         .pattern = "/admin/api/users",
         .operation_id = "listUsers",
         .summary_zh = "人员列表",
         .summary_en = "List people",
         .params = host_listing_params,
         .handle = handle_list},
        {.method = "POST",
         .pattern = "/admin/api/users",
         .operation_id = "createUser",
         .summary_zh = "新建人员",
         .summary_en = "Create an account",
         .handle = handle_create},
        {.method = "PATCH",
         .pattern = "/admin/api/users/{username}",
         .operation_id = "changeUser",
         .summary_zh = "修改人员",
         .summary_en = "Change an account",
         .params = username,
         .handle = handle_change},
        {.method = "POST",
         .pattern = "/admin/api/users/{username}/password",
         .operation_id = "setUserPassword",
         .summary_zh = "重置密码",
         .summary_en = "Set a new password",
         .params = username,
         .handle = handle_password},
        {.method = "POST",
         .pattern = "/admin/api/users/{username}/factor/remove",
         .operation_id = "removeUserFactor",
         .summary_zh = "移除人员的第二因素",
         .summary_en = "Remove the second factor of an account",
         .params = username,
         .handle = handle_factor},
        {.method = "POST",
         .pattern = "/admin/api/users/{username}/end",
         .operation_id = "endUser",
         .summary_zh = "停用人员，可移交其授权",
         .summary_en = "End an account; its grants may be handed over",
         .params = username,
         .handle = handle_end},
    };
    return host_api_add_routes(identity, http, HOST_ADMIN_USERS, routes,
                               sizeof routes / sizeof routes[0], err);
}
