/* host/ogc/map.h -- a picture for one caller: its styles, the layers they draw from entered with
 * the caller's terms, drawn from the same tiles that the tile route sends.
 *
 * So the scope of a picture is that of the tiles, and a style over a layer that the caller may not
 * read is refused. What is drawn is kept by the keys of its tiles, next to them.
 */
#ifndef HOST_OGC_MAP_H
#define HOST_OGC_MAP_H

#include "host/ogc/ask.h"
#include "host/pictures/picture.h"

enum { HOST_MAP_SOURCES_MAX = 64, HOST_MAP_TOLD_MAX = 20000 };

struct host_map_source {
    const char *id; /* in a style */
    struct host_visit visit;
};

struct host_map {
    struct host_ogc *ogc;
    const cim_call *call;
    size_t n_styles;
    struct host_pic_style *styles[HOST_PIC_STYLES_MAX];
    size_t n_sources;
    struct host_map_source sources[HOST_MAP_SOURCES_MAX];
    const char *filtered; /* the layer that area and filter hold for; NULL: none */
    char *area;           /* owned */
    char *filter;         /* owned */
};

void host_map_begin(struct host_map *map, struct host_ogc *ogc, const cim_call *call);
void host_map_end(struct host_map *map);
#define HOST_AUTO_MAP __attribute__((cleanup(host_map_end)))
/* Puts a style on top. CIM_E_NOTFOUND: no such style; CIM_E_DENIED: over a layer that the caller
 * may not read; CIM_E_UNSUPPORTED: it cannot be drawn. */
cim_status host_map_add(struct host_map *map, const char *style_id, cim_error *err);
/* The layer's entered visit; NULL: no style draws from it. */
const struct host_visit *host_map_visit(const struct host_map *map, const char *source);
/* West, south, east, north of all that the caller sees of the map's layers; false: nothing. */
cim_status host_map_extent(const struct host_map *map, double ret_bbox_deg[4], bool *ret_has,
                           cim_error *err);
/* Answers with the picture as PNG, or 304. */
cim_status host_map_send(const struct host_map *map, cim_http_req *req,
                         const struct host_pic_view *view, struct host_pic_color background,
                         cim_error *err);
/* What the picture shows, as {"width":…,"height":…,"drawn":[{"layer":…,"kind":…,"id":…,"x":…,"y":…,
 * "text":…}]}. */
cim_status host_map_tell(const struct host_map *map, const struct host_pic_view *view,
                         struct cim_buf *out, cim_error *err);
/* The legend of the topmost style as PNG. */
cim_status host_map_legend(const struct host_map *map, bool chinese, double ratio,
                           struct cim_buf *out, cim_error *err);

#endif
