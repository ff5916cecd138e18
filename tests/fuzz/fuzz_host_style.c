/* tests/fuzz/fuzz_host_style.c -- styles of plugins, and pictures drawn by them: an input is a
 * style, a NUL, and the bytes of a tile. */
#include "fuzz.h"

#include "host/pictures/legend.h"
#include "host/pictures/picture.h"
#include "kit/buf.h"

#include <stdio.h>
#include <string.h>

struct tile {
    const uint8_t *bytes;
    size_t len;
};

static cim_status
zooms(void *arg, const char *source, int32_t *ret_min, int32_t *ret_max, cim_error *err)
{
    (void)arg;
    (void)source;
    (void)err;
    *ret_min = 0;
    *ret_max = 0;
    return CIM_OK;
}

static cim_status
give(void *arg, const char *source, uint32_t z, uint32_t row, uint32_t col, cim_blob *ret_tile,
     cim_error *err)
{
    const struct tile *tile = arg;
    (void)source;
    (void)z;
    (void)row;
    (void)col;
    (void)err;
    *ret_tile = (cim_blob){.data = tile->bytes, .len = tile->len};
    return CIM_OK;
}

static cim_status
name(void *arg, const char *layer, const char *by, const char *value, char *out, size_t out_size,
     cim_error *err)
{
    (void)arg;
    (void)layer;
    (void)by;
    (void)err;
    (void)snprintf(out, out_size, "%s", value != NULL ? value : "");
    return CIM_OK;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 0 ? memchr(data, '\0', size) : NULL;
    const size_t len = end != NULL ? (size_t)(end - data) : size;
    struct tile tile = {end != NULL ? end + 1 : NULL, end != NULL ? size - len - 1 : 0};
    struct host_pic_style *style = NULL;
    cim_error err = {0};
    if (host_pic_style_parse("fuzz", (const char *)data, len, &style, &err) != CIM_OK) {
        return 0;
    }
    struct cim_buf out;
    const double half = HOST_PIC_MERCATOR_HALF_M;
    const struct host_pic_style *const styles[] = {style};
    const struct host_picture_request request = {
        .styles = styles,
        .n_styles = 1,
        .view = {64, 64, 1, false, -half, -half, half, half},
        .arg = &tile,
        .zooms = zooms,
        .tile = give};
    const struct host_pic_legend legend = {
        .style = style, .title = "fuzz", .ratio = 1, .name = name};
    cim_buf_init(&out, 1 << 24);
    (void)host_picture_draw(&request, &out, &err);
    (void)host_pic_legend_draw(&legend, &out, &err);
    cim_buf_done(&out);
    host_pic_style_free(style);
    return 0;
}
