/* tests/unit/ogc/fake_platform.c -- see fake_platform.h. */
#include "fake_platform.h"

#include "unit.h"

#include "host/base/config.h"
#include "host/exchange/exchange.h"
#include "host/identity/areas.h"
#include "host/identity/identity.h"
#include "host/ogc/ogc.h"
#include "host/plugins/plugins.h"
#include "kit/rows.h"
#include "kit/wkb.h"

#include <stdlib.h>

struct fake_seen fake_seen;

/* ---- who asks ---- */

struct host_principal {
    char name[32];
};

static cim_status
resolve(void *self, cim_http_req *req, const struct host_route *route,
        struct host_principal **ret_principal, cim_error *err)
{
    const char *header = host_http_header(req, "Authorization");
    (void)self;
    if (header == NULL || strncmp(header, "Bearer ", 7) != 0) {
        *ret_principal = NULL;
        if ((route->flags & HOST_ROUTE_ANONYMOUS) != 0) {
            return CIM_OK;
        }
        return cim_fail(err, CIM_E_DENIED, NULL, NULL, "需要登录", "sign in");
    }
    struct host_principal *principal = calloc(1, sizeof *principal);
    cim_copy_text(principal->name, sizeof principal->name, header + 7);
    *ret_principal = principal;
    return CIM_OK;
}

static void
release_principal(void *self, struct host_principal *principal)
{
    (void)self;
    free(principal);
}

static const char *
principal_name(const struct host_principal *principal)
{
    return principal->name;
}

static int32_t
has_function(void *self, const struct host_principal *principal, const char *function_id)
{
    (void)self;
    (void)principal;
    (void)function_id;
    return 0;
}

cim_status
host_identity_unchanged(struct host_identity *identity, const struct host_principal *principal,
                        const char *resource, uint32_t action, int64_t since_ms, int64_t now_ms,
                        bool *ret_same, cim_error *err)
{
    (void)identity;
    (void)principal;
    (void)resource;
    (void)action;
    (void)since_ms;
    (void)now_ms;
    (void)err;
    *ret_same = true;
    return CIM_OK;
}

/* Nobody holds a function point: what needs one is tried against the running host. */
int32_t
host_principal_has_function(const struct host_principal *principal, const char *function_id)
{
    (void)principal;
    (void)function_id;
    return 0;
}

cim_status
host_identity_scope(struct host_identity *identity, const struct host_principal *principal,
                    const char *resource, uint32_t action, int64_t now_ms,
                    const cim_scope **ret_scope, cim_error *err)
{
    static const cim_term masked = {.struct_size = sizeof masked,
                                    .actions = CIM_ACT_READ,
                                    .resource = "lpg.*",
                                    .all_areas = 1,
                                    .sensitive_mode = CIM_FIELD_MASKED,
                                    .until_ms = INT64_MAX};
    static const cim_term clear = {.struct_size = sizeof clear,
                                   .actions = CIM_ACT_READ | CIM_ACT_EXPORT,
                                   .resource = "lpg.*",
                                   .all_areas = 1,
                                   .sensitive_mode = CIM_FIELD_CLEAR,
                                   .until_ms = INT64_MAX};
    static const cim_term *const masked_terms[] = {&masked};
    static const cim_term *const clear_terms[] = {&clear};
    static const cim_scope none = {sizeof none, 0, NULL, 1};
    static const cim_scope reader = {sizeof reader, 1, masked_terms, 1};
    static const cim_scope exporter = {sizeof exporter, 1, clear_terms, 1};
    (void)identity;
    (void)resource;
    (void)now_ms;
    (void)err;
    *ret_scope = &none;
    if (principal != NULL && strcmp(principal->name, "exporter") == 0) {
        *ret_scope = &exporter;
    } else if (principal != NULL && strcmp(principal->name, "reader") == 0 &&
               action == CIM_ACT_READ) {
        *ret_scope = &reader;
    }
    return CIM_OK;
}

static struct cim_area_tree *area_tree;

const struct cim_area_tree *
host_areas_tree(struct host_areas *areas)
{
    (void)areas;
    return area_tree;
}

/* ---- the layer: points on a grid, fid 1 … FAKE_POINTS ---- */

static void
point_of(int64_t fid, double *ret_lon, double *ret_lat)
{
    *ret_lon = 109 + (double)(fid % 100) * 0.02;
    *ret_lat = 18.5 + (double)(fid / 100) * 0.01;
}

static bool
matches(const cim_query *query, int64_t fid)
{
    double lon = 0;
    double lat = 0;
    if (query->fid > 0) {
        return fid == query->fid;
    }
    if (query->uid != NULL) {
        char uid[40];
        (void)snprintf(uid, sizeof uid, "00000000-0000-7000-8000-%012lld", (long long)fid);
        return strcmp(uid, query->uid) == 0;
    }
    point_of(fid, &lon, &lat);
    return (query->flags & CIM_QUERY_BBOX) == 0 ||
           (lon >= query->bbox_w_deg && lon <= query->bbox_e_deg && lat >= query->bbox_s_deg &&
            lat <= query->bbox_n_deg);
}

static cim_status
count(void *self, const cim_call *call, const cim_query *query, int64_t *ret_count, cim_error *err)
{
    int64_t n = 0;
    (void)self;
    (void)call;
    (void)err;
    atomic_fetch_add(&fake_seen.counts, 1);
    for (int64_t fid = 1; fid <= FAKE_POINTS; fid++) {
        n += matches(query, fid) ? 1 : 0;
    }
    *ret_count = n;
    return CIM_OK;
}

static cim_status
extent(void *self, const cim_call *call, const cim_query *query, double ret_bbox_deg[4],
       cim_error *err)
{
    (void)self;
    (void)call;
    (void)query;
    (void)err;
    ret_bbox_deg[0] = 109;
    ret_bbox_deg[1] = 18.5;
    ret_bbox_deg[2] = 110.98;
    ret_bbox_deg[3] = 19.73;
    return CIM_OK;
}

struct walk {
    cim_query query;
    cim_rows *rows;
    int64_t next;
    int64_t left;
    bool clear;
};

static cim_status
append(struct walk *walk, struct cim_batch_builder *builder, int64_t fid, cim_error *err)
{
    char text[64];
    uint8_t wkb[21];
    double lon = 0;
    double lat = 0;
    point_of(fid, &lon, &lat);
    cim_wkb_from_point(lon, lat, wkb);
    cim_batch_append_i64(builder, 0, fid);
    (void)snprintf(text, sizeof text, "00000000-0000-7000-8000-%012lld", (long long)fid);
    cim_batch_append_bytes(builder, 1, text, strlen(text));
    cim_batch_append_i64(builder, 2, 1 + fid % 3);
    cim_batch_append_bytes(builder, 3, "org-1", 5);
    cim_batch_append_bytes(builder, 4, "460100", 6);
    cim_batch_append_i64(builder, 5, 1760000000000);
    cim_batch_append_bytes(builder, 6, wkb, sizeof wkb);
    (void)snprintf(text, sizeof text, "企业 <%lld>", (long long)fid);
    cim_batch_append_bytes(builder, 7, text, strlen(text));
    cim_batch_append_bytes(builder, 8, walk->clear ? "13812348000" : "138****8000", 11);
    cim_batch_append_bytes(builder, 9, "valid", 5);
    cim_batch_append_f64(builder, 10, (double)fid / 4);
    return cim_batch_builder_end_row(builder, err);
}

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct walk *walk = self;
    while (walk->next <= FAKE_POINTS && walk->left > 0) {
        if (matches(&walk->query, walk->next)) {
            CIM_TRY(append(walk, builder, walk->next, err));
            walk->left--;
        }
        walk->next++;
    }
    for (int64_t fid = walk->next; walk->left == 0 && fid <= FAKE_POINTS; fid++) {
        if (matches(&walk->query, fid)) {
            char token[32];
            (void)snprintf(token, sizeof token, "after %lld", (long long)(walk->next - 1));
            return cim_rows_set_cursor(walk->rows, token, err);
        }
    }
    return cim_rows_set_cursor(walk->rows, NULL, err);
}

static void
remember(const cim_query *query)
{
    size_t at = 0;
    atomic_fetch_add(&fake_seen.queries, 1);
    cim_copy_text(fake_seen.filter, sizeof fake_seen.filter, query->filter_json);
    cim_copy_text(fake_seen.area, sizeof fake_seen.area, query->area);
    fake_seen.sort[0] = '\0';
    for (uint32_t i = 0; i < query->n_sort; i++) {
        at += (size_t)snprintf(fake_seen.sort + at, sizeof fake_seen.sort - at, "%s;",
                               query->sort[i]);
    }
}

static cim_status
query_layer(void *self, const cim_call *call, const cim_query *query, cim_rows **ret_rows,
            cim_error *err)
{
    static const char *const names[] = {
        "fid",  "uid",  "version",       "owner_org",     "area_code",   "updated_at",
        "geom", "name", "contact_phone", "licence_state", "credit_score"};
    static const uint32_t types[] = {CIM_COL_INT64, CIM_COL_TEXT,    CIM_COL_INT64,  CIM_COL_TEXT,
                                     CIM_COL_TEXT,  CIM_COL_TIME_MS, CIM_COL_WKB,    CIM_COL_TEXT,
                                     CIM_COL_TEXT,  CIM_COL_TEXT,    CIM_COL_FLOAT64};
    struct walk *walk = calloc(1, sizeof *walk);
    (void)self;
    remember(query);
    walk->query = *query;
    walk->left = query->limit > 0 ? query->limit : INT64_MAX;
    walk->next = 1;
    walk->clear = call->scope->terms[0]->sensitive_mode == CIM_FIELD_CLEAR;
    if (query->cursor != NULL) {
        if (strncmp(query->cursor, "after ", 6) != 0) {
            free(walk);
            return cim_fail(err, CIM_E_INVALID, "cursor", query->cursor, "分页标记无效",
                            "not a token");
        }
        walk->next = strtoll(query->cursor + 6, NULL, 10) + 1;
    }
    CIM_TRY(cim_rows_new(11, names, types, fill, free, walk, ret_rows, err));
    walk->rows = *ret_rows;
    return CIM_OK;
}

/* ---- the renderer ---- */

static cim_status
tile_key(void *self, const cim_call *call, const cim_tile_request *request,
         char ret_key[CIM_TILE_KEY_MAX])
{
    (void)self;
    (void)request;
    (void)snprintf(ret_key, CIM_TILE_KEY_MAX, "pos1-%s",
                   call->scope->terms[0]->sensitive_mode == CIM_FIELD_CLEAR ? "clear" : "masked");
    return CIM_OK;
}

static cim_status
tile(void *self, const cim_call *call, const cim_tile_request *request, cim_blob *ret_tile,
     cim_error *err)
{
    static char bytes[4000];
    (void)self;
    (void)call;
    atomic_fetch_add(&fake_seen.tiles, 1);
    if (atomic_load(&fake_seen.fail_tiles) > 0) {
        atomic_fetch_sub(&fake_seen.fail_tiles, 1);
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "坏", "broken");
    }
    memset(bytes, 'm', sizeof bytes);
    *ret_tile = (cim_blob){.data = bytes, .len = request->z == 3 ? 0 : sizeof bytes};
    return CIM_OK;
}

/* ---- the registry ---- */

static struct host_layer layer = {
    .plugin_id = "lpg",
    .layer = {.struct_size = sizeof(cim_layer),
              .id = "lpg.enterprises",
              .count = count,
              .extent = extent,
              .query = query_layer},
};
static const struct host_renderer renderer = {
    .plugin_id = "lpg",
    .renderer = {.struct_size = sizeof(cim_renderer), .tile_key = tile_key, .tile = tile},
};
static _Atomic int entered;

cim_status
host_plugins_enter_layer(struct host_plugins *plugins, const char *layer_id, cim_call *call,
                         const struct host_layer **ret_layer, cim_error *err)
{
    (void)plugins;
    (void)call;
    if (strcmp(layer_id, "lpg.resting") == 0) {
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "插件未启用", "the plugin is not enabled");
    }
    if (strcmp(layer_id, layer.layer.id) != 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "collectionId", layer_id, "没有图层", "no such layer");
    }
    atomic_fetch_add(&entered, 1);
    *ret_layer = &layer;
    return CIM_OK;
}

/* No rule of the layers here names another. */
cim_status
host_layer_read(void *arg, const char *layer_id, const char *filter_json, const double *bbox_deg,
                host_geometry_fn take, void *to, cim_error *err)
{
    (void)arg;
    (void)filter_json;
    (void)bbox_deg;
    (void)take;
    (void)to;
    return cim_fail(err, CIM_E_NOTFOUND, "layer", layer_id, "没有此图层", "there is no such layer");
}

cim_status
host_plugins_enter_renderer(struct host_plugins *plugins, const char *layer_id, cim_call *call,
                            const struct host_renderer **ret_renderer,
                            const struct host_layer **ret_layer, cim_error *err)
{
    CIM_TRY(host_plugins_enter_layer(plugins, layer_id, call, ret_layer, err));
    *ret_renderer = &renderer;
    return CIM_OK;
}

void
host_plugins_leave(struct host_plugins *plugins, const char *plugin_id)
{
    (void)plugins;
    assert_string_equal(plugin_id, "lpg");
    atomic_fetch_sub(&entered, 1);
}

cim_status
host_plugins_each_layer(struct host_plugins *plugins,
                        cim_status (*each)(void *arg, const struct host_layer *one, bool has_tiles,
                                           cim_error *err),
                        void *arg, cim_error *err)
{
    (void)plugins;
    return each(arg, &layer, true, err);
}

cim_status
host_plugins_style_path(struct host_plugins *plugins, const char *style_id, char *out,
                        size_t out_size, cim_error *err)
{
    (void)plugins;
    if (strcmp(style_id, "enterprises") != 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "styleId", style_id, "没有样式", "no such style");
    }
    (void)snprintf(out, out_size, "%s/style.json", STYLE_DIR);
    return CIM_OK;
}

cim_status
host_plugins_style_palette(struct host_plugins *plugins, const char *style_id, const char *variant,
                           char *out, size_t out_size, cim_error *err)
{
    CIM_TRY(host_plugins_style_path(plugins, style_id, out, out_size, err));
    if (strcmp(variant, "night") != 0) {
        return cim_fail(err, CIM_E_NOTFOUND, "styleId", variant, "没有变体", "no such variant");
    }
    (void)snprintf(out, out_size, "%s/night.json", STYLE_DIR);
    return CIM_OK;
}

cim_status
host_plugins_each_style(struct host_plugins *plugins, const char *style_id,
                        cim_status (*each)(void *arg, const char *id, const char *variant,
                                           cim_error *err),
                        void *arg, cim_error *err)
{
    (void)plugins;
    CIM_TRY(each(arg, style_id, NULL, err));
    return each(arg, style_id, "night", err);
}

/* ---- all together ---- */

void
fake_platform_start(struct fake_platform *platform, const char *const *args)
{
    static const struct cim_area_input areas[] = {{"460000", "海南省", "province", NULL, NULL},
                                                  {"460100", "海口市", "city", "460000", NULL}};
    static const char *const no_args[] = {NULL};
    const char *const *rest = NULL;
    cim_error err = {0};
    struct host_http_options options = fixture_options(&platform->server);
    options.auth = (struct host_http_auth){.resolve = resolve,
                                           .release = release_principal,
                                           .name = principal_name,
                                           .has_function = has_function};
    platform->app = (struct host_app){0};
    ogc_fixture_load(&platform->ogc, "enterprises");
    layer.definition = platform->ogc.def;
    layer.codes = platform->ogc.codes;
    assert_ok(cim_area_tree_new(areas, 2, 1, &area_tree, &err), &err);
    assert_ok(host_config_load(args != NULL ? args : no_args, &platform->app.config, &rest, &err),
              &err);
    fixture_start(&platform->server, &options);
    platform->app.clock = platform->server.clock;
    platform->app.http = platform->server.http;
    platform->app.plugins = (struct host_plugins *)&layer; /* never looked into */
    assert_ok(host_ogc_add_routes(&platform->app, &err), &err);
}

void
fake_platform_stop(struct fake_platform *platform)
{
    fixture_stop(&platform->server, 500);
    assert_int_equal(atomic_load(&entered), 0); /* every way in was left again */
    host_ogc_free(platform->app.ogc);
    host_config_free(platform->app.config);
    cim_area_tree_free(area_tree);
    ogc_fixture_done(&platform->ogc);
}

char *
fake_get(struct fake_platform *platform, const char *who, const char *path, const char *headers)
{
    char request[4096];
    (void)snprintf(request, sizeof request,
                   "GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s%sConnection: close\r\n\r\n", path,
                   who != NULL ? "Authorization: Bearer " : "", who != NULL ? who : "",
                   who != NULL ? "\r\n" : "", headers != NULL ? headers : "");
    return client_ask(platform->server.port, request);
}
