/* host/ogc/map.c -- see map.h. */
#include "host/ogc/map.h"

#include "cim/util.h"
#include "host/ogc/tile_fetch.h"
#include "host/pictures/legend.h"
#include "kit/digest.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>

static const char png_mime[] = "image/png";
enum { KEYS_BYTES_MAX = 8 << 20, TOLD_BYTES_MAX = 16 << 20 };

void
host_map_begin(struct host_map *map, struct host_ogc *ogc, const cim_call *call)
{
    *map = (struct host_map){.ogc = ogc, .call = call};
}

void
host_map_end(struct host_map *map)
{
    for (size_t i = 0; i < map->n_sources; i++) {
        host_visit_end(&map->sources[i].visit);
    }
    for (size_t i = 0; i < map->n_styles; i++) {
        host_pic_style_free(map->styles[i]);
    }
    free(map->area);
    free(map->filter);
}

const struct host_visit *
host_map_visit(const struct host_map *map, const char *source)
{
    for (size_t i = 0; i < map->n_sources; i++) {
        if (strcmp(map->sources[i].id, source) == 0) {
            return &map->sources[i].visit;
        }
    }
    return NULL;
}

static cim_status
enter(struct host_map *map, const char *source, cim_error *err)
{
    struct host_map_source *at = &map->sources[map->n_sources];
    if (host_map_visit(map, source) != NULL) {
        return CIM_OK;
    }
    if (map->n_sources == HOST_MAP_SOURCES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "layers", NULL, "一张图最多 %d 个图层",
                        "a map has at most %d layers", (int)HOST_MAP_SOURCES_MAX);
    }
    at->id = source;
    const cim_status status = host_visit_renderer(&at->visit, map->ogc, map->call, source, err);
    if (status != CIM_OK) {
        host_visit_end(&at->visit);
        return status;
    }
    map->n_sources++;
    return CIM_OK;
}

cim_status
host_map_add(struct host_map *map, const char *style_id, cim_error *err)
{
    struct host_pic_style *style = NULL;
    CIM_AUTO_BUF struct cim_buf text;
    cim_buf_init(&text, HOST_STYLE_BYTES_MAX);
    if (map->n_styles == HOST_PIC_STYLES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "layers", style_id, "一张图最多 %d 个样式",
                        "a map has at most %d styles", (int)HOST_PIC_STYLES_MAX);
    }
    CIM_TRY(host_style_text(map->ogc, style_id, &text, err));
    CIM_TRY(
        host_pic_style_parse(style_id, text.data != NULL ? text.data : "", text.len, &style, err));
    map->styles[map->n_styles++] = style;
    for (size_t i = 0; i < style->n_sources; i++) {
        CIM_TRY(enter(map, style->sources[i], err));
    }
    return CIM_OK;
}

cim_status
host_map_extent(const struct host_map *map, double ret_bbox_deg[4], bool *ret_has, cim_error *err)
{
    double all[4] = {INFINITY, INFINITY, -INFINITY, -INFINITY};
    for (size_t i = 0; i < map->n_sources; i++) {
        const struct host_visit *visit = &map->sources[i].visit;
        const cim_layer *layer = &visit->layer->layer;
        const cim_query every = {.struct_size = sizeof every};
        double box[4];
        const cim_status status = layer->extent(layer->self, &visit->call, &every, box, err);
        if (status == CIM_E_NOTFOUND) {
            continue;
        }
        CIM_TRY(status);
        for (int k = 0; k < 2; k++) {
            all[k] = fmin(all[k], box[k]);
            all[k + 2] = fmax(all[k + 2], box[k + 2]);
        }
    }
    *ret_has = isfinite(all[0]);
    memcpy(ret_bbox_deg, all, sizeof all);
    return CIM_OK;
}

/* ---- tiles ---- */

static cim_tile_request
tile_request(const struct host_map *map, const char *source, uint32_t z, uint32_t row, uint32_t col)
{
    const bool filtered = map->filtered != NULL && strcmp(map->filtered, source) == 0;
    return (cim_tile_request){.struct_size = sizeof(cim_tile_request),
                              .tms = CIM_TMS_WEB_MERCATOR_QUAD,
                              .z = z,
                              .row = row,
                              .col = col,
                              .layer = source,
                              .area = filtered ? map->area : NULL,
                              .filter_json = filtered ? map->filter : NULL};
}

static cim_status
take_zooms(void *arg, const char *source, int32_t *ret_min, int32_t *ret_max, cim_error *err)
{
    const struct host_visit *visit = host_map_visit(arg, source);
    (void)err;
    *ret_min = visit->layer->definition->tile_min_zoom;
    *ret_max = visit->layer->definition->tile_max_zoom;
    return CIM_OK;
}

static cim_status
take_tile(void *arg, const char *source, uint32_t z, uint32_t row, uint32_t col, cim_blob *ret_tile,
          cim_error *err)
{
    const struct host_map *map = arg;
    const struct host_visit *visit = host_map_visit(map, source);
    const cim_tile_request request = tile_request(map, source, z, row, col);
    char key[HOST_TILE_CACHE_KEY_MAX];
    struct host_tile *tile = NULL;
    const bool known = host_tile_known(visit, &request, key);
    CIM_TRY(host_tile_fetch(visit, map->ogc, &request, known ? key : NULL, &tile, err));
    host_tile_body(tile, ret_tile);
    host_tile_unref(tile);
    return CIM_OK;
}

static struct host_picture_request
picture_request(const struct host_map *map, const struct host_pic_view *view)
{
    return (struct host_picture_request){
        .call = map->call,
        .styles = (const struct host_pic_style *const *)map->styles,
        .n_styles = map->n_styles,
        .view = *view,
        .arg = (void *)(uintptr_t)map,
        .zooms = take_zooms,
        .tile = take_tile,
    };
}

/* ---- the key of a picture ---- */

struct keys {
    const struct host_map *map;
    struct cim_buf text;
    bool known;
};

static cim_status
add_key(void *arg, const char *source, uint32_t z, uint32_t row, uint32_t col, cim_error *err)
{
    struct keys *keys = arg;
    const cim_tile_request request = tile_request(keys->map, source, z, row, col);
    char key[HOST_TILE_CACHE_KEY_MAX];
    (void)err;
    keys->known = keys->known && host_tile_known(host_map_visit(keys->map, source), &request, key);
    if (keys->known) {
        cim_buf_add_text(&keys->text, key);
        cim_buf_add_char(&keys->text, '\n');
    }
    return CIM_OK;
}

/* Everything that the picture is made of, as a digest: a picture of other terms has other tiles and
 * so another key. False: some tile is not known. */
static bool
picture_key(const struct host_map *map, const struct host_picture_request *request,
            char ret_key[HOST_TILE_CACHE_KEY_MAX])
{
    const struct host_pic_view *view = &request->view;
    const struct host_pic_color *ground = &request->background;
    struct keys keys = {.map = map, .known = true};
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    cim_buf_init(&keys.text, KEYS_BYTES_MAX);
    for (size_t i = 0; i < map->n_styles; i++) {
        cim_buf_addf(&keys.text, "%s %016llx\n", map->styles[i]->id,
                     (unsigned long long)map->styles[i]->hash);
    }
    cim_buf_addf(&keys.text, "%d %d %d %.17g %.17g %.17g %.17g %.17g %.4f %.4f %.4f %.4f\n",
                 (int)view->width, (int)view->height, view->geographic ? 1 : 0, view->ratio,
                 view->west, view->south, view->east, view->north, ground->r, ground->g, ground->b,
                 ground->a);
    keys.known = host_picture_tiles(request, add_key, &keys, NULL) == CIM_OK && keys.known &&
                 keys.text.failed == CIM_OK &&
                 EVP_Digest(keys.text.data, keys.text.len, digest, &len, cim_sha256(), NULL) == 1;
    cim_buf_done(&keys.text);
    if (!keys.known) {
        return false;
    }
    const int at = snprintf(ret_key, HOST_TILE_CACHE_KEY_MAX, "map ");
    cim_hex(digest, len, ret_key + at);
    return true;
}

/* ---- answers ---- */

static cim_status
draw(const struct host_picture_request *request, struct host_tile **ret_picture, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf png;
    cim_blob bytes = {.data = NULL};
    cim_buf_init(&png, HOST_PIC_PNG_BYTES_MAX);
    CIM_TRY(host_picture_draw(request, &png, err));
    cim_buf_to_blob(&png, &bytes);
    *ret_picture = host_tile_new(&bytes, png_mime, INT64_MAX);
    return *ret_picture != NULL ? CIM_OK : cim_fail_nomem(err);
}

static cim_status
draw_once(const struct host_map *map, const struct host_picture_request *request, const char *key,
          struct host_tile **ret_picture, cim_error *err)
{
    if (key == NULL) {
        return draw(request, ret_picture, err);
    }
    CIM_TRY(host_tile_cache_get(map->ogc->tiles, key, HOST_TILE_WAIT_MS, ret_picture, err));
    if (*ret_picture != NULL) {
        return CIM_OK;
    }
    const cim_status status = draw(request, ret_picture, err);
    if (status != CIM_OK) {
        host_tile_cache_abandon(map->ogc->tiles, key);
        return status;
    }
    host_tile_cache_put(map->ogc->tiles, key, *ret_picture);
    return CIM_OK;
}

cim_status
host_map_send(const struct host_map *map, cim_http_req *req, const struct host_pic_view *view,
              struct host_pic_color background, cim_error *err)
{
    struct host_picture_request request = picture_request(map, view);
    char key[HOST_TILE_CACHE_KEY_MAX];
    char etag[24];
    struct host_tile *picture = NULL;
    cim_blob body = {.data = NULL};
    request.background = background;
    CIM_TRY(host_pic_view_check(view, err));
    const bool known = picture_key(map, &request, key);
    CIM_TRY(host_http_add_header(req, "Cache-Control", "private, no-cache", err));
    if (known) {
        host_tile_etag(key, etag);
        CIM_TRY(host_http_add_header(req, "ETag", etag, err));
        if (host_tile_has_tag(host_http_header(req, "If-None-Match"), etag)) {
            return host_http_respond(req, 304, png_mime, &body, err);
        }
    }
    CIM_TRY(draw_once(map, &request, known ? key : NULL, &picture, err));
    host_tile_body(picture, &body);
    host_tile_unref(picture);
    const cim_status status = host_http_respond(req, 200, png_mime, &body, err);
    if (body.release != NULL) {
        body.release(&body);
    }
    return status;
}

struct telling {
    const struct host_map *map;
    struct cim_buf *out;
    size_t n;
};

static cim_status
told_zooms(void *arg, const char *source, int32_t *ret_min, int32_t *ret_max, cim_error *err)
{
    const struct telling *telling = arg;
    return take_zooms((void *)(uintptr_t)telling->map, source, ret_min, ret_max, err);
}

static cim_status
told_tile(void *arg, const char *source, uint32_t z, uint32_t row, uint32_t col, cim_blob *ret_tile,
          cim_error *err)
{
    const struct telling *telling = arg;
    return take_tile((void *)(uintptr_t)telling->map, source, z, row, col, ret_tile, err);
}

static cim_status
tell_one(void *arg, const struct host_pic_told *told, cim_error *err)
{
    struct telling *telling = arg;
    struct cim_buf *out = telling->out;
    if (++telling->n > HOST_MAP_TOLD_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "图中的符号超过 %d 个，请放大或筛选",
                        "more than %d symbols in the picture; zoom in or filter",
                        (int)HOST_MAP_TOLD_MAX);
    }
    cim_buf_add_text(out, telling->n > 1 ? ",{\"layer\":" : "{\"layer\":");
    cim_buf_add_json_text(out, told->layer, SIZE_MAX);
    cim_buf_addf(out, ",\"kind\":\"%s\",\"id\":%llu,\"x\":", told->kind,
                 (unsigned long long)told->id);
    cim_buf_add_double(out, round(told->x * 100) / 100);
    cim_buf_add_text(out, ",\"y\":");
    cim_buf_add_double(out, round(told->y * 100) / 100);
    if (told->text != NULL) {
        cim_buf_add_text(out, ",\"text\":");
        cim_buf_add_json_text(out, told->text, told->text_len);
    }
    cim_buf_add_char(out, '}');
    return cim_buf_status(out, err);
}

cim_status
host_map_tell(const struct host_map *map, const struct host_pic_view *view, struct cim_buf *out,
              cim_error *err)
{
    struct telling telling = {.map = map, .out = out};
    struct host_picture_request request = picture_request(map, view);
    request.arg = &telling;
    request.zooms = told_zooms;
    request.tile = told_tile;
    request.tell = tell_one;
    cim_buf_addf(out, "{\"width\":%d,\"height\":%d,\"drawn\":[", (int)view->width,
                 (int)view->height);
    CIM_TRY(host_picture_draw(&request, NULL, err));
    cim_buf_add_text(out, "]}");
    return cim_buf_status(out, err);
}

/* ---- legends ---- */

struct naming {
    const struct host_map *map;
    bool chinese;
};

static const char *
title_in(const struct cim_text2 *title, bool chinese)
{
    return (chinese || title->en == NULL) && title->zh != NULL ? title->zh : title->en;
}

static cim_status
name_class(void *arg, const char *layer, const char *by, const char *value, char *out,
           size_t out_size, cim_error *err)
{
    const struct naming *naming = arg;
    const struct host_visit *visit = host_map_visit(naming->map, layer);
    const struct cim_definition *def = visit != NULL ? visit->layer->definition : NULL;
    const struct cim_field *field =
        def != NULL && by != NULL ? cim_definition_field(def, by) : NULL;
    const struct cim_code *code = field != NULL && field->codes != NULL && value != NULL
                                      ? cim_code_find(field->codes, value)
                                      : NULL;
    const struct cim_text2 *title = code != NULL                     ? &code->title
                                    : field != NULL && value == NULL ? &field->title
                                    : field == NULL && def != NULL   ? &def->title
                                                                     : NULL;
    const char *text = title != NULL ? title_in(title, naming->chinese) : value;
    (void)err;
    if (field != NULL && field->type == CIM_FIELD_BOOLEAN && value != NULL) {
        const bool yes = strcmp(value, "true") == 0;
        text = naming->chinese ? (yes ? "是" : "否") : yes ? "yes" : "no";
    }
    cim_copy_text(out, out_size, text != NULL ? text : by != NULL ? by : layer);
    return CIM_OK;
}

cim_status
host_map_legend(const struct host_map *map, bool chinese, double ratio, struct cim_buf *out,
                cim_error *err)
{
    const struct host_pic_style *style = map->styles[map->n_styles - 1];
    struct naming naming = {map, chinese};
    struct json_object *metadata = NULL;
    struct json_object *title = NULL;
    json_object_object_get_ex(style->document, "metadata", &metadata);
    json_object_object_get_ex(metadata, "cim:title", &title);
    const char *name = host_doc_get(title, chinese ? "zh" : "en");
    const struct host_pic_legend legend = {.style = style,
                                           .title = name[0] != '\0' ? name : style->id,
                                           .chinese = chinese,
                                           .ratio = ratio,
                                           .arg = &naming,
                                           .name = name_class};
    return host_pic_legend_draw(&legend, out, err);
}
