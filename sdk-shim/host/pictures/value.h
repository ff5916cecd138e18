/* host/pictures/value.h -- values of style expressions, and colours as CSS writes them. */
#ifndef HOST_PICTURES_VALUE_H
#define HOST_PICTURES_VALUE_H

#include <stdbool.h>
#include <stddef.h>

enum host_pic_kind {
    HOST_PIC_NULL = 0,
    HOST_PIC_BOOL,
    HOST_PIC_NUMBER,
    HOST_PIC_TEXT,
    HOST_PIC_COLOR,
    HOST_PIC_LIST /* of numbers or texts */
};

/* Red, green, blue, alpha from 0 to 1; not premultiplied. */
struct host_pic_color {
    double r;
    double g;
    double b;
    double a;
};

/* Texts point into the style, the tile or the scratch of the evaluation, with no NUL at the end. */
struct host_pic_value {
    enum host_pic_kind kind;
    union {
        bool flag;
        double number;
        struct {
            const char *at;
            size_t len;
        } text;
        struct host_pic_color color;
        struct {
            const struct host_pic_value *items;
            size_t n;
        } list;
    } u;
};

/* "#rgb", "#rgba", "#rrggbb", "#rrggbbaa", "rgb(r,g,b)", "rgba(r,g,b,a)", "transparent", "black",
 * "white". False: none of these. */
bool host_pic_color_parse(const char *text, size_t len, struct host_pic_color *ret_color);
bool host_pic_same(const struct host_pic_value *a, const struct host_pic_value *b);

#endif
