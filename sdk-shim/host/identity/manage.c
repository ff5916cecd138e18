/* host/identity/manage.c -- what the command line does with accounts. */
#include "host/base/clock.h"
#include "host/identity/internal.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include "kit/buf.h"

enum { ROLES_TEXT_MAX = 64 << 10 };

_Static_assert((int)HOST_BEARER_TEXT == (int)HOST_TOKEN_TEXT, "the public size is the inner one");

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
    const struct host_session_start start = {
        .kind = HOST_SESSION_BEARER,
        .username = username,
        .now_ms = host_clock_now_ms(identity->options.clock),
        .life_ms = life_ms,
        .agent = "cim-host token",
    };
    return host_sessions_begin(&identity->sessions, &start, ret_token, err);
}
