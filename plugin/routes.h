/* plugin/routes.h -- the plugin's own HTTP routes below /apps/lpg/api: what no standard covers. */
#ifndef LPG_ROUTES_H
#define LPG_ROUTES_H

#include "cim/access.h"
#include "cim/http.h"
#include "cim/store.h"

struct lpg_data;
struct lpg_map;

struct lpg_routes {
    const cim_host *host;
    const cim_http_v1 *http;
    const cim_access_v1 *access;
    const cim_store_v1 *store;
    struct lpg_data *data;
    struct lpg_map *map;
};

/* Registers GET /areas, /summary and /cluster; `routes` must outlive the plugin. [lifecycle] */
cim_status lpg_routes_add(struct lpg_routes *routes, cim_error *err);

#endif
