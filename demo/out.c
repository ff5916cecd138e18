#include "out.h"

#include "calendar.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int
demo_out_open(struct demo_out *out, const char *dir, const char *layer, struct demo_error *err)
{
    int n = snprintf(out->path, sizeof(out->path), "%s/%s.geojsonl", dir, layer);

    out->file = NULL;
    out->len = 0;
    out->n_features = 0;
    out->n_bytes = 0;
    if (n < 0 || (size_t)n >= sizeof(out->path)) {
        return demo_fail(err, "%s: the path is longer than %d bytes", dir, DEMO_PATH_MAX);
    }
    demo_text(out->part, sizeof(out->part), "%s.part", out->path);
    out->file = fopen(out->part, "wb");
    if (out->file == NULL) {
        return demo_fail(err, "%s: %s", out->part, strerror(errno));
    }
    return 0;
}

static int
flush(struct demo_out *out, struct demo_error *err)
{
    if (fwrite(out->buffer, 1, out->len, out->file) != out->len) {
        return demo_fail(err, "%s: %s", out->part, strerror(errno));
    }
    out->n_bytes += out->len;
    out->len = 0;
    return 0;
}

int
demo_out_close(struct demo_out *out, struct demo_error *err)
{
    int failed = flush(out, err);

    if (fclose(out->file) != 0 && failed == 0) {
        failed = demo_fail(err, "%s: %s", out->part, strerror(errno));
    }
    out->file = NULL;
    if (failed == 0 && rename(out->part, out->path) != 0) {
        failed = demo_fail(err, "%s: %s", out->path, strerror(errno));
    }
    if (failed != 0) {
        unlink(out->part);
    }
    return failed;
}

void
demo_out_discard(struct demo_out *out)
{
    if (out->file != NULL) {
        fclose(out->file);
        out->file = NULL;
        unlink(out->part);
    }
}

static void
put(struct demo_out *out, const char *bytes, size_t len)
{
    memcpy(out->buffer + out->len, bytes, len);
    out->len += len;
}

static void
put_text(struct demo_out *out, const char *text)
{
    put(out, text, demo_text_fit(text, strlen(text), DEMO_TEXT_MAX));
}

static void
put_key(struct demo_out *out, const char *key)
{
    put(out, ",\"", 2);
    put_text(out, key);
    put(out, "\":", 2);
}

static void
put_decimal(struct demo_out *out, int64_t value, int decimals)
{
    char digits[32];
    char *at = digits + sizeof(digits);
    uint64_t left = value < 0 ? (uint64_t)-value : (uint64_t)value;
    int place = 0;

    /* Trailing zeros after the point say nothing. */
    while (decimals > 0 && left % 10 == 0) {
        left /= 10;
        decimals--;
    }
    do {
        if (place == decimals && place > 0) {
            *--at = '.';
        }
        *--at = (char)('0' + left % 10);
        left /= 10;
        place++;
    } while (left > 0 || place <= decimals);
    if (value < 0) {
        *--at = '-';
    }
    put(out, at, (size_t)(digits + sizeof(digits) - at));
}

void
demo_out_begin(struct demo_out *out, const char *uid, const char *owner_org, const char *area_code)
{
    static const char head[] = "{\"type\":\"Feature\",\"properties\":{\"uid\":\"";

    put(out, head, sizeof(head) - 1);
    put_text(out, uid);
    put(out, "\"", 1);
    demo_out_text(out, "owner_org", owner_org);
    demo_out_text(out, "area_code", area_code);
}

void
demo_out_text(struct demo_out *out, const char *key, const char *text)
{
    if (text == NULL) {
        demo_out_null(out, key);
        return;
    }
    put_key(out, key);
    put(out, "\"", 1);
    put_text(out, text);
    put(out, "\"", 1);
}

void
demo_out_int(struct demo_out *out, const char *key, int64_t value)
{
    demo_out_decimal(out, key, value, 0);
}

void
demo_out_decimal(struct demo_out *out, const char *key, int64_t value, int decimals)
{
    put_key(out, key);
    put_decimal(out, value, decimals);
}

void
demo_out_bool(struct demo_out *out, const char *key, int value)
{
    put_key(out, key);
    put_text(out, value ? "true" : "false");
}

void
demo_out_null(struct demo_out *out, const char *key)
{
    put_key(out, key);
    put(out, "null", 4);
}

void
demo_out_date(struct demo_out *out, const char *key, int32_t days)
{
    char text[DEMO_DATE_TEXT];

    if (days == DEMO_NO_DATE) {
        demo_out_null(out, key);
        return;
    }
    demo_date_format(days, text);
    demo_out_text(out, key, text);
}

void
demo_out_time(struct demo_out *out, const char *key, int64_t ms)
{
    char text[48];
    int64_t days, left;

    if (ms == DEMO_NO_TIME) {
        demo_out_null(out, key);
        return;
    }
    days = (ms >= 0 ? ms : ms - DEMO_DAY_MS + 1) / DEMO_DAY_MS;
    left = ms - days * DEMO_DAY_MS;
    demo_date_format((int32_t)days, text);
    demo_text(text + DEMO_DATE_TEXT - 1, sizeof(text) - DEMO_DATE_TEXT, "T%02d:%02d:%02d.%03dZ",
              (int)(left / 3600000), (int)(left / 60000 % 60), (int)(left / 1000 % 60),
              (int)(left % 1000));
    demo_out_text(out, key, text);
}

static void
put_point(struct demo_out *out, struct demo_point point)
{
    put(out, "[", 1);
    put_decimal(out, point.lon_e6, 6);
    put(out, ",", 1);
    put_decimal(out, point.lat_e6, 6);
    put(out, "]", 1);
}

static void
put_points(struct demo_out *out, const struct demo_point *points, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            put(out, ",", 1);
        }
        put_point(out, points[i]);
    }
}

static void
begin_geometry(struct demo_out *out, const char *type)
{
    put_text(out, "},\"geometry\":{\"type\":\"");
    put_text(out, type);
    put_text(out, "\",\"coordinates\":");
}

static int
end_feature(struct demo_out *out, const char *tail, struct demo_error *err)
{
    put_text(out, tail);
    out->n_features++;
    return DEMO_OUT_BUFFER - out->len < DEMO_FEATURE_MAX ? flush(out, err) : 0;
}

int
demo_out_end(struct demo_out *out, int32_t lon_e6, int32_t lat_e6, struct demo_error *err)
{
    begin_geometry(out, "Point");
    put_point(out, (struct demo_point){lon_e6, lat_e6});
    return end_feature(out, "}}\n", err);
}

int
demo_out_end_bare(struct demo_out *out, struct demo_error *err)
{
    return end_feature(out, "},\"geometry\":null}\n", err);
}

int
demo_out_end_line(struct demo_out *out, const struct demo_point *points, size_t n,
                  struct demo_error *err)
{
    begin_geometry(out, "LineString");
    put(out, "[", 1);
    put_points(out, points, n);
    return end_feature(out, "]}}\n", err);
}

int
demo_out_end_area(struct demo_out *out, const struct demo_point *corners, size_t n, int multi,
                  struct demo_error *err)
{
    begin_geometry(out, multi ? "MultiPolygon" : "Polygon");
    put_text(out, multi ? "[[[" : "[[");
    put_points(out, corners, n);
    put(out, ",", 1);
    put_point(out, corners[0]);
    return end_feature(out, multi ? "]]]}}\n" : "]]}}\n", err);
}
