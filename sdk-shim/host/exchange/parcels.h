/* host/exchange/parcels.h -- the TXT of boundary points (界址点) that land administrations
 * exchange.
 *
 * Lines, in sections:
 *
 *   [属性描述]
 *   坐标系=2000国家大地坐标系
 *   几度分带=3
 *   计量单位=米
 *   带号=37
 *   [地块坐标]
 *   4,0.8100,1,一号地块,面,,,,@          points, hectares, number, name, shape, sheet, use, class
 *   J1,1,2212000.000,37400000.000        point, ring, X northing, Y easting; a ring ends with its
 *   J2,1,2212090.000,37400000.000        first point; rings inside others are holes
 *   …
 *
 * The layout is that of the record format (报盘格式) of the former ministry of land and resources,
 * as its files show it; there is no published standard.
 */
#ifndef HOST_PARCELS_H
#define HOST_PARCELS_H

#include "cim/base.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    HOST_PARCELS_LINE_MAX = 4096,     /* bytes */
    HOST_PARCELS_FIELDS_MAX = 16,     /* of a line */
    HOST_PARCELS_POINTS_MAX = 1000000 /* of a parcel */
};

enum host_parcel_shape { HOST_PARCEL_AREA, HOST_PARCEL_LINE, HOST_PARCEL_POINT };

struct host_parcel_point {
    double north_m;
    double east_m;
    int32_t ring;
};

/* One parcel; texts lie in `line` and are valid until the next. */
struct host_parcel {
    char line[HOST_PARCELS_LINE_MAX];
    const char *fields[HOST_PARCELS_FIELDS_MAX]; /* as the line has them; "" where it is short */
    enum host_parcel_shape shape;
    size_t n_points;
    size_t capacity;
    struct host_parcel_point *points;
};
void host_parcel_done(struct host_parcel *parcel);

struct host_parcels {
    const char *at;
    int32_t line;         /* the last one read, from 1 */
    int32_t parcel;       /* likewise */
    int32_t zone;         /* 带号; 0: not given */
    int32_t zone_width;   /* degrees: 3 or 6; 0: not given */
    char system[64];      /* 坐标系; "" when not given */
    bool has_zone_prefix; /* eastings begin with the zone; known after the first parcel */
};

/* Reads up to [地块坐标]. `text` is UTF-8, NUL-terminated and borrowed. CIM_E_INVALID names line,
 * value and what was expected, here and below. */
cim_status host_parcels_begin(const char *text, struct host_parcels *ret_parcels, cim_error *err);
/* *ret_there false: the end. */
cim_status host_parcels_next(struct host_parcels *parcels, struct host_parcel *parcel,
                             bool *ret_there, cim_error *err);
/* EPSG code of the reference system; 0: the file does not say enough. Source: EPSG registry, codes
 * of CGCS2000, Xian 1980 and Beijing 1954 in zones of 3 and 6 degrees. */
int32_t host_parcels_epsg(const struct host_parcels *parcels);

#endif
