/* host/ogc/wmts_capabilities.c -- see wmts_capabilities.h. Elements in the order of the schema
 * (OGC 07-057r7, wmtsGetCapabilities_response.xsd). */
#include "host/ogc/wmts_capabilities.h"

#include "cim/util.h"
#include "host/ogc/map_layers.h"
#include "host/ogc/wmts_request.h"

#include <math.h>

static void
element(struct cim_buf *xml, const char *name, const char *text)
{
    cim_buf_addf(xml, "<%s>", name);
    cim_buf_add_html(xml, text);
    cim_buf_addf(xml, "</%s>", name);
}

static void
operation(struct cim_buf *xml, const struct host_ask *ask, const char *name)
{
    cim_buf_addf(xml, "<ows:Operation name=\"%s\"><ows:DCP><ows:HTTP><ows:Get xlink:href=\"", name);
    cim_buf_add_html(xml, ask->base);
    cim_buf_add_text(xml, "/wmts?\"><ows:Constraint name=\"GetEncoding\"><ows:AllowedValues>"
                          "<ows:Value>KVP</ows:Value></ows:AllowedValues></ows:Constraint>"
                          "</ows:Get></ows:HTTP></ows:DCP></ows:Operation>");
}

static void
corner(struct cim_buf *xml, const char *name, double lon, double lat)
{
    cim_buf_addf(xml, "<%s>", name);
    cim_buf_add_coordinate(xml, lon);
    cim_buf_add_char(xml, ' ');
    cim_buf_add_coordinate(xml, lat);
    cim_buf_addf(xml, "</%s>", name);
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
    const bool first = strcmp(id, styling->layer->style) == 0;
    (void)err;
    cim_buf_addf(styling->xml, "<Style isDefault=\"%s\">", first ? "true" : "false");
    element(styling->xml, "ows:Title", title);
    element(styling->xml, "ows:Identifier", id);
    cim_buf_add_text(styling->xml, "<LegendURL format=\"image/png\" xlink:href=\"");
    cim_buf_add_html(styling->xml, styling->ask->base);
    cim_buf_addf(styling->xml, "/styles/%s/legend\"/></Style>", id);
    return CIM_OK;
}

static cim_status
layer(struct cim_buf *xml, const struct host_ask *ask, const struct host_map_layer *at,
      cim_error *err)
{
    struct styling styling = {xml, ask, at};
    cim_buf_add_text(xml, "<Layer>");
    element(xml, "ows:Title",
            ask->chinese || at->title_en[0] == '\0' ? at->title_zh : at->title_en);
    if (at->has_extent) {
        cim_buf_add_text(xml, "<ows:WGS84BoundingBox>");
        corner(xml, "ows:LowerCorner", at->extent_deg[0], at->extent_deg[1]);
        corner(xml, "ows:UpperCorner", at->extent_deg[2], at->extent_deg[3]);
        cim_buf_add_text(xml, "</ows:WGS84BoundingBox>");
    }
    element(xml, "ows:Identifier", at->name);
    CIM_TRY(host_each_style(ask, at->style, one_style, &styling, err));
    cim_buf_add_text(xml, "<Format>image/png</Format>");
    for (size_t i = 0; i < HOST_WMTS_GRIDS; i++) {
        cim_buf_add_text(xml, "<TileMatrixSetLink>");
        element(xml, "TileMatrixSet", host_wmts_grid(i)->id);
        cim_buf_add_text(xml, "</TileMatrixSetLink>");
    }
    cim_buf_add_text(xml, "<ResourceURL format=\"image/png\" resourceType=\"tile\" template=\"");
    cim_buf_add_html(xml, ask->base);
    cim_buf_addf(xml,
                 "/wmts/1.0.0/%s/{Style}/{TileMatrixSet}/{TileMatrix}/{TileRow}/{TileCol}.png\"/>"
                 "</Layer>\n",
                 at->name);
    return CIM_OK;
}

static void
grid(struct cim_buf *xml, const struct host_wmts_grid *at)
{
    cim_buf_add_text(xml, "<TileMatrixSet>");
    element(xml, "ows:Identifier", at->id);
    element(xml, "ows:SupportedCRS", at->crs);
    for (int32_t level = at->first; level <= at->last; level++) {
        int64_t size[2];
        host_wmts_size(at, level, size);
        cim_buf_addf(xml, "<TileMatrix><ows:Identifier>%d</ows:Identifier><ScaleDenominator>",
                     (int)level);
        cim_buf_add_double(xml, ldexp(at->scale, at->first - level));
        cim_buf_addf(xml,
                     "</ScaleDenominator><TopLeftCorner>%s</TopLeftCorner><TileWidth>%d</TileWidth>"
                     "<TileHeight>%d</TileHeight><MatrixWidth>%lld</MatrixWidth><MatrixHeight>%lld"
                     "</MatrixHeight></TileMatrix>",
                     at->corner, (int)HOST_WMTS_TILE_PX, (int)HOST_WMTS_TILE_PX, (long long)size[0],
                     (long long)size[1]);
    }
    cim_buf_add_text(xml, "</TileMatrixSet>\n");
}

cim_status
host_wmts_capabilities(const struct host_ask *ask, cim_error *err)
{
    HOST_AUTO_LAYERS struct host_map_layers list = {.n = 0};
    CIM_AUTO_BUF struct cim_buf xml;
    cim_buf_init(&xml, HOST_DOC_BYTES_MAX);
    CIM_TRY(host_map_layers_list(ask, &list, err));
    cim_buf_add_text(&xml,
                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Capabilities version=\"1.0.0\" "
                     "xmlns=\"http://www.opengis.net/wmts/1.0\" "
                     "xmlns:ows=\"http://www.opengis.net/ows/1.1\" "
                     "xmlns:xlink=\"http://www.w3.org/1999/xlink\">\n<ows:ServiceIdentification>");
    element(&xml, "ows:Title",
            ask->chinese ? "CIM 基础平台地图瓦片" : "Map tiles of the CIM platform");
    cim_buf_add_text(&xml,
                     "<ows:ServiceType>OGC WMTS</ows:ServiceType><ows:ServiceTypeVersion>1.0.0"
                     "</ows:ServiceTypeVersion></ows:ServiceIdentification>\n"
                     "<ows:OperationsMetadata>");
    operation(&xml, ask, "GetCapabilities");
    operation(&xml, ask, "GetTile");
    cim_buf_add_text(&xml, "</ows:OperationsMetadata>\n<Contents>");
    for (size_t i = 0; i < list.n; i++) {
        CIM_TRY(layer(&xml, ask, &list.items[i], err));
    }
    for (size_t i = 0; i < HOST_WMTS_GRIDS; i++) {
        grid(&xml, host_wmts_grid(i));
    }
    cim_buf_add_text(&xml, "</Contents><ServiceMetadataURL xlink:href=\"");
    cim_buf_add_html(&xml, ask->base);
    cim_buf_add_text(&xml, "/wmts/1.0.0/WMTSCapabilities.xml\"/></Capabilities>\n");
    CIM_TRY(host_http_add_header(ask->req, "Cache-Control", "private, no-cache", err));
    return host_ask_send(ask, "text/xml; charset=utf-8", &xml, err);
}
