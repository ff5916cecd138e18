/* host/ogc/items_html.h -- features as pages: a table with a drawing of where they lie. */
#ifndef HOST_OGC_ITEMS_HTML_H
#define HOST_OGC_ITEMS_HTML_H

#include "host/ogc/ask.h"
#include "host/ogc/request.h"

/* Takes *request (also on failure). */
cim_status host_items_html(const struct host_ask *ask, const char *layer_id,
                           struct host_items_request *request, cim_error *err);
cim_status host_item_html(const struct host_ask *ask, const struct host_visit *visit,
                          const struct host_items_request *request, cim_error *err);

#endif
