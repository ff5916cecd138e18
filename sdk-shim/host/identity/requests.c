/* host/identity/requests.c -- see requests.h. */
#include "host/identity/requests.h"

#include "host/identity/api.h"
#include "host/store/row.h"
#include "host/store/store.h"

enum { N_TEXTS = 15 };

/* The texts in the order of the columns. */
static void
texts_of(struct host_request *request, char **texts[N_TEXTS])
{
    char **const all[N_TEXTS] = {&request->uid,      &request->requester, &request->holder_kind,
                                 &request->holder,   &request->resource,  &request->actions,
                                 &request->fields,   &request->areas,     &request->reason,
                                 &request->renews,   &request->state,     &request->decided_by,
                                 &request->decision, &request->grant_uid, &request->requester_name};
    memcpy((void *)texts, (const void *)all, sizeof all);
}

void
host_request_done(struct host_request *request)
{
    char **texts[N_TEXTS];
    texts_of(request, texts);
    for (size_t i = 0; i < N_TEXTS; i++) {
        free(*texts[i]);
        *texts[i] = NULL;
    }
}

cim_status
host_request_read(const struct host_row *row, struct host_request *ret_request, cim_error *err)
{
    struct host_request request = {.uid = NULL};
    char **texts[N_TEXTS];
    bool good = true;
    texts_of(&request, texts);
    for (uint32_t i = 0; i < N_TEXTS; i++) {
        good = host_row_text_or_null(row, i, texts[i]) && good;
    }
    if (!good) {
        host_request_done(&request);
        return cim_fail_nomem(err);
    }
    request.until_ms = host_row_i64(row, 15);
    request.created_ms = host_row_i64(row, 16);
    request.decided_ms = host_row_i64(row, 17);
    request.ended_ms = host_row_i64(row, 18);
    *ret_request = request;
    return CIM_OK;
}

cim_status
host_request_insert(cim_tx *tx, const struct host_request *request, cim_error *err)
{
    const cim_value values[] = {
        host_value_text("uid", request->uid),
        host_value_text("requester", request->requester),
        host_value_text("holder_kind", request->holder_kind),
        host_value_text("holder", request->holder),
        host_value_text("resource", request->resource),
        host_value_text("actions", request->actions),
        host_value_text("fields", request->fields),
        host_value_text("areas", request->areas),
        host_value_i64("until", request->until_ms),
        host_value_text("reason", request->reason),
        host_value_text("renews", request->renews),
        host_value_text("state", HOST_REQUEST_WAITING),
        host_value_i64("created", request->created_ms),
    };
    return host_store_exec(
        tx,
        "insert into cim_request (uid, requester, holder_kind, holder, resource, actions, fields, "
        "areas, until_ms, reason, renews, state, created_ms) values (:uid, :requester, "
        ":holder_kind, :holder, :resource, :actions, :fields, :areas, :until, :reason, :renews, "
        ":state, :created)",
        values, sizeof values / sizeof values[0], NULL, err);
}

cim_status
host_request_decide(cim_tx *tx, const struct host_request *request, const char *state,
                    cim_error *err)
{
    int64_t n = 0;
    const cim_value values[] = {host_value_text("uid", request->uid),
                                host_value_text("state", state),
                                host_value_text("by", request->decided_by),
                                host_value_i64("at", request->decided_ms),
                                host_value_text("decision", request->decision),
                                host_value_text("grant", request->grant_uid)};
    CIM_TRY(host_store_exec(tx,
                            "update cim_request set state = :state, decided_by = :by, decided_ms = "
                            ":at, decision = :decision, grant_uid = :grant where uid = :uid and "
                            "state = 'waiting'",
                            values, sizeof values / sizeof values[0], &n, err));
    return n == 1 ? CIM_OK
                  : cim_fail(err, CIM_E_STATE, "uid", request->uid, "此申请已不在待审状态",
                             "this request waits no more");
}

static const char *
state_now(const struct host_request *request, int64_t now_ms)
{
    const bool approved = strcmp(request->state, HOST_REQUEST_APPROVED) == 0;
    return !approved                     ? request->state
           : request->ended_ms > 0       ? "ended"
           : request->until_ms <= now_ms ? "expired"
                                         : request->state;
}

void
host_request_write(const struct host_request *request, int64_t now_ms, struct cim_buf *out)
{
    cim_buf_add_text(out, "{\"uid\":");
    cim_buf_add_json_text(out, request->uid, SIZE_MAX);
    host_api_add(out, "requester", request->requester);
    host_api_add(out, "requester_name", request->requester_name);
    host_api_add(out, "holder_kind", request->holder_kind);
    host_api_add(out, "holder", request->holder);
    host_api_add(out, "resource", request->resource);
    host_api_add_areas(out, "actions", request->actions);
    host_api_add_areas(out, "fields", request->fields);
    host_api_add_areas(out, "areas", request->areas);
    host_api_add_time(out, "until", request->until_ms);
    host_api_add(out, "reason", request->reason);
    host_api_add(out, "renews", request->renews);
    host_api_add(out, "state", state_now(request, now_ms));
    host_api_add_time(out, "created", request->created_ms);
    host_api_add(out, "decided_by", request->decided_by);
    host_api_add_time(out, "decided", request->decided_ms);
    host_api_add(out, "decision", request->decision);
    host_api_add(out, "grant", request->grant_uid);
    cim_buf_add_char(out, '}');
}
