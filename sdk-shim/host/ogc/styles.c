/* host/ogc/styles.c -- MapLibre styles that plugins brought along. */
#include "cim/util.h"
#include "host/ogc/ask.h"

#include <stdio.h>
#include <stdlib.h>

static const char style_mime[] = "application/vnd.mapbox.style+json";

enum { STYLE_ID_MAX = 64 };

struct style_list {
    const struct host_ask *ask;
    struct json_object *list;
    struct json_object *seen;
};

static void
add_style(struct style_list *styles, const char *id, const char *title)
{
    struct json_object *style = NULL;
    if (json_object_object_get_ex(styles->seen, id, NULL)) {
        return;
    }
    host_doc_add(styles->seen, id, json_object_new_boolean(1));
    style = host_doc_object_in(styles->list, NULL);
    host_doc_text(style, "id", id);
    host_doc_text(style, "title", title);
    host_doc_link(host_doc_array_in(style, "links"), "stylesheet", style_mime, NULL, "%s/styles/%s",
                  styles->ask->base, id);
}

static cim_status
take_layer(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    struct style_list *styles = arg;
    const struct cim_definition *def = layer->definition;
    char path[4096];
    (void)has_tiles;
    (void)err;
    if (def->style != NULL && host_may_read(styles->ask, layer->layer.id) &&
        host_plugins_style_path(styles->ask->ogc->app->plugins, def->style, path, sizeof path,
                                NULL) == CIM_OK) {
        add_style(styles, def->style, host_title(styles->ask, &def->title));
    }
    return CIM_OK;
}

static cim_status
list_styles(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_ogc *ogc = self;
    struct host_ask ask;
    char path[4096];
    CIM_TRY(host_ask_plain(&ask, ogc, call, req, "application/json", err));
    HOST_AUTO_DOC struct json_object *doc = json_object_new_object();
    HOST_AUTO_DOC struct json_object *seen = json_object_new_object();
    struct style_list styles = {&ask, host_doc_array_in(doc, "styles"), seen};
    if (host_plugins_style_path(ogc->app->plugins, "basemap", path, sizeof path, NULL) == CIM_OK) {
        add_style(&styles, "basemap", ask.chinese ? "离线底图" : "Offline base map");
        host_doc_text(doc, "default", "basemap");
    }
    CIM_TRY(host_plugins_each_layer(ogc->app->plugins, take_layer, &styles, err));
    host_doc_link(host_doc_array_in(doc, "links"), "self", "application/json", NULL, "%s/styles",
                  ask.base);
    return host_ask_send_doc(&ask, doc, "地图样式", "Styles", err);
}

/* ---- one style ---- */

static cim_status
read_file(const char *path, struct cim_buf *out, cim_error *err)
{
    char piece[16384];
    size_t n = 0;
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        return cim_fail(err, CIM_E_IO, NULL, NULL, "样式文件无法打开",
                        "the style file cannot be opened");
    }
    while ((n = fread(piece, 1, sizeof piece, file)) > 0) {
        cim_buf_add(out, piece, n);
    }
    const bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed) {
        return cim_fail(err, CIM_E_IO, NULL, NULL, "样式文件无法读取",
                        "the style file cannot be read");
    }
    return cim_buf_status(out, err);
}

static cim_status
check_id(const char *id, cim_error *err)
{
    const size_t len = strlen(id);
    if (len > 0 && len <= STYLE_ID_MAX &&
        strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == len) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_NOTFOUND, "styleId", id, "没有此样式", "no such style");
}

cim_status
host_style_text(struct host_ogc *ogc, const char *id, struct cim_buf *out, cim_error *err)
{
    char path[4096];
    CIM_TRY(check_id(id, err));
    CIM_TRY(host_plugins_style_path(ogc->app->plugins, id, path, sizeof path, err));
    return read_file(path, out, err);
}

/* "/collections/…" -> "http://host/collections/…": MapLibre fetches from a worker, which has no
 * page to resolve a path against. */
static struct json_object *
absolute(const struct host_ask *ask, struct json_object *value)
{
    const char *text = NULL;
    struct json_object *made = NULL;
    CIM_AUTO_BUF struct cim_buf url;
    cim_buf_init(&url, HOST_STYLE_BYTES_MAX);
    if (!json_object_is_type(value, json_type_string)) {
        return NULL;
    }
    text = json_object_get_string(value);
    if (text[0] != '/' || text[1] == '/') {
        return NULL;
    }
    cim_buf_add_text(&url, ask->base);
    cim_buf_add_text(&url, text);
    if (url.failed == CIM_OK) {
        made = json_object_new_string(url.data);
    }
    return made;
}

static void
fix_key(const struct host_ask *ask, struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    struct json_object *fixed = NULL;
    if (json_object_object_get_ex(object, key, &value) && (fixed = absolute(ask, value)) != NULL) {
        host_doc_add(object, key, fixed);
    }
}

static void
fix_urls(const struct host_ask *ask, struct json_object *style)
{
    struct json_object *sources = NULL;
    fix_key(ask, style, "sprite");
    fix_key(ask, style, "glyphs");
    if (!json_object_object_get_ex(style, "sources", &sources) ||
        !json_object_is_type(sources, json_type_object)) {
        return;
    }
    json_object_object_foreach(sources, name, source)
    {
        struct json_object *tiles = NULL;
        (void)name;
        if (!json_object_is_type(source, json_type_object)) {
            continue;
        }
        fix_key(ask, source, "url");
        fix_key(ask, source, "data");
        if (!json_object_object_get_ex(source, "tiles", &tiles) ||
            !json_object_is_type(tiles, json_type_array)) {
            continue;
        }
        for (size_t i = 0; i < json_object_array_length(tiles); i++) {
            struct json_object *fixed = absolute(ask, json_object_array_get_idx(tiles, i));
            if (fixed != NULL && json_object_array_put_idx(tiles, i, fixed) != 0) {
                json_object_put(fixed);
            }
        }
    }
}

static cim_status
one_style(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const struct host_offer offers[] = {
        {HOST_FORMAT_JSON, "json", "application/vnd.mapbox.style+json", "application/json"},
        {HOST_FORMAT_HTML, "html", "text/html; charset=utf-8", "application/xhtml+xml"}};
    struct host_ogc *ogc = self;
    struct host_ask ask;
    CIM_AUTO_BUF struct cim_buf text;
    const char *id = host_http_path_param(req, "style");
    cim_buf_init(&text, HOST_STYLE_BYTES_MAX);
    CIM_TRY(host_ask_begin(&ask, ogc, call, req, err));
    CIM_TRY(host_ask_allow(&ask, NULL, err));
    CIM_TRY(host_ask_choose(&ask, offers, 2, err));
    CIM_TRY(host_style_text(ogc, id, &text, err));
    HOST_AUTO_DOC struct json_object *style =
        json_tokener_parse(text.data != NULL ? text.data : "");
    if (!json_object_is_type(style, json_type_object)) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "样式 %s 不是 JSON 对象",
                        "the style %s is no JSON object", id);
    }
    fix_urls(&ask, style);
    CIM_TRY(host_http_add_header(req, "Cache-Control", "private, no-cache", err));
    return host_ask_send_doc(&ask, style, "地图样式", id, err);
}

cim_status
host_ogc_style_routes(struct host_ogc *ogc, cim_error *err)
{
    CIM_TRY(host_ogc_route(ogc, "/styles", 0, "getStyles", "地图样式列表", "The map styles", NULL,
                           list_styles, err));
    return host_ogc_route(ogc, "/styles/{style}", 0, "getStyle", "一个 MapLibre 样式",
                          "One MapLibre style", NULL, one_style, err);
}
