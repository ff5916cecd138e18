/* host/ogc/ogc.h -- the geographic standards over what plugins registered: OGC API Features, Tiles,
 * styles, base maps, and the OpenAPI document of everything the host serves. */
#ifndef HOST_OGC_H
#define HOST_OGC_H

#include "host/app.h"
#include "cim/base.h"

/* Creates the module's state, sets app->ogc and registers its routes with app->http. Needs config,
 * clock, identity, areas, plugins and http. */
cim_status host_ogc_add_routes(struct host_app *app, cim_error *err);
/* Registers processes and jobs; after host_ogc_add_routes(). Needs jobs. */
cim_status host_ogc_add_process_routes(struct host_app *app, cim_error *err);
/* After host_http_free(). NULL-safe. */
void host_ogc_free(struct host_ogc *ogc);

#endif
