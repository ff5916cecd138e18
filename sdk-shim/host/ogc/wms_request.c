/* host/ogc/wms_request.c -- see wms_request.h. */
#include "host/ogc/wms_request.h"

#include "cim/util.h"

#include <string.h>
#include <strings.h>

struct params {
    const struct host_pair *pairs;
    size_t n;
};

const char *
host_ows_param(const struct host_pair *pairs, size_t n_pairs, const char *name)
{
    for (size_t i = 0; i < n_pairs; i++) {
        if (strcasecmp(pairs[i].name, name) == 0) {
            return pairs[i].value;
        }
    }
    return NULL;
}

static const char *
find(const struct params *params, const char *name)
{
    return host_ows_param(params->pairs, params->n, name);
}

static cim_status
need(const struct params *params, const char *name, const char **ret_value, cim_error *err)
{
    *ret_value = find(params, name);
    if (*ret_value != NULL && (*ret_value)[0] != '\0') {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_INVALID, name, NULL, "缺少此参数", "this parameter is missing");
}

static cim_status
names(const char *param, const char *text, char (*ret_names)[HOST_WMS_NAME_MAX], size_t *ret_n,
      cim_error *err)
{
    size_t n = 0;
    for (const char *at = text;; at++) {
        const size_t len = strcspn(at, ",");
        if (n == HOST_WMS_LAYERS_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, param, NULL, "最多 %d 个图层",
                            "at most %d layers", (int)HOST_WMS_LAYERS_MAX);
        }
        if (len >= HOST_WMS_NAME_MAX) {
            return cim_fail(err, CIM_E_NOTFOUND, param, at, "没有此名称", "no such name");
        }
        memcpy(ret_names[n], at, len);
        ret_names[n++][len] = '\0';
        at += len;
        if (*at == '\0') {
            break;
        }
    }
    *ret_n = n;
    return CIM_OK;
}

static cim_status
check_version(const struct params *params, cim_error *err)
{
    const char *version = find(params, "VERSION");
    if (version != NULL && strcmp(version, "1.3.0") == 0) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_INVALID, "VERSION", version, "应为 1.3.0", "expected 1.3.0");
}

static cim_status
check_service(const struct params *params, bool needed, cim_error *err)
{
    const char *service = find(params, "SERVICE");
    if ((service == NULL && !needed) || (service != NULL && strcasecmp(service, "WMS") == 0)) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_INVALID, "SERVICE", service, "应为 WMS", "expected WMS");
}

static cim_status
check_format(const struct params *params, cim_error *err)
{
    const char *format = NULL;
    CIM_TRY(need(params, "FORMAT", &format, err));
    return strcmp(format, "image/png") == 0 ? CIM_OK
                                            : cim_fail(err, CIM_E_INVALID, "FORMAT", format,
                                                       "应为 image/png", "expected image/png");
}

static cim_status
parse_operation(const struct params *params, enum host_wms_operation *ret_operation, cim_error *err)
{
    static const char *const words[] = {"GetCapabilities", "GetMap", "GetFeatureInfo",
                                        "GetLegendGraphic"};
    const char *word = find(params, "REQUEST");
    for (size_t i = 0; word != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(words[i], word) == 0) {
            *ret_operation = (enum host_wms_operation)i;
            return CIM_OK;
        }
    }
    return cim_fail(err, CIM_E_INVALID, "REQUEST", word,
                    "应为 GetCapabilities、GetMap、GetFeatureInfo 或 GetLegendGraphic",
                    "expected GetCapabilities, GetMap, GetFeatureInfo or GetLegendGraphic");
}

/* ---- GetMap ---- */

static cim_status
parse_side(const struct params *params, const char *name, int32_t *ret_side, cim_error *err)
{
    const char *text = NULL;
    CIM_TRY(need(params, name, &text, err));
    return host_map_side(name, text, ret_side, err);
}

/* The box in the axis order of CRS: for EPSG:4490 and 4326 latitude comes first. */
/* A box of WMS has no heights. */
static cim_status
parse_box(const char *bbox, double ret_box[4], cim_error *err)
{
    size_t n_commas = 0;
    for (const char *at = bbox; *at != '\0'; at++) {
        n_commas += *at == ',' ? 1 : 0;
    }
    if (n_commas != 3 || host_parse_bbox(bbox, ret_box, NULL) != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, "BBOX", bbox, "应为四个数字，次序随 CRS 的轴序",
                        "expected four numbers in the axis order of CRS");
    }
    return CIM_OK;
}

static cim_status
parse_view(const struct params *params, struct host_wms_request *request, cim_error *err)
{
    const char *crs = NULL;
    const char *bbox = NULL;
    double box[4];
    double view[4];
    CIM_TRY(need(params, "CRS", &crs, err));
    CIM_TRY(
        host_crs_parse("CRS", strcasecmp(crs, "CRS:84") == 0 ? "CRS84" : crs, &request->crs, err));
    CIM_TRY(host_map_check_crs("CRS", crs, &request->crs, err));
    CIM_TRY(need(params, "BBOX", &bbox, err));
    CIM_TRY(parse_box(bbox, box, err));
    CIM_TRY(host_map_box(NULL, &request->crs, box, &request->crs, view, err));
    CIM_TRY(parse_side(params, "WIDTH", &request->view.width, err));
    CIM_TRY(parse_side(params, "HEIGHT", &request->view.height, err));
    request->view.ratio = 1;
    request->view.geographic = request->crs.kind != HOST_CRS_OTHER;
    request->view.west = view[0];
    request->view.south = view[1];
    request->view.east = view[2];
    request->view.north = view[3];
    if (!(view[0] < view[2]) || !(view[1] < view[3])) {
        return cim_fail(err, CIM_E_INVALID, "BBOX", bbox, "最小值应小于最大值",
                        "the least values come before the greatest");
    }
    return host_pic_view_check(&request->view, err);
}

static cim_status
parse_layers(const struct params *params, struct host_wms_request *request, cim_error *err)
{
    const char *layers = NULL;
    const char *styles = find(params, "STYLES");
    CIM_TRY(need(params, "LAYERS", &layers, err));
    CIM_TRY(names("LAYERS", layers, request->layers, &request->n_layers, err));
    request->n_styles = 0;
    if (styles == NULL || styles[0] == '\0') {
        return CIM_OK;
    }
    CIM_TRY(names("STYLES", styles, request->styles, &request->n_styles, err));
    return request->n_styles == request->n_layers
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "STYLES", styles, "样式应与图层一一对应",
                          "expected one style for each layer");
}

static cim_status
parse_ground(const struct params *params, struct host_wms_request *request, cim_error *err)
{
    const char *transparent = find(params, "TRANSPARENT");
    const char *color = find(params, "BGCOLOR");
    request->transparent = false;
    request->background = (struct host_pic_color){1, 1, 1, 1};
    if (transparent != NULL && strcasecmp(transparent, "TRUE") == 0) {
        request->transparent = true;
    } else if (transparent != NULL && strcasecmp(transparent, "FALSE") != 0) {
        return cim_fail(err, CIM_E_INVALID, "TRANSPARENT", transparent, "应为 TRUE 或 FALSE",
                        "expected TRUE or FALSE");
    }
    return color != NULL ? host_map_color("BGCOLOR", color, &request->background, err) : CIM_OK;
}

static cim_status
check_exceptions(const struct params *params, cim_error *err)
{
    const char *format = find(params, "EXCEPTIONS");
    if (format == NULL || strcasecmp(format, "XML") == 0 || strcasecmp(format, "text/xml") == 0) {
        return CIM_OK;
    }
    return cim_fail(err, CIM_E_INVALID, "EXCEPTIONS", format, "应为 XML", "expected XML");
}

static cim_status
parse_map(const struct params *params, struct host_wms_request *request, cim_error *err)
{
    CIM_TRY(check_exceptions(params, err));
    CIM_TRY(parse_layers(params, request, err));
    CIM_TRY(parse_view(params, request, err));
    return parse_ground(params, request, err);
}

/* ---- GetFeatureInfo ---- */

static cim_status
parse_pixel(const struct params *params, const char *name, int32_t side, double *ret_at,
            cim_error *err)
{
    const char *text = NULL;
    int64_t value = 0;
    CIM_TRY(need(params, name, &text, err));
    if (!host_parse_integer(text, strlen(text), &value) || value < 0 || value >= side) {
        return cim_fail(err, CIM_E_INVALID, name, text, "应为 0 到 %d 的整数",
                        "expected a whole number from 0 to %d", (int)side - 1);
    }
    *ret_at = (double)value + 0.5;
    return CIM_OK;
}

static cim_status
parse_info(const struct params *params, struct host_wms_request *request, cim_error *err)
{
    const char *layers = NULL;
    const char *format = NULL;
    const char *count = find(params, "FEATURE_COUNT");
    CIM_TRY(need(params, "QUERY_LAYERS", &layers, err));
    CIM_TRY(names("QUERY_LAYERS", layers, request->queried, &request->n_queried, err));
    CIM_TRY(need(params, "INFO_FORMAT", &format, err));
    request->plain = strcmp(format, "text/plain") == 0;
    if (!request->plain && strcmp(format, "application/json") != 0 &&
        strcmp(format, "application/geo+json") != 0) {
        return cim_fail(err, CIM_E_INVALID, "INFO_FORMAT", format,
                        "应为 application/json 或 text/plain",
                        "expected application/json or text/plain");
    }
    request->feature_count = 1;
    if (count != NULL && (!host_parse_integer(count, strlen(count), &request->feature_count) ||
                          request->feature_count < 1)) {
        return cim_fail(err, CIM_E_INVALID, "FEATURE_COUNT", count, "应为不小于 1 的整数",
                        "expected a whole number of at least 1");
    }
    request->feature_count = request->feature_count < HOST_WMS_FEATURES_MAX ? request->feature_count
                                                                            : HOST_WMS_FEATURES_MAX;
    CIM_TRY(parse_pixel(params, "I", request->view.width, &request->i, err));
    return parse_pixel(params, "J", request->view.height, &request->j, err);
}

cim_status
host_wms_request_parse(const struct host_pair *pairs, size_t n_pairs,
                       struct host_wms_request *ret_request, cim_error *err)
{
    const struct params params = {pairs, n_pairs};
    struct host_wms_request *request = ret_request;
    const char *layer = NULL;
    const char *style = NULL;
    memset(request, 0, sizeof *request);
    CIM_TRY(parse_operation(&params, &request->operation, err));
    CIM_TRY(check_service(&params, request->operation == HOST_WMS_CAPABILITIES, err));
    if (request->operation == HOST_WMS_CAPABILITIES) {
        return CIM_OK; /* whatever version is asked for, 1.3.0 is answered */
    }
    CIM_TRY(check_version(&params, err));
    switch (request->operation) {
    case HOST_WMS_MAP:
        CIM_TRY(check_format(&params, err));
        return parse_map(&params, request, err);
    case HOST_WMS_FEATURE_INFO:
        CIM_TRY(parse_map(&params, request, err));
        return parse_info(&params, request, err);
    case HOST_WMS_LEGEND:
    case HOST_WMS_CAPABILITIES:
    default:
        CIM_TRY(check_format(&params, err));
        CIM_TRY(need(&params, "LAYER", &layer, err));
        CIM_TRY(names("LAYER", layer, request->layers, &request->n_layers, err));
        style = find(&params, "STYLE");
        return style != NULL && style[0] != '\0'
                   ? names("STYLE", style, request->styles, &request->n_styles, err)
                   : CIM_OK;
    }
}

const char *
host_wms_code(const cim_error *err)
{
    static const struct {
        const char *param;
        cim_status code; /* CIM_OK: any */
        const char *name;
    } codes[] = {
        {"LAYERS", CIM_E_NOTFOUND, "LayerNotDefined"},
        {"LAYER", CIM_E_NOTFOUND, "LayerNotDefined"},
        {"QUERY_LAYERS", CIM_E_NOTFOUND, "LayerNotDefined"},
        {"QUERY_LAYERS", CIM_E_STATE, "LayerNotQueryable"},
        {"STYLES", CIM_E_NOTFOUND, "StyleNotDefined"},
        {"CRS", CIM_OK, "InvalidCRS"},
        {"FORMAT", CIM_OK, "InvalidFormat"},
        {"INFO_FORMAT", CIM_OK, "InvalidFormat"},
        {"I", CIM_OK, "InvalidPoint"},
        {"J", CIM_OK, "InvalidPoint"},
        {"REQUEST", CIM_OK, "OperationNotSupported"},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(codes[i].param, err->param) == 0 &&
            (codes[i].code == CIM_OK || codes[i].code == err->code)) {
            return codes[i].name;
        }
    }
    return NULL;
}
