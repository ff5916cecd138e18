/* host/pictures/expr.c -- compiles expressions. */
#include "host/pictures/expr.h"

#include "cim/util.h"
#include "host/pictures/expr_node.h"
#include "kit/cleanup.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

enum { ARGS_MAX = 1024, NAME_MAX_BYTES = 200 };

struct compile {
    const struct host_pic_place *place;
    int depth;
    int nodes;
};

static cim_status compile(struct compile *c, struct json_object *json, enum host_pic_kind kind,
                          struct host_pic_expr **ret_expr, cim_error *err);

cim_status
host_pic_refuse(const struct host_pic_place *place, struct json_object *value, const char *zh,
                const char *en, cim_error *err)
{
    char at[64];
    const char *text = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
                                                                 JSON_C_TO_STRING_NOSLASHESCAPE);
    cim_copy_text(at, sizeof at, place->property);
    return cim_fail(err, CIM_E_UNSUPPORTED, at, text,
                    "样式 %s 的图层 %s：属性 %s 的值不能画成图片；%s%s%s%s",
                    "style %s, layer %s: this value of %s cannot be drawn in a picture; %s%s%s%s",
                    place->style, place->layer, place->property, zh != NULL ? zh : "",
                    zh != NULL ? " (" : "", en, zh != NULL ? ")" : "");
}

void
host_pic_expr_free(struct host_pic_expr *expr)
{
    if (expr == NULL) {
        return;
    }
    for (size_t i = 0; i < expr->n_args; i++) {
        host_pic_expr_free(expr->args[i]);
    }
    for (size_t i = 0; i < expr->n_items && expr->item_texts != NULL; i++) {
        free(expr->item_texts[i]);
    }
    for (size_t i = 0; i < expr->n_labels && expr->label_texts != NULL; i++) {
        free(expr->label_texts[i]);
    }
    free(expr->args);
    free(expr->items);
    free(expr->item_texts);
    free(expr->labels);
    free(expr->label_texts);
    free(expr->stops);
    free(expr->text);
    free(expr);
}

/* ---- constants ---- */

static const char *
kind_zh(enum host_pic_kind kind)
{
    switch (kind) {
    case HOST_PIC_BOOL:
        return "应为 true 或 false";
    case HOST_PIC_NUMBER:
        return "应为数字";
    case HOST_PIC_TEXT:
        return "应为文本";
    case HOST_PIC_COLOR:
        return "应为颜色，如 #2e9e5b";
    case HOST_PIC_LIST:
        return "应为列表";
    case HOST_PIC_NULL:
    default:
        return "应为已知的表达式";
    }
}

static const char *
kind_en(enum host_pic_kind kind)
{
    switch (kind) {
    case HOST_PIC_BOOL:
        return "expected true or false";
    case HOST_PIC_NUMBER:
        return "expected a number";
    case HOST_PIC_TEXT:
        return "expected a text";
    case HOST_PIC_COLOR:
        return "expected a colour such as #2e9e5b";
    case HOST_PIC_LIST:
        return "expected a list";
    case HOST_PIC_NULL:
    default:
        return "expected an expression that is known";
    }
}

static cim_status
refuse_kind(struct compile *c, struct json_object *json, enum host_pic_kind kind, cim_error *err)
{
    return host_pic_refuse(c->place, json, kind_zh(kind), kind_en(kind), err);
}

/* A scalar; *ret_text owns the bytes of a text. False: none, or out of memory. */
static bool
scalar(struct json_object *json, struct host_pic_value *ret_value, char **ret_text)
{
    switch (json_object_get_type(json)) {
    case json_type_null:
        *ret_value = (struct host_pic_value){.kind = HOST_PIC_NULL};
        return true;
    case json_type_boolean:
        *ret_value = (struct host_pic_value){.kind = HOST_PIC_BOOL,
                                             .u.flag = json_object_get_boolean(json) != 0};
        return true;
    case json_type_int:
    case json_type_double:
        *ret_value = (struct host_pic_value){.kind = HOST_PIC_NUMBER,
                                             .u.number = json_object_get_double(json)};
        return true;
    case json_type_string:
        *ret_text = strdup(json_object_get_string(json));
        if (*ret_text == NULL) {
            return false;
        }
        ret_value->kind = HOST_PIC_TEXT;
        ret_value->u.text.at = *ret_text;
        ret_value->u.text.len = strlen(*ret_text);
        return true;
    case json_type_object:
    case json_type_array:
    default:
        return false;
    }
}

static cim_status
constant(struct compile *c, struct json_object *json, enum host_pic_kind kind,
         struct host_pic_expr *expr, cim_error *err)
{
    struct host_pic_color color;
    expr->op = HOST_PIC_OP_CONSTANT;
    if (!scalar(json, &expr->constant, &expr->text)) {
        return refuse_kind(c, json, kind, err);
    }
    if (kind == HOST_PIC_COLOR && expr->constant.kind == HOST_PIC_TEXT) {
        if (!host_pic_color_parse(expr->constant.u.text.at, expr->constant.u.text.len, &color)) {
            return refuse_kind(c, json, kind, err);
        }
        expr->constant = (struct host_pic_value){.kind = HOST_PIC_COLOR, .u.color = color};
    }
    return kind == HOST_PIC_NULL || expr->constant.kind == kind ? CIM_OK
                                                                : refuse_kind(c, json, kind, err);
}

static cim_status
constant_list(struct compile *c, struct json_object *json, struct host_pic_expr *expr,
              cim_error *err)
{
    const size_t n = json_object_array_length(json);
    if (n > ARGS_MAX) {
        return refuse_kind(c, json, HOST_PIC_LIST, err);
    }
    expr->op = HOST_PIC_OP_CONSTANT;
    expr->items = calloc(n + 1, sizeof *expr->items);
    expr->item_texts = calloc(n + 1, sizeof *expr->item_texts);
    if (expr->items == NULL || expr->item_texts == NULL) {
        return cim_fail_nomem(err);
    }
    expr->n_items = n;
    for (size_t i = 0; i < n; i++) {
        if (!scalar(json_object_array_get_idx(json, i), &expr->items[i], &expr->item_texts[i])) {
            return refuse_kind(c, json, HOST_PIC_LIST, err);
        }
    }
    expr->constant.kind = HOST_PIC_LIST;
    expr->constant.u.list.items = expr->items;
    expr->constant.u.list.n = n;
    return CIM_OK;
}

/* ---- forms ---- */

/* The arguments from `first` on, each of `kind`. */
static cim_status
arguments(struct compile *c, struct json_object *json, size_t first, enum host_pic_kind kind,
          struct host_pic_expr *expr, cim_error *err)
{
    const size_t n = json_object_array_length(json);
    expr->args = calloc(n + 1, sizeof(struct host_pic_expr *));
    if (expr->args == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = first; i < n; i++) {
        CIM_TRY(
            compile(c, json_object_array_get_idx(json, i), kind, &expr->args[expr->n_args], err));
        expr->n_args++;
    }
    return CIM_OK;
}

static cim_status
form_name(struct compile *c, struct json_object *json, struct host_pic_expr *expr, cim_error *err)
{
    struct json_object *name = json_object_array_get_idx(json, 1);
    if (json_object_array_length(json) != 2 || !json_object_is_type(name, json_type_string) ||
        json_object_get_string_len(name) > NAME_MAX_BYTES) {
        return host_pic_refuse(c->place, json, "应为一个字段名", "expected one field name", err);
    }
    return scalar(name, &expr->constant, &expr->text) ? CIM_OK : cim_fail_nomem(err);
}

/* Outputs stand at every second place, and at the end. */
static cim_status
form_case(struct compile *c, struct json_object *json, enum host_pic_kind kind,
          struct host_pic_expr *expr, cim_error *err)
{
    const size_t n = json_object_array_length(json);
    if (n < 4 || n % 2 != 0) {
        return host_pic_refuse(c->place, json, "case 应为条件、结果成对，再加一个默认结果",
                               "case takes pairs of test and output, then a default", err);
    }
    expr->args = calloc(n, sizeof(struct host_pic_expr *));
    if (expr->args == NULL) {
        return cim_fail_nomem(err);
    }
    for (size_t i = 1; i < n; i++) {
        const bool output = i % 2 == 0 || i == n - 1;
        CIM_TRY(compile(c, json_object_array_get_idx(json, i), output ? kind : HOST_PIC_NULL,
                        &expr->args[expr->n_args], err));
        expr->n_args++;
    }
    return CIM_OK;
}

static cim_status
add_label(struct compile *c, struct json_object *json, size_t output, struct host_pic_expr *expr,
          cim_error *err)
{
    struct host_pic_label *label = &expr->labels[expr->n_labels];
    if (json_object_is_type(json, json_type_array) || json_object_is_type(json, json_type_null) ||
        !scalar(json, &label->value, &expr->label_texts[expr->n_labels])) {
        return host_pic_refuse(c->place, json, "match 的取值应为文本或数字",
                               "a label of match is a text or a number", err);
    }
    label->output = output;
    expr->n_labels++;
    return CIM_OK;
}

static size_t
count_labels(struct json_object *json)
{
    size_t n = 0;
    for (size_t i = 2; i + 1 < json_object_array_length(json); i += 2) {
        struct json_object *label = json_object_array_get_idx(json, i);
        n += json_object_is_type(label, json_type_array) ? json_object_array_length(label) : 1;
    }
    return n;
}

static cim_status
form_match(struct compile *c, struct json_object *json, enum host_pic_kind kind,
           struct host_pic_expr *expr, cim_error *err)
{
    const size_t n = json_object_array_length(json);
    const size_t n_labels = n > 3 && n % 2 == 1 ? count_labels(json) : 0;
    if (n_labels == 0 || n_labels > ARGS_MAX) {
        return host_pic_refuse(c->place, json, "match 应为输入、取值与结果成对，再加一个默认结果",
                               "match takes an input, pairs of label and output, then a default",
                               err);
    }
    expr->args = calloc(n, sizeof(struct host_pic_expr *));
    expr->labels = calloc(n_labels, sizeof *expr->labels);
    expr->label_texts = calloc(n_labels, sizeof *expr->label_texts);
    if (expr->args == NULL || expr->labels == NULL || expr->label_texts == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(compile(c, json_object_array_get_idx(json, 1), HOST_PIC_NULL, &expr->args[0], err));
    expr->n_args = 1;
    for (size_t i = 2; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(json, i);
        if (i % 2 == 1 || i == n - 1) {
            CIM_TRY(compile(c, item, kind, &expr->args[expr->n_args], err));
            expr->n_args++;
        } else if (json_object_is_type(item, json_type_array)) {
            for (size_t k = 0; k < json_object_array_length(item); k++) {
                CIM_TRY(add_label(c, json_object_array_get_idx(item, k), expr->n_args, expr, err));
            }
        } else {
            CIM_TRY(add_label(c, item, expr->n_args, expr, err));
        }
    }
    return CIM_OK;
}

/* step: input, output, then stop and output; interpolate: input, then stop and output. */
static cim_status
form_stops(struct compile *c, struct json_object *json, size_t first, enum host_pic_kind kind,
           struct host_pic_expr *expr, cim_error *err)
{
    const size_t n = json_object_array_length(json);
    size_t n_stops = 0;
    expr->args = calloc(n, sizeof(struct host_pic_expr *));
    expr->stops = calloc(n, sizeof *expr->stops);
    if (expr->args == NULL || expr->stops == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(compile(c, json_object_array_get_idx(json, first - 1), HOST_PIC_NUMBER, &expr->args[0],
                    err));
    expr->n_args = 1;
    for (size_t i = first; i < n; i++) {
        struct json_object *item = json_object_array_get_idx(json, i);
        const bool stop =
            expr->op == HOST_PIC_OP_STEP ? (i - first) % 2 == 1 : (i - first) % 2 == 0;
        if (!stop) {
            CIM_TRY(compile(c, item, kind, &expr->args[expr->n_args], err));
            expr->n_args++;
            continue;
        }
        const bool number =
            json_object_is_type(item, json_type_int) || json_object_is_type(item, json_type_double);
        const double value = json_object_get_double(item);
        if (!number || (n_stops > 0 && value <= expr->stops[n_stops - 1])) {
            return host_pic_refuse(c->place, json, "分段点应为递增的数字",
                                   "stops are numbers that grow", err);
        }
        expr->stops[n_stops++] = value;
    }
    const size_t outputs = expr->n_args - 1;
    if (outputs == 0 || n_stops != outputs - (expr->op == HOST_PIC_OP_STEP ? 1 : 0)) {
        return host_pic_refuse(c->place, json, "分段点与结果应成对",
                               "stops and outputs come in pairs", err);
    }
    return CIM_OK;
}

static cim_status
form_interpolate(struct compile *c, struct json_object *json, enum host_pic_kind kind,
                 struct host_pic_expr *expr, cim_error *err)
{
    struct json_object *curve = json_object_array_get_idx(json, 1);
    const bool list = json_object_is_type(curve, json_type_array);
    const char *name = list ? json_object_get_string(json_object_array_get_idx(curve, 0)) : NULL;
    struct json_object *base = list ? json_object_array_get_idx(curve, 1) : NULL;
    /* Where nothing is expected it can only be numbers. */
    kind = kind == HOST_PIC_NULL ? HOST_PIC_NUMBER : kind;
    expr->base = 1;
    if (name != NULL && strcmp(name, "exponential") == 0) {
        expr->base = json_object_get_double(base);
    } else if (name == NULL || strcmp(name, "linear") != 0) {
        return host_pic_refuse(c->place, json, "曲线应为 linear 或 exponential",
                               "a curve is linear or exponential", err);
    }
    if (kind != HOST_PIC_NUMBER && kind != HOST_PIC_COLOR) {
        return host_pic_refuse(c->place, json, "只有数字和颜色可以插值",
                               "only numbers and colours are interpolated", err);
    }
    if (!(expr->base > 0) || json_object_array_length(json) < 5) {
        return host_pic_refuse(c->place, json, "插值应有曲线、输入和分段点",
                               "interpolate takes a curve, an input and stops", err);
    }
    return form_stops(c, json, 3, kind, expr, err);
}

/* ---- names of forms ---- */

enum arity { ANY = -1 };

struct form {
    const char *name;
    enum host_pic_op op;
    int least; /* arguments */
    int most;
    enum host_pic_kind gives;
    enum host_pic_kind takes;
};

static const struct form forms[] = {
    {"!", HOST_PIC_OP_NOT, 1, 1, HOST_PIC_BOOL, HOST_PIC_NULL},
    {"==", HOST_PIC_OP_EQ, 2, 2, HOST_PIC_BOOL, HOST_PIC_NULL},
    {"!=", HOST_PIC_OP_NE, 2, 2, HOST_PIC_BOOL, HOST_PIC_NULL},
    {"<", HOST_PIC_OP_LT, 2, 2, HOST_PIC_BOOL, HOST_PIC_NULL},
    {"<=", HOST_PIC_OP_LE, 2, 2, HOST_PIC_BOOL, HOST_PIC_NULL},
    {">", HOST_PIC_OP_GT, 2, 2, HOST_PIC_BOOL, HOST_PIC_NULL},
    {">=", HOST_PIC_OP_GE, 2, 2, HOST_PIC_BOOL, HOST_PIC_NULL},
    {"all", HOST_PIC_OP_ALL, 0, ANY, HOST_PIC_BOOL, HOST_PIC_BOOL},
    {"any", HOST_PIC_OP_ANY, 0, ANY, HOST_PIC_BOOL, HOST_PIC_BOOL},
    {"in", HOST_PIC_OP_IN, 2, 2, HOST_PIC_BOOL, HOST_PIC_NULL},
    {"zoom", HOST_PIC_OP_ZOOM, 0, 0, HOST_PIC_NUMBER, HOST_PIC_NULL},
    {"heatmap-density", HOST_PIC_OP_DENSITY, 0, 0, HOST_PIC_NUMBER, HOST_PIC_NULL},
    {"geometry-type", HOST_PIC_OP_GEOMETRY_TYPE, 0, 0, HOST_PIC_TEXT, HOST_PIC_NULL},
    {"concat", HOST_PIC_OP_CONCAT, 1, ANY, HOST_PIC_TEXT, HOST_PIC_NULL},
    {"to-string", HOST_PIC_OP_TO_STRING, 1, 1, HOST_PIC_TEXT, HOST_PIC_NULL},
    {"to-number", HOST_PIC_OP_TO_NUMBER, 1, 1, HOST_PIC_NUMBER, HOST_PIC_NULL},
    {"+", HOST_PIC_OP_ADD, 1, ANY, HOST_PIC_NUMBER, HOST_PIC_NUMBER},
    {"-", HOST_PIC_OP_SUB, 1, 2, HOST_PIC_NUMBER, HOST_PIC_NUMBER},
    {"*", HOST_PIC_OP_MUL, 1, ANY, HOST_PIC_NUMBER, HOST_PIC_NUMBER},
    {"/", HOST_PIC_OP_DIV, 2, 2, HOST_PIC_NUMBER, HOST_PIC_NUMBER},
    {"min", HOST_PIC_OP_MIN, 1, ANY, HOST_PIC_NUMBER, HOST_PIC_NUMBER},
    {"max", HOST_PIC_OP_MAX, 1, ANY, HOST_PIC_NUMBER, HOST_PIC_NUMBER},
};

static cim_status
simple_form(struct compile *c, struct json_object *json, const char *name, enum host_pic_kind kind,
            struct host_pic_expr *expr, cim_error *err)
{
    const int n = (int)json_object_array_length(json) - 1;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const struct form *form = &forms[i];
        if (strcmp(form->name, name) != 0) {
            continue;
        }
        if (n < form->least || (form->most != ANY && n > form->most)) {
            return host_pic_refuse(c->place, json, "参数个数不对", "a wrong number of arguments",
                                   err);
        }
        if (kind != HOST_PIC_NULL && form->gives != kind) {
            return refuse_kind(c, json, kind, err);
        }
        expr->op = form->op;
        return arguments(c, json, 1, form->takes, expr, err);
    }
    return host_pic_refuse(c->place, json, "没有实现这个表达式", "this expression is not known",
                           err);
}

static cim_status
form(struct compile *c, struct json_object *json, enum host_pic_kind kind,
     struct host_pic_expr *expr, cim_error *err)
{
    const char *name = json_object_get_string(json_object_array_get_idx(json, 0));
    if (strcmp(name, "literal") == 0) {
        struct json_object *value = json_object_array_get_idx(json, 1);
        return json_object_is_type(value, json_type_array) ? constant_list(c, value, expr, err)
                                                           : constant(c, value, kind, expr, err);
    }
    if (strcmp(name, "get") == 0 || strcmp(name, "has") == 0) {
        expr->op = name[0] == 'g' ? HOST_PIC_OP_GET : HOST_PIC_OP_HAS;
        return form_name(c, json, expr, err);
    }
    if (strcmp(name, "case") == 0) {
        expr->op = HOST_PIC_OP_CASE;
        return form_case(c, json, kind, expr, err);
    }
    if (strcmp(name, "match") == 0) {
        expr->op = HOST_PIC_OP_MATCH;
        return form_match(c, json, kind, expr, err);
    }
    if (strcmp(name, "coalesce") == 0) {
        expr->op = HOST_PIC_OP_COALESCE;
        return arguments(c, json, 1, kind, expr, err);
    }
    if (strcmp(name, "step") == 0) {
        expr->op = HOST_PIC_OP_STEP;
        return json_object_array_length(json) < 3
                   ? host_pic_refuse(c->place, json, "step 应有输入和结果",
                                     "step takes an input and outputs", err)
                   : form_stops(c, json, 2, kind, expr, err);
    }
    if (strcmp(name, "interpolate") == 0) {
        expr->op = HOST_PIC_OP_INTERPOLATE;
        return form_interpolate(c, json, kind, expr, err);
    }
    return simple_form(c, json, name, kind, expr, err);
}

static cim_status
compile_into(struct compile *c, struct json_object *json, enum host_pic_kind kind,
             struct host_pic_expr *expr, cim_error *err)
{
    if (!json_object_is_type(json, json_type_array)) {
        return constant(c, json, kind, expr, err);
    }
    if (json_object_array_length(json) > ARGS_MAX) {
        return host_pic_refuse(c->place, json, "表达式过长", "the expression is too long", err);
    }
    /* A list of numbers or fonts is a value; what begins with a name is an expression. */
    struct json_object *head = json_object_array_get_idx(json, 0);
    const bool named =
        json_object_is_type(head, json_type_string) &&
        strcspn(json_object_get_string(head), " ,") == (size_t)json_object_get_string_len(head) &&
        json_object_get_string_len(head) > 0;
    if (kind == HOST_PIC_LIST && (!named || strcmp(c->place->property, "text-font") == 0)) {
        return constant_list(c, json, expr, err);
    }
    if (!named) {
        return refuse_kind(c, json, kind, err);
    }
    return form(c, json, kind, expr, err);
}

static cim_status
compile(struct compile *c, struct json_object *json, enum host_pic_kind kind,
        struct host_pic_expr **ret_expr, cim_error *err)
{
    struct host_pic_expr *expr = NULL;
    cim_status status;
    if (c->depth >= HOST_PIC_EXPR_DEPTH_MAX || c->nodes >= HOST_PIC_EXPR_NODES_MAX) {
        return host_pic_refuse(c->place, json, "表达式嵌套过深或过大",
                               "the expression is too deep or too large", err);
    }
    expr = calloc(1, sizeof *expr);
    if (expr == NULL) {
        return cim_fail_nomem(err);
    }
    c->depth++;
    c->nodes++;
    status = compile_into(c, json, kind, expr, err);
    c->depth--;
    if (status != CIM_OK) {
        host_pic_expr_free(expr);
        return status;
    }
    *ret_expr = expr;
    return CIM_OK;
}

cim_status
host_pic_expr_compile(const struct host_pic_place *place, struct json_object *json,
                      enum host_pic_kind kind, struct host_pic_expr **ret_expr, cim_error *err)
{
    struct compile c = {.place = place};
    return compile(&c, json, kind, ret_expr, err);
}

int
host_pic_expr_uses(const struct host_pic_expr *expr)
{
    int uses = 0;
    switch (expr->op) {
    case HOST_PIC_OP_ZOOM:
        return HOST_PIC_USES_ZOOM;
    case HOST_PIC_OP_DENSITY:
        return HOST_PIC_USES_DENSITY;
    case HOST_PIC_OP_GET:
    case HOST_PIC_OP_HAS:
    case HOST_PIC_OP_GEOMETRY_TYPE:
        return HOST_PIC_USES_FEATURE;
    default:
        for (size_t i = 0; i < expr->n_args; i++) {
            uses |= host_pic_expr_uses(expr->args[i]);
        }
        return uses;
    }
}

static bool
is_output(const struct host_pic_expr *expr, size_t arg)
{
    switch (expr->op) {
    case HOST_PIC_OP_CASE:
        return arg % 2 == 1 || arg == expr->n_args - 1;
    case HOST_PIC_OP_MATCH:
    case HOST_PIC_OP_STEP:
        return arg > 0;
    case HOST_PIC_OP_COALESCE:
        return true;
    default:
        return false;
    }
}

cim_status
host_pic_expr_outputs(const struct host_pic_expr *expr,
                      cim_status (*each)(void *arg, const struct host_pic_value *value,
                                         cim_error *err),
                      void *arg, cim_error *err)
{
    if (expr->op == HOST_PIC_OP_CONSTANT) {
        return each(arg, &expr->constant, err);
    }
    for (size_t i = 0; i < expr->n_args; i++) {
        if (is_output(expr, i)) {
            CIM_TRY(host_pic_expr_outputs(expr->args[i], each, arg, err));
        }
    }
    return CIM_OK;
}
