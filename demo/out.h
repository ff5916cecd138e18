/* demo/out.h -- writes features, one to a line, into a file that appears only when whole. */
#ifndef DEMO_OUT_H
#define DEMO_OUT_H

#include "error.h"
#include "geo.h"

#include <stdint.h>
#include <stdio.h>

/* Texts are cut at DEMO_TEXT_MAX bytes, so that a feature always fits what the buffer keeps free.
 */
enum {
    DEMO_PATH_MAX = 1024,
    DEMO_OUT_BUFFER = 1 << 18,
    DEMO_FEATURE_MAX = 65536,
    DEMO_TEXT_MAX = 400,
    DEMO_LINE_MAX = 2000
};

struct demo_out {
    FILE *file;
    char path[DEMO_PATH_MAX];
    char part[DEMO_PATH_MAX + 8];
    uint64_t n_features;
    uint64_t n_bytes;
    size_t len;
    char buffer[DEMO_OUT_BUFFER];
};

int demo_out_open(struct demo_out *out, const char *dir, const char *layer, struct demo_error *err);
/* Flushes and gives the file its name. */
int demo_out_close(struct demo_out *out, struct demo_error *err);
/* Drops what was written; harmless after demo_out_close(). */
void demo_out_discard(struct demo_out *out);

void demo_out_begin(struct demo_out *out, const char *uid, const char *owner_org,
                    const char *area_code);
/* NULL: a JSON null. Texts hold no character that JSON escapes: the geography is checked. */
void demo_out_text(struct demo_out *out, const char *key, const char *text);
void demo_out_int(struct demo_out *out, const char *key, int64_t value);
/* A decimal of `value` / 10^`decimals`. */
void demo_out_decimal(struct demo_out *out, const char *key, int64_t value, int decimals);
void demo_out_bool(struct demo_out *out, const char *key, int value);
void demo_out_null(struct demo_out *out, const char *key);
/* DEMO_NO_DATE, DEMO_NO_TIME: null. */
void demo_out_date(struct demo_out *out, const char *key, int32_t days);
void demo_out_time(struct demo_out *out, const char *key, int64_t ms);
/* Coordinates in millionths of a degree. */
int demo_out_end(struct demo_out *out, int32_t lon_e6, int32_t lat_e6, struct demo_error *err);
/* Without a geometry. */
int demo_out_end_bare(struct demo_out *out, struct demo_error *err);
/* A line of 2 to DEMO_LINE_MAX points. */
int demo_out_end_line(struct demo_out *out, const struct demo_point *points, size_t n,
                      struct demo_error *err);
/* A ring of 3 to DEMO_LINE_MAX corners, counter-clockwise, not closed; in a MultiPolygon if
 * `multi`. */
int demo_out_end_area(struct demo_out *out, const struct demo_point *corners, size_t n, int multi,
                      struct demo_error *err);

#endif
