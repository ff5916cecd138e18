/* host/jobs/process.c -- see process.h. */
#include "host/jobs/process.h"

#include "cim/util.h"
#include "host/plugins/plugins.h"
#include "kit/cleanup.h"
#include "kit/json_schema.h"

#include <json-c/json.h>

/* ---- descriptions ---- */

static struct json_object *
member(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, key, &value) ? value : NULL;
}

static bool
is_text2(struct json_object *value)
{
    return json_object_is_type(member(value, "zh"), json_type_string) &&
           json_object_is_type(member(value, "en"), json_type_string);
}

static cim_status
bad(const char *where, const char *id, const char *key, const char *expected, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, id, key, "%.120s：%.60s：%.20s 应为 %.60s",
                    "%.120s: %.60s: %.20s: expected %.60s", where, id, key, expected);
}

static cim_status
check_part(const char *where, const char *id, struct json_object *part, bool input, cim_error *err)
{
    char place[240];
    (void)snprintf(place, sizeof place, "%.160s: %.60s", where, id);
    if (!json_object_is_type(part, json_type_object)) {
        return bad(where, id, "description", "an object", err);
    }
    if (!is_text2(member(part, "title"))) {
        return bad(where, id, "title", "{zh, en}", err);
    }
    json_object_object_foreach(part, key, value)
    {
        if (strcmp(key, "description") == 0 && !is_text2(value)) {
            return bad(where, id, key, "{zh, en}", err);
        }
        if (input && (strcmp(key, "minOccurs") == 0 || strcmp(key, "maxOccurs") == 0)) {
            if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0) {
                return bad(where, id, key, "a whole number", err);
            }
        } else if (strcmp(key, "title") != 0 && strcmp(key, "description") != 0 &&
                   strcmp(key, "schema") != 0) {
            return bad(where, id, key, "title, description, schema, minOccurs or maxOccurs", err);
        }
    }
    return cim_schema_check(place, member(part, "schema"), err);
}

cim_status
host_process_check(const char *where, struct json_object *inputs, struct json_object *outputs,
                   cim_error *err)
{
    if (json_object_object_length(outputs) == 0 ||
        json_object_object_length(outputs) >= HOST_PROCESS_OUTPUTS_MAX) {
        return bad(where, "outputs", "outputs", "1 to 63 outputs", err);
    }
    json_object_object_foreach(inputs, id, part)
    {
        CIM_TRY(check_part(where, id, part, true, err));
    }
    json_object_object_foreach(outputs, out_id, out_part)
    {
        if (strcmp(out_id, HOST_PROCESS_RUN) == 0 || strlen(out_id) >= HOST_PROCESS_OUTPUT_ID_MAX) {
            return bad(where, out_id, "id", "another id, shorter than 64 bytes, not 'run'", err);
        }
        CIM_TRY(check_part(where, out_id, out_part, false, err));
    }
    return CIM_OK;
}

/* ---- inputs ---- */

/* {"value": …} with nothing beside it but how it is written. */
static struct json_object *
unwrap(struct json_object *value)
{
    struct json_object *inner = NULL;
    if (!json_object_is_type(value, json_type_object) ||
        !json_object_object_get_ex(value, "value", &inner)) {
        return value;
    }
    json_object_object_foreach(value, key, unused)
    {
        (void)unused;
        if (strcmp(key, "value") != 0 && strcmp(key, "mediaType") != 0 &&
            strcmp(key, "encoding") != 0 && strcmp(key, "schema") != 0) {
            return value;
        }
    }
    return inner;
}

static int64_t
occurs(struct json_object *part, const char *key)
{
    struct json_object *value = member(part, key);
    return value != NULL ? json_object_get_int64(value) : 1;
}

static cim_status
refuse_by_link(const char *name, struct json_object *value, cim_error *err)
{
    if (json_object_is_type(value, json_type_object) && member(value, "href") != NULL &&
        member(value, "type") == NULL) {
        return cim_fail(err, CIM_E_UNSUPPORTED, name, NULL, "%.64s 应为值本身，不支持链接 (href)",
                        "%.64s: expected the value itself; links (href) are not followed", name);
    }
    return CIM_OK;
}

/* A list where several values are allowed; each is checked by itself. */
static cim_status
take_many(struct json_object *part, struct json_object *given, const char *name,
          struct json_object **ret_value, cim_error *err)
{
    const int64_t most = occurs(part, "maxOccurs");
    const size_t n =
        json_object_is_type(given, json_type_array) ? json_object_array_length(given) : 1;
    struct json_object *list = json_object_new_array();
    cim_status status = list != NULL ? CIM_OK : cim_fail_nomem(err);
    if (status == CIM_OK && (int64_t)n > most) {
        status = cim_fail(err, CIM_E_TOO_LARGE, name, NULL, "%.64s 至多 %lld 个值，给了 %zu 个",
                          "%.64s: at most %lld values, %zu were given", name, (long long)most, n);
    }
    for (size_t i = 0; i < n && status == CIM_OK; i++) {
        struct json_object *one =
            unwrap(json_object_is_type(given, json_type_array) ? json_object_array_get_idx(given, i)
                                                               : given);
        char below[96];
        (void)snprintf(below, sizeof below, "%.80s[%zu]", name, i);
        status = refuse_by_link(below, one, err);
        if (status == CIM_OK) {
            status = cim_schema_validate(member(part, "schema"), one, below, err);
        }
        if (status == CIM_OK) {
            (void)json_object_array_add(list, json_object_get(one));
        }
    }
    if (status != CIM_OK) {
        json_object_put(list);
        return status;
    }
    *ret_value = list;
    return CIM_OK;
}

static cim_status
take_input(struct json_object *part, const char *id, struct json_object *given, bool is_there,
           struct json_object *out, cim_error *err)
{
    struct json_object *schema = member(part, "schema");
    struct json_object *value = NULL;
    char name[96];
    (void)snprintf(name, sizeof name, "inputs.%.80s", id);
    if (!is_there) {
        struct json_object *fallback = member(schema, "default");
        if (fallback != NULL) {
            (void)json_object_object_add(out, id, json_object_get(fallback));
            return CIM_OK;
        }
        return occurs(part, "minOccurs") == 0
                   ? CIM_OK
                   : cim_fail(err, CIM_E_INVALID, name, NULL, "缺少输入 %.64s",
                              "the input %.64s is missing", id);
    }
    if (occurs(part, "maxOccurs") > 1) {
        CIM_TRY(take_many(part, given, name, &value, err));
        (void)json_object_object_add(out, id, value);
        return CIM_OK;
    }
    value = unwrap(given);
    CIM_TRY(refuse_by_link(name, value, err));
    CIM_TRY(cim_schema_validate(schema, value, name, err));
    (void)json_object_object_add(out, id, json_object_get(value));
    return CIM_OK;
}

static cim_status
refuse_unknown(const struct host_work *work, struct json_object *given, cim_error *err)
{
    json_object_object_foreach(given, id, unused)
    {
        char name[96];
        (void)unused;
        if (member(work->inputs, id) == NULL) {
            (void)snprintf(name, sizeof name, "inputs.%.80s", id);
            return cim_fail(err, CIM_E_INVALID, name, NULL, "%.64s 没有输入 %.64s",
                            "%.64s has no input %.64s", work->kind.id, id);
        }
    }
    return CIM_OK;
}

cim_status
host_process_inputs(const struct host_work *work, struct json_object *given,
                    struct json_object **ret_inputs, cim_error *err)
{
    struct json_object *out = NULL;
    cim_status status = CIM_OK;
    if (given != NULL && !json_object_is_type(given, json_type_object)) {
        return cim_fail(err, CIM_E_INVALID, "inputs", NULL, "inputs 应为对象",
                        "inputs: expected an object");
    }
    if (given != NULL) {
        CIM_TRY(refuse_unknown(work, given, err));
    }
    out = json_object_new_object();
    if (out == NULL) {
        return cim_fail_nomem(err);
    }
    json_object_object_foreach(work->inputs, id, part)
    {
        struct json_object *value = NULL;
        const bool is_there = given != NULL && json_object_object_get_ex(given, id, &value);
        if (status == CIM_OK) {
            status = take_input(part, id, value, is_there, out, err);
        }
    }
    if (status != CIM_OK) {
        json_object_put(out);
        return status;
    }
    *ret_inputs = out;
    return CIM_OK;
}

/* ---- what is wanted of the outputs ---- */

static cim_status
read_response(struct json_object *response, struct host_process_wish *wish, cim_error *err)
{
    const char *text =
        json_object_is_type(response, json_type_string) ? json_object_get_string(response) : "";
    if (strcmp(text, "raw") != 0 && strcmp(text, "document") != 0) {
        return cim_fail(err, CIM_E_INVALID, "response", text, "response 应为 raw 或 document",
                        "response: expected raw or document");
    }
    wish->raw = strcmp(text, "raw") == 0;
    return CIM_OK;
}

static cim_status
read_outputs(const struct host_work *work, struct json_object *outputs,
             struct host_process_wish *wish, cim_error *err)
{
    if (!json_object_is_type(outputs, json_type_object)) {
        return cim_fail(err, CIM_E_INVALID, "outputs", NULL, "outputs 应为对象",
                        "outputs: expected an object");
    }
    json_object_object_foreach(outputs, id, how)
    {
        struct json_object *mode = member(how, "transmissionMode");
        if (member(work->outputs, id) == NULL && strcmp(id, HOST_PROCESS_RUN) != 0) {
            return cim_fail(err, CIM_E_INVALID, "outputs", id, "%.64s 没有输出 %.64s",
                            "%.64s has no output %.64s", work->kind.id, id);
        }
        if (mode != NULL && strcmp(json_object_get_string(mode), "value") != 0) {
            return cim_fail(err, CIM_E_INVALID, "transmissionMode", json_object_get_string(mode),
                            "transmissionMode 应为 value", "transmissionMode: expected value");
        }
        cim_copy_text(wish->ids[wish->n++], HOST_PROCESS_OUTPUT_ID_MAX, id);
    }
    wish->all = wish->n == 0;
    return CIM_OK;
}

cim_status
host_process_wish(const struct host_work *work, struct json_object *outputs,
                  struct json_object *response, struct host_process_wish *ret_wish, cim_error *err)
{
    struct host_process_wish wish = {.all = true};
    size_t n = 0;
    if (outputs != NULL) {
        CIM_TRY(read_outputs(work, outputs, &wish, err));
    }
    n = wish.all ? (size_t)json_object_object_length(work->outputs) : wish.n;
    wish.raw = n == 1;
    if (response != NULL) {
        CIM_TRY(read_response(response, &wish, err));
    }
    if (wish.raw && n != 1) {
        return cim_fail(err, CIM_E_INVALID, "response", "raw",
                        "raw 只能用于一个输出，请在 outputs 中选一个，或用 document",
                        "raw is for one output: name it in outputs, or ask for document");
    }
    *ret_wish = wish;
    return CIM_OK;
}

/* ---- the answer ---- */

/* Where the value that starts at `at` ends; `len` when it does not. The text is taken for JSON:
 * strings and brackets are what counts. */
static size_t
end_of_value(const char *text, size_t at, size_t len)
{
    int64_t depth = 0;
    bool quoted = false;
    for (; at < len; at++) {
        const char c = text[at];
        if (quoted) {
            at += c == '\\' ? 1 : 0;
            quoted = c != '"';
            if (quoted || depth > 0) {
                continue;
            }
            return at + 1;
        }
        if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if ((c == '}' || c == ']') && depth > 0) {
            if (--depth == 0) {
                return at + 1;
            }
        } else if (depth == 0 && (c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n')) {
            return at;
        }
    }
    return len;
}

static size_t
skip_space(const char *text, size_t at, size_t len)
{
    while (at < len && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0') {
        at++;
    }
    return at;
}

struct piece {
    char id[HOST_PROCESS_OUTPUT_ID_MAX];
    const char *value;
    size_t len;
};

/* The members of the object at the top, their values as they stand. Returns how many, or -1. */
static int
split(const char *text, size_t len, struct piece pieces[HOST_PROCESS_OUTPUTS_MAX])
{
    size_t at = skip_space(text, 0, len);
    int n = 0;
    if (at >= len || text[at] != '{') {
        return -1;
    }
    at = skip_space(text, at + 1, len);
    while (at < len && text[at] == '"' && n < HOST_PROCESS_OUTPUTS_MAX) {
        const size_t end = end_of_value(text, at, len);
        struct piece *piece = &pieces[n++];
        (void)snprintf(piece->id, sizeof piece->id, "%.*s", (int)(end - at - 2), text + at + 1);
        at = skip_space(text, end, len);
        if (at >= len || text[at] != ':') {
            return -1;
        }
        at = skip_space(text, at + 1, len);
        piece->value = text + at;
        at = end_of_value(text, at, len);
        piece->len = (size_t)(text + at - piece->value);
        at = skip_space(text, at, len);
        if (at < len && text[at] == ',') {
            at = skip_space(text, at + 1, len);
        }
    }
    return at < len && text[at] == '}' ? n : -1;
}

static const char *
mime_of(const struct host_work *work, const char *id)
{
    struct json_object *part = member(work->outputs, id);
    struct json_object *format = part != NULL ? member(member(part, "schema"), "format") : NULL;
    return format != NULL && strncmp(json_object_get_string(format), "geojson-", 8) == 0
               ? "application/geo+json"
               : "application/json";
}

static bool
is_wanted(const struct host_process_wish *wish, const char *id)
{
    for (size_t i = 0; i < wish->n; i++) {
        if (strcmp(wish->ids[i], id) == 0) {
            return true;
        }
    }
    return wish->all;
}

static const struct piece *
find_piece(const struct piece *pieces, int n, const char *id)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(pieces[i].id, id) == 0) {
            return &pieces[i];
        }
    }
    return NULL;
}

/* A value in a document of results: objects are qualified, everything else stands as it is. */
static void
add_value(struct cim_buf *out, const struct piece *piece, const char *mime)
{
    cim_buf_add_char(out, out->len > 1 ? ',' : '\n');
    cim_buf_add_json_text(out, piece->id, SIZE_MAX);
    cim_buf_add_char(out, ':');
    if (piece->value[0] == '{') {
        cim_buf_addf(out, "{\"mediaType\":\"%s\",\"value\":", mime);
    }
    cim_buf_add(out, piece->value, piece->len);
    if (piece->value[0] == '{') {
        cim_buf_add_char(out, '}');
    }
}

static cim_status
amiss(const struct host_work *work, const char *what, cim_error *err)
{
    return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "分析 %.64s 的结果有误：%.64s",
                    "the analysis %.64s answered wrongly: %.64s", work->kind.id, what);
}

cim_status
host_process_check_result(const struct host_work *work, const char *result, size_t len,
                          cim_error *err)
{
    struct piece pieces[HOST_PROCESS_OUTPUTS_MAX];
    const int n = split(result, len, pieces);
    if (n != json_object_object_length(work->outputs)) {
        return amiss(work, "not its outputs", err);
    }
    json_object_object_foreach(work->outputs, id, unused)
    {
        const struct piece *piece = find_piece(pieces, n, id);
        (void)unused;
        if (piece == NULL || piece->len == 0) {
            return amiss(work, id, err);
        }
    }
    return CIM_OK;
}

static cim_status
answer_raw(const struct host_work *work, const char *id, const struct piece *piece,
           struct cim_buf *out, const char **ret_mime, cim_error *err)
{
    if (piece == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "outputs", id, "结果中没有 %.64s",
                        "the result has no %.64s", id);
    }
    cim_buf_add(out, piece->value, piece->len);
    *ret_mime = mime_of(work, id);
    return cim_buf_status(out, err);
}

cim_status
host_process_answer(const struct host_work *work, const struct host_process_wish *wish,
                    const char *result, size_t len, const char *run_json, struct cim_buf *out,
                    const char **ret_mime, cim_error *err)
{
    struct piece pieces[HOST_PROCESS_OUTPUTS_MAX + 1];
    int n = split(result, len, pieces);
    n = n < 0 ? 0 : n;
    if (wish->raw && wish->all) {
        return answer_raw(work, n == 1 ? pieces[0].id : "", n == 1 ? &pieces[0] : NULL, out,
                          ret_mime, err);
    }
    pieces[n++] =
        (struct piece){.id = HOST_PROCESS_RUN, .value = run_json, .len = strlen(run_json)};
    if (wish->raw) {
        return answer_raw(work, wish->ids[0], find_piece(pieces, n, wish->ids[0]), out, ret_mime,
                          err);
    }
    cim_buf_add_char(out, '{');
    for (int i = 0; i < n; i++) {
        if (is_wanted(wish, pieces[i].id)) {
            add_value(out, &pieces[i], mime_of(work, pieces[i].id));
        }
    }
    cim_buf_add_text(out, "\n}\n");
    *ret_mime = "application/json";
    return cim_buf_status(out, err);
}

void
host_process_run_json(const struct host_work *work, const char *inputs_json, int64_t pos,
                      struct cim_buf *out)
{
    cim_buf_add_text(out, "{\"process\":");
    cim_buf_add_json_text(out, work->kind.id, SIZE_MAX);
    cim_buf_add_text(out, ",\"version\":");
    cim_buf_add_json_text(out, work->version, SIZE_MAX);
    cim_buf_addf(out, ",\"pos\":%lld,\"inputs\":", (long long)pos);
    cim_buf_add_text(out, inputs_json);
    cim_buf_add_char(out, '}');
}
