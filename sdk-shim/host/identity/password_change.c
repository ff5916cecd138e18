/* A new password for an account: none of the last ones, and its sessions end. */
#include "host/base/clock.h"
#include "host/identity/internal.h"
#include "host/store/row.h"
#include "host/store/store.h"

struct change {
    const char *username;
    const char *hash;
    const char *uid; /* of the row that keeps the password of before */
    int64_t now_ms;
    int64_t keep;
    bool must_change;
};

/* What was the password until now, and no more than `keep` of them. */
static cim_status
remember(const struct change *change, cim_tx *tx, cim_error *err)
{
    const cim_value values[] = {
        host_value_text("username", change->username),
        host_value_text("uid", change->uid),
        host_value_i64("now", change->now_ms),
    };
    const cim_value kept[] = {values[0], host_value_i64("keep", change->keep)};
    CIM_TRY(host_store_exec(tx,
                            "insert into cim_password_history (uid, username, hash, until_ms) "
                            "select :uid, username, password_hash, :now from cim_account where "
                            "username = :username",
                            values, 3, NULL, err));
    return host_store_exec(tx,
                           "delete from cim_password_history where username = :username and uid "
                           "not in (select uid from cim_password_history where username = "
                           ":username order by until_ms desc, uid desc limit :keep)",
                           kept, 2, NULL, err);
}

static cim_status
set_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct change *change = arg;
    int64_t changes = 0;
    const cim_value values[] = {
        host_value_text("username", change->username),
        host_value_text("hash", change->hash),
        host_value_i64("now", change->now_ms),
        host_value_i64("must", change->must_change ? 1 : 0),
    };
    CIM_TRY(remember(change, tx, err));
    CIM_TRY(host_store_exec(tx,
                            "update cim_account set password_hash = :hash, password_set_ms = :now, "
                            "must_change = :must where username = :username",
                            values, 4, &changes, err));
    if (changes == 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "username", change->username, "没有账号“%s”",
                        "there is no account '%s'", change->username);
    }
    return host_store_exec(tx, "delete from cim_sign_in_failure where username = :username", values,
                           1, NULL, err);
}

cim_status
host_password_set(struct host_identity *identity, const char *username, const char *password,
                  bool must_change, cim_error *err)
{
    char hash[HOST_PASSWORD_HASH_MAX];
    char uid[37];
    struct change change = {
        .username = username,
        .hash = hash,
        .uid = uid,
        .now_ms = host_clock_now_ms(identity->options.clock),
        .keep = identity->options.password_history,
        .must_change = must_change,
    };
    CIM_TRY(
        host_password_check_rules(identity->options.password_min_chars, username, password, err));
    CIM_TRY(host_password_hash(&identity->passwords, password, hash, err));
    CIM_TRY(host_new_uid(change.now_ms, uid, err));
    CIM_TRY(host_store_write(identity->options.platform, set_in_tx, &change, NULL, err));
    return host_sessions_end_all_of(&identity->sessions, username, err);
}

cim_status
host_identity_set_password(struct host_identity *identity, const char *username,
                           const char *password, cim_error *err)
{
    return host_password_set(identity, username, password, false, err);
}

static cim_status
read_hashes(struct host_identity *identity, const char *username, char **hashes, size_t *ret_n,
            cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("username", username),
                                host_value_i64("n", HOST_PASSWORD_HISTORY_MAX)};
    CIM_TRY(host_store_read(identity->options.platform,
                            "select hash from cim_password_history where username = :username "
                            "order by until_ms desc limit :n",
                            values, 2, &rows, err));
    row.rows = rows;
    for (;;) {
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        hashes[*ret_n] = host_row_text(&row, 0);
        if (hashes[*ret_n] == NULL) {
            return cim_fail_nomem(err);
        }
        (*ret_n)++;
    }
}

cim_status
host_password_check_new(struct host_identity *identity, const char *username, const char *old,
                        const char *password, cim_error *err)
{
    char *hashes[HOST_PASSWORD_HISTORY_MAX] = {NULL};
    size_t n = 0;
    bool same = strcmp(old, password) == 0;
    cim_status status =
        host_password_check_rules(identity->options.password_min_chars, username, password, err);
    if (status == CIM_OK && identity->options.password_history > 0) {
        status = read_hashes(identity, username, hashes, &n, err);
    }
    for (size_t i = 0; i < n && status == CIM_OK && !same; i++) {
        status = host_password_verify(&identity->passwords, NULL, hashes[i], password, &same, err);
    }
    for (size_t i = 0; i < n; i++) {
        free(hashes[i]);
    }
    if (status == CIM_OK && same) {
        return cim_fail(err, CIM_E_INVALID, "password", NULL, "新密码不能是最近用过的密码",
                        "the new password is one that was used before");
    }
    return status;
}
