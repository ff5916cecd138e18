/* A layer that keeps what it is given, for tests of what reaches a layer's write path. */
#ifndef FAKE_LAYER_H
#define FAKE_LAYER_H

#include "host/exchange/exchange.h"
#include "kit/rows.h"
#include "kit/wkb.h"
#include "unit.h"

#include <stdbool.h>

struct fake_layer {
    cim_layer layer;
    struct cim_definition *definition;
    char dir[64];
    char *text; /* of every row: "name|code|count|size|day;" in order */
    size_t text_len;
    int64_t n_rows;
    double box[4];
    double area_deg2;
    double first[2]; /* position of the first point of the first geometry */
    bool has_geom;
    uint32_t flags; /* of the last edit */
};

/* "Point", "MultiPolygon" …: the fields are name, code, count, size, day. */
struct fake_layer *fake_layer_new(const char *geometry);
void fake_layer_free(struct fake_layer *fake);
void fake_layer_clear(struct fake_layer *fake);
/* Path of a file in the temporary folder of the test; static memory. */
const char *fake_path(const struct fake_layer *fake, const char *name);
void fake_write(const struct fake_layer *fake, const char *name, const void *data, size_t len);
cim_status fake_import(struct fake_layer *fake, const char *path,
                       const struct host_import_options *options,
                       struct host_import_report *ret_report, cim_error *err);
/* A Shapefile of `n` points with the text field NAME made with GDAL, its text as bytes given. */
void fake_shapefile(const struct fake_layer *fake, const char *stem, int n, const char *name_bytes,
                    bool with_prj);

#endif
