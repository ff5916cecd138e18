/* host/ogc/ask.h -- what every handler of this module needs at hand: the module, the caller, the
 * query parameters, the representation wanted, and the way into a layer past the access check. */
#ifndef HOST_OGC_ASK_H
#define HOST_OGC_ASK_H

#include "host/http/http.h"
#include "host/ogc/doc.h"
#include "host/ogc/format.h"
#include "host/ogc/limits.h"
#include "host/ogc/ogc.h"
#include "host/ogc/params.h"
#include "host/plugins/plugins.h"

struct host_tile_cache;
struct host_upstream;

struct host_ogc {
    struct host_app *app;
    struct host_crs_pool *crs;
    struct host_tile_cache *tiles;
    struct host_tile_share *shared_tiles; /* with other hosts; NULL: not */
    struct host_upstream *upstream;
};

struct host_ask {
    struct host_ogc *ogc;
    const cim_call *call;
    cim_http_req *req;
    const char *base; /* "http://host:port" */
    const char *path;
    const struct host_offer *offer;
    bool chinese;
    size_t n_pairs;
    struct host_pair pairs[HOST_QUERY_PAIRS_MAX];
};

/* Collects the parameters; they live as long as the request. */
cim_status host_ask_begin(struct host_ask *ask, struct host_ogc *ogc, const cim_call *call,
                          cim_http_req *req, cim_error *err);
const char *host_ask_param(const struct host_ask *ask, const char *name);
/* Refuses parameters other than `f`, `lang` and those of the list (NULL-terminated; may be NULL),
 * and any that is given twice. */
cim_status host_ask_allow(const struct host_ask *ask, const char *const *names, cim_error *err);
cim_status host_ask_choose(struct host_ask *ask, const struct host_offer *offers, size_t n_offers,
                           cim_error *err);
/* JSON or HTML; what most resources offer. */
cim_status host_ask_choose_doc(struct host_ask *ask, const char *json_mime, cim_error *err);
/* allow + choose for resources without parameters of their own. */
cim_status host_ask_plain(struct host_ask *ask, struct host_ogc *ogc, const cim_call *call,
                          cim_http_req *req, const char *json_mime, cim_error *err);

/* Sends a finished buffer, which is empty afterwards. */
cim_status host_ask_send(const struct host_ask *ask, const char *mime, struct cim_buf *body,
                         cim_error *err);
/* Sends a document as JSON or as a page of its own, as was chosen. */
cim_status host_ask_send_doc(const struct host_ask *ask, struct json_object *doc,
                             const char *title_zh, const char *title_en, cim_error *err);

/* A layer entered for one call, with the caller's terms in call.scope. */
struct host_visit {
    struct host_plugins *plugins; /* NULL: nothing entered */
    const struct host_layer *layer;
    const struct host_renderer *renderer; /* NULL unless asked for */
    cim_call call;
};

/* CIM_E_NOTFOUND: no such layer; CIM_E_BUSY: its plugin is not enabled; CIM_E_DENIED: the caller
 * holds no term for the action on it. */
cim_status host_visit_layer(struct host_visit *visit, struct host_ogc *ogc, const cim_call *call,
                            const char *layer_id, uint32_t action, cim_error *err);
cim_status host_visit_renderer(struct host_visit *visit, struct host_ogc *ogc, const cim_call *call,
                               const char *layer_id, cim_error *err);
void host_visit_end(struct host_visit *visit);
#define HOST_AUTO_VISIT __attribute__((cleanup(host_visit_end)))

/* Does the caller hold a term for reading the layer? */
bool host_may_read(const struct host_ask *ask, const char *layer_id);
/* Refuses a filter or sort key over fields that some term shows masked or not at all: the answer
 * would tell the hidden value. */
cim_status host_check_visible(const cim_scope *scope, const struct cim_field *field,
                              cim_error *err);
/* Refuses an area code that the tree does not know. */
cim_status host_check_area(struct host_ogc *ogc, const char *area, cim_error *err);

/* The text of a style file of a plugin. CIM_E_NOTFOUND: none of that id. */
cim_status host_style_text(struct host_ogc *ogc, const char *id, struct cim_buf *out,
                           cim_error *err);
/* Calls `each` for a style, those beside it and all their variants, the style itself first. */
cim_status host_each_style(const struct host_ask *ask, const char *style_id,
                           cim_status (*each)(void *arg, const char *id, const char *title,
                                              cim_error *err),
                           void *arg, cim_error *err);

static inline const char *
host_title(const struct host_ask *ask, const struct cim_text2 *title)
{
    const char *en = title->en != NULL ? title->en : title->zh;
    return ask->chinese && title->zh != NULL ? title->zh : en;
}

/* ---- routes, one function per file ---- */

cim_status host_ogc_common_routes(struct host_ogc *ogc, cim_error *err);
cim_status host_ogc_collection_routes(struct host_ogc *ogc, cim_error *err);
cim_status host_ogc_item_routes(struct host_ogc *ogc, cim_error *err);
cim_status host_ogc_search_routes(struct host_ogc *ogc, cim_error *err);
cim_status host_ogc_edit_routes(struct host_ogc *ogc, cim_error *err);
cim_status host_ogc_tile_routes(struct host_ogc *ogc, cim_error *err);
cim_status host_ogc_dataset_tile_routes(struct host_ogc *ogc, cim_error *err);
cim_status host_ogc_style_routes(struct host_ogc *ogc, cim_error *err);
cim_status host_ogc_map_routes(struct host_ogc *ogc, cim_error *err);
cim_status host_ogc_wms_routes(struct host_ogc *ogc, cim_error *err);
cim_status host_ogc_wmts_routes(struct host_ogc *ogc, cim_error *err);
cim_status host_ogc_basemap_routes(struct host_ogc *ogc, cim_error *err);
cim_status host_ogc_openapi_routes(struct host_ogc *ogc, cim_error *err);

/* A GET route of this module. */
cim_status host_ogc_route(struct host_ogc *ogc, const char *pattern, uint32_t flags,
                          const char *operation_id, const char *zh, const char *en,
                          const struct host_route_param *params, host_handler_fn handle,
                          cim_error *err);

#endif
