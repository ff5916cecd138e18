/* host/identity/compare_people.c -- people out of a sheet or a directory.
 *
 * Who is not here yet is new, with the roles of the row; who is here under another name,
 * organisation or area is changed; the roles of people who are here stay as they are. People of the
 * rows' organisations who are not among them are named, not ended: somebody has to say who takes
 * over; of a directory, those who came from it and are no longer there.
 *
 * A directory knows people by an id that stays when somebody is called otherwise; so an account
 * follows the id, and a name that now belongs to somebody else does not open it to him.
 */
#include "host/identity/compare.h"

#include "cim/util.h"

#include "host/base/clock.h"
#include "host/identity/provider.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/time.h"

#include <stdlib.h>

enum { PASSWORD_CHARS = 14 };

enum column { USERNAME, DISPLAY_NAME, ORG, AREA, ROLES, AREAS, UNTIL, ID, DN, N_COLUMNS };

static const struct host_compare_column columns[N_COLUMNS] = {
    [USERNAME] = {"username", "用户名", true, true},
    [DISPLAY_NAME] = {"display_name", "姓名", true, true},
    [ORG] = {"org", "组织", false, true},
    [AREA] = {"area", "所在区划", false, false},
    [ROLES] = {"roles", "角色", false, false},
    [AREAS] = {"areas", "授权区划", false, false},
    [UNTIL] = {"until", "截止", false, false},
    [ID] = {"id", "目录标识", false, false},
    [DN] = {"dn", "目录名称", false, true},
};

/* Lists in a cell are parted by blanks, ";", "、" or "，"; *ret_list has commas. In request memory.
 */
static cim_status
read_list(const struct host_compare *compare, const char *text, const char **ret_list,
          cim_error *err)
{
    char *list = host_http_alloc(compare->api->req, strlen(text) + 1);
    size_t n = 0;
    if (list == NULL) {
        return cim_fail_nomem(err);
    }
    while (*text != '\0') {
        const size_t wide = strncmp(text, "、", 3) == 0 || strncmp(text, "，", 3) == 0 ? 3 : 0;
        if (wide > 0 || strchr(" ;,", *text) != NULL) {
            if (n > 0 && list[n - 1] != ',') {
                list[n++] = ',';
            }
            text += wide > 0 ? wide : 1;
        } else {
            list[n++] = *text++;
        }
    }
    n -= n > 0 && list[n - 1] == ',' ? 1 : 0;
    list[n] = '\0';
    *ret_list = list;
    return CIM_OK;
}

/* 14 characters of four classes, for the first sign-in. */
static cim_status
make_password(char ret_password[PASSWORD_CHARS + 1], cim_error *err)
{
    static const char letters[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
    char token[HOST_TOKEN_TEXT];
    CIM_TRY(host_random_token(token, err));
    for (size_t i = 0; i < PASSWORD_CHARS; i++) {
        const char pair[3] = {token[2 * i], token[2 * i + 1], '\0'};
        ret_password[i] = letters[strtoul(pair, NULL, 16) % (sizeof letters - 1)];
    }
    ret_password[3] = '-';
    ret_password[8] = '-';
    ret_password[11] = (char)('2' + (ret_password[11] & 7));
    ret_password[12] = 'k';
    ret_password[13] = 'R';
    ret_password[PASSWORD_CHARS] = '\0';
    return CIM_OK;
}

/* Office programs write a date with slashes. */
static cim_status
read_until(const char *text, int64_t *ret_ms, cim_error *err)
{
    char plain[16];
    int32_t day = 0;
    if (text[0] == '\0') {
        return CIM_OK;
    }
    cim_copy_text(plain, sizeof plain, text);
    for (char *at = strchr(plain, '/'); at != NULL; at = strchr(at, '/')) {
        *at = '-';
    }
    if (strlen(text) >= sizeof plain || cim_date_parse(plain, SIZE_MAX, &day) != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, "until", text, "应为 YYYY-MM-DD",
                        "expected YYYY-MM-DD");
    }
    *ret_ms = ((int64_t)day + 1) * 86400000 - 8 * 3600000; /* its last moment in Beijing */
    return CIM_OK;
}

static cim_status
take_new(struct host_compare *compare, const struct host_compare_row *row, struct cim_buf *more,
         cim_error *err)
{
    const struct host_api *api = compare->api;
    const struct host_compare_source *source = compare->source;
    char password[PASSWORD_CHARS + 1];
    struct host_new_user user = {.username = host_compare_cell(row, USERNAME),
                                 .display_name = host_compare_cell(row, DISPLAY_NAME),
                                 .org = host_compare_cell_or_none(row, ORG),
                                 .area = host_compare_cell_or_none(row, AREA),
                                 .password = source == NULL ? password : NULL,
                                 .until_ms = INT64_MAX,
                                 .of_directory = source != NULL,
                                 .directory_id = host_compare_cell_or_none(row, ID),
                                 .provider = source != NULL ? source->sign_in : NULL};
    CIM_TRY(read_list(compare, host_compare_cell(row, ROLES), &user.roles, err));
    CIM_TRY(read_list(compare, host_compare_cell(row, AREAS), &user.areas, err));
    CIM_TRY(read_until(host_compare_cell(row, UNTIL), &user.until_ms, err));
    CIM_TRY(make_password(password, err));
    CIM_TRY(host_api_add_user(api, &user, !compare->applies, err));
    if (compare->applies && source == NULL) {
        host_api_add(more, "password", password);
    }
    return CIM_OK;
}

/* ---- people of a directory ---- */

struct adoption {
    const char *username;
    const char *id; /* NULL: none */
    bool linked;
    struct host_trail *trail;
};

static cim_status
adopt_in_tx(void *arg, cim_tx *tx, cim_error *err)
{
    const struct adoption *adoption = arg;
    const cim_value values[] = {host_value_text("username", adoption->username),
                                host_value_text("source", HOST_SOURCE_DIRECTORY)};
    HOST_AUTO_STEP struct host_step step = {
        .trail = adoption->trail, .kind = HOST_TRAIL_PERSON, .name = adoption->username};
    CIM_TRY(host_step_begin(&step, tx, err));
    if (adoption->id != NULL && !adoption->linked) {
        CIM_TRY(host_directory_link(tx, adoption->id, adoption->username, err));
    }
    CIM_TRY(host_store_exec(tx,
                            "update cim_account set source = :source where username = :username",
                            values, 2, NULL, err));
    return host_step_end(&step, tx, "", err);
}

/* The id by which the directory knows an account; *ret_id NULL: none. Request memory. */
static cim_status
find_id(const struct host_compare *compare, const char *username, const char **ret_id,
        cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("username", username),
                                host_value_text("provider", HOST_PROVIDER_DIRECTORY)};
    CIM_TRY(host_store_read(compare->api->identity->options.platform,
                            "select subject from cim_external_account where username = :username "
                            "and provider = :provider limit 1",
                            values, 2, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        return CIM_OK;
    }
    CIM_AUTO_FREE char *id = host_row_text(&row, 0);
    return id != NULL ? host_api_keep(compare->api, id, ret_id, err) : cim_fail_nomem(err);
}

/* The account is the row's: of the directory, and of the same person there. */
static cim_status
check_same_person(const struct host_compare *compare, const struct host_account *account,
                  const struct host_compare_row *row, bool *ret_linked, cim_error *err)
{
    const char *known = NULL;
    const char *id = host_compare_cell(row, ID);
    CIM_TRY(find_id(compare, account->username, &known, err));
    if (known != NULL && id[0] != '\0' && strcmp(known, id) != 0) {
        return cim_fail(err, CIM_E_EXISTS, "id", id,
                        "账号“%s”属于目录中的另一人（%s），请先停用该账号",
                        "the account '%s' is that of another person there (%s): end it first",
                        account->username, known);
    }
    if (account->source == NULL && !compare->source->link_by_name) {
        return cim_fail(err, CIM_E_EXISTS, "username", account->username,
                        "本平台已有同名账号，不来自目录（directory.link_by_name）",
                        "there is an account of that name here that is not of the directory "
                        "(directory.link_by_name)");
    }
    *ret_linked = known != NULL;
    return CIM_OK;
}

static cim_status
adopt(struct host_compare *compare, const struct host_account *account,
      const struct host_compare_row *row, bool linked, cim_error *err)
{
    struct adoption adoption = {.username = account->username,
                                .id = host_compare_cell_or_none(row, ID),
                                .linked = linked,
                                .trail = compare->api->trail};
    if (!compare->applies || (account->source != NULL && (adoption.id == NULL || linked))) {
        return CIM_OK;
    }
    CIM_TRY(host_api_check_person(compare->api, account, err));
    return host_store_write(compare->api->identity->options.platform, adopt_in_tx, &adoption, NULL,
                            err);
}

/* An empty cell of organisation or area leaves what is there. */
static cim_status
take_known(struct host_compare *compare, const struct host_compare_row *row,
           const struct host_account *account, enum host_outcome *ret_outcome, struct cim_buf *more,
           cim_error *err)
{
    struct host_changes changes = {.out = more};
    const char *org = host_compare_cell_or_none(row, ORG);
    const char *area = host_compare_cell_or_none(row, AREA);
    const char *display_name = host_compare_cell(row, DISPLAY_NAME);
    org = org != NULL ? org : account->org;
    area = area != NULL ? area : account->area;
    host_changes_add(&changes, "display_name", account->display_name, display_name);
    host_changes_add(&changes, "org", account->org, org);
    host_changes_add(&changes, "area", account->area, area);
    if (compare->source != NULL) {
        host_changes_add(&changes, "source", account->source, HOST_SOURCE_DIRECTORY);
    }
    host_changes_end(&changes);
    *ret_outcome = changes.n > 0 ? HOST_ROW_CHANGED : HOST_ROW_SAME;
    return changes.n == 0 ? CIM_OK
                          : host_api_change_user(compare->api, account, display_name, org, area,
                                                 !compare->applies, err);
}

/* By the directory's id, else by name. */
static cim_status
find_account(const struct host_compare *compare, const struct host_compare_row *row,
             struct host_account **ret_account, cim_error *err)
{
    struct host_identity *identity = compare->api->identity;
    const char *id = host_compare_cell_or_none(row, ID);
    CIM_AUTO_FREE char *username = NULL;
    if (compare->source != NULL && id != NULL) {
        const cim_status status =
            host_external_find(identity, HOST_PROVIDER_DIRECTORY, id, &username, err);
        if (status != CIM_E_NOTFOUND) {
            CIM_TRY(status);
            return host_account_load(identity, username, ret_account, err);
        }
    }
    return host_account_load(identity, host_compare_cell(row, USERNAME), ret_account, err);
}

static cim_status
judge_known(struct host_compare *compare, const struct host_compare_row *row,
            const struct host_account *account, enum host_outcome *ret_outcome,
            struct cim_buf *more, cim_error *err)
{
    bool linked = false;
    CIM_TRY(host_compare_meet(compare, account->username, err));
    if (account->ended) {
        return cim_fail(err, CIM_E_STATE, "username", account->username, "账号已停用",
                        "the account has ended");
    }
    if (compare->source == NULL) {
        return take_known(compare, row, account, ret_outcome, more, err);
    }
    CIM_TRY(check_same_person(compare, account, row, &linked, err));
    CIM_TRY(take_known(compare, row, account, ret_outcome, more, err));
    return adopt(compare, account, row, linked, err);
}

static cim_status
judge(struct host_compare *compare, const struct host_compare_row *row,
      enum host_outcome *ret_outcome, struct cim_buf *more, cim_error *err)
{
    struct host_account *account = NULL;
    if (host_compare_cell(row, DISPLAY_NAME)[0] == '\0') {
        return cim_fail(err, CIM_E_INVALID, "display_name", NULL, "缺少姓名",
                        "the name is missing");
    }
    cim_status status = find_account(compare, row, &account, err);
    if (status == CIM_E_NOTFOUND) {
        *ret_outcome = HOST_ROW_NEW;
        return take_new(compare, row, more, err);
    }
    if (status == CIM_OK) {
        status = judge_known(compare, row, account, ret_outcome, more, err);
    }
    host_account_free(account);
    return status;
}

static bool
names_org(const struct host_compare *compare, const char *org)
{
    for (size_t i = 0; i < compare->n; i++) {
        if (strcmp(host_compare_cell(&compare->rows[i], ORG), org) == 0) {
            return true;
        }
    }
    return false;
}

/* People of organisations that the rows name, or of the directory, as far as the caller reaches. */
static cim_status
absent(struct host_compare *compare, struct cim_buf *out, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    int64_t n = 0;
    CIM_TRY(host_store_read(
        compare->api->identity->options.platform,
        compare->source != NULL
            ? "select username, display_name, coalesce(org, '') from cim_account where ended_ms is "
              "null and source = 'directory' order by username"
            : "select username, display_name, org from cim_account where ended_ms is null and "
              "provider is null and org is not null order by username",
        NULL, 0, &rows, err));
    row.rows = rows;
    for (;;) {
        char username[HOST_USERNAME_MAX + 1];
        char display_name[HOST_API_TEXT_MAX + 1];
        char org[HOST_API_TEXT_MAX + 1];
        struct host_account *account = NULL;
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        host_row_copy(&row, 0, username, sizeof username);
        host_row_copy(&row, 1, display_name, sizeof display_name);
        host_row_copy(&row, 2, org, sizeof org);
        if (host_compare_has(compare, username) ||
            (compare->source == NULL && !names_org(compare, org)) ||
            host_api_person(compare->api, username, &account, NULL) != CIM_OK) {
            continue;
        }
        host_account_free(account);
        cim_buf_addf(out, "%s{\"username\":", n++ > 0 ? "," : "");
        cim_buf_add_json_text(out, username, SIZE_MAX);
        host_api_add(out, "display_name", display_name);
        host_api_add(out, "org", org);
        cim_buf_add_char(out, '}');
    }
}

const struct host_compare_kind host_compare_people = {
    .columns = columns, .n_columns = N_COLUMNS, .after = -1, .judge = judge, .absent = absent};
