/* Signing in with name and password: the same steps for names that exist and names that do not. */
#include "host/audit/audit.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/identity/internal.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/buf.h"

/* A name as it is kept: what is no possible name is one and the same impossible one. */
static void
kept_name(const char *username, char out[HOST_USERNAME_MAX + 1])
{
    const size_t len = strlen(username);
    const size_t good =
        strspn(username, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@");
    cim_copy_text(out, HOST_USERNAME_MAX + 1,
                  len > 0 && len == good && len <= HOST_USERNAME_MAX ? username : "?");
}

static cim_status
append_log(cim_tx *tx, const struct host_sign_in *attempt, const char *username, const char *uid,
           int64_t now_ms, const char *result, const char *reason, cim_error *err)
{
    const cim_value values[] = {
        host_value_text("uid", uid),
        host_value_i64("at", now_ms),
        host_value_text("event", attempt->event),
        host_value_text("username", username),
        host_value_text("result", result),
        host_value_text("reason", reason),
        host_value_text("address", attempt->address),
        host_value_text("request", attempt->request_id),
    };
    return host_store_exec(tx,
                           "insert into cim_sign_in_log (uid, at_ms, event, username, result, "
                           "reason, address, request_id) values (:uid, :at, :event, :username, "
                           ":result, :reason, :address, :request)",
                           values, 8, NULL, err);
}

/* The same in the audit, which is chained and can be searched with everything else. */
static void
audit(struct host_identity *identity, const struct host_sign_in *attempt, const char *username,
      const char *result, const char *reason)
{
    struct host_call_context context = {.address = attempt->address};
    const cim_call call = {.struct_size = sizeof call,
                           .request_id = attempt->request_id,
                           .principal = username,
                           .impl = &context};
    CIM_AUTO_BUF struct cim_buf detail;
    cim_buf_init(&detail, 1024);
    if (reason != NULL) {
        cim_buf_add_text(&detail, "{\"reason\":");
        cim_buf_add_json_text(&detail, reason, SIZE_MAX);
        cim_buf_add_char(&detail, '}');
    }
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action = attempt->event,
                                   .detail = detail.data,
                                   .result = result};
    host_audit_note(identity->options.audit, &call, &entry);
}

/* ---- counting failures ---- */

struct verdict {
    const struct host_identity_options *options;
    const struct host_sign_in *attempt;
    const char *username;
    const char *uid;
    int64_t now_ms;
    bool password_good;
    bool known;
    bool locked;        /* out */
    const char *result; /* out */
    const char *reason;
};

static cim_status
read_failures(cim_tx *tx, const char *username, int64_t *ret_failures, int64_t *ret_locked_until_ms,
              cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("username", username)};
    CIM_TRY(host_store_query(tx,
                             "select failures, locked_until_ms from cim_sign_in_failure "
                             "where username = :username",
                             values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    *ret_failures = there ? host_row_i64(&row, 0) : 0;
    *ret_locked_until_ms = there ? host_row_i64(&row, 1) : 0;
    return CIM_OK;
}

static cim_status
write_failures(cim_tx *tx, const struct verdict *verdict, int64_t failures, int64_t locked_until_ms,
               cim_error *err)
{
    const cim_value values[] = {
        host_value_text("username", verdict->username),
        host_value_i64("failures", failures),
        host_value_i64("now", verdict->now_ms),
        host_value_i64("until", locked_until_ms),
    };
    return host_store_exec(tx,
                           "insert into cim_sign_in_failure (username, failures, last_ms, "
                           "locked_until_ms) values (:username, :failures, :now, :until) "
                           "on conflict (username) do update set failures = excluded.failures, "
                           "last_ms = excluded.last_ms, locked_until_ms = excluded.locked_until_ms",
                           values, 4, NULL, err);
}

/* Names can be made up without end: what is long past is dropped. */
static cim_status
forget_old(cim_tx *tx, int64_t now_ms, cim_error *err)
{
    const cim_value values[] = {
        host_value_i64("now", now_ms),
        host_value_i64("old", now_ms - HOST_FAILURES_KEPT_MS),
    };
    return host_store_exec(tx,
                           "delete from cim_sign_in_failure where last_ms <= :old and "
                           "locked_until_ms <= :now",
                           values, 2, NULL, err);
}

static cim_status
log_verdict(struct verdict *verdict, cim_tx *tx, const char *result, const char *reason,
            cim_error *err)
{
    verdict->result = result;
    verdict->reason = reason;
    return append_log(tx, verdict->attempt, verdict->username, verdict->uid, verdict->now_ms,
                      result, reason, err);
}

/* All in one transaction, so that guesses made at the same time are counted one after another. */
static cim_status
decide(void *arg, cim_tx *tx, cim_error *err)
{
    struct verdict *verdict = arg;
    int64_t failures = 0;
    int64_t locked_until_ms = 0;
    const cim_value values[] = {host_value_text("username", verdict->username)};
    CIM_TRY(read_failures(tx, verdict->username, &failures, &locked_until_ms, err));
    verdict->locked = verdict->now_ms < locked_until_ms;
    if (verdict->locked) {
        return log_verdict(verdict, tx, "refused", "locked", err);
    }
    if (verdict->password_good) {
        CIM_TRY(host_store_exec(tx, "delete from cim_sign_in_failure where username = :username",
                                values, 1, NULL, err));
        return log_verdict(verdict, tx, "ok", NULL, err);
    }
    failures = locked_until_ms > 0 ? 1 : failures + 1; /* after a lock the count starts anew */
    locked_until_ms =
        failures >= verdict->options->lock_after ? verdict->now_ms + verdict->options->lock_ms : 0;
    CIM_TRY(forget_old(tx, verdict->now_ms, err));
    CIM_TRY(write_failures(tx, verdict, failures, locked_until_ms, err));
    return log_verdict(verdict, tx, "refused", verdict->known ? "password" : "unknown", err);
}

cim_status
host_sign_in(struct host_identity *identity, const struct host_sign_in *attempt, cim_error *err)
{
    char username[HOST_USERNAME_MAX + 1];
    char uid[37];
    struct host_account *account = NULL;
    bool same = false;
    cim_status status = CIM_OK;
    struct verdict verdict = {
        .options = &identity->options,
        .attempt = attempt,
        .username = username,
        .uid = uid,
        .now_ms = host_clock_now_ms(identity->options.clock),
    };
    kept_name(attempt->username, username);
    CIM_TRY(host_new_uid(verdict.now_ms, uid, err));
    status = host_account_load(identity, username, &account, err);
    if (status != CIM_OK && status != CIM_E_NOTFOUND) {
        return status;
    }
    verdict.known = account != NULL && !account->ended;
    status = host_password_verify(
        &identity->passwords, account != NULL ? account->password_hash : identity->dummy_hash,
        strlen(attempt->password) <= HOST_PASSWORD_MAX_BYTES ? attempt->password : "", &same, err);
    host_account_free(account);
    CIM_TRY(status);
    verdict.password_good = same && verdict.known;
    CIM_TRY(host_store_write(identity->options.platform, decide, &verdict, NULL, err));
    audit(identity, attempt, username, verdict.result, verdict.reason);
    if (verdict.locked) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL,
                        "登录失败次数过多，该用户名已锁定；请 %d 分钟后再试",
                        "too many failures: this user name is locked; try again after %d minutes",
                        (int)((identity->options.lock_ms + 59999) / 60000));
    }
    if (!verdict.password_good) {
        return cim_fail(err, CIM_E_DENIED, NULL, NULL, "用户名或密码错误",
                        "wrong user name or password");
    }
    return CIM_OK;
}

/* ---- single rows ---- */

struct log_row {
    const struct host_sign_in *attempt;
    const char *username;
    const char *uid;
    int64_t now_ms;
    const char *result;
    const char *reason;
};

static cim_status
append_one(void *arg, cim_tx *tx, cim_error *err)
{
    const struct log_row *row = arg;
    return append_log(tx, row->attempt, row->username, row->uid, row->now_ms, row->result,
                      row->reason, err);
}

cim_status
host_sign_in_log(struct host_identity *identity, const struct host_sign_in *attempt,
                 const char *result, const char *reason, cim_error *err)
{
    char username[HOST_USERNAME_MAX + 1];
    char uid[37];
    struct log_row row = {
        .attempt = attempt,
        .username = username,
        .uid = uid,
        .now_ms = host_clock_now_ms(identity->options.clock),
        .result = result,
        .reason = reason,
    };
    kept_name(attempt->username, username);
    CIM_TRY(host_new_uid(row.now_ms, uid, err));
    CIM_TRY(host_store_write(identity->options.platform, append_one, &row, NULL, err));
    audit(identity, attempt, username, result, reason);
    return CIM_OK;
}
