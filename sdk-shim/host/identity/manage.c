/* host/identity/manage.c -- what the command line does with accounts. */
#include "host/base/clock.h"
#include "host/identity/internal.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include "kit/buf.h"

enum { ROLES_TEXT_MAX = 64 << 10 };

_Static_assert((int)HOST_BEARER_TEXT == (int)HOST_TOKEN_TEXT, "the public size is the inner one");

struct new_password {
    const char *username;
    const char *hash;
    int64_t now_ms;
};

static cim_status
set_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct new_password *change = arg;
    int64_t changes = 0;
    const cim_value values[] = {
        host_value_text("username", change->username),
        host_value_text("hash", change->hash),
        host_value_i64("now", change->now_ms),
    };
    CIM_TRY(host_store_exec(tx,
                            "update cim_account set password_hash = :hash, password_set_ms = :now "
                            "where username = :username",
                            values, 3, &changes, err));
    if (changes == 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "username", change->username, "没有账号“%s”",
                        "there is no account '%s'", change->username);
    }
    return host_store_exec(tx, "delete from cim_sign_in_failure where username = :username", values,
                           1, NULL, err);
}

cim_status
host_identity_set_password(struct host_identity *identity, const char *username,
                           const char *password, cim_error *err)
{
    char hash[HOST_PASSWORD_HASH_MAX];
    struct new_password change = {
        .username = username, .hash = hash, .now_ms = host_clock_now_ms(identity->options.clock)};
    CIM_TRY(host_password_check_rules(password, err));
    CIM_TRY(host_password_hash(password, hash, err));
    CIM_TRY(host_store_write(identity->options.platform, set_in_tx, &change, NULL, err));
    (void)atomic_fetch_add(&identity->generation, 1);
    return host_sessions_end_all_of(&identity->sessions, username, err);
}

/* "role (areas), …" of those that are in force. */
static cim_status
add_roles(struct host_identity *identity, const struct host_account *account, struct cim_buf *out,
          cim_error *err)
{
    struct host_grants grants = {0};
    bool first = true;
    CIM_TRY(host_grants_of(identity, account, host_clock_now_ms(identity->options.clock), &grants,
                           err));
    cim_buf_add_text(out, account->ended ? "-" : "");
    for (size_t i = 0; i < grants.n && !account->ended; i++) {
        const struct host_grant *grant = &grants.grants[i];
        if (strcmp(grant->kind, "role") == 0) {
            cim_buf_addf(out, "%s%s (%s)", first ? "" : ", ", grant->name,
                         grant->areas != NULL ? grant->areas : "");
            first = false;
        }
    }
    host_grants_free(&grants);
    return cim_buf_status(out, err);
}

static cim_status
pass_account(struct host_identity *identity, const char *username,
             void (*each)(void *arg, const char *username, const char *display_name,
                          const char *roles),
             void *arg, cim_error *err)
{
    struct host_account *account = NULL;
    struct cim_buf roles CIM_AUTO_BUF;
    cim_buf_init(&roles, ROLES_TEXT_MAX);
    CIM_TRY(host_account_load(identity, username, &account, err));
    const cim_status status = add_roles(identity, account, &roles, err);
    if (status == CIM_OK) {
        each(arg, account->username, account->display_name, roles.data != NULL ? roles.data : "");
    }
    host_account_free(account);
    return status;
}

cim_status
host_identity_each_account(struct host_identity *identity,
                           void (*each)(void *arg, const char *username, const char *display_name,
                                        const char *roles),
                           void *arg, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(identity->options.platform,
                            "select username from cim_account order by username", NULL, 0, &rows,
                            err));
    row.rows = rows;
    for (;;) {
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        CIM_AUTO_FREE char *username = host_row_text(&row, 0);
        if (username == NULL) {
            return cim_fail_nomem(err);
        }
        CIM_TRY(pass_account(identity, username, each, arg, err));
    }
}

cim_status
host_identity_issue_token(struct host_identity *identity, const char *username, int64_t life_ms,
                          char ret_token[HOST_BEARER_TEXT], cim_error *err)
{
    struct host_account *account = NULL;
    CIM_TRY(host_account_load(identity, username, &account, err));
    host_account_free(account);
    return host_sessions_begin(&identity->sessions, HOST_SESSION_BEARER, username,
                               host_clock_now_ms(identity->options.clock), life_ms, ret_token, err);
}
