/* host/ogc/format.h -- which representation a client gets: `f` first, then the Accept header. */
#ifndef HOST_OGC_FORMAT_H
#define HOST_OGC_FORMAT_H

#include "cim/base.h"

#include <stddef.h>

enum host_format {
    HOST_FORMAT_JSON = 1,
    HOST_FORMAT_HTML,
    HOST_FORMAT_GEOJSON_LINES,
    HOST_FORMAT_CSV,
    HOST_FORMAT_TILEJSON,
    HOST_FORMAT_MVT,
    HOST_FORMAT_PNG,
    HOST_FORMAT_FILE /* an export that is whole before it is sent (items_file.h) */
};

struct host_offer {
    enum host_format format;
    const char *name;    /* value of `f` */
    const char *mime;    /* sent */
    const char *matches; /* other media types that ask for it, commas between; may be NULL */
};

/* `f` and `accept` may be NULL. CIM_E_INVALID: `f` is not offered; CIM_E_UNSUPPORTED: nothing that
 * the Accept header takes is offered (406). */
cim_status host_format_choose(const struct host_offer *offers, size_t n_offers, const char *f,
                              const char *accept, const struct host_offer **ret_offer,
                              cim_error *err);

#endif
