/* host/pictures/expr_eval.c -- evaluates expressions. */
#include "host/pictures/expr_node.h"
#include "host/pictures/mvt.h"

#include "host/ogc/params.h"
#include "kit/buf.h"

#include <math.h>
#include <string.h>

static const struct host_pic_value null_value = {.kind = HOST_PIC_NULL};

static struct host_pic_value
number(double value)
{
    return (struct host_pic_value){.kind = HOST_PIC_NUMBER, .u.number = value};
}

static struct host_pic_value
flag(bool value)
{
    return (struct host_pic_value){.kind = HOST_PIC_BOOL, .u.flag = value};
}

static struct host_pic_value
text(const char *at, size_t len)
{
    struct host_pic_value value = {.kind = HOST_PIC_TEXT};
    value.u.text.at = at;
    value.u.text.len = len;
    return value;
}

static struct host_pic_value
attribute(const struct host_pic_expr *expr, const struct host_pic_eval *eval)
{
    if (eval->feature == NULL) {
        return null_value;
    }
    return host_mvt_get(eval->layer, eval->feature, expr->constant.u.text.at,
                        expr->constant.u.text.len);
}

static bool
is_true(const struct host_pic_value *value)
{
    return value->kind == HOST_PIC_BOOL && value->u.flag;
}

static int
compare_texts(const struct host_pic_value *a, const struct host_pic_value *b)
{
    const size_t least = a->u.text.len < b->u.text.len ? a->u.text.len : b->u.text.len;
    const int order = memcmp(a->u.text.at, b->u.text.at, least);
    return order != 0 ? order : (a->u.text.len > b->u.text.len) - (a->u.text.len < b->u.text.len);
}

static struct host_pic_value
compare(const struct host_pic_expr *expr, struct host_pic_eval *eval)
{
    const struct host_pic_value a = host_pic_expr_eval(expr->args[0], eval);
    const struct host_pic_value b = host_pic_expr_eval(expr->args[1], eval);
    double order = 0;
    if (expr->op == HOST_PIC_OP_EQ || expr->op == HOST_PIC_OP_NE) {
        return flag(host_pic_same(&a, &b) == (expr->op == HOST_PIC_OP_EQ));
    }
    if (a.kind != b.kind || (a.kind != HOST_PIC_NUMBER && a.kind != HOST_PIC_TEXT)) {
        return null_value;
    }
    order = a.kind == HOST_PIC_NUMBER ? a.u.number - b.u.number : compare_texts(&a, &b);
    switch (expr->op) {
    case HOST_PIC_OP_LT:
        return flag(order < 0);
    case HOST_PIC_OP_LE:
        return flag(order <= 0);
    case HOST_PIC_OP_GT:
        return flag(order > 0);
    default:
        return flag(order >= 0);
    }
}

static struct host_pic_value
every(const struct host_pic_expr *expr, struct host_pic_eval *eval)
{
    const bool all = expr->op == HOST_PIC_OP_ALL;
    for (size_t i = 0; i < expr->n_args; i++) {
        const struct host_pic_value value = host_pic_expr_eval(expr->args[i], eval);
        if (is_true(&value) != all) {
            return flag(!all);
        }
    }
    return flag(all);
}

static struct host_pic_value
in_list(const struct host_pic_expr *expr, struct host_pic_eval *eval)
{
    const struct host_pic_value needle = host_pic_expr_eval(expr->args[0], eval);
    const struct host_pic_value list = host_pic_expr_eval(expr->args[1], eval);
    for (size_t i = 0; list.kind == HOST_PIC_LIST && i < list.u.list.n; i++) {
        if (host_pic_same(&needle, &list.u.list.items[i])) {
            return flag(true);
        }
    }
    return list.kind == HOST_PIC_LIST ? flag(false) : null_value;
}

static struct host_pic_value
choose_case(const struct host_pic_expr *expr, struct host_pic_eval *eval)
{
    for (size_t i = 0; i + 1 < expr->n_args; i += 2) {
        const struct host_pic_value test = host_pic_expr_eval(expr->args[i], eval);
        if (is_true(&test)) {
            return host_pic_expr_eval(expr->args[i + 1], eval);
        }
    }
    return host_pic_expr_eval(expr->args[expr->n_args - 1], eval);
}

static struct host_pic_value
choose_match(const struct host_pic_expr *expr, struct host_pic_eval *eval)
{
    const struct host_pic_value input = host_pic_expr_eval(expr->args[0], eval);
    for (size_t i = 0; i < expr->n_labels; i++) {
        if (host_pic_same(&input, &expr->labels[i].value)) {
            return host_pic_expr_eval(expr->args[expr->labels[i].output], eval);
        }
    }
    return host_pic_expr_eval(expr->args[expr->n_args - 1], eval);
}

static struct host_pic_value
first_of(const struct host_pic_expr *expr, struct host_pic_eval *eval)
{
    for (size_t i = 0; i < expr->n_args; i++) {
        const struct host_pic_value value = host_pic_expr_eval(expr->args[i], eval);
        if (value.kind != HOST_PIC_NULL) {
            return value;
        }
    }
    return null_value;
}

static struct host_pic_value
step(const struct host_pic_expr *expr, struct host_pic_eval *eval)
{
    const struct host_pic_value input = host_pic_expr_eval(expr->args[0], eval);
    size_t at = 0;
    if (input.kind != HOST_PIC_NUMBER) {
        return null_value;
    }
    while (at + 2 < expr->n_args && input.u.number >= expr->stops[at]) {
        at++;
    }
    return host_pic_expr_eval(expr->args[1 + at], eval);
}

static double
mix(double a, double b, double t)
{
    return a + (b - a) * t;
}

/* In premultiplied colour, as the browser does. */
static struct host_pic_value
mix_colors(const struct host_pic_color *a, const struct host_pic_color *b, double t)
{
    const double alpha = mix(a->a, b->a, t);
    struct host_pic_value value = {.kind = HOST_PIC_COLOR};
    const double by = alpha > 0 ? 1 / alpha : 0;
    value.u.color = (struct host_pic_color){mix(a->r * a->a, b->r * b->a, t) * by,
                                            mix(a->g * a->a, b->g * b->a, t) * by,
                                            mix(a->b * a->a, b->b * b->a, t) * by, alpha};
    return value;
}

static struct host_pic_value
interpolate(const struct host_pic_expr *expr, struct host_pic_eval *eval)
{
    const struct host_pic_value input = host_pic_expr_eval(expr->args[0], eval);
    const size_t n = expr->n_args - 1;
    size_t at = 0;
    double t = 0;
    if (input.kind != HOST_PIC_NUMBER) {
        return null_value;
    }
    if (input.u.number <= expr->stops[0] || n == 1) {
        return host_pic_expr_eval(expr->args[1], eval);
    }
    if (input.u.number >= expr->stops[n - 1]) {
        return host_pic_expr_eval(expr->args[n], eval);
    }
    while (input.u.number >= expr->stops[at + 1]) {
        at++;
    }
    const double span = expr->stops[at + 1] - expr->stops[at];
    const double along = input.u.number - expr->stops[at];
    t = expr->base == 1 ? along / span : (pow(expr->base, along) - 1) / (pow(expr->base, span) - 1);
    const struct host_pic_value a = host_pic_expr_eval(expr->args[1 + at], eval);
    const struct host_pic_value b = host_pic_expr_eval(expr->args[2 + at], eval);
    if (a.kind == HOST_PIC_NUMBER && b.kind == HOST_PIC_NUMBER) {
        return number(mix(a.u.number, b.u.number, t));
    }
    return a.kind == HOST_PIC_COLOR && b.kind == HOST_PIC_COLOR
               ? mix_colors(&a.u.color, &b.u.color, t)
               : null_value;
}

/* Appends a value's text to the scratch; what does not fit is left out. */
static void
append(struct host_pic_eval *eval, const struct host_pic_value *value)
{
    CIM_AUTO_BUF struct cim_buf made;
    const char *at = "";
    size_t len = 0;
    cim_buf_init(&made, 64);
    if (value->kind == HOST_PIC_TEXT) {
        at = value->u.text.at;
        len = value->u.text.len;
    } else if (value->kind == HOST_PIC_BOOL) {
        at = value->u.flag ? "true" : "false";
        len = strlen(at);
    } else if (value->kind == HOST_PIC_NUMBER) {
        cim_buf_add_double(&made, value->u.number);
        at = made.data != NULL ? made.data : "";
        len = made.len;
    }
    if (len <= sizeof eval->scratch - eval->used) {
        memcpy(eval->scratch + eval->used, at, len);
        eval->used += len;
    }
}

static struct host_pic_value
concat(const struct host_pic_expr *expr, struct host_pic_eval *eval)
{
    struct host_pic_value parts[16];
    const size_t n = expr->n_args < 16 ? expr->n_args : 16;
    for (size_t i = 0; i < n; i++) {
        parts[i] = host_pic_expr_eval(expr->args[i], eval);
    }
    const size_t begin = eval->used;
    for (size_t i = 0; i < n; i++) {
        append(eval, &parts[i]);
    }
    return text(eval->scratch + begin, eval->used - begin);
}

static struct host_pic_value
to_number(const struct host_pic_value *value)
{
    double made = 0;
    switch (value->kind) {
    case HOST_PIC_NUMBER:
        return *value;
    case HOST_PIC_BOOL:
        return number(value->u.flag ? 1 : 0);
    case HOST_PIC_TEXT:
        return host_parse_number(value->u.text.at, value->u.text.len, &made) ? number(made)
                                                                             : null_value;
    case HOST_PIC_NULL:
        return number(0);
    default:
        return null_value;
    }
}

static double
operate(enum host_pic_op op, double a, double b)
{
    switch (op) {
    case HOST_PIC_OP_ADD:
        return a + b;
    case HOST_PIC_OP_SUB:
        return a - b;
    case HOST_PIC_OP_MUL:
        return a * b;
    case HOST_PIC_OP_DIV:
        return a / b;
    case HOST_PIC_OP_MIN:
        return fmin(a, b);
    default:
        return fmax(a, b);
    }
}

static struct host_pic_value
arithmetic(const struct host_pic_expr *expr, struct host_pic_eval *eval)
{
    double result = 0;
    for (size_t i = 0; i < expr->n_args; i++) {
        const struct host_pic_value value = host_pic_expr_eval(expr->args[i], eval);
        if (value.kind != HOST_PIC_NUMBER) {
            return null_value;
        }
        result = i == 0 ? value.u.number : operate(expr->op, result, value.u.number);
    }
    result = expr->op == HOST_PIC_OP_SUB && expr->n_args == 1 ? -result : result;
    return isfinite(result) ? number(result) : null_value;
}

static struct host_pic_value
geometry_type(const struct host_pic_eval *eval)
{
    static const char *const names[] = {"Unknown", "Point", "LineString", "Polygon"};
    const uint32_t type = eval->feature != NULL ? eval->feature->type : 0;
    const char *name = names[type <= HOST_MVT_POLYGON ? type : 0];
    return text(name, strlen(name));
}

static struct host_pic_value
eval_unary(const struct host_pic_expr *expr, struct host_pic_eval *eval)
{
    struct host_pic_value value;
    switch (expr->op) {
    case HOST_PIC_OP_HAS:
        value = attribute(expr, eval);
        return flag(value.kind != HOST_PIC_NULL);
    case HOST_PIC_OP_NOT:
        value = host_pic_expr_eval(expr->args[0], eval);
        return value.kind == HOST_PIC_BOOL ? flag(!value.u.flag) : null_value;
    case HOST_PIC_OP_TO_NUMBER:
        value = host_pic_expr_eval(expr->args[0], eval);
        return to_number(&value);
    case HOST_PIC_OP_ZOOM:
        return number(eval->zoom);
    case HOST_PIC_OP_DENSITY:
        return number(eval->density);
    case HOST_PIC_OP_GEOMETRY_TYPE:
        return geometry_type(eval);
    default:
        return arithmetic(expr, eval);
    }
}

struct host_pic_value
host_pic_expr_eval(const struct host_pic_expr *expr, struct host_pic_eval *eval)
{
    switch (expr->op) {
    case HOST_PIC_OP_CONSTANT:
        return expr->constant;
    case HOST_PIC_OP_GET:
        return attribute(expr, eval);
    case HOST_PIC_OP_EQ:
    case HOST_PIC_OP_NE:
    case HOST_PIC_OP_LT:
    case HOST_PIC_OP_LE:
    case HOST_PIC_OP_GT:
    case HOST_PIC_OP_GE:
        return compare(expr, eval);
    case HOST_PIC_OP_ALL:
    case HOST_PIC_OP_ANY:
        return every(expr, eval);
    case HOST_PIC_OP_IN:
        return in_list(expr, eval);
    case HOST_PIC_OP_CASE:
        return choose_case(expr, eval);
    case HOST_PIC_OP_MATCH:
        return choose_match(expr, eval);
    case HOST_PIC_OP_COALESCE:
        return first_of(expr, eval);
    case HOST_PIC_OP_STEP:
        return step(expr, eval);
    case HOST_PIC_OP_INTERPOLATE:
        return interpolate(expr, eval);
    case HOST_PIC_OP_CONCAT:
    case HOST_PIC_OP_TO_STRING:
        return concat(expr, eval);
    default:
        return eval_unary(expr, eval);
    }
}
