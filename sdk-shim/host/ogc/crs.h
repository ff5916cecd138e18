/* host/ogc/crs.h -- the one place of the host that knows axis order.
 *
 * Inside, a position is CGCS2000 longitude, latitude in degrees. WGS 84 agrees with it within a few
 * centimetres and is treated as equal, which is what every web map does too. Coordinates named by
 * an EPSG code go in and out in the axis order of EPSG: latitude first for 4490 and 4326, northing
 * first for the Gauss-Krueger zones.
 */
#ifndef HOST_OGC_CRS_H
#define HOST_OGC_CRS_H

#include "cim/base.h"

#include <stdbool.h>

enum { HOST_CRS_URI_MAX = 64 };

enum host_crs_kind {
    HOST_CRS_LON_LAT, /* CRS84: as inside */
    HOST_CRS_LAT_LON, /* EPSG 4490 and 4326: swapped */
    HOST_CRS_OTHER    /* by PROJ */
};

struct host_crs {
    enum host_crs_kind kind;
    int32_t epsg; /* 0: CRS84 */
};

/* Accepts the OGC URI, the URN, "EPSG:4546", "[EPSG:4546]" and "CRS84". `param` names the input in
 * the error. Says nothing about whether PROJ knows the code. */
cim_status host_crs_parse(const char *param, const char *text, struct host_crs *ret_crs,
                          cim_error *err);
void host_crs_uri(const struct host_crs *crs, char ret_uri[HOST_CRS_URI_MAX]);
static inline bool
host_crs_same(const struct host_crs *a, const struct host_crs *b)
{
    return a->kind == b->kind && a->epsg == b->epsg;
}

/* PROJ contexts, one per thread at a time: a PJ belongs to its context, and the context moves from
 * thread to thread only through this pool. */
struct host_crs_pool;
struct host_crs_worker;

struct host_crs_pool *host_crs_pool_new(void); /* NULL: out of memory */
void host_crs_pool_free(struct host_crs_pool *pool);
struct host_crs_worker *host_crs_take(struct host_crs_pool *pool); /* NULL: out of memory */
void host_crs_give(struct host_crs_pool *pool, struct host_crs_worker *worker); /* NULL-safe */

/* CIM_E_INVALID when PROJ has no such code, or it is neither projected nor geographic in 2-D.
 * ret_degrees may be NULL. */
cim_status host_crs_check(struct host_crs_worker *worker, const char *param,
                          const struct host_crs *crs, bool *ret_degrees, cim_error *err);
/* Position inside -> coordinates in axis order of `crs`, in place. */
cim_status host_crs_from_lon_lat(struct host_crs_worker *worker, const struct host_crs *crs,
                                 double *first, double *second, cim_error *err);
/* And back. */
cim_status host_crs_to_lon_lat(struct host_crs_worker *worker, const struct host_crs *crs,
                               double *first, double *second, cim_error *err);
/* {min first, min second, max first, max second} in axis order -> west, south, east, north. */
cim_status host_crs_bbox_to_lon_lat(struct host_crs_worker *worker, const struct host_crs *crs,
                                    const double bbox[4], double ret_bbox_deg[4], cim_error *err);

#endif
