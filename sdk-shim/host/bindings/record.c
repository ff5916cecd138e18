/* host/bindings/record.c -- bindings as they are asked, and as they are kept. */
#include "host/bindings/bindings.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/bindings/target.h"
#include "host/crypt/crypt.h"
#include "host/identity/json_in.h"
#include "host/imports/request.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/time.h"

#include <json-c/json.h>
#include <limits.h>

static const char *const kinds[] = {[HOST_BINDING_OGCAPI] = "ogcapi",
                                    [HOST_BINDING_WFS] = "wfs",
                                    [HOST_BINDING_TABLE] = "table",
                                    [HOST_BINDING_FILE] = "file"};
enum { N_KINDS = sizeof kinds / sizeof kinds[0], NAME_BYTES_MAX = 200 };

/* ---- as it is asked ---- */

static cim_status
read_kind(const struct host_json_in *in, struct host_binding *binding, cim_error *err)
{
    const char *kind = NULL;
    CIM_TRY(host_json_text(in, "kind", HOST_JSON_REQUIRED, &kind, err));
    for (size_t i = 0; i < N_KINDS; i++) {
        if (strcmp(kinds[i], kind) == 0) {
            binding->kind = (enum host_binding_kind)i;
            return CIM_OK;
        }
    }
    return host_json_refuse(in, "kind", " ogcapi、wfs、table 或 file", "ogcapi, wfs, table or file",
                            err);
}

static cim_status
check_lengths(const struct host_binding *binding, cim_error *err)
{
    if (strlen(binding->name) > NAME_BYTES_MAX || binding->name[0] == '\0') {
        return cim_fail(err, CIM_E_INVALID, "name", binding->name, "应为 1 到 %d 字节",
                        "expected 1 to %d bytes", NAME_BYTES_MAX);
    }
    if (strlen(binding->url) > HOST_BINDING_URL_MAX || strlen(binding->dataset) > NAME_BYTES_MAX ||
        strlen(binding->username) > NAME_BYTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "url", NULL, "地址、数据集或账号过长",
                        "the address, dataset or user is too long");
    }
    if (binding->kind != HOST_BINDING_FILE && binding->dataset[0] == '\0') {
        return cim_fail(err, CIM_E_INVALID, "dataset", NULL, "应给出集合、要素类型或 模式.表名",
                        "expected a collection, feature type or schema.table");
    }
    return CIM_OK;
}

static cim_status
check_target(struct host_app *app, const struct host_binding_role *role,
             const struct host_binding *binding, cim_error *err)
{
    char path[PATH_MAX];
    if (role->layer[0] == '\0' && binding->kind != HOST_BINDING_FILE) {
        return cim_fail(err, CIM_E_INVALID, "kind", kinds[binding->kind],
                        "此角色是栅格，应绑定文件（GeoTIFF）",
                        "this role is a raster: bind a file (GeoTIFF)");
    }
    if (binding->kind == HOST_BINDING_TABLE) {
        return host_target_check_table(app->config, binding->url, binding->dataset, err);
    }
    return binding->kind == HOST_BINDING_FILE && binding->url[0] == '/'
               ? host_target_check_file(app->config, binding->url, path, err)
               : host_target_check_http(app->config, binding->url, err);
}

/* What the import part asks is checked with the words of an import. */
static cim_status
read_import(const struct host_json_in *in, struct host_binding *binding, cim_error *err)
{
    struct host_json_in import;
    HOST_AUTO_IMPORT_REQUEST struct host_import_request request = {.json = NULL};
    CIM_AUTO_BUF struct cim_buf text;
    cim_buf_init(&text, HOST_IMPORT_REQUEST_MAX);
    CIM_TRY(host_json_object(in, "import", HOST_JSON_OPTIONAL, &import, err));
    binding->import = import.value;
    if (import.value == NULL) {
        return CIM_OK;
    }
    json_object_object_add(import.value, "layer", json_object_new_string("-"));
    cim_buf_add_text(&text, json_object_to_json_string_ext(import.value, JSON_C_TO_STRING_PLAIN));
    json_object_object_del(import.value, "layer");
    CIM_TRY(cim_buf_status(&text, err));
    CIM_TRY(host_import_request_parse(text.data, text.len, &request, err));
    return (request.options.flags & HOST_IMPORT_DRY_RUN) == 0
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "dry_run", "true", "绑定没有试运行，请用测试",
                          "a binding has no dry run: use its test");
}

static cim_status
read_binding(const struct host_json_in *in, struct host_binding *binding, cim_error *err)
{
    static const char *const keys[] = {"name",     "kind",        "url",    "dataset", "username",
                                       "password", "refresh_min", "others", "import",  NULL};
    const char *others = "remove";
    const char *password = NULL;
    binding->dataset = "";
    binding->username = "";
    CIM_TRY(host_json_keys(in, keys, err));
    CIM_TRY(host_json_text(in, "name", HOST_JSON_REQUIRED, &binding->name, err));
    CIM_TRY(read_kind(in, binding, err));
    CIM_TRY(host_json_text(in, "url", HOST_JSON_REQUIRED, &binding->url, err));
    CIM_TRY(host_json_text(in, "dataset", HOST_JSON_OPTIONAL, &binding->dataset, err));
    CIM_TRY(host_json_text(in, "username", HOST_JSON_OPTIONAL, &binding->username, err));
    CIM_TRY(host_json_text(in, "password", HOST_JSON_OPTIONAL, &password, err));
    CIM_TRY(host_json_int(in, "refresh_min", HOST_JSON_OPTIONAL, 0, HOST_BINDING_REFRESH_MIN_MAX,
                          &binding->refresh_min, err));
    CIM_TRY(host_json_text(in, "others", HOST_JSON_OPTIONAL, &others, err));
    if (strcmp(others, "remove") != 0 && strcmp(others, "keep") != 0) {
        return host_json_refuse(in, "others", " remove 或 keep", "remove or keep", err);
    }
    binding->keeps_others = strcmp(others, "keep") == 0;
    if (password != NULL && (binding->password = strdup(password)) == NULL) {
        return cim_fail_nomem(err);
    }
    return read_import(in, binding, err);
}

cim_status
host_binding_parse(struct host_app *app, const struct host_binding_role *role, const char *text,
                   size_t len, struct host_binding *ret_binding, cim_error *err)
{
    struct host_binding binding = {.refresh_min = 0};
    struct host_json_in in = {.where = "binding"};
    cim_copy_text(binding.role, sizeof binding.role, role->role);
    cim_status status = host_json_parse("binding", text, len, &binding.root, err);
    if (status == CIM_OK) {
        in.value = binding.root;
        status = read_binding(&in, &binding, err);
    }
    if (status == CIM_OK) {
        status = check_lengths(&binding, err);
    }
    if (status == CIM_OK) {
        status = check_target(app, role, &binding, err);
    }
    if (status != CIM_OK) {
        host_binding_done(&binding);
        return status;
    }
    json_object_object_del(binding.root, "password");
    *ret_binding = binding;
    return CIM_OK;
}

void
host_binding_done(struct host_binding *binding)
{
    json_object_put(binding->root);
    free(binding->password);
    free(binding->changed_by);
    *binding = (struct host_binding){.root = NULL};
}

/* ---- as it is kept ---- */

static cim_crypt_place
place_of(const char *role)
{
    return (cim_crypt_place){.struct_size = sizeof(cim_crypt_place),
                             .uid_len = (uint32_t)strlen(role),
                             .table = "cim_binding",
                             .column = "password",
                             .uid = role};
}

static cim_status
open_password(struct host_app *app, struct host_binding *binding, const char *sealed,
              cim_error *err)
{
    const cim_crypt_place place = place_of(binding->role);
    const size_t sealed_len = strlen(sealed);
    size_t len = 0;
    binding->password = calloc(1, sealed_len + 1);
    if (binding->password == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(host_crypt_unseal(app->crypt, &place, sealed, sealed_len, binding->password, sealed_len,
                              &len, err));
    binding->password[len] = '\0';
    return CIM_OK;
}

static cim_status
read_error(const struct host_row *row, uint32_t column, cim_error *ret_error, cim_error *err)
{
    CIM_AUTO_FREE char *param = host_row_text(row, column);
    CIM_AUTO_FREE char *value = host_row_text(row, column + 1);
    CIM_AUTO_FREE char *zh = host_row_text(row, column + 2);
    CIM_AUTO_FREE char *en = host_row_text(row, column + 3);
    if (param == NULL || value == NULL || zh == NULL || en == NULL) {
        return cim_fail_nomem(err);
    }
    ret_error->code = host_row_has(row, column + 2) ? CIM_E_IO : CIM_OK;
    cim_copy_text(ret_error->param, sizeof ret_error->param, param);
    cim_copy_text(ret_error->value, sizeof ret_error->value, value);
    cim_copy_text(ret_error->zh, sizeof ret_error->zh, zh);
    cim_copy_text(ret_error->en, sizeof ret_error->en, en);
    return CIM_OK;
}

static cim_status
read_row(struct host_app *app, const struct host_row *row, struct host_binding *binding,
         cim_error *err)
{
    CIM_AUTO_FREE char *content = host_row_text(row, 0);
    CIM_AUTO_FREE char *password = NULL;
    struct host_json_in in = {.where = "binding"};
    binding->changed_by = host_row_text(row, 2);
    if (content == NULL || binding->changed_by == NULL ||
        !host_row_text_or_null(row, 1, &password)) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(host_json_parse("binding", content, strlen(content), &binding->root, err));
    in.value = binding->root;
    CIM_TRY(read_binding(&in, binding, err));
    if (password != NULL && app->crypt != NULL) {
        CIM_TRY(open_password(app, binding, password, err));
    }
    int64_t *const numbers[] = {&binding->changed_ms, &binding->next_ms,   &binding->busy_until_ms,
                                &binding->tried_ms,   &binding->good_ms,   &binding->n_records,
                                &binding->n_created,  &binding->n_removed, &binding->n_refused};
    for (uint32_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        *numbers[i] = host_row_i64(row, 3 + i);
    }
    return read_error(row, 12, &binding->error, err);
}

cim_status
host_binding_load(struct host_app *app, const char *role, struct host_binding *ret_binding,
                  cim_error *err)
{
    const cim_value value = host_value_text("role", role);
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_binding binding = {.refresh_min = 0};
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(app->platform,
                            "select content, password, changed_by, changed_ms, next_ms, "
                            "busy_until_ms, tried_ms, good_ms, n_records, n_created, n_removed, "
                            "n_refused, error_param, error_value, error_zh, error_en from "
                            "cim_binding where role = :role",
                            &value, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    if (!there) {
        return cim_fail(err, CIM_E_NOTFOUND, "role", role, "此角色没有绑定",
                        "this role is not bound");
    }
    cim_copy_text(binding.role, sizeof binding.role, role);
    const cim_status status = read_row(app, &row, &binding, err);
    if (status != CIM_OK) {
        host_binding_done(&binding);
        return status;
    }
    *ret_binding = binding;
    return CIM_OK;
}

/* The password of before goes to the address of before alone. */
cim_status
host_binding_keep_password(struct host_app *app, struct host_binding *binding, cim_error *err)
{
    HOST_AUTO_BINDING struct host_binding before = {.root = NULL};
    if (binding->password != NULL) {
        return CIM_OK;
    }
    const cim_status status = host_binding_load(app, binding->role, &before, err);
    if (status != CIM_OK) {
        return status == CIM_E_NOTFOUND ? CIM_OK : status;
    }
    if (before.password == NULL || strcmp(before.url, binding->url) != 0 ||
        strcmp(before.username, binding->username) != 0) {
        return CIM_OK;
    }
    binding->password = CIM_TAKE(before.password);
    return CIM_OK;
}

static cim_status
seal_password(struct host_app *app, const struct host_binding *binding, char **ret_sealed,
              cim_error *err)
{
    const cim_crypt_place place = place_of(binding->role);
    size_t len = 0;
    if (binding->password == NULL || binding->password[0] == '\0') {
        return CIM_OK;
    }
    char *sealed = calloc(1, CIM_CRYPT_SEALED_MAX);
    if (sealed == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_status status =
        host_crypt_seal(app->crypt, &place, binding->password, strlen(binding->password), NULL, 0,
                        sealed, CIM_CRYPT_SEALED_MAX - 1, &len, err);
    if (status != CIM_OK) {
        free(sealed);
        return status;
    }
    sealed[len] = '\0';
    *ret_sealed = sealed;
    return CIM_OK;
}

cim_status
host_binding_save(struct host_app *app, struct host_binding *binding, const char *who,
                  cim_error *err)
{
    CIM_AUTO_FREE char *sealed = NULL;
    const int64_t now_ms = host_clock_now_ms(app->clock);
    CIM_TRY(host_binding_keep_password(app, binding, err));
    CIM_TRY(seal_password(app, binding, &sealed, err));
    const cim_value values[] = {
        host_value_text("role", binding->role),
        host_value_text("content",
                        json_object_to_json_string_ext(binding->root, JSON_C_TO_STRING_PLAIN)),
        host_value_text("password", sealed),
        host_value_text("who", who),
        host_value_i64("now", now_ms),
        host_value_text("name", binding->name),
    };
    return host_store_write_one(
        app->platform,
        "insert into cim_binding (role, name, content, password, changed_by, changed_ms, next_ms, "
        "n_records, n_created, n_removed, n_refused) values (:role, :name, :content, :password, "
        ":who, :now, :now, 0, 0, 0, 0) on conflict (role) do update set name = :name, content = "
        ":content, password = :password, changed_by = :who, changed_ms = :now, next_ms = :now",
        values, 6, NULL, err);
}

static cim_status
write_role(struct host_app *app, const char *role, const char *sql, const cim_value *more,
           cim_error *err)
{
    const cim_value values[] = {host_value_text("role", role),
                                more != NULL ? *more : (cim_value){.name = NULL}};
    int64_t n = 0;
    CIM_TRY(host_store_write_one(app->platform, sql, values, more != NULL ? 2 : 1, &n, err));
    return n == 1 ? CIM_OK
                  : cim_fail(err, CIM_E_NOTFOUND, "role", role, "此角色没有绑定",
                             "this role is not bound");
}

cim_status
host_binding_remove(struct host_app *app, const char *role, cim_error *err)
{
    return write_role(app, role, "delete from cim_binding where role = :role", NULL, err);
}

cim_status
host_binding_ask(struct host_app *app, const char *role, cim_error *err)
{
    const cim_value now = host_value_i64("now", host_clock_now_ms(app->clock));
    return write_role(app, role, "update cim_binding set next_ms = :now where role = :role", &now,
                      err);
}

/* ---- as people see it ---- */

static void
add_error(struct cim_buf *out, const cim_error *error)
{
    cim_buf_add_text(out, ",\"error\":");
    if (error->code == CIM_OK) {
        cim_buf_add_text(out, "null");
        return;
    }
    cim_buf_add_text(out, "{\"zh\":");
    cim_buf_add_json_text(out, error->zh, SIZE_MAX);
    cim_buf_add_member(out, "en", error->en);
    cim_buf_add_member(out, "param", error->param);
    cim_buf_add_member(out, "value", error->value);
    cim_buf_add_char(out, '}');
}

/* "waiting": nothing was tried yet. A copy is "late" once it is older than twice its promise. */
static const char *
state_of(const struct host_app *app, const struct host_binding *binding)
{
    const int64_t now_ms = host_clock_now_ms(app->clock);
    const int64_t promise_ms = binding->refresh_min * 60000;
    return binding->busy_until_ms > now_ms                                ? "refreshing"
           : binding->tried_ms == 0                                       ? "waiting"
           : binding->error.code != CIM_OK                                ? "failing"
           : promise_ms > 0 && now_ms - binding->good_ms > 2 * promise_ms ? "late"
                                                                          : "good";
}

static void
add_binding(const struct host_app *app, const struct host_binding *binding, struct cim_buf *out)
{
    cim_buf_add_text(out, ",\"bound\":true,\"binding\":");
    cim_buf_add_text(out,
                     json_object_to_json_string_ext(
                         binding->root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    cim_buf_addf(out, ",\"has_password\":%s", binding->password != NULL ? "true" : "false");
    cim_buf_add_member(out, "changed_by", binding->changed_by);
    cim_buf_add_member_time(out, "changed", binding->changed_ms);
    cim_buf_add_member(out, "state", state_of(app, binding));
    cim_buf_add_member_time(out, "next", binding->next_ms);
    cim_buf_add_member_time(out, "tried", binding->tried_ms);
    cim_buf_add_member_time(out, "good", binding->good_ms);
    cim_buf_addf(out, ",\"records\":%lld,\"created\":%lld,\"removed\":%lld,\"refused\":%lld",
                 (long long)binding->n_records, (long long)binding->n_created,
                 (long long)binding->n_removed, (long long)binding->n_refused);
    add_error(out, &binding->error);
}

cim_status
host_binding_write(struct host_app *app, const struct host_binding_role *role, struct cim_buf *out,
                   cim_error *err)
{
    HOST_AUTO_BINDING struct host_binding binding = {.root = NULL};
    const cim_status status = host_binding_load(app, role->role, &binding, err);
    if (status != CIM_OK && status != CIM_E_NOTFOUND) {
        return status;
    }
    cim_buf_add_text(out, "{\"role\":");
    cim_buf_add_json_text(out, role->role, SIZE_MAX);
    cim_buf_add_text(out, ",\"title\":{\"zh\":");
    cim_buf_add_json_text(out, role->zh, SIZE_MAX);
    cim_buf_add_member(out, "en", role->en);
    cim_buf_add_text(out, "},\"layer\":");
    if (role->layer[0] != '\0') {
        cim_buf_add_json_text(out, role->layer, SIZE_MAX);
    } else {
        cim_buf_add_text(out, "null");
    }
    if (status == CIM_OK) {
        add_binding(app, &binding, out);
    } else {
        cim_buf_add_text(out, ",\"bound\":false");
    }
    cim_buf_add_char(out, '}');
    return cim_buf_status(out, err);
}
