/* host/ogc/wms_capabilities.c -- see wms_capabilities.h. Elements in the order of the schema
 * (OGC 06-042, annex E). */
#include "host/ogc/wms_capabilities.h"

#include "cim/util.h"
#include "host/ogc/map_layers.h"
#include "host/ogc/map_request.h"
#include "host/ogc/wms_request.h"

static void
element(struct cim_buf *xml, const char *name, const char *text)
{
    cim_buf_addf(xml, "<%s>", name);
    cim_buf_add_html(xml, text);
    cim_buf_addf(xml, "</%s>", name);
}

static void
online(struct cim_buf *xml, const char *href)
{
    cim_buf_add_text(xml, "<OnlineResource xlink:type=\"simple\" xlink:href=\"");
    cim_buf_add_html(xml, href);
    cim_buf_add_text(xml, "\"/>");
}

static void
operation(struct cim_buf *xml, const char *name, const char *const *formats, const char *url)
{
    cim_buf_addf(xml, "<%s>", name);
    for (; *formats != NULL; formats++) {
        element(xml, "Format", *formats);
    }
    cim_buf_add_text(xml, "<DCPType><HTTP><Get>");
    online(xml, url);
    cim_buf_addf(xml, "</Get></HTTP></DCPType></%s>", name);
}

static void
box(struct cim_buf *xml, const char *crs, double a, double b, double c, double d)
{
    const double values[4] = {a, b, c, d};
    static const char *const names[] = {"minx", "miny", "maxx", "maxy"};
    cim_buf_addf(xml, "<BoundingBox CRS=\"%s\"", crs);
    for (int i = 0; i < 4; i++) {
        cim_buf_addf(xml, " %s=\"", names[i]);
        cim_buf_add_coordinate(xml, values[i]);
        cim_buf_add_char(xml, '"');
    }
    cim_buf_add_text(xml, "/>");
}

/* The extent in every reference system, each in its own axis order. */
static void
boxes(struct cim_buf *xml, const double deg[4])
{
    static const char *const names[] = {"westBoundLongitude", "eastBoundLongitude",
                                        "southBoundLatitude", "northBoundLatitude"};
    static const int at[] = {0, 2, 1, 3};
    const struct host_crs lon_lat = {HOST_CRS_LON_LAT, 0};
    const struct host_crs mercator = {HOST_CRS_OTHER, HOST_MAP_EPSG_MERCATOR};
    double m[4];
    cim_buf_add_text(xml, "<EX_GeographicBoundingBox>");
    for (int i = 0; i < 4; i++) {
        cim_buf_addf(xml, "<%s>", names[i]);
        cim_buf_add_coordinate(xml, deg[at[i]]);
        cim_buf_addf(xml, "</%s>", names[i]);
    }
    cim_buf_add_text(xml, "</EX_GeographicBoundingBox>");
    box(xml, "CRS:84", deg[0], deg[1], deg[2], deg[3]);
    box(xml, "EPSG:4490", deg[1], deg[0], deg[3], deg[2]);
    box(xml, "EPSG:4326", deg[1], deg[0], deg[3], deg[2]);
    if (host_map_box(NULL, &lon_lat, deg, &mercator, m, NULL) == CIM_OK) {
        box(xml, "EPSG:3857", m[0], m[1], m[2], m[3]);
    }
}

struct styling {
    struct cim_buf *xml;
    const struct host_ask *ask;
    const struct host_map_layer *layer;
};

static cim_status
one_style(void *arg, const char *id, const char *title, cim_error *err)
{
    const struct styling *styling = arg;
    CIM_AUTO_BUF struct cim_buf url;
    cim_buf_init(&url, 4096);
    cim_buf_addf(&url,
                 "%s/wms?SERVICE=WMS&VERSION=1.3.0&REQUEST=GetLegendGraphic&FORMAT=image/png"
                 "&LAYER=%s&STYLE=%s",
                 styling->ask->base, styling->layer->name, id);
    CIM_TRY(cim_buf_status(&url, err));
    cim_buf_add_text(styling->xml, "<Style>");
    element(styling->xml, "Name", id);
    element(styling->xml, "Title", title);
    cim_buf_add_text(styling->xml, "<LegendURL><Format>image/png</Format>");
    online(styling->xml, url.data);
    cim_buf_add_text(styling->xml, "</LegendURL></Style>");
    return CIM_OK;
}

static cim_status
layer(struct cim_buf *xml, const struct host_ask *ask, const struct host_map_layer *at,
      cim_error *err)
{
    struct styling styling = {xml, ask, at};
    cim_buf_addf(xml, "<Layer queryable=\"%d\">", at->queryable ? 1 : 0);
    element(xml, "Name", at->name);
    element(xml, "Title", ask->chinese || at->title_en[0] == '\0' ? at->title_zh : at->title_en);
    if (at->has_extent) {
        boxes(xml, at->extent_deg);
    }
    CIM_TRY(host_each_style(ask, at->style, one_style, &styling, err));
    cim_buf_add_text(xml, "</Layer>\n");
    return CIM_OK;
}

static void
service(struct cim_buf *xml, const struct host_ask *ask, const char *url)
{
    cim_buf_add_text(xml, "<Service><Name>WMS</Name>");
    element(xml, "Title", ask->chinese ? "CIM 基础平台地图服务" : "Maps of the CIM platform");
    online(xml, url);
    cim_buf_addf(xml,
                 "<LayerLimit>%d</LayerLimit><MaxWidth>%d</MaxWidth><MaxHeight>%d</MaxHeight>"
                 "</Service>\n",
                 (int)HOST_WMS_LAYERS_MAX, (int)HOST_PIC_SIDE_MAX, (int)HOST_PIC_SIDE_MAX);
}

static void
requests(struct cim_buf *xml, const char *url)
{
    static const char *const xml_formats[] = {"text/xml", NULL};
    static const char *const map_formats[] = {"image/png", NULL};
    static const char *const info_formats[] = {"application/json", "text/plain", NULL};
    cim_buf_add_text(xml, "<Request>");
    operation(xml, "GetCapabilities", xml_formats, url);
    operation(xml, "GetMap", map_formats, url);
    operation(xml, "GetFeatureInfo", info_formats, url);
    cim_buf_add_text(xml, "</Request><Exception><Format>XML</Format></Exception>\n");
}

static cim_status
layers(struct cim_buf *xml, const struct host_ask *ask, const struct host_map_layers *list,
       cim_error *err)
{
    static const double hainan_deg[4] = {108.6, 18.1, 111.1, 20.2};
    cim_buf_add_text(xml, "<Layer>");
    element(xml, "Title", ask->chinese ? "CIM 基础平台" : "CIM platform");
    cim_buf_add_text(xml, "<CRS>EPSG:4490</CRS><CRS>EPSG:4326</CRS><CRS>EPSG:3857</CRS>"
                          "<CRS>CRS:84</CRS>");
    boxes(xml, hainan_deg);
    for (size_t i = 0; i < list->n; i++) {
        CIM_TRY(layer(xml, ask, &list->items[i], err));
    }
    cim_buf_add_text(xml, "</Layer>");
    return CIM_OK;
}

cim_status
host_wms_capabilities(const struct host_ask *ask, cim_error *err)
{
    HOST_AUTO_LAYERS struct host_map_layers list = {.n = 0};
    CIM_AUTO_BUF struct cim_buf xml;
    CIM_AUTO_BUF struct cim_buf url;
    cim_buf_init(&xml, HOST_DOC_BYTES_MAX);
    cim_buf_init(&url, 4096);
    CIM_TRY(host_map_layers_list(ask, &list, err));
    cim_buf_addf(&url, "%s/wms?", ask->base);
    CIM_TRY(cim_buf_status(&url, err));
    cim_buf_add_text(&xml,
                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<WMS_Capabilities version=\"1.3.0\" xmlns=\"http://www.opengis.net/wms\""
                     " xmlns:xlink=\"http://www.w3.org/1999/xlink\">\n");
    service(&xml, ask, url.data);
    cim_buf_add_text(&xml, "<Capability>");
    requests(&xml, url.data);
    CIM_TRY(layers(&xml, ask, &list, err));
    cim_buf_add_text(&xml, "</Capability></WMS_Capabilities>\n");
    CIM_TRY(host_http_add_header(ask->req, "Cache-Control", "private, no-cache", err));
    return host_ask_send(ask, "text/xml; charset=utf-8", &xml, err);
}
