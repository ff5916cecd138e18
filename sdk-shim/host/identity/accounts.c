/* Accounts in platform.db. */
#include "host/base/clock.h"
#include "host/identity/internal.h"
#include "host/store/row.h"
#include "host/store/store.h"

void
host_account_free(struct host_account *account)
{
    if (account == NULL) {
        return;
    }
    free(account->username);
    free(account->display_name);
    free(account->org);
    free(account->org_area);
    free(account->area);
    free(account->password_hash);
    free(account->provider);
    free(account->source);
    free(account);
}

static void
cleanup_account(struct host_account **account)
{
    host_account_free(*account);
}

cim_status
host_account_load(struct host_identity *identity, const char *username,
                  struct host_account **ret_account, cim_error *err)
{
    __attribute__((cleanup(cleanup_account))) struct host_account *account = NULL;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("username", username)};
    CIM_TRY(host_store_read(
        identity->options.platform,
        "select a.username, a.display_name, a.password_hash, a.org, o.area, "
        "a.area, a.ended_ms, a.password_set_ms, a.must_change, "
        "f.confirmed_ms, a.provider, a.source from cim_account a left join cim_org o on o.code = "
        "a.org left join cim_second_factor f on f.username = a.username where "
        "a.username = :username",
        values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        return cim_fail(err, CIM_E_NOTFOUND, "username", username, "没有这个账号",
                        "there is no such account");
    }
    account = calloc(1, sizeof *account);
    if (account == NULL) {
        return cim_fail_nomem(err);
    }
    account->username = host_row_text(&row, 0);
    account->display_name = host_row_text(&row, 1);
    account->password_hash = host_row_text(&row, 2);
    account->ended = host_row_has(&row, 6);
    account->password_set_ms = host_row_i64(&row, 7);
    account->must_change = host_row_i64(&row, 8) != 0;
    account->has_factor = host_row_has(&row, 9);
    if (account->username == NULL || account->display_name == NULL ||
        account->password_hash == NULL || !host_row_text_or_null(&row, 3, &account->org) ||
        !host_row_text_or_null(&row, 4, &account->org_area) ||
        !host_row_text_or_null(&row, 5, &account->area) ||
        !host_row_text_or_null(&row, 10, &account->provider) ||
        !host_row_text_or_null(&row, 11, &account->source)) {
        return cim_fail_nomem(err);
    }
    *ret_account = CIM_TAKE(account);
    return CIM_OK;
}

const char *
host_account_home(const struct host_account *account)
{
    if (account->area != NULL) {
        return account->area;
    }
    return account->org_area != NULL ? account->org_area : "*";
}

/* ---- writing ---- */

struct put {
    const struct host_account_input *input;
    const char *hash;
    int64_t now_ms;
};

static cim_status
insert_role(cim_tx *tx, const struct put *put, const char *role, cim_error *err)
{
    const struct host_account_input *input = put->input;
    char uid[37];
    CIM_TRY(host_new_uid(put->now_ms, uid, err));
    const struct host_grant grant = {
        .uid = uid,
        .holder_kind = (char *)"user",
        .holder = (char *)(uintptr_t)input->username,
        .kind = (char *)"role",
        .name = (char *)(uintptr_t)role,
        .areas = (char *)(uintptr_t)input->areas,
        .org = (char *)(uintptr_t)input->org,
        .granted_by = (char *)"cim-host",
        .granted_ms = put->now_ms,
        .until_ms = input->until_ms,
    };
    return host_grant_insert(tx, &grant, err);
}

/* Where the roles of an account are, there it is at home; all areas: where its organisation is. */
static const char *
home_of(const char *areas)
{
    return areas[0] != '\0' && strcmp(areas, "*") != 0 ? areas : NULL;
}

static cim_status
put_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct put *put = arg;
    const struct host_account_input *input = put->input;
    CIM_AUTO_FREE char *roles = strdup(input->roles);
    char *rest = roles;
    const cim_value values[] = {
        host_value_text("username", input->username),
        host_value_text("display_name", input->display_name),
        host_value_text("org", input->org),
        host_value_text("hash", put->hash),
        host_value_i64("now", put->now_ms),
        host_value_text("area", home_of(input->areas)),
        host_value_i64("must", input->must_change ? 1 : 0),
    };
    const cim_value ended[] = {values[0], values[4]};
    if (roles == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(host_store_exec(tx,
                            "insert into cim_account (username, display_name, org, area, "
                            "password_hash, password_set_ms, must_change) values (:username, "
                            ":display_name, :org, :area, :hash, :now, :must) on conflict "
                            "(username) do update set display_name = excluded.display_name, org = "
                            "excluded.org, area = excluded.area, password_hash = "
                            "excluded.password_hash, password_set_ms = excluded.password_set_ms, "
                            "must_change = excluded.must_change, ended_ms = null",
                            values, 7, NULL, err));
    CIM_TRY(host_store_exec(tx,
                            "update cim_grant set ended_ms = :now, ended_by = 'cim-host' where "
                            "holder_kind = 'user' and holder = :username and kind = 'role' and "
                            "ended_ms is null",
                            ended, 2, NULL, err));
    CIM_TRY(host_store_exec(tx, "delete from cim_sign_in_failure where username = :username",
                            values, 1, NULL, err));
    while (rest != NULL) {
        const char *role = strsep(&rest, ",");
        if (*role != '\0') {
            CIM_TRY(insert_role(tx, put, role, err));
        }
    }
    return CIM_OK;
}

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@"

bool
host_username_is_good(const char *username)
{
    const size_t len = strlen(username);
    return len > 0 && len <= HOST_USERNAME_MAX && strspn(username, NAME_LETTERS) == len;
}

static bool
is_list(const char *text, const char *allowed)
{
    return text[0] != '\0' && text[strspn(text, allowed)] == '\0' && strlen(text) <= 4000;
}

cim_status
host_account_check(const struct host_identity *identity, const struct host_account_input *input,
                   cim_error *err)
{
    const char *username = input->username != NULL ? input->username : "";
    if (!host_username_is_good(username)) {
        return cim_fail(
            err, CIM_E_INVALID, "username", username, "用户名应为 1 到 %d 个字母、数字或 . _ - @",
            "a user name has 1 to %d letters, digits or . _ - @", (int)HOST_USERNAME_MAX);
    }
    if (input->display_name == NULL || strlen(input->display_name) > 200) {
        return cim_fail(err, CIM_E_INVALID, "display_name", input->display_name,
                        "显示名至多 200 字节", "a display name has at most 200 bytes");
    }
    if (input->roles == NULL || strlen(input->roles) > 1000 ||
        (input->roles[0] != '\0' &&
         !is_list(input->roles, "abcdefghijklmnopqrstuvwxyz0123456789-.,"))) {
        return cim_fail(err, CIM_E_INVALID, "roles", input->roles, "角色应以逗号分隔",
                        "roles are ids separated by commas");
    }
    if (input->areas == NULL ||
        (strcmp(input->areas, "*") != 0 && input->areas[0] != '\0' &&
         !is_list(input->areas,
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789,-"))) {
        return cim_fail(err, CIM_E_INVALID, "areas", input->areas, "区划应为 * 或以逗号分隔的代码",
                        "areas are * or codes separated by commas");
    }
    if (input->service) {
        return input->password == NULL
                   ? CIM_OK
                   : cim_fail(err, CIM_E_INVALID, "password", NULL, "服务账号没有密码，只用令牌",
                              "the account of a program has no password, only tokens");
    }
    return host_password_check_rules(identity->options.password_min_chars, username,
                                     input->password != NULL ? input->password : "", err);
}

cim_status
host_identity_put_account(struct host_identity *identity, const struct host_account_input *input,
                          cim_error *err)
{
    char hash[HOST_PASSWORD_HASH_MAX];
    struct put put = {
        .input = input,
        .hash = hash,
        .now_ms = host_clock_now_ms(identity->options.clock),
    };
    CIM_TRY(host_account_check(identity, input, err));
    CIM_TRY(host_password_hash(&identity->passwords, input->password, hash, err));
    CIM_TRY(host_store_write(identity->options.platform, put_in_tx, &put, NULL, err));
    (void)atomic_fetch_add(&identity->generation, 1);
    return host_sessions_end_all_of(&identity->sessions, input->username, err);
}
