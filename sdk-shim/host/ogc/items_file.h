/* host/ogc/items_file.h -- an export as a file of a format that cannot be sent as it is made: it
 * grows on the disk, piece by piece like any other export, and is sent when it is whole. */
#ifndef HOST_OGC_ITEMS_FILE_H
#define HOST_OGC_ITEMS_FILE_H

#include "host/ogc/ask.h"
#include "host/ogc/request.h"

enum {
    HOST_ITEMS_FILES_MAX = 8, /* under way at the same time; more: CIM_E_BUSY */
    HOST_ITEMS_FILE_BYTES = 1 << 16
};

/* Takes *request (also on failure). */
cim_status host_items_file(const struct host_ask *ask, const char *layer_id,
                           struct host_items_request *request, cim_error *err);

#endif
