/* host/ogc/html.c -- see html.h. */
#include "host/ogc/html.h"

#include "cim/util.h"
#include "host/ogc/ask.h"

enum { DEPTH_MAX = 12 };

const char host_html_css[] =
    ":root{--ink:#1d2833;--soft:#5b6b7a;--line:#d9e0e7;--ground:#f6f8fa;--accent:#0b5fa5}"
    "*{box-sizing:border-box}"
    "body{margin:0;font:15px/1.6 'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei',"
    "sans-serif;color:var(--ink);background:var(--ground)}"
    "header{background:#fff;border-bottom:1px solid var(--line);padding:12px 24px}"
    "header nav{font-size:13px;color:var(--soft)}"
    "h1{font-size:21px;margin:4px 0 0}h2{font-size:16px;margin:24px 0 8px}"
    "main{padding:16px 24px 48px;max-width:1280px}"
    "a{color:var(--accent);text-decoration:none}a:hover,a:focus{text-decoration:underline}"
    ".en{color:var(--soft);font-weight:400;font-size:.86em;margin-left:.5em}"
    "table{border-collapse:collapse;background:#fff;width:100%;font-size:14px}"
    "th,td{border:1px solid var(--line);padding:5px 9px;text-align:left;vertical-align:top}"
    "th{background:#eef2f6;font-weight:600;white-space:nowrap}"
    ".wide{overflow-x:auto}"
    "dl{display:grid;grid-template-columns:minmax(120px,max-content) 1fr;margin:0;background:#fff;"
    "border:1px solid var(--line)}"
    "dt,dd{margin:0;padding:5px 9px;border-bottom:1px solid var(--line);min-width:0;"
    "overflow-wrap:anywhere}dt{background:#eef2f6;color:var(--soft)}"
    "ul{margin:0;padding-left:20px}.num{text-align:right;font-variant-numeric:tabular-nums}"
    ".map{background:#eaf2f8;border:1px solid var(--line);display:block;width:100%;"
    "max-height:420px;margin:8px 0 16px}"
    ".map .s{fill:#0b5fa5;fill-opacity:.25;stroke:#0b5fa5;vector-effect:non-scaling-stroke}"
    ".map .l{fill:none;stroke:#0b5fa5;vector-effect:non-scaling-stroke}"
    ".map .p{stroke:#0b5fa5;stroke-width:8;stroke-linecap:round;vector-effect:non-scaling-stroke}"
    ".bar{display:flex;gap:16px;flex-wrap:wrap;margin:0 0 12px;font-size:14px}"
    ".none{color:var(--soft)}"
    ".method{font:600 12px monospace;background:#e3edf7;padding:2px 6px;border-radius:3px}"
    "footer{padding:0 24px 24px;color:var(--soft);font-size:13px}";

void
host_html_label(struct cim_buf *out, const char *zh, const char *en)
{
    cim_buf_add_html(out, zh != NULL ? zh : "");
    if (en != NULL && *en != '\0') {
        cim_buf_add_text(out, "<span class=\"en\" lang=\"en\">");
        cim_buf_add_html(out, en);
        cim_buf_add_text(out, "</span>");
    }
}

/* "/" and every parent of the path, as links. */
static void
add_breadcrumb(struct cim_buf *out, const struct host_ask *ask)
{
    char path[1024] = "/";
    if (ask->path[0] == '/') {
        cim_copy_text(path, sizeof path, ask->path);
    }
    cim_buf_add_text(out, "<a href=\"/?f=html\">首页</a>");
    for (char *at = path + 1; at != NULL && *at != '\0';) {
        char *slash = strchr(at, '/');
        if (slash != NULL) {
            *slash = '\0';
        }
        cim_buf_add_text(out, " / ");
        if (slash != NULL) {
            cim_buf_add_text(out, "<a href=\"");
            cim_buf_add_html(out, path);
            cim_buf_add_text(out, "?f=html\">");
        }
        cim_buf_add_html(out, at);
        if (slash != NULL) {
            cim_buf_add_text(out, "</a>");
            *slash = '/';
            at = slash + 1;
        } else {
            at = NULL;
        }
    }
}

void
host_html_begin(struct cim_buf *out, const struct host_ask *ask, const char *title_zh,
                const char *title_en)
{
    cim_buf_add_text(out, "<!DOCTYPE html>\n<html lang=\"zh-CN\"><head><meta charset=\"utf-8\">"
                          "<meta name=\"viewport\" content=\"width=device-width\"><title>");
    cim_buf_add_html(out, title_zh);
    cim_buf_add_text(out, "</title><link rel=\"stylesheet\" href=\"/assets/ogc.css\"></head>"
                          "<body><header><nav>");
    add_breadcrumb(out, ask);
    cim_buf_add_text(out, "</nav><h1>");
    host_html_label(out, title_zh, title_en);
    cim_buf_add_text(out, "</h1></header><main>\n");
}

void
host_html_end(struct cim_buf *out, const struct host_ask *ask)
{
    cim_buf_add_text(out, "\n</main><footer><a href=\"");
    cim_buf_add_html(out, ask->path);
    cim_buf_add_text(out, "?f=json\">JSON</a> · <a href=\"/api?f=html\">接口说明"
                          "<span class=\"en\" lang=\"en\">API</span></a></footer></body></html>\n");
}

cim_status
host_html_headers(const struct host_ask *ask, cim_error *err)
{
    return host_http_add_header(ask->req, "Content-Security-Policy",
                                "default-src 'none'; style-src 'self'; img-src 'self'; "
                                "base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
                                err);
}

/* Where the link leads as a page: the same resource with f=html when it is one of ours. */
static void
add_link(struct cim_buf *out, const char *href, const char *text)
{
    cim_buf_add_text(out, "<a href=\"");
    cim_buf_add_html(out, href);
    cim_buf_add_text(out, "\">");
    cim_buf_add_html(out, text);
    cim_buf_add_text(out, "</a>");
}

void
host_html_text(struct cim_buf *out, const char *text)
{
    const bool address = strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0;
    if (address && strchr(text, '{') == NULL) {
        add_link(out, text, text);
    } else {
        cim_buf_add_html(out, text);
    }
}

static void add_value(struct cim_buf *out, struct json_object *value, int depth);

/* {"zh", "en"} alone is a label. */
static bool
is_label(struct json_object *value)
{
    return json_object_is_type(value, json_type_object) && json_object_object_length(value) == 2 &&
           json_object_object_get_ex(value, "zh", NULL) &&
           json_object_object_get_ex(value, "en", NULL);
}

static void
add_object(struct cim_buf *out, struct json_object *object, int depth)
{
    if (is_label(object)) {
        host_html_label(out, host_doc_get(object, "zh"), host_doc_get(object, "en"));
        return;
    }
    if (*host_doc_get(object, "href") != '\0') {
        const char *title = host_doc_get(object, "title");
        const char *href = host_doc_get(object, "href");
        if (strchr(href, '{') == NULL) {
            add_link(out, href, *title != '\0' ? title : href);
        } else {
            cim_buf_add_html(out, href);
        }
        host_html_label(out, "", host_doc_get(object, "rel"));
        host_html_label(out, "", host_doc_get(object, "type"));
        return;
    }
    cim_buf_add_text(out, "<dl>");
    json_object_object_foreach(object, key, value)
    {
        cim_buf_add_text(out, "<dt>");
        cim_buf_add_html(out, key);
        cim_buf_add_text(out, "</dt><dd>");
        add_value(out, value, depth + 1);
        cim_buf_add_text(out, "</dd>");
    }
    cim_buf_add_text(out, "</dl>");
}

static void
add_array(struct cim_buf *out, struct json_object *array, int depth)
{
    const size_t n = json_object_array_length(array);
    bool numbers = n > 0;
    for (size_t i = 0; i < n && numbers; i++) {
        const enum json_type type = json_object_get_type(json_object_array_get_idx(array, i));
        numbers = type == json_type_int || type == json_type_double;
    }
    if (!numbers) {
        cim_buf_add_text(out, "<ul>");
    }
    for (size_t i = 0; i < n; i++) {
        cim_buf_add_text(out, numbers ? (i > 0 ? ", " : "") : "<li>");
        add_value(out, json_object_array_get_idx(array, i), depth + 1);
        cim_buf_add_text(out, numbers ? "" : "</li>");
    }
    if (!numbers) {
        cim_buf_add_text(out, "</ul>");
    }
}

static void
add_value(struct cim_buf *out, struct json_object *value, int depth)
{
    if (depth > DEPTH_MAX) {
        cim_buf_add_text(out, "…");
        return;
    }
    switch (json_object_get_type(value)) {
    case json_type_object:
        add_object(out, value, depth);
        return;
    case json_type_array:
        add_array(out, value, depth);
        return;
    case json_type_string:
        host_html_text(out, json_object_get_string(value));
        return;
    case json_type_null:
        cim_buf_add_text(out, "<span class=\"none\">—</span>");
        return;
    default:
        cim_buf_add_html(out, json_object_get_string(value));
    }
}

void
host_html_document(struct cim_buf *out, struct json_object *doc)
{
    add_value(out, doc, 0);
}
