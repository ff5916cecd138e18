/* host/ogc/map_layers.c -- see map_layers.h. */
#include "host/ogc/map_layers.h"

#include "cim/util.h"

#include <stdlib.h>

struct listing {
    const struct host_ask *ask;
    struct host_map_layers layers;
};

static cim_status
take_layer(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    struct listing *listing = arg;
    const struct cim_definition *def = layer->definition;
    struct host_map_layer *at = &listing->layers.items[listing->layers.n];
    (void)err;
    if (!has_tiles || def->style == NULL || listing->layers.n + 1 >= HOST_MAP_LAYERS_MAX ||
        !host_may_read(listing->ask, layer->layer.id)) {
        return CIM_OK;
    }
    cim_copy_text(at->name, sizeof at->name, layer->layer.id);
    cim_copy_text(at->style, sizeof at->style, def->style);
    cim_copy_text(at->title_zh, sizeof at->title_zh, def->title.zh);
    cim_copy_text(at->title_en, sizeof at->title_en, def->title.en);
    at->queryable = true;
    listing->layers.n++;
    return CIM_OK;
}

/* A style is offered only where it can be drawn for this caller. */
static bool
find_extent(const struct host_ask *ask, struct host_map_layer *layer)
{
    HOST_AUTO_MAP struct host_map map;
    host_map_begin(&map, ask->ogc, ask->call);
    return host_map_add(&map, layer->style, NULL) == CIM_OK &&
           host_map_extent(&map, layer->extent_deg, &layer->has_extent, NULL) == CIM_OK;
}

cim_status
host_map_layers_list(const struct host_ask *ask, struct host_map_layers *ret_layers, cim_error *err)
{
    struct listing listing = {.ask = ask};
    size_t n = 0;
    *ret_layers = (struct host_map_layers){.n = 0};
    listing.layers.items = calloc(HOST_MAP_LAYERS_MAX, sizeof *listing.layers.items);
    if (listing.layers.items == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_status status =
        host_plugins_each_layer(ask->ogc->app->plugins, take_layer, &listing, err);
    if (status != CIM_OK) {
        host_map_layers_done(&listing.layers);
        return status;
    }
    struct host_map_layer *base = &listing.layers.items[listing.layers.n++];
    cim_copy_text(base->name, sizeof base->name, HOST_MAP_BASEMAP);
    cim_copy_text(base->style, sizeof base->style, HOST_MAP_BASEMAP);
    cim_copy_text(base->title_zh, sizeof base->title_zh, "离线底图（示意图 非公开发布）");
    cim_copy_text(base->title_en, sizeof base->title_en,
                  "Offline base map (sketch, not for publication)");
    for (size_t i = 0; i < listing.layers.n; i++) {
        if (find_extent(ask, &listing.layers.items[i])) {
            listing.layers.items[n++] = listing.layers.items[i];
        }
    }
    listing.layers.n = n;
    *ret_layers = listing.layers;
    return CIM_OK;
}

void
host_map_layers_done(struct host_map_layers *layers)
{
    free(layers->items);
    *layers = (struct host_map_layers){.n = 0};
}

cim_status
host_map_layer_style(const struct host_ask *ask, const char *name, char *out, size_t out_size,
                     cim_error *err)
{
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    if (strcmp(name, HOST_MAP_BASEMAP) == 0) {
        cim_copy_text(out, out_size, HOST_MAP_BASEMAP);
        return CIM_OK;
    }
    CIM_TRY(host_visit_renderer(&visit, ask->ogc, ask->call, name, err));
    if (visit.layer->definition->style == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "layers", name, "此图层没有样式，不能画成图片",
                        "this layer has no style to draw it with");
    }
    cim_copy_text(out, out_size, visit.layer->definition->style);
    return CIM_OK;
}

cim_status
host_map_layer_named_style(const struct host_ask *ask, const char *param, const char *name,
                           const char *wanted, char *out, size_t out_size, cim_error *err)
{
    CIM_TRY(host_map_layer_style(ask, name, out, out_size, err));
    const size_t len = strlen(out);
    if (wanted[0] == '\0' || strcmp(wanted, "default") == 0 || strcmp(wanted, out) == 0) {
        return CIM_OK;
    }
    if (strncmp(wanted, out, len) != 0 || wanted[len] != '-') {
        return cim_fail(err, CIM_E_NOTFOUND, param, wanted, "此图层的样式为 %s 及其变体",
                        "the style of this layer is %s or one of its variants", out);
    }
    cim_copy_text(out, out_size, wanted);
    return CIM_OK;
}
