/* host/ogc/wms_capabilities.h -- what WMS 1.3.0 says about itself to one caller. */
#ifndef HOST_OGC_WMS_CAPABILITIES_H
#define HOST_OGC_WMS_CAPABILITIES_H

#include "host/ogc/ask.h"

cim_status host_wms_capabilities(const struct host_ask *ask, cim_error *err);

#endif
