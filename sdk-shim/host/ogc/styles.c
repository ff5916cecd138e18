/* host/ogc/styles.c -- MapLibre styles that plugins brought along. */
#include "cim/util.h"
#include "host/ogc/ask.h"
#include "host/pictures/style_variant.h"

#include <stdio.h>
#include <stdlib.h>

static const char style_mime[] = "application/vnd.mapbox.style+json";

enum { STYLE_ID_MAX = 64 };

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

/* "stations-night": the style "stations" in the colours of variants/night.json. A file of the whole
 * name goes first. */
static cim_status
variant_text(struct host_ogc *ogc, const char *id, struct cim_buf *out, cim_error *err)
{
    char base[STYLE_ID_MAX + 1];
    char path[4096];
    CIM_AUTO_BUF struct cim_buf style;
    CIM_AUTO_BUF struct cim_buf palette;
    const char *dash = strrchr(id, '-');
    cim_buf_init(&style, HOST_STYLE_BYTES_MAX);
    cim_buf_init(&palette, HOST_STYLE_BYTES_MAX);
    if (dash == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "styleId", id, "没有样式 %s", "there is no style %s",
                        id);
    }
    (void)snprintf(base, sizeof base, "%.*s", (int)(dash - id), id);
    CIM_TRY(host_plugins_style_path(ogc->app->plugins, base, path, sizeof path, err));
    CIM_TRY(read_file(path, &style, err));
    CIM_TRY(host_plugins_style_palette(ogc->app->plugins, base, dash + 1, path, sizeof path, err));
    CIM_TRY(read_file(path, &palette, err));
    return host_pic_style_variant(base, dash + 1, style.data != NULL ? style.data : "", style.len,
                                  palette.data != NULL ? palette.data : "", palette.len, out, err);
}

cim_status
host_style_text(struct host_ogc *ogc, const char *id, struct cim_buf *out, cim_error *err)
{
    char path[4096];
    CIM_TRY(check_id(id, err));
    return host_plugins_style_path(ogc->app->plugins, id, path, sizeof path, NULL) == CIM_OK
               ? read_file(path, out, err)
               : variant_text(ogc, id, out, err);
}

static cim_status
style_document(struct host_ogc *ogc, const char *id, struct json_object **ret_style, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf text;
    cim_buf_init(&text, HOST_STYLE_BYTES_MAX);
    CIM_TRY(host_style_text(ogc, id, &text, err));
    struct json_object *style = json_tokener_parse(text.data != NULL ? text.data : "");
    if (!json_object_is_type(style, json_type_object)) {
        json_object_put(style);
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "样式 %s 不是 JSON 对象",
                        "the style %s is no JSON object", id);
    }
    *ret_style = style;
    return CIM_OK;
}

/* As the style names itself; its id where it does not. */
static cim_status
style_title(const struct host_ask *ask, const char *id, char *out, size_t out_size, cim_error *err)
{
    struct json_object *style = NULL;
    struct json_object *metadata = NULL;
    struct json_object *titles = NULL;
    CIM_TRY(style_document(ask->ogc, id, &style, err));
    json_object_object_get_ex(style, "metadata", &metadata);
    json_object_object_get_ex(metadata, "cim:title", &titles);
    const char *title = titles != NULL ? host_doc_get(titles, ask->chinese ? "zh" : "en") : "";
    cim_copy_text(out, out_size, title[0] != '\0' ? title : id);
    json_object_put(style);
    return CIM_OK;
}

struct naming {
    const struct host_ask *ask;
    cim_status (*each)(void *arg, const char *id, const char *title, cim_error *err);
    void *arg;
};

/* "stations", or "stations-night" with a variant. */
static cim_status
name_style(void *arg, const char *id, const char *variant, cim_error *err)
{
    const struct naming *naming = arg;
    char name[2 * STYLE_ID_MAX];
    char title[256];
    (void)snprintf(name, sizeof name, "%s%s%s", id, variant != NULL ? "-" : "",
                   variant != NULL ? variant : "");
    const cim_status status = style_title(naming->ask, name, title, sizeof title, err);
    if (status == CIM_E_NOTFOUND) {
        return CIM_OK; /* its plugin is being disabled */
    }
    CIM_TRY(status);
    return naming->each(naming->arg, name, title, err);
}

cim_status
host_each_style(const struct host_ask *ask, const char *style_id,
                cim_status (*each)(void *arg, const char *id, const char *title, cim_error *err),
                void *arg, cim_error *err)
{
    struct naming naming = {ask, each, arg};
    return host_plugins_each_style(ask->ogc->app->plugins, style_id, name_style, &naming, err);
}

/* ---- all styles ---- */

struct style_list {
    const struct host_ask *ask;
    struct json_object *list;
    struct json_object *seen;
};

static cim_status
add_style(void *arg, const char *id, const char *title, cim_error *err)
{
    struct style_list *styles = arg;
    struct json_object *style = NULL;
    (void)err;
    if (json_object_object_get_ex(styles->seen, id, NULL)) {
        return CIM_OK;
    }
    host_doc_add(styles->seen, id, json_object_new_boolean(1));
    style = host_doc_object_in(styles->list, NULL);
    host_doc_text(style, "id", id);
    host_doc_text(style, "title", title);
    host_doc_link(host_doc_array_in(style, "links"), "stylesheet", style_mime, NULL, "%s/styles/%s",
                  styles->ask->base, id);
    return CIM_OK;
}

static cim_status
take_layer(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    struct style_list *styles = arg;
    const struct cim_definition *def = layer->definition;
    (void)has_tiles;
    return def->style != NULL && host_may_read(styles->ask, layer->layer.id)
               ? host_each_style(styles->ask, def->style, add_style, styles, err)
               : CIM_OK;
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
        CIM_TRY(host_each_style(&ask, "basemap", add_style, &styles, err));
        host_doc_text(doc, "default", "basemap");
    }
    CIM_TRY(host_plugins_each_layer(ogc->app->plugins, take_layer, &styles, err));
    host_doc_link(host_doc_array_in(doc, "links"), "self", "application/json", NULL, "%s/styles",
                  ask.base);
    return host_ask_send_doc(&ask, doc, "地图样式", "Styles", err);
}

/* ---- one style ---- */

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

struct style_search {
    const struct host_ask *ask;
    const char *id;
    bool owned;    /* by a layer */
    bool readable; /* one of them at least */
};

/* `id` is `style`, one beside it ("stations-areas") or a variant of either. */
static bool
is_of(const char *style, const char *id)
{
    const size_t n = strlen(style);
    return strncmp(id, style, n) == 0 && (id[n] == '\0' || id[n] == '-');
}

static cim_status
find_style(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    struct style_search *search = arg;
    const char *style = layer->definition->style;
    (void)has_tiles;
    (void)err;
    if (style != NULL && is_of(style, search->id)) {
        search->owned = true;
        search->readable = search->readable || host_may_read(search->ask, layer->layer.id);
    }
    return CIM_OK;
}

/* The style of a layer that the list leaves out is not there; those of no layer (the base map, its
 * inset) are everybody's. */
static cim_status
check_readable(const struct host_ask *ask, const char *id, cim_error *err)
{
    struct style_search search = {.ask = ask, .id = id};
    CIM_TRY(host_plugins_each_layer(ask->ogc->app->plugins, find_style, &search, err));
    return !search.owned || search.readable ? CIM_OK
                                            : cim_fail(err, CIM_E_NOTFOUND, "styleId", id,
                                                       "没有样式 %s", "there is no style %s", id);
}

static cim_status
one_style(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const struct host_offer offers[] = {
        {HOST_FORMAT_JSON, "json", "application/vnd.mapbox.style+json", "application/json"},
        {HOST_FORMAT_HTML, "html", "text/html; charset=utf-8", "application/xhtml+xml"}};
    struct host_ogc *ogc = self;
    struct host_ask ask;
    struct json_object *document = NULL;
    const char *id = host_http_path_param(req, "style");
    CIM_TRY(host_ask_begin(&ask, ogc, call, req, err));
    CIM_TRY(host_ask_allow(&ask, NULL, err));
    CIM_TRY(host_ask_choose(&ask, offers, 2, err));
    CIM_TRY(check_readable(&ask, id, err));
    CIM_TRY(style_document(ogc, id, &document, err));
    HOST_AUTO_DOC struct json_object *style = document;
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
