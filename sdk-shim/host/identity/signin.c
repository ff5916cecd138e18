/* Signing in with name and password: the same steps for names that exist and names that do not. */
#include "host/audit/audit.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/identity/internal.h"
#include "host/identity/shared.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/buf.h"

/* A name as it is kept: what is no possible name is one and the same impossible one. */
static void
kept_name(const char *username, char out[HOST_USERNAME_MAX + 1])
{
    cim_copy_text(out, HOST_USERNAME_MAX + 1, host_username_is_good(username) ? username : "?");
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
    struct host_identity *identity;
    const struct host_sign_in *attempt;
    const char *username;
    const char *uid;
    const char *wrong; /* reason in the log where it is not good */
    int64_t now_ms;
    bool good;
    bool takes_code;         /* whether the code is good is found out in the transaction */
    bool more_is_asked;      /* failures are forgotten once the second factor was right too */
    bool locked;             /* out */
    int64_t locked_until_ms; /* out */
    const char *result;      /* out */
    const char *reason;
};

struct failures {
    int64_t n;
    int64_t locks;
    int64_t last_ms;
    int64_t locked_until_ms;
};

#define FAILURES_SQL                                                                               \
    "select failures, locks, last_ms, locked_until_ms from cim_sign_in_failure where username = "  \
    ":username"

static cim_status
take_failures(cim_rows *rows, struct failures *failures, cim_error *err)
{
    struct host_row row = {.rows = rows};
    bool there = false;
    CIM_TRY(host_row_next(&row, &there, err));
    if (there) {
        *failures = (struct failures){.n = host_row_i64(&row, 0),
                                      .locks = host_row_i64(&row, 1),
                                      .last_ms = host_row_i64(&row, 2),
                                      .locked_until_ms = host_row_i64(&row, 3)};
    }
    return CIM_OK;
}

static cim_status
read_failures(cim_tx *tx, const char *username, struct failures *failures, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {host_value_text("username", username)};
    CIM_TRY(host_store_query(tx, FAILURES_SQL, values, 1, &rows, err));
    return take_failures(rows, failures, err);
}

/* One failure more; so many in a row lock, and each lock in a row lasts twice as long. */
static void
count_failure(const struct verdict *verdict, struct failures *failures)
{
    const struct host_identity_options *options = &verdict->identity->options;
    const int64_t doublings =
        failures->locks < HOST_LOCK_DOUBLINGS_MAX ? failures->locks : HOST_LOCK_DOUBLINGS_MAX;
    failures->n = failures->locked_until_ms > 0 ? 1 : failures->n + 1; /* after a lock anew */
    failures->locked_until_ms = 0;
    if (failures->n >= options->lock_after) {
        failures->locked_until_ms = verdict->now_ms + (options->lock_ms << doublings);
        failures->locks++;
    }
}

/* ---- the same where hosts count together ---- */

static void
failures_name(const char *username, char ret_name[HOST_USERNAME_MAX + 16])
{
    (void)snprintf(ret_name, HOST_USERNAME_MAX + 16, "failures:%s", username);
}

static void
parse_failures(const char *text, struct failures *failures)
{
    long long n[4] = {0};
    if (sscanf(text, "%lld %lld %lld %lld", &n[0], &n[1], &n[2], &n[3]) == 4) {
        *failures =
            (struct failures){.n = n[0], .locks = n[1], .last_ms = n[2], .locked_until_ms = n[3]};
    }
}

/* One step for all hosts; it may be tried again. */
static void
count_together(void *self, const char *before, char after[HOST_SHARED_TEXT_MAX])
{
    struct verdict *verdict = self;
    struct failures failures = {0};
    parse_failures(before, &failures);
    cim_copy_text(after, HOST_SHARED_TEXT_MAX, before);
    verdict->locked_until_ms = failures.locked_until_ms;
    verdict->locked = verdict->now_ms < failures.locked_until_ms;
    if (verdict->locked || (verdict->good && verdict->more_is_asked)) {
        return;
    }
    if (verdict->good) {
        after[0] = '\0';
        return;
    }
    count_failure(verdict, &failures);
    (void)snprintf(after, HOST_SHARED_TEXT_MAX, "%lld %lld %lld %lld", (long long)failures.n,
                   (long long)failures.locks, (long long)verdict->now_ms,
                   (long long)failures.locked_until_ms);
}

static cim_status
settle_together(struct verdict *verdict, cim_error *err)
{
    char name[HOST_USERNAME_MAX + 16];
    const struct host_shared_change change = {
        .self = verdict, .change = count_together, .life_ms = HOST_LOCKS_KEPT_MS};
    failures_name(verdict->username, name);
    return host_shared_update(verdict->identity->shared, name, &change, err);
}

/* A code is good once, on whichever host. */
static cim_status
claim_code(struct verdict *verdict, cim_error *err)
{
    const char *code = verdict->attempt->code;
    const bool recovery = strlen(code) == HOST_RECOVERY_TEXT - 1;
    char name[HOST_USERNAME_MAX + HOST_TOKEN_TEXT + 16];
    char hash[HOST_TOKEN_TEXT];
    bool mine = false;
    CIM_TRY(host_sha256_text(verdict->username, code, hash, err));
    (void)snprintf(name, sizeof name, "code:%s:%s", verdict->username, hash);
    CIM_TRY(host_shared_claim(verdict->identity->shared, name,
                              recovery ? HOST_RECOVERY_USED_MS : HOST_CODE_USED_MS, &mine, err));
    verdict->takes_code = mine;
    return CIM_OK;
}

/* A name that is locked costs no hashing: a flood of guesses at it takes nothing from others. */
static cim_status
look_at_lock(struct verdict *verdict, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct failures failures = {0};
    const cim_value values[] = {host_value_text("username", verdict->username)};
    if (verdict->identity->shared != NULL) {
        char name[HOST_USERNAME_MAX + 16];
        char text[HOST_SHARED_TEXT_MAX];
        failures_name(verdict->username, name);
        CIM_TRY(host_shared_read(verdict->identity->shared, name, text, err));
        parse_failures(text, &failures);
    } else {
        CIM_TRY(host_store_read(verdict->identity->options.platform, FAILURES_SQL, values, 1, &rows,
                                err));
        CIM_TRY(take_failures(rows, &failures, err));
    }
    verdict->locked_until_ms = failures.locked_until_ms;
    verdict->locked = verdict->now_ms < failures.locked_until_ms;
    return CIM_OK;
}

static cim_status
write_failures(cim_tx *tx, const struct verdict *verdict, const struct failures *failures,
               cim_error *err)
{
    const cim_value values[] = {
        host_value_text("username", verdict->username),
        host_value_i64("failures", failures->n),
        host_value_i64("now", verdict->now_ms),
        host_value_i64("until", failures->locked_until_ms),
        host_value_i64("locks", failures->locks),
    };
    return host_store_exec(tx,
                           "insert into cim_sign_in_failure (username, failures, last_ms, "
                           "locked_until_ms, locks) values (:username, :failures, :now, :until, "
                           ":locks) on conflict (username) do update set failures = "
                           "excluded.failures, last_ms = excluded.last_ms, locked_until_ms = "
                           "excluded.locked_until_ms, locks = excluded.locks",
                           values, 5, NULL, err);
}

/* Names can be made up without end: what is long past is dropped. */
static cim_status
forget_old(cim_tx *tx, int64_t now_ms, cim_error *err)
{
    const cim_value values[] = {
        host_value_i64("old", now_ms - HOST_FAILURES_KEPT_MS),
        host_value_i64("locked", now_ms - HOST_LOCKS_KEPT_MS),
    };
    return host_store_exec(tx,
                           "delete from cim_sign_in_failure where last_ms <= :old and "
                           "(locks = 0 or locked_until_ms <= :locked)",
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
    struct failures failures = {0};
    const cim_value values[] = {host_value_text("username", verdict->username)};
    const bool alone = verdict->identity->shared == NULL;
    if (alone) {
        CIM_TRY(read_failures(tx, verdict->username, &failures, err));
    }
    if (alone && !verdict->locked) {
        verdict->locked_until_ms = failures.locked_until_ms;
        verdict->locked = verdict->now_ms < failures.locked_until_ms;
    }
    if (verdict->locked) {
        return log_verdict(verdict, tx, "refused", "locked", err);
    }
    if (verdict->takes_code) {
        CIM_TRY(host_factor_take(verdict->identity, tx, verdict->username, verdict->attempt->code,
                                 verdict->now_ms, &verdict->good, err));
    }
    if (verdict->good) {
        if (alone && !verdict->more_is_asked) {
            CIM_TRY(host_store_exec(tx,
                                    "delete from cim_sign_in_failure where username = :username",
                                    values, 1, NULL, err));
        }
        return log_verdict(verdict, tx, "ok", NULL, err);
    }
    if (alone) {
        count_failure(verdict, &failures);
        CIM_TRY(forget_old(tx, verdict->now_ms, err));
        CIM_TRY(write_failures(tx, verdict, &failures, err));
    }
    return log_verdict(verdict, tx, "refused", verdict->wrong, err);
}

static cim_status
refuse_locked(const struct verdict *verdict, int64_t *ret_locked_ms, cim_error *err)
{
    const int64_t left_ms = verdict->locked_until_ms - verdict->now_ms;
    if (ret_locked_ms != NULL) {
        *ret_locked_ms = left_ms;
    }
    return cim_fail(err, CIM_E_STATE, NULL, NULL,
                    "登录失败次数过多，该用户名已锁定；请 %d 分钟后再试",
                    "too many failures: this user name is locked; try again after %d minutes",
                    (int)((left_ms + 59999) / 60000));
}

static cim_status
conclude(struct verdict *verdict, int64_t *ret_locked_ms, cim_error *err)
{
    const bool together = verdict->identity->shared != NULL;
    const bool of_code = verdict->attempt->code != NULL && verdict->takes_code;
    if (together && of_code && !verdict->locked) {
        CIM_TRY(claim_code(verdict, err));
    } else if (together && !verdict->locked) {
        CIM_TRY(settle_together(verdict, err));
    }
    CIM_TRY(host_store_write(verdict->identity->options.platform, decide, verdict, NULL, err));
    if (together && of_code && !verdict->locked) {
        CIM_TRY(settle_together(verdict, err)); /* whether it is good is known now */
    }
    audit(verdict->identity, verdict->attempt, verdict->username, verdict->result, verdict->reason);
    if (verdict->locked) {
        return refuse_locked(verdict, ret_locked_ms, err);
    }
    return verdict->good ? CIM_OK
                         : cim_fail(err, CIM_E_DENIED, NULL, NULL,
                                    of_code ? "验证码错误或已用过" : "用户名或密码错误",
                                    of_code ? "the code is wrong, or was used already"
                                            : "wrong user name or password");
}

static cim_status
try_password(struct verdict *verdict, cim_error *err)
{
    struct host_identity *identity = verdict->identity;
    const struct host_sign_in *attempt = verdict->attempt;
    struct host_account *account = NULL;
    bool same = false;
    cim_status status = host_account_load(identity, verdict->username, &account, err);
    if (status != CIM_OK && status != CIM_E_NOTFOUND) {
        return status;
    }
    /* Whoever signs in elsewhere has no password here, and is as unknown as a name that is none. */
    const bool known = account != NULL && !account->ended && account->password_hash[0] == '$';
    status = host_password_verify(
        &identity->passwords, attempt->address,
        known || (account != NULL && account->password_hash[0] == '$') ? account->password_hash
                                                                       : identity->dummy_hash,
        strlen(attempt->password) <= HOST_PASSWORD_MAX_BYTES ? attempt->password : "", &same, err);
    verdict->more_is_asked = known && account->has_factor;
    host_account_free(account);
    verdict->good = same && known;
    verdict->wrong = known ? "password" : "unknown";
    return status;
}

cim_status
host_sign_in(struct host_identity *identity, const struct host_sign_in *attempt,
             int64_t *ret_locked_ms, cim_error *err)
{
    char username[HOST_USERNAME_MAX + 1];
    char uid[37];
    struct verdict verdict = {
        .identity = identity,
        .attempt = attempt,
        .username = username,
        .uid = uid,
        .now_ms = host_clock_now_ms(identity->options.clock),
    };
    kept_name(attempt->username, username);
    CIM_TRY(host_new_uid(verdict.now_ms, uid, err));
    CIM_TRY(look_at_lock(&verdict, err));
    if (!verdict.locked) {
        CIM_TRY(try_password(&verdict, err));
    }
    return conclude(&verdict, ret_locked_ms, err);
}

cim_status
host_sign_in_factor(struct host_identity *identity, const struct host_sign_in *attempt,
                    int64_t *ret_locked_ms, cim_error *err)
{
    char uid[37];
    struct verdict verdict = {
        .identity = identity,
        .attempt = attempt,
        .username = attempt->username,
        .uid = uid,
        .wrong = "code",
        .now_ms = host_clock_now_ms(identity->options.clock),
        .takes_code = true,
    };
    CIM_TRY(host_new_uid(verdict.now_ms, uid, err));
    CIM_TRY(look_at_lock(&verdict, err));
    return conclude(&verdict, ret_locked_ms, err);
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
