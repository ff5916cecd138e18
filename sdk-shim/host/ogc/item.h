/* host/ogc/item.h -- one feature as an answer; shared by reading and writing. */
#ifndef HOST_OGC_ITEM_H
#define HOST_OGC_ITEM_H

#include "host/ogc/ask.h"
#include "host/ogc/encode.h"
#include "host/ogc/request.h"

/* The {fid} of a path: digits or a uid. CIM_E_NOTFOUND when it is neither. */
cim_status host_item_key(const char *key, cim_query *query, cim_error *err);
/* The Feature document and its ETag, whose digits before '-' are the version. CIM_E_NOTFOUND: none,
 * or none that the caller may see. ask->path is the address of the feature. */
enum { HOST_ETAG_BYTES = 64 };
cim_status host_item_write(const struct host_ask *ask, const struct host_visit *visit,
                           const struct host_items_request *request, struct host_crs_worker *crs,
                           struct cim_buf *out, char ret_etag[HOST_ETAG_BYTES], cim_error *err);

#endif
