/* host/pictures/picture.h -- pictures of the map: the same styles and the same tiles that the map
 * page draws, drawn with Cairo and Pango.
 *
 * Drawing from tiles makes the picture equal to the page by construction (the same clusters, the
 * same simplification, the same attributes, the same scope), asks nothing new of plugins, and
 * bounds memory: pixels, tiles and symbols each have a limit.
 */
#ifndef HOST_PICTURES_PICTURE_H
#define HOST_PICTURES_PICTURE_H

#include "cim/call.h"
#include "host/pictures/style.h"
#include "host/pictures/view.h"

struct cim_buf;

enum {
    HOST_PIC_TILES_MAX = 400,           /* of one source in one picture */
    HOST_PIC_TILE_BYTES_MAX = 96 << 20, /* of all tiles of one picture */
    HOST_PIC_SYMBOLS_MAX = 200000,      /* of one picture */
    HOST_PIC_STYLES_MAX = 32,           /* above one another */
    HOST_PIC_MARGIN_PX = 64,            /* tiles that begin so near reach in with their symbols */
    HOST_PIC_PNG_BYTES_MAX = 80 << 20
};

/* One thing drawn: for maps that are a picture and still want to be read or clicked. */
struct host_pic_told {
    const char *layer; /* of the style */
    const char *kind;  /* "circle", "icon" or "text" */
    uint64_t id;       /* of the feature; 0: none */
    double x;          /* style pixels from the upper left */
    double y;
    const char *text; /* of a label, not NUL-terminated; NULL */
    size_t text_len;
};

struct host_picture_request {
    const cim_call *call;                       /* its cancelled() ends the drawing; may be NULL */
    const struct host_pic_style *const *styles; /* the lowest first */
    size_t n_styles;
    struct host_pic_view view;
    struct host_pic_color background; /* under everything; alpha 0: transparent */
    void *arg;                        /* of the callbacks */
    /* The zooms that a source has tiles of. */
    cim_status (*zooms)(void *arg, const char *source, int32_t *ret_min, int32_t *ret_max,
                        cim_error *err);
    /* The tile, for the caller's scope; an empty one has len 0. */
    cim_status (*tile)(void *arg, const char *source, uint32_t z, uint32_t row, uint32_t col,
                       cim_blob *ret_tile, cim_error *err);
    /* Told what is drawn, in order of drawing; NULL: nobody asks. */
    cim_status (*tell)(void *arg, const struct host_pic_told *told, cim_error *err);
};

/* A PNG into *out; `out` NULL: only told. CIM_E_CANCELLED: the client has gone. [worker] */
cim_status host_picture_draw(const struct host_picture_request *request, struct cim_buf *out,
                             cim_error *err);

/* Every tile that the picture would be drawn from, without drawing it. [any] */
cim_status host_picture_tiles(const struct host_picture_request *request,
                              cim_status (*each)(void *arg, const char *source, uint32_t z,
                                                 uint32_t row, uint32_t col, cim_error *err),
                              void *arg, cim_error *err);

/* Frees what Pango keeps for this thread; other threads do so as they end. */
void host_pictures_end(void);

#endif
