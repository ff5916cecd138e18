/* host/pictures/expr_node.h -- a compiled expression; private to expr.c and expr_eval.c. */
#ifndef HOST_PICTURES_EXPR_NODE_H
#define HOST_PICTURES_EXPR_NODE_H

#include "host/pictures/expr.h"

#include <stdint.h>

enum host_pic_op {
    HOST_PIC_OP_CONSTANT,
    HOST_PIC_OP_GET,
    HOST_PIC_OP_HAS,
    HOST_PIC_OP_NOT,
    HOST_PIC_OP_EQ,
    HOST_PIC_OP_NE,
    HOST_PIC_OP_LT,
    HOST_PIC_OP_LE,
    HOST_PIC_OP_GT,
    HOST_PIC_OP_GE,
    HOST_PIC_OP_ALL,
    HOST_PIC_OP_ANY,
    HOST_PIC_OP_IN,
    HOST_PIC_OP_CASE,
    HOST_PIC_OP_MATCH,
    HOST_PIC_OP_COALESCE,
    HOST_PIC_OP_STEP,
    HOST_PIC_OP_INTERPOLATE,
    HOST_PIC_OP_ZOOM,
    HOST_PIC_OP_DENSITY,
    HOST_PIC_OP_GEOMETRY_TYPE,
    HOST_PIC_OP_CONCAT,
    HOST_PIC_OP_TO_STRING,
    HOST_PIC_OP_TO_NUMBER,
    HOST_PIC_OP_ADD,
    HOST_PIC_OP_SUB,
    HOST_PIC_OP_MUL,
    HOST_PIC_OP_DIV,
    HOST_PIC_OP_MIN,
    HOST_PIC_OP_MAX
};

/* One label of a match: its value, and which output it leads to. */
struct host_pic_label {
    struct host_pic_value value;
    size_t output;
};

struct host_pic_expr {
    enum host_pic_op op;
    struct host_pic_value constant; /* also the name of get and has */
    char *text;                     /* owned, of a constant or name */
    struct host_pic_value *items;   /* owned, of a constant list */
    char **item_texts;              /* owned */
    size_t n_items;
    size_t n_args; /* match: input, outputs, default; case: test, output, …, default */
    struct host_pic_expr **args;
    size_t n_labels;
    struct host_pic_label *labels;
    char **label_texts;
    double base;   /* of interpolate: 1 is linear */
    double *stops; /* of step (from its second output on) and interpolate */
};

#endif
