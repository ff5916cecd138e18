/* host/identity/api_directory.c -- /admin/api/directory: people and organisations follow a
 * directory.
 *
 * A comparison tells and changes nothing; applied, it is the same with each row done, and with
 * those ended whom the caller names out of those who are no longer there. Both tables are read
 * before anything is judged. Nobody gets by it what the caller could not give him by hand.
 */
#include "host/identity/compare.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/identity/provider.h"
#include "host/store/row.h"
#include "host/store/store.h"

enum { ROWS_MAX = 50000, ENDS_MAX = 2000, RUNS_KEPT = 10 };

cim_status
host_directory_link(cim_tx *tx, const char *id, const char *username, cim_error *err)
{
    const cim_value values[] = {host_value_text("provider", HOST_PROVIDER_DIRECTORY),
                                host_value_text("subject", id),
                                host_value_text("username", username)};
    return host_store_exec(tx,
                           "insert into cim_external_account (provider, subject, username) values "
                           "(:provider, :subject, :username)",
                           values, 3, NULL, err);
}

struct sync {
    struct host_api *api;
    struct host_compare_source source;
    struct host_compare orgs;
    struct host_compare people;
    bool applies;
    struct host_trail trail;
    int64_t n_ended;
    int64_t n_refused; /* of the ends */
};

/* ---- ending ---- */

/* {"username","to"?}: whom, and who takes over. */
static cim_status
read_end(const struct host_json_in *list, size_t i, const char **ret_username, const char **ret_to,
         cim_error *err)
{
    static const char *const keys[] = {"username", "to", NULL};
    struct host_json_in one;
    CIM_TRY(host_json_object_at(list, i, &one, err));
    CIM_TRY(host_json_keys(&one, keys, err));
    CIM_TRY(host_json_text(&one, "username", HOST_JSON_REQUIRED, ret_username, err));
    return host_json_text(&one, "to", HOST_JSON_OPTIONAL, ret_to, err);
}

/* Whoever is of the directory and not in it any more, and nobody else. */
static cim_status
end_one(struct sync *sync, const char *username, const char *to, cim_error *err)
{
    struct host_account *account = NULL;
    CIM_TRY(host_account_load(sync->api->identity, username, &account, err));
    const bool gone = account->source != NULL && !host_compare_has(&sync->people, username);
    host_account_free(account);
    return gone ? host_api_end_user(sync->api, username, to, "目录中已没有此人", err)
                : cim_fail(err, CIM_E_STATE, "username", username, "此人仍在目录中，或不来自目录",
                           "this person is still in the directory, or was never of it");
}

static cim_status
end_gone(struct sync *sync, struct cim_buf *out, cim_error *err)
{
    struct host_json_in list;
    if (sync->api->root == NULL) {
        return CIM_OK;
    }
    CIM_TRY(host_json_list(&sync->api->in, "end", HOST_JSON_OPTIONAL, &list, err));
    for (size_t i = 0; i < host_json_length(&list); i++) {
        const char *username = NULL;
        const char *to = NULL;
        cim_error why = {.code = CIM_OK};
        CIM_TRY(read_end(&list, i, &username, &to, err));
        const cim_status status = end_one(sync, username, to, &why);
        sync->n_ended += status == CIM_OK ? 1 : 0;
        sync->n_refused += status == CIM_OK ? 0 : 1;
        cim_buf_addf(out, "%s{\"outcome\":\"%s\"", i > 0 ? "," : "",
                     status == CIM_OK ? "ended" : "refused");
        host_api_add(out, "username", username);
        if (status != CIM_OK) {
            host_compare_add_refusal(out, &why);
        }
        cim_buf_add_char(out, '}');
    }
    return CIM_OK;
}

/* ---- the whole ---- */

static cim_status
read_body(struct host_api *api, bool applies, cim_error *err)
{
    static const char *const keys[] = {"end", NULL};
    struct host_json_in list;
    const char *text = NULL;
    uint64_t len = 0;
    CIM_TRY(host_http_body_text(api->req, HOST_API_BODY_MAX, &text, &len, err));
    if (len == 0) {
        return CIM_OK;
    }
    host_http_rewind_body(api->req);
    CIM_TRY(host_api_body(api, keys, err));
    CIM_TRY(host_json_list(&api->in, "end", HOST_JSON_OPTIONAL, &list, err));
    if (host_json_length(&list) > ENDS_MAX || (host_json_length(&list) > 0 && !applies)) {
        return cim_fail(err, CIM_E_INVALID, "end", NULL, "至多 %d 人，且仅在执行时",
                        "at most %d people, and only when it is applied", (int)ENDS_MAX);
    }
    return CIM_OK;
}

static cim_status
read_directory(struct sync *sync, cim_error *err)
{
    const struct host_identity_directory *directory = &sync->api->identity->directory;
    if (directory->read_orgs != NULL) {
        CIM_TRY(directory->read_orgs(directory->self, host_compare_take, &sync->orgs, err));
    }
    return directory->read_people(directory->self, host_compare_take, &sync->people, err);
}

/* The run is kept before anything is done, so that what a crash leaves can be put back too. Steps
 * of older runs are forgotten. */
static cim_status
begin_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct sync *sync = arg;
    const struct host_api *api = sync->api;
    const cim_value values[] = {host_value_text("uid", sync->trail.run),
                                host_value_i64("at", host_clock_now_ms(api->giver->clock)),
                                host_value_text("by", api->call->principal)};
    const cim_value kept[] = {host_value_i64("kept", RUNS_KEPT)};
    CIM_TRY(
        host_store_exec(tx,
                        "insert into cim_directory_sync (uid, seq, at_ms, by_user, n_new, "
                        "n_changed, n_ended, n_refused) values (:uid, (select coalesce(max(seq), "
                        "0) + 1 from cim_directory_sync), :at, :by, 0, 0, 0, 0)",
                        values, 3, NULL, err));
    return host_store_exec(tx,
                           "delete from cim_directory_step where run not in (select uid from "
                           "cim_directory_sync order by seq desc limit :kept)",
                           kept, 1, NULL, err);
}

static cim_status
begin_run(struct sync *sync, cim_error *err)
{
    if (!sync->applies) {
        return CIM_OK;
    }
    CIM_TRY(host_new_uid(host_clock_now_ms(sync->api->giver->clock), sync->trail.run, err));
    CIM_TRY(host_store_write(sync->api->identity->options.platform, begin_in_tx, sync, NULL, err));
    sync->api->trail = &sync->trail;
    return CIM_OK;
}

/* Its figures, there and in the audit; also where it broke off. */
static cim_status
end_run(struct sync *sync, cim_error *err)
{
    const struct host_api *api = sync->api;
    const int64_t *orgs = sync->orgs.sums;
    const int64_t *people = sync->people.sums;
    const int64_t n_new = orgs[HOST_ROW_NEW] + people[HOST_ROW_NEW];
    const int64_t n_changed = orgs[HOST_ROW_CHANGED] + people[HOST_ROW_CHANGED];
    const int64_t n_refused = orgs[HOST_ROW_REFUSED] + people[HOST_ROW_REFUSED] + sync->n_refused;
    char more[160];
    if (api->trail == NULL) {
        return CIM_OK;
    }
    const cim_value values[] = {host_value_text("uid", sync->trail.run),
                                host_value_i64("new", n_new), host_value_i64("changed", n_changed),
                                host_value_i64("ended", sync->n_ended),
                                host_value_i64("refused", n_refused)};
    CIM_TRY(host_store_write_one(
        api->identity->options.platform,
        "update cim_directory_sync set n_new = :new, n_changed = :changed, n_ended = :ended, "
        "n_refused = :refused where uid = :uid",
        values, 5, NULL, err));
    (void)snprintf(more, sizeof more, "new %lld, changed %lld, ended %lld, refused %lld",
                   (long long)n_new, (long long)n_changed, (long long)sync->n_ended,
                   (long long)n_refused);
    host_api_note(api, "directory.sync", sync->trail.run, more);
    return CIM_OK;
}

static cim_status
do_rows(struct sync *sync, struct cim_buf *out, cim_error *err)
{
    cim_buf_addf(out, "{\"applied\":%s", sync->applies ? "true" : "false");
    host_api_add(out, "run", sync->applies ? sync->trail.run : NULL);
    cim_buf_add_text(out, ",\"orgs\":");
    if (sync->api->identity->directory.read_orgs != NULL) {
        CIM_TRY(host_compare_report(&sync->orgs, out, err));
    } else {
        cim_buf_add_text(out, "null");
    }
    cim_buf_add_text(out, ",\"people\":");
    CIM_TRY(host_compare_report(&sync->people, out, err));
    cim_buf_add_text(out, ",\"ended\":[");
    CIM_TRY(end_gone(sync, out, err));
    cim_buf_add_text(out, "]}");
    return CIM_OK;
}

static cim_status
run(struct sync *sync, struct cim_buf *out, cim_error *err)
{
    CIM_TRY(read_directory(sync, err));
    CIM_TRY(begin_run(sync, err));
    const cim_status status = do_rows(sync, out, err);
    const cim_status kept = end_run(sync, status == CIM_OK ? err : NULL);
    return status == CIM_OK ? kept : status;
}

/* One at a time, whether it compares, does or undoes. */
static cim_status
begin_work(struct host_directory_work *work, cim_error *err)
{
    if (atomic_exchange(&work->busy, true)) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL, "正在同步或比较，请稍候",
                        "a comparison or synchronisation is under way: wait for it");
    }
    atomic_store(&work->read, 0);
    atomic_store(&work->judged, 0);
    return CIM_OK;
}

static cim_status
run_alone(struct host_api *api, bool applies, struct cim_buf *out, cim_error *err)
{
    struct host_directory_work *work = &api->identity->directory_work;
    const struct host_identity_directory *directory = &api->identity->directory;
    struct sync sync = {
        .api = api,
        .applies = applies,
        .source = {.sign_in = directory->sign_in[0] != '\0' ? directory->sign_in : NULL,
                   .link_by_name = directory->link_by_name},
    };
    struct host_compare compare = {
        .api = api, .source = &sync.source, .applies = applies, .rows_max = ROWS_MAX, .work = work};
    CIM_TRY(begin_work(work, err));
    sync.orgs = compare;
    sync.orgs.kind = &host_compare_orgs;
    sync.people = compare;
    sync.people.kind = &host_compare_people;
    const cim_status status = run(&sync, out, err);
    host_compare_end(&sync.orgs);
    host_compare_end(&sync.people);
    atomic_store(&work->busy, false);
    return status;
}

static cim_status
handle_sync(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    HOST_AUTO_API struct host_api api = host_api_begin(self, call, req);
    CIM_AUTO_BUF struct cim_buf body;
    bool applies = false;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    CIM_TRY(host_api_read_apply(req, &applies, err));
    CIM_TRY(read_body(&api, applies, err));
    if (api.identity->directory.read_people == NULL) {
        return cim_fail(err, CIM_E_STATE, "directory.url", NULL, "没有设置目录",
                        "no directory is set");
    }
    CIM_TRY(run_alone(&api, applies, &body, err));
    return host_api_answer(&api, 200, &body, err);
}

static cim_status
handle_undo(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_api api = host_api_begin(self, call, req);
    struct host_directory_work *work = &api.identity->directory_work;
    CIM_AUTO_BUF struct cim_buf body;
    bool applies = false;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    CIM_TRY(host_api_read_apply(req, &applies, err));
    CIM_TRY(begin_work(work, err));
    const cim_status status =
        host_directory_undo(&api, host_http_path_param(req, "run"), applies, &body, err);
    atomic_store(&work->busy, false);
    return status == CIM_OK ? host_api_answer(&api, 200, &body, err) : status;
}

/* ---- how it is set, what goes on, and what was last ---- */

static cim_status
add_last(const struct host_api *api, struct cim_buf *out, cim_error *err)
{
    static const char *const names[] = {"new", "changed", "ended", "refused"};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    char by[HOST_USERNAME_MAX + 1];
    CIM_TRY(host_store_read(api->identity->options.platform,
                            "select at_ms, by_user, n_new, n_changed, n_ended, n_refused, uid, "
                            "undone_ms, undone_by from cim_directory_sync order by seq desc limit "
                            "1",
                            NULL, 0, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        cim_buf_add_text(out, ",\"last\":null");
        return CIM_OK;
    }
    host_row_copy(&row, 1, by, sizeof by);
    cim_buf_add_text(out, ",\"last\":{\"by\":");
    cim_buf_add_json_text(out, by, SIZE_MAX);
    host_api_add_time(out, "at", host_row_i64(&row, 0));
    for (uint32_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        cim_buf_addf(out, ",\"%s\":%lld", names[i], (long long)host_row_i64(&row, i + 2));
    }
    host_row_copy(&row, 6, by, sizeof by);
    host_api_add(out, "run", by);
    host_api_add_time(out, "undone_at", host_row_i64(&row, 7));
    host_row_copy(&row, 8, by, sizeof by);
    host_api_add(out, "undone_by", by[0] != '\0' ? by : NULL);
    cim_buf_add_char(out, '}');
    return CIM_OK;
}

static cim_status
handle_state(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_api api = host_api_begin(self, call, req);
    const struct host_identity_directory *directory = &api.identity->directory;
    struct host_directory_work *work = &api.identity->directory_work;
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    cim_buf_add_text(&body, "{\"settings\":");
    if (directory->read_people != NULL) {
        directory->describe(directory->self, &body);
    } else {
        cim_buf_add_text(&body, "null");
    }
    if (atomic_load(&work->busy)) {
        cim_buf_addf(&body, ",\"running\":{\"read\":%lld,\"judged\":%lld}",
                     (long long)atomic_load(&work->read), (long long)atomic_load(&work->judged));
    } else {
        cim_buf_add_text(&body, ",\"running\":null");
    }
    CIM_TRY(add_last(&api, &body, err));
    cim_buf_add_char(&body, '}');
    return host_api_answer(&api, 200, &body, err);
}

cim_status
host_api_directory_routes(struct host_identity *identity, struct host_http *http, cim_error *err)
{
    static const struct host_route_param params[] = {
        {"apply", "query", "{\"type\":\"string\",\"enum\":[\"1\"]}", "1：执行；省略：只比较",
         "1: do it; without it: compare alone"},
        {.name = NULL}};
    static const struct host_route_param undo_params[] = {
        {"run", "path", "{\"type\":\"string\"}", "哪次同步", "Which synchronisation"},
        {"apply", "query", "{\"type\":\"string\",\"enum\":[\"1\"]}", "1：撤销；省略：只说明",
         "1: do it; without it: tell alone"},
        {.name = NULL}};
    const struct host_route routes[] = {
        {.method = "GET",
         .pattern = "/admin/api/directory",
         .operation_id = "getDirectory",
         .summary_zh = "目录同步的设置、进度与最近一次",
         .summary_en = "The directory: how it is set, what goes on, what was last",
         .handle = handle_state},
        {.method = "POST",
         .pattern = "/admin/api/directory",
         .flags = HOST_ROUTE_HEAVY,
         .operation_id = "syncDirectory",
         .summary_zh = "与目录（LDAP）比较、同步人员和组织",
         .summary_en = "People and organisations of the directory (LDAP): compare, synchronise",
         .params = params,
         .handle = handle_sync},
        {.method = "POST",
         .pattern = "/admin/api/directory/{run}/undo",
         .flags = HOST_ROUTE_HEAVY,
         .operation_id = "undoDirectory",
         .summary_zh = "撤销一次目录同步",
         .summary_en = "Undo a synchronisation with the directory",
         .params = undo_params,
         .handle = handle_undo},
    };
    return host_api_add_routes(identity, http, HOST_ADMIN_USERS, routes,
                               sizeof routes / sizeof routes[0], err);
}
