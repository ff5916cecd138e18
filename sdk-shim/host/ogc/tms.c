/* host/ogc/tms.c -- see tms.h. */
#include "host/ogc/tms.h"

#include "cim/renderers.h"
#include "cim/util.h"
#include "host/ogc/params.h"

#include <math.h>

static const double half_m = 20037508.342789244; /* of the equator */
static const double latitude_max_deg = 85.051128779806604;
static const double scale_at_0 = 559082264.0287178; /* of WebMercatorQuad */
enum { TILE_PX = 256 };

static int64_t
clamp(double value, int64_t last)
{
    return value < 0 ? 0 : value > (double)last ? last : (int64_t)value;
}

static const struct host_tms sets[HOST_TMS_COUNT] = {
    {.tms = CIM_TMS_WEB_MERCATOR_QUAD,
     .id = "WebMercatorQuad",
     .uri = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WebMercatorQuad",
     .crs = "http://www.opengis.net/def/crs/EPSG/0/3857",
     .scale_set = "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible",
     .title_zh = "Web 墨卡托瓦片矩阵集",
     .title_en = "Google Maps Compatible for the World",
     .last = HOST_TMS_ZOOM_MAX},
    {.tms = CIM_TMS_WORLD_CRS84_QUAD,
     .id = "WorldCRS84Quad",
     .uri = "http://www.opengis.net/def/tilematrixset/OGC/1.0/WorldCRS84Quad",
     .crs = "http://www.opengis.net/def/crs/OGC/1.3/CRS84",
     .scale_set = "http://www.opengis.net/def/wkss/OGC/1.0/GoogleCRS84Quad",
     .title_zh = "经纬度瓦片矩阵集",
     .title_en = "CRS84 for the World",
     .degrees = true,
     .last = HOST_TMS_ZOOM_MAX - 1},
    {.tms = CIM_TMS_CGCS2000_QUAD,
     .id = "CGCS2000Quad",
     .crs = "http://www.opengis.net/def/crs/EPSG/0/4490",
     .title_zh = "CGCS2000 经纬度瓦片矩阵集（天地图 c）",
     .title_en = "CGCS2000, as the national map numbers its levels (c)",
     .degrees = true,
     .first = 1,
     .last = HOST_TMS_ZOOM_MAX},
};

const struct host_tms *
host_tms_at(size_t i)
{
    return &sets[i];
}

cim_status
host_tms_find(const char *id, const struct host_tms **ret_set, cim_error *err)
{
    for (size_t i = 0; i < HOST_TMS_COUNT; i++) {
        if (strcmp(sets[i].id, id) == 0) {
            *ret_set = &sets[i];
            return CIM_OK;
        }
    }
    return cim_fail(
        err, CIM_E_NOTFOUND, "tileMatrixSetId", id, "没有此瓦片矩阵集；可用：%s、%s、%s",
        "no such tile matrix set; there are: %s, %s, %s", sets[0].id, sets[1].id, sets[2].id);
}

/* Rows of a level; columns are as many, or twice as many in degrees. */
static int64_t
rows_of(const struct host_tms *set, int32_t z)
{
    return (int64_t)1 << (z - set->first);
}

static int64_t
cols_of(const struct host_tms *set, int32_t z)
{
    return set->degrees ? 2 * rows_of(set, z) : rows_of(set, z);
}

void
host_tms_range(const struct host_tms *set, const double bbox_deg[4], int32_t z,
               int64_t ret_range[4])
{
    const double pi = 3.14159265358979323846;
    const int64_t n_rows = rows_of(set, z);
    const int64_t n_cols = cols_of(set, z);
    double down[2]; /* shares of the height, from the top */
    for (int i = 0; i < 2; i++) {
        const double lat = bbox_deg[i == 0 ? 3 : 1];
        const double clamped = fmax(fmin(lat, latitude_max_deg), -latitude_max_deg);
        down[i] = set->degrees ? (90 - lat) / 180 : (1 - asinh(tan(clamped * pi / 180)) / pi) / 2;
    }
    ret_range[0] = clamp((bbox_deg[0] + 180) / 360 * (double)n_cols, n_cols - 1);
    ret_range[1] = clamp(down[0] * (double)n_rows, n_rows - 1);
    ret_range[2] = clamp((bbox_deg[2] + 180) / 360 * (double)n_cols, n_cols - 1);
    ret_range[3] = clamp(down[1] * (double)n_rows, n_rows - 1);
}

static void
add_matrix(struct json_object *list, const struct host_tms *set, int32_t z)
{
    struct json_object *matrix = host_doc_object_in(list, NULL);
    struct json_object *origin = NULL;
    const double side = set->degrees ? 180 : 2 * half_m; /* of a tile of the first level */
    const bool latitude_first = set->tms == CIM_TMS_CGCS2000_QUAD;
    char id[8];
    (void)snprintf(id, sizeof id, "%d", (int)z);
    host_doc_text(matrix, "id", id);
    host_doc_number(matrix, "scaleDenominator",
                    ldexp(set->degrees ? scale_at_0 / 2 : scale_at_0, set->first - z));
    host_doc_number(matrix, "cellSize", ldexp(side / TILE_PX, set->first - z));
    host_doc_text(matrix, "cornerOfOrigin", "topLeft");
    origin = host_doc_array_in(matrix, "pointOfOrigin");
    for (int axis = 0; axis < 2; axis++) {
        const bool north = (axis == 1) != latitude_first;
        host_doc_append(origin, host_doc_number_new(set->degrees ? north ? 90 : -180
                                                    : north      ? half_m
                                                                 : -half_m));
    }
    host_doc_int(matrix, "tileWidth", TILE_PX);
    host_doc_int(matrix, "tileHeight", TILE_PX);
    host_doc_int(matrix, "matrixWidth", cols_of(set, z));
    host_doc_int(matrix, "matrixHeight", rows_of(set, z));
}

struct json_object *
host_tms_definition(const struct host_tms *set, const char *base, bool chinese)
{
    static const char *const axes[3][2] = {{"X", "Y"}, {"Lon", "Lat"}, {"Lat", "Lon"}};
    struct json_object *doc = json_object_new_object();
    struct json_object *links = NULL;
    struct json_object *matrices = NULL;
    host_doc_text(doc, "id", set->id);
    host_doc_text(doc, "title", chinese ? set->title_zh : set->title_en);
    if (set->uri != NULL) {
        host_doc_text(doc, "uri", set->uri);
    }
    host_doc_text(doc, "crs", set->crs);
    host_doc_add(doc, "orderedAxes", host_doc_texts(axes[set - sets], 2));
    if (set->scale_set != NULL) {
        host_doc_text(doc, "wellKnownScaleSet", set->scale_set);
    }
    matrices = host_doc_array_in(doc, "tileMatrices");
    for (int32_t z = set->first; z <= set->last; z++) {
        add_matrix(matrices, set, z);
    }
    links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", "application/json", NULL, "%s/tileMatrixSets/%s", base, set->id);
    return doc;
}

static const char *
type_name(enum cim_field_type type)
{
    switch (type) {
    case CIM_FIELD_INTEGER:
        return "integer";
    case CIM_FIELD_NUMBER:
        return "number";
    case CIM_FIELD_BOOLEAN:
        return "boolean";
    default:
        return "string";
    }
}

static int
dimension(const struct cim_definition *def)
{
    switch (def->geometry) {
    case CIM_GEOMETRY_POINT:
    case CIM_GEOMETRY_MULTI_POINT:
        return 0;
    case CIM_GEOMETRY_LINE_STRING:
    case CIM_GEOMETRY_MULTI_LINE_STRING:
        return 1;
    default:
        return 2;
    }
}

/* A definition's zooms are those of Web Mercator; a tile of the same scale is one level before in
 * WorldCRS84Quad, and the same in that of CGCS2000. */
static int32_t
level_of(const struct host_tms *set, int32_t zoom)
{
    const int32_t level = set->tms == CIM_TMS_WORLD_CRS84_QUAD ? zoom - 1 : zoom;
    return level < set->first ? set->first : level > set->last ? set->last : level;
}

static int32_t
least_level(const struct host_tms *set, const struct cim_definition *def)
{
    return level_of(set, def->tile_min_zoom);
}

static int32_t
greatest_level(const struct host_tms *set, const struct cim_definition *def)
{
    return level_of(set, def->tile_max_zoom);
}

static void
add_limits(struct json_object *doc, const struct host_tms *set, const struct cim_definition *def,
           const double *bbox_deg)
{
    struct json_object *limits = host_doc_array_in(doc, "tileMatrixSetLimits");
    for (int32_t z = least_level(set, def); z <= greatest_level(set, def); z++) {
        struct json_object *limit = host_doc_object_in(limits, NULL);
        int64_t range[4];
        char id[8];
        (void)snprintf(id, sizeof id, "%d", (int)z);
        host_tms_range(set, bbox_deg, z, range);
        host_doc_text(limit, "tileMatrix", id);
        host_doc_int(limit, "minTileRow", range[1]);
        host_doc_int(limit, "maxTileRow", range[3]);
        host_doc_int(limit, "minTileCol", range[0]);
        host_doc_int(limit, "maxTileCol", range[2]);
    }
}

/* The layers of a tile: what the collection is, and what stands beside it. `below`: the last level
 * that has it. */
struct tile_layer {
    const char *ending;
    int dimension;
    bool attributes; /* the definition's tile attributes */
    bool rates;
    int32_t below; /* zoom of Web Mercator from which on it is not there; 0: at all */
};

enum { SINGLE_ZOOM = 14, TILE_LAYERS_MAX = 6 };

static size_t
layers_of(const struct cim_definition *def, struct tile_layer ret_layers[TILE_LAYERS_MAX])
{
    size_t n = 0;
    ret_layers[n++] = (struct tile_layer){"", dimension(def), true, def->n_rates > 0, 0};
    if (dimension(def) == 2) {
        ret_layers[n++] = (struct tile_layer){".labels", 0, true, false, 0};
    }
    if (def->n_rates > 0) {
        ret_layers[n++] = (struct tile_layer){".hexagons", 2, false, true, SINGLE_ZOOM};
        ret_layers[n++] = (struct tile_layer){".hexagons.labels", 0, false, true, SINGLE_ZOOM};
    }
    if (def->rate_areas != NULL) {
        ret_layers[n++] = (struct tile_layer){".areas", 2, false, true, SINGLE_ZOOM};
        ret_layers[n++] = (struct tile_layer){".areas.labels", 0, false, true, SINGLE_ZOOM};
    }
    return n;
}

/* Calls with the name, JSON type and title of each attribute. */
static void
each_attribute(const struct cim_definition *def, const struct tile_layer *layer, bool chinese,
               struct json_object *into,
               void (*each)(struct json_object *into, const char *name, const char *type,
                            const char *title))
{
    static const char *const endings[3] = {"n", "of", "pct"};
    for (size_t i = 0; layer->attributes && i < def->n_tile_attributes; i++) {
        const struct cim_field *field = def->tile_attributes[i];
        each(into, field->name, type_name(field->type),
             chinese || field->title.en == NULL ? field->title.zh : field->title.en);
    }
    for (size_t i = 0; layer->rates && i < 3 * def->n_rates; i++) {
        const struct cim_rate *rate = &def->rates[i / 3];
        char name[64];
        (void)snprintf(name, sizeof name, "%.40s_%s", rate->name, endings[i % 3]);
        each(into, name, i % 3 == 2 ? "number" : "integer",
             chinese || rate->title.en == NULL ? rate->title.zh : rate->title.en);
    }
}

static void
add_property(struct json_object *into, const char *name, const char *type, const char *title)
{
    struct json_object *property = host_doc_object_in(into, name);
    host_doc_text(property, "type", type);
    host_doc_text(property, "title", title);
}

static int32_t
last_level(const struct host_tms *set, const struct cim_definition *def,
           const struct tile_layer *layer)
{
    const int32_t last = greatest_level(set, def);
    const int32_t below = level_of(set, layer->below) - 1;
    return layer->below > 0 && below < last ? below : last;
}

static void
add_layers(struct json_object *doc, const struct host_tms *set, const struct cim_definition *def,
           bool chinese)
{
    struct json_object *list = host_doc_array_in(doc, "layers");
    struct tile_layer layers[TILE_LAYERS_MAX];
    const size_t n = layers_of(def, layers);
    for (size_t i = 0; i < n; i++) {
        struct json_object *layer = host_doc_object_in(list, NULL);
        struct json_object *schema = NULL;
        char id[160];
        (void)snprintf(id, sizeof id, "%.120s%s", def->id, layers[i].ending);
        host_doc_text(layer, "id", id);
        host_doc_text(layer, "title",
                      chinese || def->title.en == NULL ? def->title.zh : def->title.en);
        host_doc_text(layer, "dataType", "vector");
        host_doc_int(layer, "geometryDimension", layers[i].dimension);
        host_doc_int(layer, "minTileMatrix", least_level(set, def));
        host_doc_int(layer, "maxTileMatrix", last_level(set, def, &layers[i]));
        schema = host_doc_object_in(layer, "propertiesSchema");
        host_doc_text(schema, "type", "object");
        each_attribute(def, &layers[i], chinese, host_doc_object_in(schema, "properties"),
                       add_property);
    }
}

static void
add_box(struct json_object *doc, const double *bbox_deg)
{
    struct json_object *box = host_doc_object_in(doc, "boundingBox");
    struct json_object *lower = host_doc_array_in(box, "lowerLeft");
    struct json_object *upper = host_doc_array_in(box, "upperRight");
    host_doc_append(lower, host_doc_number_new(bbox_deg[0]));
    host_doc_append(lower, host_doc_number_new(bbox_deg[1]));
    host_doc_append(upper, host_doc_number_new(bbox_deg[2]));
    host_doc_append(upper, host_doc_number_new(bbox_deg[3]));
    host_doc_text(box, "crs", "http://www.opengis.net/def/crs/OGC/1.3/CRS84");
}

static void
add_template(struct json_object *links, const struct host_tms *set,
             const struct cim_definition *def, const char *base, const char *query)
{
    struct json_object *link = json_object_new_object();
    CIM_AUTO_BUF struct cim_buf url;
    cim_buf_init(&url, 1 << 17);
    cim_buf_addf(&url, "%s/collections/%s/tiles/%s/{tileMatrix}/{tileRow}/{tileCol}", base, def->id,
                 set->id);
    cim_buf_add_text(&url, query);
    host_doc_text(link, "href", url.failed == CIM_OK ? url.data : "");
    host_doc_text(link, "rel", "item");
    host_doc_text(link, "type", "application/vnd.mapbox-vector-tile");
    host_doc_bool(link, "templated", true);
    host_doc_append(links, link);
}

struct json_object *
host_tms_tileset(const struct host_tms *set, const struct cim_definition *def,
                 const double *bbox_deg, const char *base, const char *query, bool chinese,
                 bool whole)
{
    struct json_object *doc = json_object_new_object();
    struct json_object *links = NULL;
    host_doc_text(doc, "title", chinese || def->title.en == NULL ? def->title.zh : def->title.en);
    host_doc_text(doc, "dataType", "vector");
    host_doc_text(doc, "crs", set->crs);
    if (set->uri != NULL) {
        host_doc_text(doc, "tileMatrixSetURI", set->uri);
    }
    if (whole) {
        if (bbox_deg != NULL) {
            add_box(doc, bbox_deg);
            add_limits(doc, set, def, bbox_deg);
        }
        add_layers(doc, set, def, chinese);
    }
    links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", "application/json", NULL, "%s/collections/%s/tiles/%s?f=json",
                  base, def->id, set->id);
    host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme", "application/json",
                  NULL, "%s/tileMatrixSets/%s", base, set->id);
    host_doc_link(links, "alternate", "application/vnd.mapbox.tilejson+json", "TileJSON",
                  "%s/collections/%s/tiles/%s?f=tilejson", base, def->id, set->id);
    add_template(links, set, def, base, query);
    return doc;
}

static void
add_field(struct json_object *into, const char *name, const char *type, const char *title)
{
    (void)type;
    host_doc_text(into, name, title);
}

struct json_object *
host_tms_tilejson(const struct host_tms *set, const struct cim_definition *def,
                  const double *bbox_deg, const char *base, const char *query, bool chinese)
{
    struct json_object *doc = json_object_new_object();
    struct json_object *tiles = NULL;
    struct json_object *list = NULL;
    struct tile_layer layers[TILE_LAYERS_MAX];
    CIM_AUTO_BUF struct cim_buf url;
    host_doc_text(doc, "tilejson", "3.0.0");
    host_doc_text(doc, "name", chinese || def->title.en == NULL ? def->title.zh : def->title.en);
    host_doc_text(doc, "version", "1.0.0");
    host_doc_text(doc, "scheme", "xyz");
    tiles = host_doc_array_in(doc, "tiles");
    cim_buf_init(&url, 1 << 17);
    cim_buf_addf(&url, "%s/collections/%s/tiles/%s/{z}/{y}/{x}", base, def->id, set->id);
    cim_buf_add_text(&url, query);
    host_doc_append(tiles, url.failed == CIM_OK ? json_object_new_string(url.data) : NULL);
    host_doc_int(doc, "minzoom", least_level(set, def));
    host_doc_int(doc, "maxzoom", greatest_level(set, def));
    if (bbox_deg != NULL) {
        struct json_object *bounds = host_doc_array_in(doc, "bounds");
        struct json_object *center = host_doc_array_in(doc, "center");
        for (int i = 0; i < 4; i++) {
            host_doc_append(bounds, host_doc_number_new(bbox_deg[i]));
        }
        host_doc_append(center, host_doc_number_new((bbox_deg[0] + bbox_deg[2]) / 2));
        host_doc_append(center, host_doc_number_new((bbox_deg[1] + bbox_deg[3]) / 2));
        host_doc_append(center, json_object_new_int(least_level(set, def)));
    }
    list = host_doc_array_in(doc, "vector_layers");
    const size_t n = layers_of(def, layers);
    for (size_t i = 0; i < n; i++) {
        struct json_object *layer = host_doc_object_in(list, NULL);
        char id[160];
        (void)snprintf(id, sizeof id, "%.120s%s", def->id, layers[i].ending);
        host_doc_text(layer, "id", id);
        host_doc_text(layer, "description", chinese ? def->title.zh : def->title.en);
        host_doc_int(layer, "minzoom", least_level(set, def));
        host_doc_int(layer, "maxzoom", last_level(set, def, &layers[i]));
        each_attribute(def, &layers[i], chinese, host_doc_object_in(layer, "fields"), add_field);
    }
    return doc;
}

cim_status
host_tms_address(const struct host_tms *set, const char *z, const char *row, const char *col,
                 int32_t zoom_max, uint32_t ret_address[3], cim_error *err)
{
    static const char *const names[] = {"tileMatrix", "tileRow", "tileCol"};
    const char *const texts[] = {z, row, col};
    int64_t values[3];
    for (int i = 0; i < 3; i++) {
        if (!host_parse_integer(texts[i], strlen(texts[i]), &values[i]) || values[i] < 0) {
            return cim_fail(err, CIM_E_INVALID, names[i], texts[i], "应为不小于 0 的整数",
                            "expected an integer that is not negative");
        }
    }
    if (values[0] < set->first || values[0] > zoom_max) {
        return cim_fail(err, CIM_E_NOTFOUND, names[0], texts[0], "级别为 %d 到 %d",
                        "levels are %d to %d", (int)set->first, (int)zoom_max);
    }
    for (int i = 1; i < 3; i++) {
        const int64_t n =
            i == 1 ? rows_of(set, (int32_t)values[0]) : cols_of(set, (int32_t)values[0]);
        if (values[i] >= n) {
            return cim_fail(err, CIM_E_NOTFOUND, names[i], texts[i], "此级别应为 0 到 %lld",
                            "expected 0 to %lld at this level", (long long)(n - 1));
        }
    }
    for (int i = 0; i < 3; i++) {
        ret_address[i] = (uint32_t)values[i];
    }
    return CIM_OK;
}
