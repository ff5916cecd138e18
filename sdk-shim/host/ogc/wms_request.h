/* host/ogc/wms_request.h -- parameters of WMS 1.3.0 (OGC 06-042), without HTTP. */
#ifndef HOST_OGC_WMS_REQUEST_H
#define HOST_OGC_WMS_REQUEST_H

#include "host/ogc/map_request.h"

enum { HOST_WMS_LAYERS_MAX = 32, HOST_WMS_FEATURES_MAX = 100, HOST_WMS_NAME_MAX = 80 };

enum host_wms_operation {
    HOST_WMS_CAPABILITIES,
    HOST_WMS_MAP,
    HOST_WMS_FEATURE_INFO,
    HOST_WMS_LEGEND
};

struct host_wms_request {
    enum host_wms_operation operation;
    size_t n_layers; /* the lowest first */
    char layers[HOST_WMS_LAYERS_MAX][HOST_WMS_NAME_MAX];
    size_t n_styles; /* 0, or as many as layers; "" is the default */
    char styles[HOST_WMS_LAYERS_MAX][HOST_WMS_NAME_MAX];
    struct host_crs crs;
    struct host_pic_view view;
    bool transparent;
    struct host_pic_color background;
    size_t n_queried; /* of GetFeatureInfo */
    char queried[HOST_WMS_LAYERS_MAX][HOST_WMS_NAME_MAX];
    double i; /* the pixel asked for */
    double j;
    int64_t feature_count;
    bool plain; /* text/plain instead of application/json */
};

/* Names are read without regard to case, and unknown ones are passed over, both as the standard
 * says. A failure names the parameter as the standard writes it. */
cim_status host_wms_request_parse(const struct host_pair *pairs, size_t n_pairs,
                                  struct host_wms_request *ret_request, cim_error *err);
/* The code of a ServiceException for a failure; NULL: it has none. */
const char *host_wms_code(const cim_error *err);
/* The value of a parameter, whatever the case of its name; NULL: there is none. */
const char *host_ows_param(const struct host_pair *pairs, size_t n_pairs, const char *name);

#endif
