/* host/pictures/expr.h -- MapLibre style expressions, compiled once and evaluated per feature.
 *
 * Known: literal, get, has, !, ==, !=, <, <=, >, >=, all, any, in, case, match, coalesce, step,
 * interpolate (linear, exponential), zoom, heatmap-density, geometry-type, concat, to-string,
 * to-number, +, -, *, /, min, max. Everything else is refused when the style loads.
 */
#ifndef HOST_PICTURES_EXPR_H
#define HOST_PICTURES_EXPR_H

#include "cim/base.h"
#include "host/pictures/value.h"

struct json_object;
struct host_mvt_layer;
struct host_mvt_feature;
struct host_pic_expr;

enum {
    HOST_PIC_EXPR_DEPTH_MAX = 16,
    HOST_PIC_EXPR_NODES_MAX = 4096, /* of one property */
    HOST_PIC_SCRATCH_BYTES = 2048   /* texts made while one property is evaluated */
};

/* What an expression may depend on. */
enum { HOST_PIC_USES_ZOOM = 1, HOST_PIC_USES_FEATURE = 2, HOST_PIC_USES_DENSITY = 4 };

/* Where a value stands, for messages: "enterprises / lpg.enterprises:mark / icon-color". */
struct host_pic_place {
    const char *style;
    const char *layer;
    const char *property;
};

/* Refuses `value` at a place; `expected` says in both tongues what would do. */
cim_status host_pic_refuse(const struct host_pic_place *place, struct json_object *value,
                           const char *zh, const char *en, cim_error *err);

/* `kind`: what the property takes; constants are checked against it here, texts become colours.
 * HOST_PIC_NULL: anything. */
cim_status host_pic_expr_compile(const struct host_pic_place *place, struct json_object *json,
                                 enum host_pic_kind kind, struct host_pic_expr **ret_expr,
                                 cim_error *err);
void host_pic_expr_free(struct host_pic_expr *expr); /* NULL-safe */
int host_pic_expr_uses(const struct host_pic_expr *expr);
/* Every constant that the expression can come out as: for names that must exist. */
cim_status host_pic_expr_outputs(const struct host_pic_expr *expr,
                                 cim_status (*each)(void *arg, const struct host_pic_value *value,
                                                    cim_error *err),
                                 void *arg, cim_error *err);

struct host_pic_eval {
    double zoom;
    double density;
    const struct host_mvt_layer *layer;     /* NULL with feature NULL */
    const struct host_mvt_feature *feature; /* NULL: none; `get` is null */
    size_t used;
    char scratch[HOST_PIC_SCRATCH_BYTES];
};

/* A wrong type at evaluation gives null, for which the property's default stands. */
struct host_pic_value host_pic_expr_eval(const struct host_pic_expr *expr,
                                         struct host_pic_eval *eval);

#endif
