/* host/identity/api_sheet.c -- POST /admin/api/users/sheet: people out of a sheet (CSV), with a
 * report of what is different before anything is done.
 *
 * Each row is one person: who is not here yet is new, with the roles of the row; who is here under
 * another name, organisation or area is changed; the roles of people who are here stay as they are.
 * People of the sheet's organisations who are not in it are named, not ended: somebody has to say
 * who takes over. Rows are judged by themselves, as if each had been typed in.
 */
#include "host/identity/api.h"
#include "host/identity/csv.h"

#include "host/base/clock.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/time.h"

#include <stdlib.h>

enum { SHEET_BYTES_MAX = 1 << 20, ROWS_MAX = 2000, PASSWORD_CHARS = 14 };

enum column { USERNAME, DISPLAY_NAME, ORG, AREA, ROLES, AREAS, UNTIL, N_COLUMNS };

static const char *const names[N_COLUMNS][2] = {
    {"username", "用户名"}, {"display_name", "姓名"}, {"org", "组织"},  {"area", "所在区划"},
    {"roles", "角色"},      {"areas", "授权区划"},    {"until", "截止"}};

struct sheet {
    const struct host_api *api;
    bool applies;
    int place[N_COLUMNS]; /* of each column in a record; -1: none */
    struct host_csv csv;
    struct cim_buf *out;
    int64_t n[4]; /* new, changed, same, refused */
    size_t n_people;
    char **people; /* owned: user names of the sheet */
    char **orgs;   /* owned: the organisation of each; NULL: none */
};

enum outcome { NEW, CHANGED, SAME, REFUSED };

static const char *
cell(const struct sheet *sheet, enum column column)
{
    const int place = sheet->place[column];
    return place >= 0 && (size_t)place < sheet->csv.n_fields ? sheet->csv.fields[place] : "";
}

static const char *
cell_or_none(const struct sheet *sheet, enum column column)
{
    const char *text = cell(sheet, column);
    return text[0] != '\0' ? text : NULL;
}

static cim_status
read_head(struct sheet *sheet, cim_error *err)
{
    bool there = false;
    CIM_TRY(host_csv_next(&sheet->csv, "sheet", &there, err));
    for (int c = 0; c < N_COLUMNS; c++) {
        sheet->place[c] = -1;
        for (size_t i = 0; there && i < sheet->csv.n_fields; i++) {
            if (strcmp(sheet->csv.fields[i], names[c][0]) == 0 ||
                strcmp(sheet->csv.fields[i], names[c][1]) == 0) {
                sheet->place[c] = (int)i;
            }
        }
    }
    return sheet->place[USERNAME] >= 0 && sheet->place[DISPLAY_NAME] >= 0
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "sheet", NULL,
                          "首行应为列名，至少有 用户名 和 姓名；可有 "
                          "组织、所在区划、角色、授权区划、截止",
                          "the first line: expected names of columns, username and display_name at "
                          "least; org, area, roles, areas, until may follow");
}

/* Lists in a cell are parted by blanks, ";", "、" or "，"; *ret_list has commas. In request memory.
 */
static cim_status
read_list(const struct sheet *sheet, enum column column, const char **ret_list, cim_error *err)
{
    const char *text = cell(sheet, column);
    char *list = host_http_alloc(sheet->api->req, strlen(text) + 1);
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

static cim_status
read_until(const struct sheet *sheet, int64_t *ret_ms, cim_error *err)
{
    const char *text = cell(sheet, UNTIL);
    int32_t day = 0;
    if (text[0] == '\0') {
        return CIM_OK;
    }
    if (cim_date_parse(text, SIZE_MAX, &day) != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, "until", text, "应为 YYYY-MM-DD",
                        "expected YYYY-MM-DD");
    }
    *ret_ms = ((int64_t)day + 1) * 86400000 - 8 * 3600000; /* its last moment in Beijing */
    return CIM_OK;
}

static cim_status
take_new(struct sheet *sheet, char password[PASSWORD_CHARS + 1], cim_error *err)
{
    const struct host_api *api = sheet->api;
    struct host_new_user user = {.username = cell(sheet, USERNAME),
                                 .display_name = cell(sheet, DISPLAY_NAME),
                                 .org = cell_or_none(sheet, ORG),
                                 .area = cell_or_none(sheet, AREA),
                                 .password = password,
                                 .until_ms = INT64_MAX};
    CIM_TRY(read_list(sheet, ROLES, &user.roles, err));
    CIM_TRY(read_list(sheet, AREAS, &user.areas, err));
    CIM_TRY(read_until(sheet, &user.until_ms, err));
    CIM_TRY(make_password(password, err));
    return host_identity_add_user(api->identity, api->call, api->req, &user, !sheet->applies, err);
}

static bool
differs(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") != 0;
}

/* An empty cell of organisation or area leaves what is there. */
static cim_status
take_known(struct sheet *sheet, const struct host_account *account, enum outcome *ret_outcome,
           cim_error *err)
{
    const struct host_api *api = sheet->api;
    const char *org = cell_or_none(sheet, ORG);
    const char *area = cell_or_none(sheet, AREA);
    const char *display_name = cell(sheet, DISPLAY_NAME);
    org = org != NULL ? org : account->org;
    area = area != NULL ? area : account->area;
    *ret_outcome = differs(display_name, account->display_name) || differs(org, account->org) ||
                           differs(area, account->area)
                       ? CHANGED
                       : SAME;
    return *ret_outcome == SAME
               ? CIM_OK
               : host_api_change_user(api, account, display_name, org, area, !sheet->applies, err);
}

static cim_status
take_row(struct sheet *sheet, enum outcome *ret_outcome, char password[PASSWORD_CHARS + 1],
         cim_error *err)
{
    struct host_account *account = NULL;
    const cim_status found =
        host_account_load(sheet->api->identity, cell(sheet, USERNAME), &account, err);
    cim_status status = found;
    if (found == CIM_E_NOTFOUND) {
        *ret_outcome = NEW;
        status = take_new(sheet, password, err);
    } else if (found == CIM_OK && account->ended) {
        status = cim_fail(err, CIM_E_STATE, "username", account->username, "账号已停用",
                          "the account has ended");
    } else if (found == CIM_OK) {
        status = take_known(sheet, account, ret_outcome, err);
    }
    host_account_free(account);
    return status;
}

static bool
is_in(char *const *list, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i] != NULL && strcmp(list[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static cim_status
judge(struct sheet *sheet, enum outcome *ret_outcome, char password[PASSWORD_CHARS + 1],
      cim_error *err)
{
    if (is_in(sheet->people, sheet->n_people, cell(sheet, USERNAME))) {
        return cim_fail(err, CIM_E_INVALID, "username", cell(sheet, USERNAME), "表中已有同一用户名",
                        "the sheet has this user name already");
    }
    return take_row(sheet, ret_outcome, password, err);
}

static cim_status
tell_row(struct sheet *sheet, cim_error *err)
{
    static const char *const outcomes[] = {"new", "changed", "same", "refused"};
    struct cim_buf *out = sheet->out;
    char password[PASSWORD_CHARS + 1] = "";
    enum outcome outcome = REFUSED;
    cim_error why = {.code = CIM_OK};
    const cim_status status = judge(sheet, &outcome, password, &why);
    if (status == CIM_E_BUSY || status == CIM_E_NOMEM || status == CIM_E_IO) {
        *err = why;
        return status;
    }
    outcome = status == CIM_OK ? outcome : REFUSED;
    cim_buf_addf(out, "%s{\"row\":%lld,\"outcome\":\"%s\"", sheet->n_people > 0 ? "," : "",
                 (long long)sheet->csv.line, outcomes[outcome]);
    host_api_add(out, "username", cell(sheet, USERNAME));
    host_api_add(out, "display_name", cell(sheet, DISPLAY_NAME));
    host_api_add(out, "org", cell_or_none(sheet, ORG));
    if (outcome == NEW && sheet->applies) {
        host_api_add(out, "password", password);
    }
    if (outcome == REFUSED) {
        host_api_add(out, "param", why.param);
        host_api_add(out, "value", why.value);
        host_api_add(out, "zh", why.zh);
        host_api_add(out, "en", why.en);
    }
    cim_buf_add_char(out, '}');
    sheet->n[outcome]++;
    const char *org = cell_or_none(sheet, ORG);
    sheet->people[sheet->n_people] = strdup(cell(sheet, USERNAME));
    sheet->orgs[sheet->n_people] = org != NULL ? strdup(org) : NULL;
    return sheet->people[sheet->n_people++] != NULL ? CIM_OK : cim_fail_nomem(err);
}

static cim_status
tell_rows(struct sheet *sheet, cim_error *err)
{
    bool there = false;
    for (;;) {
        CIM_TRY(host_csv_next(&sheet->csv, "sheet", &there, err));
        if (!there) {
            return CIM_OK;
        }
        if (sheet->n_people == ROWS_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "sheet", NULL, "至多 %d 行", "at most %d rows",
                            (int)ROWS_MAX);
        }
        CIM_TRY(tell_row(sheet, err));
    }
}

/* People of organisations that the sheet names, who are not in it, as far as the caller reaches. */
static cim_status
tell_absent(struct sheet *sheet, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    int64_t n = 0;
    CIM_TRY(host_store_read(
        sheet->api->identity->options.platform,
        "select username, display_name, org from cim_account where ended_ms is null and provider "
        "is null and org is not null order by username",
        NULL, 0, &rows, err));
    row.rows = rows;
    for (;;) {
        char username[HOST_USERNAME_MAX + 1];
        char display_name[HOST_API_TEXT_MAX + 1];
        char org[HOST_API_TEXT_MAX + 1];
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        host_row_copy(&row, 0, username, sizeof username);
        host_row_copy(&row, 1, display_name, sizeof display_name);
        host_row_copy(&row, 2, org, sizeof org);
        struct host_account *account = NULL;
        if (is_in(sheet->people, sheet->n_people, username) ||
            !is_in(sheet->orgs, sheet->n_people, org) ||
            host_api_person(sheet->api, username, &account, NULL) != CIM_OK) {
            continue;
        }
        host_account_free(account);
        cim_buf_addf(sheet->out, "%s{\"username\":", n++ > 0 ? "," : "");
        cim_buf_add_json_text(sheet->out, username, SIZE_MAX);
        host_api_add(sheet->out, "display_name", display_name);
        host_api_add(sheet->out, "org", org);
        cim_buf_add_char(sheet->out, '}');
    }
}

static void
sheet_done(struct sheet *sheet)
{
    for (size_t i = 0; i < sheet->n_people; i++) {
        free(sheet->people[i]);
        free(sheet->orgs[i]);
    }
    free(sheet->people);
    free(sheet->orgs);
}

static cim_status
write_report(struct sheet *sheet, cim_error *err)
{
    cim_buf_addf(sheet->out, "{\"applied\":%s,\"rows\":[", sheet->applies ? "true" : "false");
    CIM_TRY(read_head(sheet, err));
    CIM_TRY(tell_rows(sheet, err));
    cim_buf_add_text(sheet->out, "],\"absent\":[");
    CIM_TRY(tell_absent(sheet, err));
    cim_buf_addf(sheet->out, "],\"new\":%lld,\"changed\":%lld,\"same\":%lld,\"refused\":%lld}",
                 (long long)sheet->n[NEW], (long long)sheet->n[CHANGED], (long long)sheet->n[SAME],
                 (long long)sheet->n[REFUSED]);
    return CIM_OK;
}

static cim_status
handle(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_api api = host_api_begin(self, call, req);
    const char *apply = host_http_query_param(req, "apply");
    CIM_AUTO_BUF struct cim_buf body;
    struct sheet sheet = {.api = &api, .out = &body};
    const char *text = NULL;
    uint64_t len = 0;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    if (apply != NULL && strcmp(apply, "1") != 0) {
        return cim_fail(err, CIM_E_INVALID, "apply", apply, "应为 1（执行）或省略（只比较）",
                        "expected 1, or nothing: only a comparison");
    }
    CIM_TRY(host_http_body_text(req, SHEET_BYTES_MAX, &text, &len, err));
    sheet.applies = apply != NULL;
    sheet.people = calloc(ROWS_MAX, sizeof *sheet.people);
    sheet.orgs = calloc(ROWS_MAX, sizeof *sheet.orgs);
    CIM_AUTO_FREE char *copy = strdup(text);
    if (sheet.people == NULL || sheet.orgs == NULL || copy == NULL) {
        sheet_done(&sheet);
        return cim_fail_nomem(err);
    }
    host_csv_open(&sheet.csv, copy);
    const cim_status status = write_report(&sheet, err);
    sheet_done(&sheet);
    return status == CIM_OK ? host_api_answer(&api, 200, &body, err) : status;
}

cim_status
host_api_sheet_routes(struct host_identity *identity, struct host_http *http, cim_error *err)
{
    static const struct host_route_param params[] = {
        {"apply", "query", "{\"type\":\"string\",\"enum\":[\"1\"]}", "1：执行；省略：只比较",
         "1: do it; without it: compare alone"},
        {.name = NULL}};
    const struct host_route route = {.method = "POST",
                                     .pattern = "/admin/api/users/sheet",
                                     .flags = HOST_ROUTE_HEAVY,
                                     .operation_id = "importUsers",
                                     .summary_zh = "按表格（CSV）比较、导入人员",
                                     .summary_en = "People out of a sheet (CSV): compare, import",
                                     .params = params,
                                     .handle = handle};
    return host_api_add_routes(identity, http, HOST_ADMIN_USERS, &route, 1, err);
}
