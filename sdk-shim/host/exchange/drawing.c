/* host/exchange/drawing.c -- what DXF needs beside what all formats do. */
#include "host/exchange/source.h"

#include "cim/util.h"

#include <stdio.h>
#include <string.h>

enum { TAIL_BYTES = 64, FILTER_MAX_BYTES = 1 << 16 };

cim_status
host_drawing_check(const char *path, cim_error *err)
{
    char tail[TAIL_BYTES + 1] = "";
    FILE *file = fopen(path, "rbe");
    size_t n = 0;
    if (file == NULL) {
        return cim_fail(err, CIM_E_IO, "file", path, "文件无法读取", "the file cannot be read");
    }
    if (fseek(file, -TAIL_BYTES, SEEK_END) != 0) {
        rewind(file); /* shorter than that */
    }
    n = fread(tail, 1, TAIL_BYTES, file);
    (void)fclose(file); /* only read */
    while (n > 0 && strchr(" \t\r\n\x1a", tail[n - 1]) != NULL) {
        n--;
    }
    return n >= 3 && memcmp(tail + n - 3, "EOF", 3) == 0
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "file", NULL, "DXF 文件被截断：应以 EOF 结束",
                          "the DXF is cut off: expected EOF at its end");
}

/* A layer of a drawing is an attribute of its entities. */
cim_status
host_drawing_choose(struct host_source *source, const char *wanted, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf filter;
    cim_buf_init(&filter, FILTER_MAX_BYTES);
    source->layer = GDALDatasetGetLayer(source->dataset, 0);
    if (source->layer == NULL || wanted == NULL) {
        return CIM_OK;
    }
    cim_buf_add_text(&filter, "Layer = '");
    for (const char *at = wanted; *at != '\0'; at++) {
        cim_buf_add(&filter, "''", *at == '\'' ? 2 : 0);
        cim_buf_add(&filter, at, *at == '\'' ? 0 : 1);
    }
    cim_buf_add_char(&filter, '\'');
    CIM_TRY(cim_buf_status(&filter, err));
    return OGR_L_SetAttributeFilter(source->layer, filter.data) == OGRERR_NONE &&
                   OGR_L_GetFeatureCount(source->layer, TRUE) > 0
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, "source_layer", wanted,
                          "图纸中没有名为“%s”的图层，或其中没有图形",
                          "the drawing has no layer '%s', or nothing in it", wanted);
}
