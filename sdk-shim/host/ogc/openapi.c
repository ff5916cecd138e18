/* host/ogc/openapi.c -- the OpenAPI 3.0 document of everything the host serves, from its routes. */
#include "host/ogc/openapi.h"

#include "cim/util.h"
#include "host/ogc/ask.h"
#include "host/ogc/html.h"

#include <ctype.h>
#include <stdlib.h>

static const char openapi_mime[] = "application/vnd.oai.openapi+json;version=3.0";

struct build {
    bool chinese;
    struct json_object *paths;
    struct json_object *collections; /* ids the caller may read; NULL: not told */
};

/* ---- one operation ---- */

static void
add_reply(struct json_object *responses, const char *status, const char *text, bool problem)
{
    struct json_object *reply = host_doc_object_in(responses, status);
    host_doc_text(reply, "description", text);
    if (problem) {
        struct json_object *media =
            host_doc_object_in(host_doc_object_in(reply, "content"), "application/problem+json");
        host_doc_text(host_doc_object_in(media, "schema"), "$ref", "#/components/schemas/Problem");
    }
}

static struct json_object *
add_parameter(struct json_object *parameters, const char *name, const char *in, const char *text,
              const char *schema)
{
    struct json_object *parameter = host_doc_object_in(parameters, NULL);
    struct json_object *parsed = schema != NULL ? json_tokener_parse(schema) : NULL;
    host_doc_text(parameter, "name", name);
    host_doc_text(parameter, "in", in);
    if (text != NULL && *text != '\0') {
        host_doc_text(parameter, "description", text);
    }
    if (strcmp(in, "path") == 0) {
        host_doc_bool(parameter, "required", true);
    }
    if (parsed == NULL) {
        parsed = json_object_new_object();
        host_doc_text(parsed, "type", "string");
    }
    host_doc_add(parameter, "schema", parsed);
    return parameter;
}

/* Fields of the collection as parameters: any name, text values. */
static void
add_free_parameters(struct json_object *parameters, const char *text)
{
    struct json_object *parameter =
        add_parameter(parameters, "fields", "query", text,
                      "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}");
    host_doc_text(parameter, "style", "form");
    host_doc_bool(parameter, "explode", true);
}

static const struct host_route_param *
find_param(const struct host_route *route, const char *name)
{
    for (const struct host_route_param *at = route->params; at != NULL && at->name != NULL; at++) {
        if (strcmp(at->name, name) == 0 && strcmp(at->in, "path") == 0) {
            return at;
        }
    }
    return NULL;
}

/* What the path parameters of this module are, where a route says nothing itself. */
static const struct host_route_param path_params[] = {
    {"id", "path", "{\"type\":\"string\"}", "标识", "Identifier"},
    {"fid", "path", "{\"type\":\"string\"}", "要素编号或 uid", "Feature id or uid"},
    {"tms", "path", "{\"type\":\"string\",\"enum\":[\"WebMercatorQuad\"]}", "瓦片矩阵集",
     "Tile matrix set"},
    {"z", "path", "{\"type\":\"integer\",\"minimum\":0,\"maximum\":22}", "级别", "Zoom"},
    {"row", "path", "{\"type\":\"integer\",\"minimum\":0}", "行号", "Row"},
    {"col", "path", "{\"type\":\"integer\",\"minimum\":0}", "列号", "Column"},
    {"style", "path", "{\"type\":\"string\"}", "样式标识", "Style id"},
    {"layer", "path",
     "{\"type\":\"string\",\"enum\":[\"vec\",\"cva\",\"img\",\"cia\",\"ter\",\"cta\",\"ibo\"]}",
     "底图图层", "Layer of the base map"},
};

static void
add_path_parameter(struct build *build, struct json_object *parameters,
                   const struct host_route *route, const char *name)
{
    const struct host_route_param *param = find_param(route, name);
    struct json_object *made = NULL;
    for (size_t i = 0; param == NULL && i < sizeof path_params / sizeof path_params[0]; i++) {
        param = strcmp(path_params[i].name, name) == 0 ? &path_params[i] : NULL;
    }
    made = add_parameter(parameters, name, "path",
                         param == NULL    ? NULL
                         : build->chinese ? param->zh
                                          : param->en,
                         param == NULL ? NULL : param->schema_json);
    if (build->collections != NULL && strcmp(name, "id") == 0 &&
        strncmp(route->pattern, "/collections/", 13) == 0) {
        struct json_object *schema = NULL;
        if (json_object_object_get_ex(made, "schema", &schema)) {
            host_doc_add(schema, "enum", json_object_get(build->collections));
        }
    }
}

/* Adds the names in braces, and copies the pattern with "{rest*}" as "{rest}". */
static void
add_path_parameters(struct build *build, struct json_object *parameters,
                    const struct host_route *route, struct cim_buf *path)
{
    const char *at = route->pattern;
    while (*at != '\0') {
        const char *end = *at == '{' ? strchr(at, '}') : NULL;
        if (end == NULL) {
            cim_buf_add_char(path, *at++);
            continue;
        }
        char name[64];
        size_t len = (size_t)(end - at) - 1;
        len -= len > 0 && end[-1] == '*' ? 1 : 0;
        len = len < sizeof name ? len : sizeof name - 1;
        memcpy(name, at + 1, len);
        name[len] = '\0';
        add_path_parameter(build, parameters, route, name);
        cim_buf_addf(path, "{%s}", name);
        at = end + 1;
    }
}

static void
add_query_parameters(struct build *build, struct json_object *parameters,
                     const struct host_route *route)
{
    for (const struct host_route_param *at = route->params; at != NULL && at->name != NULL; at++) {
        const char *text = build->chinese ? at->zh : at->en;
        if (strcmp(at->in, "path") == 0) {
            continue;
        }
        if (strcmp(at->name, "*") == 0) {
            add_free_parameters(parameters, text);
        } else {
            struct json_object *made =
                add_parameter(parameters, at->name, at->in, text, at->schema_json);
            if (strcmp(at->name, "bbox") == 0) {
                host_doc_text(made, "style", "form");
                host_doc_bool(made, "explode", false);
            }
        }
    }
}

/* What belongs together in the document: the first segment, in Chinese and English. */
static const char *
tag_of(const struct host_route *route, bool chinese)
{
    static const char *const tags[][3] = {
        {"/collections", "要素与瓦片", "Features and tiles"},
        {"/tileMatrixSets", "要素与瓦片", "Features and tiles"},
        {"/styles", "地图", "Maps"},
        {"/map", "地图", "Maps"},
        {"/wm", "地图", "Maps"},
        {"/basemaps", "地图", "Maps"},
        {"/processes", "分析", "Processes"},
        {"/jobs", "分析", "Processes"},
        {"/auth", "登录", "Sign-in"},
        {"/admin", "管理", "Administration"},
        {"/apps", "应用", "Applications"},
    };
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (strncmp(route->pattern, tags[i][0], strlen(tags[i][0])) == 0) {
            return tags[i][chinese ? 1 : 2];
        }
    }
    return chinese ? "平台" : "Platform";
}

static void
make_operation_id(const struct host_route *route, char *out, size_t out_size)
{
    size_t at = 0;
    bool capital = false;
    if (route->operation_id != NULL) {
        cim_copy_text(out, out_size, route->operation_id);
        return;
    }
    for (const char *from = route->method; *from != '\0' && at + 1 < out_size; from++) {
        out[at++] = (char)tolower((unsigned char)*from);
    }
    for (const char *from = route->pattern; *from != '\0' && at + 1 < out_size; from++) {
        if (isalnum((unsigned char)*from) != 0) {
            out[at++] = (char)(capital ? toupper((unsigned char)*from) : *from);
            capital = false;
        } else {
            capital = true;
        }
    }
    out[at] = '\0';
}

static void
add_body(struct json_object *operation, const struct host_route *route)
{
    if (strcmp(route->method, "POST") != 0 && strcmp(route->method, "PUT") != 0 &&
        strcmp(route->method, "PATCH") != 0) {
        return;
    }
    const bool large = (route->flags & HOST_ROUTE_LARGE_BODY) != 0;
    struct json_object *content =
        host_doc_object_in(host_doc_object_in(operation, "requestBody"), "content");
    struct json_object *media =
        host_doc_object_in(content, large ? "application/octet-stream" : "application/json");
    struct json_object *schema = host_doc_object_in(media, "schema");
    host_doc_text(schema, "type", large ? "string" : "object");
    if (large) {
        host_doc_text(schema, "format", "binary");
    }
}

static void
add_responses(struct build *build, struct json_object *operation, const struct host_route *route)
{
    const bool zh = build->chinese;
    struct json_object *responses = host_doc_object_in(operation, "responses");
    add_reply(responses, "200", zh ? "成功" : "What was asked for", false);
    if (strcmp(route->method, "POST") == 0) {
        add_reply(responses, "201", zh ? "已新建" : "What was made", false);
    }
    if ((route->flags & HOST_ROUTE_ANONYMOUS) == 0) {
        add_reply(responses, "401", zh ? "需要登录" : "Sign-in needed", true);
        add_reply(responses, "403", zh ? "没有权限" : "Not allowed", true);
    }
    add_reply(responses, "default", zh ? "出错" : "A problem", true);
    if ((route->flags & HOST_ROUTE_ANONYMOUS) != 0) {
        host_doc_array_in(operation, "security");
    }
}

static void
add_route(void *arg, const struct host_route *route)
{
    struct build *build = arg;
    struct json_object *item = NULL;
    struct json_object *parameters = NULL;
    struct json_object *operation = NULL;
    char method[16] = "";
    char id[128];
    CIM_AUTO_BUF struct cim_buf path;
    cim_buf_init(&path, 4096);
    if ((route->flags & HOST_ROUTE_HIDDEN) != 0) {
        return;
    }
    for (size_t i = 0; i + 1 < sizeof method && route->method[i] != '\0'; i++) {
        method[i] = (char)tolower((unsigned char)route->method[i]);
        method[i + 1] = '\0';
    }
    operation = json_object_new_object();
    make_operation_id(route, id, sizeof id);
    const char *summary = build->chinese ? route->summary_zh : route->summary_en;
    const char *const tag = tag_of(route, build->chinese);
    host_doc_add(operation, "tags", host_doc_texts(&tag, 1));
    host_doc_text(operation, "operationId", id);
    host_doc_text(operation, "summary", summary != NULL ? summary : id);
    if (route->permission != NULL) {
        host_doc_text(operation, "x-cim-permission", route->permission);
    }
    parameters = host_doc_array_in(operation, "parameters");
    add_path_parameters(build, parameters, route, &path);
    add_query_parameters(build, parameters, route);
    add_body(operation, route);
    add_responses(build, operation, route);
    if (path.failed != CIM_OK || path.data == NULL) {
        json_object_put(operation);
        return;
    }
    if (!json_object_object_get_ex(build->paths, path.data, &item)) {
        item = host_doc_object_in(build->paths, path.data);
    }
    host_doc_add(item, method, operation);
}

/* ---- the document ---- */

static void
add_components(struct json_object *doc)
{
    static const char components[] =
        "{\"securitySchemes\":{"
        "\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"},"
        "\"session\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"cim_session\"}},"
        "\"schemas\":{\"Problem\":{\"type\":\"object\",\"description\":\"RFC 9457\","
        "\"required\":[\"type\",\"title\",\"status\"],\"properties\":{"
        "\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},"
        "\"title_en\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
        "\"detail\":{\"type\":\"string\"},\"detail_en\":{\"type\":\"string\"},"
        "\"param\":{\"type\":\"string\"},\"value\":{\"type\":\"string\"},"
        "\"request_id\":{\"type\":\"string\"}}}}}";
    static const char security[] = "[{\"bearer\":[]},{\"session\":[]}]";
    host_doc_add(doc, "components", json_tokener_parse(components));
    host_doc_add(doc, "security", json_tokener_parse(security));
}

struct json_object *
host_openapi_build(struct host_http *http, const char *base, bool chinese,
                   struct json_object *collections)
{
    struct json_object *doc = json_object_new_object();
    struct json_object *info = NULL;
    struct build build = {.chinese = chinese, .collections = collections};
    host_doc_text(doc, "openapi", "3.0.3");
    info = host_doc_object_in(doc, "info");
    host_doc_text(info, "title", chinese ? "CIM 基础平台" : "CIM platform");
    host_doc_text(info, "version", "1.0.0");
    host_doc_text(info, "description",
                  chinese ? "城市信息模型基础平台与瓶装燃气监管应用的接口。"
                          : "The interfaces of the CIM platform and of bottled-LPG supervision.");
    struct json_object *server = host_doc_object_in(host_doc_array_in(doc, "servers"), NULL);
    host_doc_text(server, "url", base);
    build.paths = host_doc_object_in(doc, "paths");
    host_http_each_route(http, add_route, &build);
    add_components(doc);
    return doc;
}

/* ---- as a page ---- */

static void
html_operation(struct cim_buf *out, const char *path, const char *method,
               struct json_object *operation)
{
    struct json_object *parameters = NULL;
    cim_buf_add_text(out, "<h2><span class=\"method\">");
    for (; *method != '\0'; method++) {
        cim_buf_add_char(out, (char)toupper((unsigned char)*method));
    }
    cim_buf_add_text(out, "</span> ");
    cim_buf_add_html(out, path);
    cim_buf_add_text(out, "</h2><p>");
    cim_buf_add_html(out, host_doc_get(operation, "summary"));
    cim_buf_add_text(out, "</p>");
    if (!json_object_object_get_ex(operation, "parameters", &parameters) ||
        json_object_array_length(parameters) == 0) {
        return;
    }
    cim_buf_add_text(out, "<table><tr><th>参数<span class=\"en\">Parameter</span></th>"
                          "<th>位置<span class=\"en\">In</span></th>"
                          "<th>说明<span class=\"en\">Description</span></th>"
                          "<th>取值<span class=\"en\">Values</span></th></tr>");
    for (size_t i = 0; i < json_object_array_length(parameters); i++) {
        struct json_object *parameter = json_object_array_get_idx(parameters, i);
        struct json_object *schema = NULL;
        json_object_object_get_ex(parameter, "schema", &schema);
        cim_buf_add_text(out, "<tr><td>");
        cim_buf_add_html(out, host_doc_get(parameter, "name"));
        cim_buf_add_text(out, "</td><td>");
        cim_buf_add_html(out, host_doc_get(parameter, "in"));
        cim_buf_add_text(out, "</td><td>");
        cim_buf_add_html(out, host_doc_get(parameter, "description"));
        cim_buf_add_text(out, "</td><td>");
        cim_buf_add_html(out, json_object_to_json_string_ext(
                                  schema, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        cim_buf_add_text(out, "</td></tr>");
    }
    cim_buf_add_text(out, "</table>");
}

static void
html_paths(struct cim_buf *out, struct json_object *doc)
{
    struct json_object *paths = NULL;
    if (!json_object_object_get_ex(doc, "paths", &paths)) {
        return;
    }
    json_object_object_foreach(paths, path, item)
    {
        json_object_object_foreach(item, method, operation)
        {
            html_operation(out, path, method, operation);
        }
    }
}

/* ---- the route ---- */

struct readable {
    struct host_ask *ask;
    struct json_object *ids;
};

static cim_status
take_layer(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    struct readable *readable = arg;
    (void)has_tiles;
    (void)err;
    if (host_may_read(readable->ask, layer->layer.id)) {
        host_doc_append(readable->ids, json_object_new_string(layer->layer.id));
    }
    return CIM_OK;
}

static cim_status
api(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const struct host_offer offers[] = {
        {HOST_FORMAT_JSON, "json", openapi_mime,
         "application/json,application/openapi+json,application/vnd.oai.openapi+json"},
        {HOST_FORMAT_HTML, "html", "text/html; charset=utf-8", "application/xhtml+xml"}};
    struct host_ogc *ogc = self;
    struct host_ask ask;
    HOST_AUTO_DOC struct json_object *ids = NULL;
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, HOST_DOC_BYTES_MAX);
    CIM_TRY(host_ask_begin(&ask, ogc, call, req, err));
    CIM_TRY(host_ask_allow(&ask, NULL, err));
    CIM_TRY(host_ask_choose(&ask, offers, 2, err));
    if (host_http_principal(call) != NULL) {
        struct readable readable = {&ask, json_object_new_array()};
        ids = readable.ids;
        CIM_TRY(host_plugins_each_layer(ogc->app->plugins, take_layer, &readable, err));
    }
    /* An enum without values would not be valid. */
    const bool told = ids != NULL && json_object_array_length(ids) > 0;
    HOST_AUTO_DOC struct json_object *doc =
        host_openapi_build(ogc->app->http, ask.base, ask.chinese, told ? ids : NULL);
    if (ask.offer->format != HOST_FORMAT_HTML) {
        return host_ask_send_doc(&ask, doc, "", "", err);
    }
    host_html_begin(&body, &ask, "接口说明", "API");
    html_paths(&body, doc);
    host_html_end(&body, &ask);
    CIM_TRY(host_html_headers(&ask, err));
    return host_ask_send(&ask, ask.offer->mime, &body, err);
}

cim_status
host_ogc_openapi_routes(struct host_ogc *ogc, cim_error *err)
{
    return host_ogc_route(ogc, "/api", HOST_ROUTE_ANONYMOUS, "getApi", "接口定义 (OpenAPI 3.0)",
                          "This document", NULL, api, err);
}
