/* host/idempotency/idempotency.c -- see idempotency.h. */
#include "host/idempotency/idempotency.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/base/problem.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/buf.h"
#include "kit/time.h"

#include <stdlib.h>
#include <time.h>

enum { PROBLEM_BYTES_MAX = 16 << 10, POLL_MS = 20 };

/* What is stored of a request that was done. */
struct done {
    bool there;
    bool same;
    bool final; /* its answer is the one that the client got */
    int64_t at_ms;
    int32_t status;
    char *target;
    char *mime;
    char *body;
    char *etag;
    char *location;
};

static void
done_free(struct done *done)
{
    free(done->target);
    free(done->mime);
    free(done->body);
    free(done->etag);
    free(done->location);
    *done = (struct done){.there = false};
}

static cim_value
time_value(const char *name, int64_t ms)
{
    return (cim_value){.name = name, .type = CIM_COL_TIME_MS, .v.i64 = ms};
}

/* ---- the key ---- */

/* A bare word, or a string in quotes as structured fields have it. */
static cim_status
read_key(struct host_idempotency *once, cim_error *err)
{
    const char *given = host_http_header(once->req, "Idempotency-Key");
    char *key = NULL;
    if (given == NULL) {
        return CIM_OK;
    }
    size_t len = strlen(given);
    const bool quoted = len >= 2 && given[0] == '"' && given[len - 1] == '"';
    given += quoted ? 1 : 0;
    len -= quoted ? 2 : 0;
    bool good = len > 0 && len <= HOST_IDEMPOTENCY_KEY_MAX;
    for (size_t i = 0; good && i < len; i++) {
        good = given[i] > ' ' && given[i] < 0x7F && given[i] != '"' && given[i] != '\\';
    }
    if (!good) {
        return cim_fail(err, CIM_E_INVALID, "Idempotency-Key", given,
                        "应为 1 到 %d 个可见 ASCII 字符，例如一个 UUID",
                        "expected 1 to %d visible ASCII characters, such as a UUID",
                        HOST_IDEMPOTENCY_KEY_MAX);
    }
    key = host_http_alloc(once->req, len + 1);
    if (key == NULL) {
        return cim_fail_nomem(err);
    }
    memcpy(key, given, len);
    once->key = key;
    return CIM_OK;
}

/* ---- what was done before ---- */

static cim_status
find(const struct host_idempotency *once, struct done *ret_done, cim_error *err)
{
    static const char sql[] =
        "select fingerprint, target, {ms at}, final, status, mime, body, etag, location "
        "from cim_idempotency where principal = :principal and idem_key = :idem_key "
        "and expires_at > {time :moment}";
    const cim_value values[] = {
        host_value_text("principal", once->call->principal),
        host_value_text("idem_key", once->key),
        time_value("moment", host_clock_now_ms(once->app->clock)),
    };
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_AUTO_FREE char *fingerprint = NULL;
    struct host_row row = {.rows = NULL};
    *ret_done = (struct done){.there = false};
    CIM_TRY(host_store_read(once->app->store, sql, values, 3, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &ret_done->there, err));
    if (!ret_done->there) {
        return CIM_OK;
    }
    fingerprint = host_row_text(&row, 0);
    ret_done->target = host_row_text(&row, 1);
    ret_done->at_ms = host_row_i64(&row, 2);
    ret_done->final = host_row_i64(&row, 3) != 0;
    ret_done->status = (int32_t)host_row_i64(&row, 4);
    ret_done->mime = host_row_text(&row, 5);
    ret_done->body = host_row_text(&row, 6);
    ret_done->etag = host_row_text(&row, 7);
    ret_done->location = host_row_text(&row, 8);
    if (fingerprint == NULL || ret_done->target == NULL || ret_done->mime == NULL ||
        ret_done->body == NULL || ret_done->etag == NULL || ret_done->location == NULL) {
        done_free(ret_done);
        return cim_fail_nomem(err);
    }
    ret_done->same = strcmp(fingerprint, once->fingerprint) == 0;
    return CIM_OK;
}

static void
free_text(cim_blob *blob)
{
    free(blob->owner);
}

static cim_status
respond(const struct host_idempotency *once, struct done *done, cim_error *err)
{
    cim_blob blob = {
        .data = done->body, .len = strlen(done->body), .release = free_text, .owner = done->body};
    CIM_TRY(host_http_add_header(once->req, "Cache-Control", "no-store", err));
    CIM_TRY(host_http_add_header(once->req, "Idempotency-Replayed", "true", err));
    if (done->etag[0] != '\0') {
        CIM_TRY(host_http_add_header(once->req, "ETag", done->etag, err));
    }
    if (done->location[0] != '\0') {
        CIM_TRY(host_http_add_header(once->req, "Location", done->location, err));
    }
    CIM_TRY(host_http_respond(once->req, done->status, done->mime[0] != '\0' ? done->mime : NULL,
                              &blob, err));
    done->body = NULL; /* the response has it */
    return CIM_OK;
}

static cim_status
refuse_other(const struct host_idempotency *once, const struct done *done, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    cim_blob blob = {0};
    cim_error why = {0};
    char when[CIM_TIME_TEXT_MAX];
    cim_time_format(done->at_ms, when);
    (void)cim_fail(&why, CIM_E_INVALID, "Idempotency-Key", once->key,
                   "此键已用于另一个请求（%.100s，%s）：应重发与当时相同的请求，或换一个键",
                   "this key stands for another request (%.100s at %s): expected that same request "
                   "again, or another key",
                   done->target, when);
    cim_buf_init(&body, PROBLEM_BYTES_MAX);
    host_problem_write(&body, 422, &why, once->call->request_id);
    CIM_TRY(cim_buf_status(&body, err));
    cim_buf_to_blob(&body, &blob);
    const cim_status status =
        host_http_respond(once->req, 422, "application/problem+json", &blob, err);
    if (blob.release != NULL) {
        blob.release(&blob);
    }
    return status;
}

static void
pause_ms(long ms)
{
    const struct timespec wait = {.tv_sec = 0, .tv_nsec = ms * 1000000};
    (void)nanosleep(&wait, NULL);
}

/* The request that has the key may be about to store what it answers. */
static cim_status
find_final(const struct host_idempotency *once, struct done *ret_done, cim_error *err)
{
    const int64_t until_ms = host_monotonic_ms() + HOST_IDEMPOTENCY_WAIT_MS;
    for (;;) {
        CIM_TRY(find(once, ret_done, err));
        if (!ret_done->there || !ret_done->same || ret_done->final ||
            host_monotonic_ms() >= until_ms ||
            host_clock_now_ms(once->app->clock) - ret_done->at_ms > HOST_IDEMPOTENCY_WAIT_MS) {
            return CIM_OK;
        }
        done_free(ret_done);
        pause_ms(POLL_MS);
    }
}

static cim_status
answer_done(const struct host_idempotency *once, bool *ret_answered, cim_error *err)
{
    struct done done;
    CIM_TRY(find_final(once, &done, err));
    const cim_status status = !done.there ? CIM_OK
                              : done.same ? respond(once, &done, err)
                                          : refuse_other(once, &done, err);
    *ret_answered = done.there && status == CIM_OK;
    done_free(&done);
    return status;
}

cim_status
host_idempotency_begin(struct host_idempotency *once, const struct host_app *app,
                       const cim_call *call, cim_http_req *req, bool *ret_answered, cim_error *err)
{
    *once = (struct host_idempotency){.app = app, .call = call, .req = req};
    *ret_answered = false;
    CIM_TRY(read_key(once, err));
    if (once->key == NULL) {
        return CIM_OK;
    }
    (void)snprintf(once->target, sizeof once->target, "%s %.400s", host_http_method(req),
                   host_http_path(req));
    CIM_TRY(host_idempotency_fingerprint(req, once->fingerprint, err));
    return answer_done(once, ret_answered, err);
}

cim_status
host_idempotency_answer_taken(struct host_idempotency *once, cim_error *err)
{
    bool answered = false;
    CIM_TRY(answer_done(once, &answered, err));
    return answered ? CIM_OK
                    : cim_fail(err, CIM_E_BUSY, "Idempotency-Key", once->key,
                               "此键的另一请求刚刚失败，请重试",
                               "another request with this key has just failed, try again");
}

/* ---- in the transaction ---- */

cim_status
host_idempotency_take(struct host_idempotency *once, cim_tx *tx, cim_error *err)
{
    static const char forget[] =
        "delete from cim_idempotency where principal = :principal and idem_key = :idem_key and "
        "expires_at <= {time :moment}";
    static const char take[] =
        "insert into cim_idempotency (principal, idem_key, fingerprint, target, at, expires_at, "
        "final, status) values (:principal, :idem_key, :fingerprint, :target, {time :moment}, "
        "{time :expires}, 0, 0)";
    const int64_t now_ms = once->key != NULL ? host_clock_now_ms(once->app->clock) : 0;
    once->taken = false;
    once->stored = false;
    if (once->key == NULL) {
        return CIM_OK;
    }
    const cim_value values[] = {
        host_value_text("principal", once->call->principal),
        host_value_text("idem_key", once->key),
        time_value("moment", now_ms),
        host_value_text("fingerprint", once->fingerprint),
        host_value_text("target", once->target),
        time_value("expires", now_ms + host_config_int(once->app->config, "idempotency.keep_ms")),
    };
    CIM_TRY(host_store_exec(tx, forget, values, 3, NULL, err));
    const cim_status status = host_store_exec(tx, take, values, 6, NULL, err);
    once->taken = status == CIM_E_EXISTS;
    /* No refusal of a row: the edit ends with it. */
    return once->taken ? cim_fail(err, CIM_E_STATE, "Idempotency-Key", once->key,
                                  "此键的请求正在处理", "a request with this key is under way")
                       : status;
}

cim_status
host_idempotency_drop(struct host_idempotency *once, cim_tx *tx, cim_error *err)
{
    const cim_value values[] = {
        host_value_text("principal", once->key != NULL ? once->call->principal : ""),
        host_value_text("idem_key", once->key),
    };
    return once->key == NULL
               ? CIM_OK
               : host_store_exec(tx,
                                 "delete from cim_idempotency where principal = :principal and "
                                 "idem_key = :idem_key",
                                 values, 2, NULL, err);
}

cim_status
host_idempotency_note(struct host_idempotency *once, cim_tx *tx, int32_t http_status,
                      const char *location, const char *body, cim_error *err)
{
    if (once->key == NULL) {
        return CIM_OK;
    }
    const cim_value values[] = {
        host_value_text("principal", once->call->principal),
        host_value_text("idem_key", once->key),
        host_value_i64("status", http_status),
        time_value("moment", host_clock_now_ms(once->app->clock)),
        host_value_text("mime", body != NULL ? "application/json" : NULL),
        host_value_text("body", body),
        host_value_text("location", location),
    };
    CIM_TRY(host_store_exec(
        tx,
        "update cim_idempotency set at = {time :moment}, status = :status, "
        "mime = :mime, body = :body, location = :location where principal = :principal and "
        "idem_key = :idem_key",
        values, 7, NULL, err));
    once->stored = true;
    return CIM_OK;
}

/* ---- after it ---- */

void
host_idempotency_keep(struct host_idempotency *once)
{
    static const char keep[] =
        "update cim_idempotency set final = 1, status = :status, mime = :mime, body = :body, "
        "etag = :etag, location = :location where principal = :principal and idem_key = :idem_key";
    static const char keep_short[] = "update cim_idempotency set final = 1 where "
                                     "principal = :principal and idem_key = :idem_key";
    struct host_http_answer answer;
    cim_error error = {0};
    if (once->key == NULL || !once->stored || !host_http_answer(once->req, &answer)) {
        return;
    }
    cim_value values[] = {
        host_value_text("principal", once->call->principal),
        host_value_text("idem_key", once->key),
        host_value_i64("status", answer.status),
        host_value_text("mime", answer.mime),
        {.name = "body", .type = CIM_COL_TEXT, .len = (uint32_t)answer.len, .v.ptr = answer.data},
        host_value_text("etag", answer.etag),
        host_value_text("location", answer.location),
    };
    const bool fits = answer.len <= HOST_IDEMPOTENCY_ANSWER_BYTES;
    const cim_status status = host_store_write_one(once->app->store, fits ? keep : keep_short,
                                                   values, fits ? 7 : 2, NULL, &error);
    if (status != CIM_OK) {
        host_log_error("idempotency", "keep", &error);
    }
}
