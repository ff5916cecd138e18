/* host/exchange/crs_local.c -- local systems of towns, by their parameters: a transverse Mercator
 * of their own meridian, and a turn that takes their coordinates onto it. */
#include "host/exchange/source.h"

#include "cim/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LON_0, LAT_0, K, X_0, Y_0, DX, DY, TURN_S, PPM, PARAMETERS };

static const struct {
    const char *name;
    double otherwise; /* NaN: must be given */
    double min;
    double max;
} parameters[PARAMETERS] = {{"lon_0", NAN, 70.0, 140.0}, {"lat_0", 0.0, -10.0, 60.0},
                            {"k", 1.0, 0.9, 1.1},        {"x_0", 500000.0, -1e8, 1e8},
                            {"y_0", 0.0, -1e8, 1e8},     {"dx", 0.0, -1e8, 1e8},
                            {"dy", 0.0, -1e8, 1e8},      {"turn_s", 0.0, -648000.0, 648000.0},
                            {"ppm", 0.0, -1e5, 1e5}};

static cim_status
refuse(const char *what, cim_error *err)
{
    return cim_fail(
        err, CIM_E_INVALID, "crs", what,
        "地方坐标系应写作 local:lon_0=110.35,x_0=500000,y_0=0,k=1,lat_0=0（中央子午线，度；"
        "东、北偏移，米），先作四参数变换的再加 "
        "dx,dy（米）,turn_s（角秒，逆时针）,ppm；“%.60s”不对",
        "a local system is written local:lon_0=110.35,x_0=500000,y_0=0,k=1,lat_0=0 (central "
        "meridian in degrees, false easting and northing in metres), and where its "
        "coordinates are turned first dx,dy (metres),turn_s (arc seconds, "
        "anticlockwise),ppm: '%.60s' is wrong",
        what);
}

static cim_status
read_one(const char *name, const char *text, double *values, cim_error *err)
{
    char *end = NULL;
    const double value = strtod(text, &end);
    for (int i = 0; i < PARAMETERS; i++) {
        if (strcmp(name, parameters[i].name) == 0) {
            if (end == text || *end != '\0' ||
                !(value >= parameters[i].min && value <= parameters[i].max)) {
                return refuse(text, err);
            }
            values[i] = value;
            return CIM_OK;
        }
    }
    return refuse(name, err);
}

cim_status
host_crs_local(const char *text, OGRSpatialReferenceH srs, struct host_crs_turn *ret_turn,
               cim_error *err)
{
    double values[PARAMETERS];
    char copy[256];
    char *rest = copy;
    char *name = NULL;
    char *value = NULL;
    for (int i = 0; i < PARAMETERS; i++) {
        values[i] = parameters[i].otherwise;
    }
    if (strlen(text) >= sizeof copy) {
        return refuse(text, err);
    }
    cim_copy_text(copy, sizeof copy, text);
    do {
        CIM_TRY(host_pairs_next(&rest, "crs", &name, &value, err));
        if (name != NULL) {
            CIM_TRY(read_one(name, value, values, err));
        }
    } while (name != NULL);
    if (isnan(values[LON_0])) {
        return refuse("lon_0", err);
    }
    if (OSRImportFromEPSG(srs, 4490) != OGRERR_NONE ||
        OSRSetProjCS(srs, "CGCS2000 / local") != OGRERR_NONE ||
        OSRSetTM(srs, values[LAT_0], values[LON_0], values[K], values[X_0], values[Y_0]) !=
            OGRERR_NONE) {
        return refuse(text, err);
    }
    *ret_turn = (struct host_crs_turn){.dx_m = values[DX],
                                       .dy_m = values[DY],
                                       .angle_rad = values[TURN_S] / 3600.0 * 0.017453292519943295,
                                       .scale = 1.0 + values[PPM] * 1e-6};
    return CIM_OK;
}

void
host_crs_turn_apply(const struct host_crs_turn *turn, OGRGeometryH geometry)
{
    const int n_parts = OGR_G_GetGeometryCount(geometry);
    const int n_points = n_parts == 0 ? OGR_G_GetPointCount(geometry) : 0;
    const double c = turn->scale * cos(turn->angle_rad);
    const double s = turn->scale * sin(turn->angle_rad);
    for (int i = 0; i < n_parts; i++) {
        host_crs_turn_apply(turn, OGR_G_GetGeometryRef(geometry, i));
    }
    for (int i = 0; i < n_points; i++) {
        const double x = OGR_G_GetX(geometry, i);
        const double y = OGR_G_GetY(geometry, i);
        OGR_G_SetPoint_2D(geometry, i, turn->dx_m + c * x - s * y, turn->dy_m + s * x + c * y);
    }
}
