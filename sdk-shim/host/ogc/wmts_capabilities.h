/* host/ogc/wmts_capabilities.h -- what WMTS 1.0.0 says about itself to one caller. */
#ifndef HOST_OGC_WMTS_CAPABILITIES_H
#define HOST_OGC_WMTS_CAPABILITIES_H

#include "host/ogc/ask.h"

cim_status host_wmts_capabilities(const struct host_ask *ask, cim_error *err);

#endif
