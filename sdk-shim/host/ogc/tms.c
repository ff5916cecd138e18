/* host/ogc/tms.c -- see tms.h. */
#include "host/ogc/tms.h"

#include "cim/util.h"
#include "host/ogc/params.h"

#include <math.h>

static const double half_m = 20037508.342789244; /* of the equator */
static const double latitude_max_deg = 85.051128779806604;
static const double scale_at_0 = 559082264.0287178;
enum { TILE_PX = 256 };

static int64_t
clamp(double value, int64_t last)
{
    return value < 0 ? 0 : value > (double)last ? last : (int64_t)value;
}

void
host_tms_range(const double bbox_deg[4], int32_t z, int64_t ret_range[4])
{
    const double pi = 3.14159265358979323846;
    const double n = ldexp(1, z);
    const int64_t last = (int64_t)n - 1;
    const double lats[2] = {fmin(bbox_deg[3], latitude_max_deg),
                            fmax(bbox_deg[1], -latitude_max_deg)};
    double rows[2];
    for (int i = 0; i < 2; i++) {
        const double rad = lats[i] * pi / 180;
        rows[i] = (1 - asinh(tan(rad)) / pi) / 2 * n;
    }
    ret_range[0] = clamp((bbox_deg[0] + 180) / 360 * n, last);
    ret_range[1] = clamp(rows[0], last);
    ret_range[2] = clamp((bbox_deg[2] + 180) / 360 * n, last);
    ret_range[3] = clamp(rows[1], last);
}

static void
add_matrix(struct json_object *list, int32_t z)
{
    struct json_object *matrix = host_doc_object_in(list, NULL);
    struct json_object *origin = NULL;
    char id[8];
    (void)snprintf(id, sizeof id, "%d", (int)z);
    host_doc_text(matrix, "id", id);
    host_doc_number(matrix, "scaleDenominator", ldexp(scale_at_0, -z));
    host_doc_number(matrix, "cellSize", ldexp(2 * half_m / TILE_PX, -z));
    host_doc_text(matrix, "cornerOfOrigin", "topLeft");
    origin = host_doc_array_in(matrix, "pointOfOrigin");
    host_doc_append(origin, host_doc_number_new(-half_m));
    host_doc_append(origin, host_doc_number_new(half_m));
    host_doc_int(matrix, "tileWidth", TILE_PX);
    host_doc_int(matrix, "tileHeight", TILE_PX);
    host_doc_int(matrix, "matrixWidth", (int64_t)1 << z);
    host_doc_int(matrix, "matrixHeight", (int64_t)1 << z);
}

struct json_object *
host_tms_definition(const char *base, bool chinese)
{
    static const char *const axes[] = {"X", "Y"};
    struct json_object *doc = json_object_new_object();
    struct json_object *links = NULL;
    struct json_object *matrices = NULL;
    host_doc_text(doc, "id", HOST_TMS_ID);
    host_doc_text(doc, "title",
                  chinese ? "Web 墨卡托瓦片矩阵集" : "Google Maps Compatible for the World");
    host_doc_text(doc, "uri", HOST_TMS_URI);
    host_doc_text(doc, "crs", HOST_TMS_CRS);
    host_doc_add(doc, "orderedAxes", host_doc_texts(axes, 2));
    host_doc_text(doc, "wellKnownScaleSet",
                  "http://www.opengis.net/def/wkss/OGC/1.0/GoogleMapsCompatible");
    matrices = host_doc_array_in(doc, "tileMatrices");
    for (int32_t z = 0; z <= HOST_TMS_ZOOM_MAX; z++) {
        add_matrix(matrices, z);
    }
    links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", "application/json", NULL, "%s/tileMatrixSets/" HOST_TMS_ID, base);
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

static void
add_limits(struct json_object *doc, const struct cim_definition *def, const double *bbox_deg)
{
    struct json_object *limits = host_doc_array_in(doc, "tileMatrixSetLimits");
    for (int32_t z = def->tile_min_zoom; z <= def->tile_max_zoom; z++) {
        struct json_object *limit = host_doc_object_in(limits, NULL);
        int64_t range[4];
        char id[8];
        (void)snprintf(id, sizeof id, "%d", (int)z);
        host_tms_range(bbox_deg, z, range);
        host_doc_text(limit, "tileMatrix", id);
        host_doc_int(limit, "minTileRow", range[1]);
        host_doc_int(limit, "maxTileRow", range[3]);
        host_doc_int(limit, "minTileCol", range[0]);
        host_doc_int(limit, "maxTileCol", range[2]);
    }
}

static void
add_layer(struct json_object *doc, const struct cim_definition *def, bool chinese)
{
    struct json_object *layer = host_doc_object_in(host_doc_array_in(doc, "layers"), NULL);
    struct json_object *schema = NULL;
    struct json_object *properties = NULL;
    host_doc_text(layer, "id", def->id);
    host_doc_text(layer, "title", chinese || def->title.en == NULL ? def->title.zh : def->title.en);
    host_doc_text(layer, "dataType", "vector");
    host_doc_int(layer, "geometryDimension", dimension(def));
    host_doc_int(layer, "minTileMatrix", def->tile_min_zoom);
    host_doc_int(layer, "maxTileMatrix", def->tile_max_zoom);
    schema = host_doc_object_in(layer, "propertiesSchema");
    host_doc_text(schema, "type", "object");
    properties = host_doc_object_in(schema, "properties");
    for (size_t i = 0; i < def->n_tile_attributes; i++) {
        const struct cim_field *field = def->tile_attributes[i];
        struct json_object *property = host_doc_object_in(properties, field->name);
        host_doc_text(property, "type", type_name(field->type));
        host_doc_text(property, "title", chinese ? field->title.zh : field->title.en);
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
add_template(struct json_object *links, const struct cim_definition *def, const char *base,
             const char *query)
{
    struct json_object *link = json_object_new_object();
    CIM_AUTO_BUF struct cim_buf url;
    cim_buf_init(&url, 1 << 17);
    cim_buf_addf(&url, "%s/collections/%s/tiles/" HOST_TMS_ID "/{tileMatrix}/{tileRow}/{tileCol}",
                 base, def->id);
    cim_buf_add_text(&url, query);
    host_doc_text(link, "href", url.failed == CIM_OK ? url.data : "");
    host_doc_text(link, "rel", "item");
    host_doc_text(link, "type", "application/vnd.mapbox-vector-tile");
    host_doc_bool(link, "templated", true);
    host_doc_append(links, link);
}

struct json_object *
host_tms_tileset(const struct cim_definition *def, const double *bbox_deg, const char *base,
                 const char *query, bool chinese, bool whole)
{
    struct json_object *doc = json_object_new_object();
    struct json_object *links = NULL;
    host_doc_text(doc, "title", chinese || def->title.en == NULL ? def->title.zh : def->title.en);
    host_doc_text(doc, "dataType", "vector");
    host_doc_text(doc, "crs", HOST_TMS_CRS);
    host_doc_text(doc, "tileMatrixSetURI", HOST_TMS_URI);
    if (whole) {
        if (bbox_deg != NULL) {
            add_box(doc, bbox_deg);
            add_limits(doc, def, bbox_deg);
        }
        add_layer(doc, def, chinese);
    }
    links = host_doc_array_in(doc, "links");
    host_doc_link(links, "self", "application/json", NULL,
                  "%s/collections/%s/tiles/" HOST_TMS_ID "?f=json", base, def->id);
    host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme", "application/json",
                  NULL, "%s/tileMatrixSets/" HOST_TMS_ID, base);
    host_doc_link(links, "alternate", "application/vnd.mapbox.tilejson+json", "TileJSON",
                  "%s/collections/%s/tiles/" HOST_TMS_ID "?f=tilejson", base, def->id);
    add_template(links, def, base, query);
    return doc;
}

struct json_object *
host_tms_tilejson(const struct cim_definition *def, const double *bbox_deg, const char *base,
                  const char *query, bool chinese)
{
    struct json_object *doc = json_object_new_object();
    struct json_object *tiles = NULL;
    struct json_object *layer = NULL;
    struct json_object *fields = NULL;
    CIM_AUTO_BUF struct cim_buf url;
    host_doc_text(doc, "tilejson", "3.0.0");
    host_doc_text(doc, "name", chinese || def->title.en == NULL ? def->title.zh : def->title.en);
    host_doc_text(doc, "version", "1.0.0");
    host_doc_text(doc, "scheme", "xyz");
    tiles = host_doc_array_in(doc, "tiles");
    cim_buf_init(&url, 1 << 17);
    cim_buf_addf(&url, "%s/collections/%s/tiles/" HOST_TMS_ID "/{z}/{y}/{x}", base, def->id);
    cim_buf_add_text(&url, query);
    host_doc_append(tiles, url.failed == CIM_OK ? json_object_new_string(url.data) : NULL);
    host_doc_int(doc, "minzoom", def->tile_min_zoom);
    host_doc_int(doc, "maxzoom", def->tile_max_zoom);
    if (bbox_deg != NULL) {
        struct json_object *bounds = host_doc_array_in(doc, "bounds");
        struct json_object *center = host_doc_array_in(doc, "center");
        for (int i = 0; i < 4; i++) {
            host_doc_append(bounds, host_doc_number_new(bbox_deg[i]));
        }
        host_doc_append(center, host_doc_number_new((bbox_deg[0] + bbox_deg[2]) / 2));
        host_doc_append(center, host_doc_number_new((bbox_deg[1] + bbox_deg[3]) / 2));
        host_doc_append(center, json_object_new_int(def->tile_min_zoom));
    }
    layer = host_doc_object_in(host_doc_array_in(doc, "vector_layers"), NULL);
    host_doc_text(layer, "id", def->id);
    host_doc_text(layer, "description", chinese ? def->title.zh : def->title.en);
    host_doc_int(layer, "minzoom", def->tile_min_zoom);
    host_doc_int(layer, "maxzoom", def->tile_max_zoom);
    fields = host_doc_object_in(layer, "fields");
    for (size_t i = 0; i < def->n_tile_attributes; i++) {
        const struct cim_field *field = def->tile_attributes[i];
        host_doc_text(fields, field->name, chinese ? field->title.zh : field->title.en);
    }
    return doc;
}

cim_status
host_tms_address(const char *z, const char *row, const char *col, int32_t zoom_max,
                 uint32_t ret_address[3], cim_error *err)
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
    if (values[0] > zoom_max) {
        return cim_fail(err, CIM_E_NOTFOUND, names[0], texts[0], "最大级别为 %d",
                        "the largest zoom is %d", (int)zoom_max);
    }
    for (int i = 1; i < 3; i++) {
        const int64_t n = (int64_t)1 << values[0];
        if (values[i] >= n) {
            return cim_fail(err, CIM_E_NOTFOUND, names[i], texts[i], "此级别的行列号为 0 到 %lld",
                            "rows and columns of this zoom are 0 to %lld", (long long)(n - 1));
        }
    }
    for (int i = 0; i < 3; i++) {
        ret_address[i] = (uint32_t)values[i];
    }
    return CIM_OK;
}
