/* plugin/data/filter.c -- CQL2 JSON as an SQL condition with bound values.
 *
 * Absent values follow SQL: a comparison with one is neither true nor false, and `not` of it stays
 * so. What both stores cannot serve alike is refused by the name of its operator.
 */
#include "data/sealed.h"

#include "cim/util.h"
#include "kit/json.h"

#include <json-c/json.h>

static cim_status sql_condition(struct lpg_filter *filter, struct json_object *value, int depth);

cim_status
lpg_filter_refuse(const struct lpg_filter *filter, const char *what, const char *zh, const char *en)
{
    return cim_fail(filter->err, CIM_E_INVALID, "filter", what, "%s%.0s", "%.0s%s", zh, en);
}

struct json_object *
lpg_member(struct json_object *object, const char *key)
{
    struct json_object *found = NULL;
    if (json_object_is_type(object, json_type_object)) {
        (void)json_object_object_get_ex(object, key, &found);
    }
    return found;
}

cim_status
lpg_filter_too_deep(const struct lpg_filter *filter, int depth)
{
    if (depth > LPG_FILTER_DEPTH_MAX) {
        return cim_fail(filter->err, CIM_E_TOO_LARGE, "filter", NULL, "筛选条件嵌套超过 %d 层",
                        "the filter is nested over %d levels", LPG_FILTER_DEPTH_MAX);
    }
    return CIM_OK;
}

cim_status
lpg_filter_count(struct lpg_filter *filter)
{
    if (++filter->n_values > LPG_FILTER_VALUES_MAX) {
        return cim_fail(filter->err, CIM_E_TOO_LARGE, "filter", NULL, "筛选条件不能超过 %d 个值",
                        "a filter holds at most %d values", LPG_FILTER_VALUES_MAX);
    }
    return CIM_OK;
}

static cim_status
sql_logic(struct lpg_filter *filter, const char *op, struct json_object *args, int depth)
{
    const size_t count = json_object_array_length(args);
    for (size_t i = 0; i < count; i++) {
        lpg_sql(filter->statement, i == 0 ? "(" : strcmp(op, "and") == 0 ? " and " : " or ");
        CIM_TRY(sql_condition(filter, json_object_array_get_idx(args, i), depth + 1));
    }
    lpg_sql(filter->statement, ")");
    return CIM_OK;
}

static cim_status
sql_not(struct lpg_filter *filter, struct json_object *args, int depth)
{
    lpg_sql(filter->statement, "(not ");
    filter->n_not++;
    CIM_TRY(sql_condition(filter, json_object_array_get_idx(args, 0), depth + 1));
    filter->n_not--;
    lpg_sql(filter->statement, ")");
    return CIM_OK;
}

/* The encrypted field that {"property": …} names; NULL: it is something else. */
static cim_status
find_sealed(struct lpg_filter *filter, struct json_object *value,
            const struct cim_field **ret_field)
{
    struct json_object *name = lpg_member(value, "property");
    struct lpg_column column = {.field = NULL};
    bool is_geometry = false;
    *ret_field = NULL;
    if (name == NULL) {
        return CIM_OK;
    }
    filter->may_be_sealed = true;
    CIM_TRY(lpg_filter_property(filter, name, &column, &is_geometry));
    filter->may_be_sealed = false;
    *ret_field = column.field != NULL && column.field->encrypted ? column.field : NULL;
    return CIM_OK;
}

static cim_status
sql_compare(struct lpg_filter *filter, const char *op, struct json_object *args, int depth)
{
    struct json_object *const sides[] = {json_object_array_get_idx(args, 0),
                                         json_object_array_get_idx(args, 1)};
    enum lpg_kind kind = LPG_KIND_TEXT;
    const char *what = op;
    const struct cim_field *sealed = NULL;
    for (size_t i = 0; i < 2 && strcmp(op, "=") == 0; i++) {
        CIM_TRY(find_sealed(filter, sides[i], &sealed));
        if (sealed != NULL) {
            return lpg_sealed_filter(filter, sealed, &sides[1 - i], 1);
        }
    }
    CIM_TRY(lpg_filter_kind(filter, op, sides, 2, &kind, &what));
    lpg_sql(filter->statement, "(");
    CIM_TRY(lpg_filter_value(filter, sides[0], kind, what, depth));
    lpg_sql(filter->statement, " %s ", op);
    CIM_TRY(lpg_filter_value(filter, sides[1], kind, what, depth));
    lpg_sql(filter->statement, ")");
    return CIM_OK;
}

static cim_status
sql_between(struct lpg_filter *filter, struct json_object *args, int depth)
{
    struct json_object *const sides[] = {json_object_array_get_idx(args, 0),
                                         json_object_array_get_idx(args, 1),
                                         json_object_array_get_idx(args, 2)};
    enum lpg_kind kind = LPG_KIND_NUMBER;
    const char *what = "between";
    CIM_TRY(lpg_filter_kind(filter, "between", sides, 3, &kind, &what));
    lpg_sql(filter->statement, "(");
    CIM_TRY(lpg_filter_value(filter, sides[0], kind, what, depth));
    lpg_sql(filter->statement, " between ");
    CIM_TRY(lpg_filter_value(filter, sides[1], kind, what, depth));
    lpg_sql(filter->statement, " and ");
    CIM_TRY(lpg_filter_value(filter, sides[2], kind, what, depth));
    lpg_sql(filter->statement, ")");
    return CIM_OK;
}

static cim_status
sql_in(struct lpg_filter *filter, struct json_object *args, int depth)
{
    struct json_object *list = json_object_array_get_idx(args, 1);
    if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0) {
        return lpg_filter_refuse(filter, "in", "in 的第二个参数应为非空列表",
                                 "in: expected a list that is not empty as its second argument");
    }
    struct json_object *const sides[] = {json_object_array_get_idx(args, 0),
                                         json_object_array_get_idx(list, 0)};
    enum lpg_kind kind = LPG_KIND_TEXT;
    const char *what = "in";
    const struct cim_field *sealed = NULL;
    CIM_TRY(find_sealed(filter, sides[0], &sealed));
    if (sealed != NULL) {
        struct json_object *values[LPG_FILTER_VALUES_MAX + 1]; /* one too many is refused */
        const size_t n = json_object_array_length(list);
        size_t i = 0;
        for (; i < n && i <= LPG_FILTER_VALUES_MAX; i++) {
            values[i] = json_object_array_get_idx(list, i);
        }
        return lpg_sealed_filter(filter, sealed, values, i);
    }
    CIM_TRY(lpg_filter_kind(filter, "in", sides, 2, &kind, &what));
    lpg_sql(filter->statement, "(");
    CIM_TRY(lpg_filter_value(filter, sides[0], kind, what, depth));
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        lpg_sql(filter->statement, i == 0 ? " in (" : ", ");
        CIM_TRY(lpg_filter_value(filter, json_object_array_get_idx(list, i), kind, what, depth));
    }
    lpg_sql(filter->statement, "))");
    return CIM_OK;
}

static cim_status
sql_like(struct lpg_filter *filter, struct json_object *args, int depth)
{
    struct json_object *const sides[] = {json_object_array_get_idx(args, 0)};
    enum lpg_kind kind = LPG_KIND_TEXT;
    const char *what = "like";
    CIM_TRY(lpg_filter_kind(filter, "like", sides, 1, &kind, &what));
    if (kind != LPG_KIND_TEXT) {
        return lpg_filter_refuse(filter, "like", "like 用于文本字段和文本模式",
                                 "like: expected a text property and a text pattern");
    }
    lpg_sql(filter->statement, "(");
    CIM_TRY(lpg_filter_value(filter, sides[0], kind, what, depth));
    lpg_sql(filter->statement, " like ");
    CIM_TRY(lpg_filter_pattern(filter, json_object_array_get_idx(args, 1), depth));
    lpg_sql(filter->statement, " escape '!')");
    return CIM_OK;
}

static bool is_condition(struct json_object *value);

static cim_status
sql_is_null(struct lpg_filter *filter, struct json_object *args, int depth)
{
    struct json_object *const sides[] = {json_object_array_get_idx(args, 0)};
    enum lpg_kind kind = LPG_KIND_TEXT;
    const char *what = "isNull";
    lpg_sql(filter->statement, "(");
    if (is_condition(sides[0])) {
        filter->n_not++;
        CIM_TRY(sql_condition(filter, sides[0], depth + 1));
        filter->n_not--;
    } else {
        filter->may_be_sealed = lpg_member(sides[0], "property") != NULL;
        CIM_TRY(lpg_filter_kind(filter, "isNull", sides, 1, &kind, &what));
        CIM_TRY(lpg_filter_value(filter, sides[0], kind, what, depth));
        filter->may_be_sealed = false;
    }
    lpg_sql(filter->statement, " is null)");
    return CIM_OK;
}

/* ---- by name ---- */

enum { ANY_NUMBER = 0 };
enum operation { AND_OR, NOT, COMPARE, BETWEEN, IN, LIKE, IS_NULL, SPACE, TIME };

struct known {
    const char *op;
    enum operation operation;
    size_t n_args;
};

static const struct known known_ops[] = {
    {"and", AND_OR, ANY_NUMBER},
    {"or", AND_OR, ANY_NUMBER},
    {"not", NOT, 1},
    {"=", COMPARE, 2},
    {"<>", COMPARE, 2},
    {"<", COMPARE, 2},
    {"<=", COMPARE, 2},
    {">", COMPARE, 2},
    {">=", COMPARE, 2},
    {"between", BETWEEN, 3},
    {"in", IN, 2},
    {"like", LIKE, 2},
    {"isNull", IS_NULL, 1},
    {"s_intersects", SPACE, 2},
    {"s_disjoint", SPACE, 2},
    {"s_touches", SPACE, 2},
    {"s_crosses", SPACE, 2},
    {"s_overlaps", SPACE, 2},
    {"s_within", SPACE, 2},
    {"s_contains", SPACE, 2},
    {"s_equals", SPACE, 2},
};

static bool
find_op(const char *op, struct known *ret_known)
{
    for (size_t i = 0; i < sizeof known_ops / sizeof known_ops[0]; i++) {
        if (strcmp(known_ops[i].op, op) == 0) {
            *ret_known = known_ops[i];
            return true;
        }
    }
    *ret_known = (struct known){.op = op, .operation = TIME, .n_args = 2};
    return lpg_filter_is_time(op);
}

static bool
is_condition(struct json_object *value)
{
    struct json_object *op = lpg_member(value, "op");
    struct known known;
    return json_object_is_type(op, json_type_string) && find_op(json_object_get_string(op), &known);
}

static cim_status
sql_operation(struct lpg_filter *filter, const char *op, struct json_object *args, int depth)
{
    struct known known;
    const size_t count = json_object_array_length(args);
    if (!find_op(op, &known)) {
        return lpg_filter_refuse(
            filter, op,
            "不支持此运算；支持 and or not = <> < <= > >= between in like isNull、s_… 与 t_… 函数",
            "this operator is not served; and, or, not, =, <>, <, <=, >, >=, between, in, like, "
            "isNull and the functions s_… and t_… are");
    }
    if (known.n_args == ANY_NUMBER ? count == 0 : count != known.n_args) {
        return lpg_filter_refuse(filter, op, "参数个数不对",
                                 "the operator takes another number of arguments");
    }
    switch (known.operation) {
    case AND_OR:
        return sql_logic(filter, op, args, depth);
    case NOT:
        return sql_not(filter, args, depth);
    case BETWEEN:
        return sql_between(filter, args, depth);
    case IN:
        return sql_in(filter, args, depth);
    case LIKE:
        return sql_like(filter, args, depth);
    case IS_NULL:
        return sql_is_null(filter, args, depth);
    case SPACE:
        return lpg_filter_space(filter, op, args);
    case TIME:
        return lpg_filter_time(filter, op, args, depth);
    case COMPARE:
    default:
        return sql_compare(filter, op, args, depth);
    }
}

/* A boolean property alone is a condition, too. */
static cim_status
sql_flag(struct lpg_filter *filter, struct json_object *property)
{
    struct json_object *const sides[] = {property};
    enum lpg_kind kind = LPG_KIND_TEXT;
    const char *what = "";
    CIM_TRY(lpg_filter_kind(filter, "", sides, 1, &kind, &what));
    if (kind != LPG_KIND_BOOLEAN) {
        return lpg_filter_refuse(filter, what, "此处应为条件或布尔字段",
                                 "expected a condition or a boolean property here");
    }
    lpg_sql(filter->statement, "(%s = 1)", what);
    return CIM_OK;
}

static cim_status
sql_condition(struct lpg_filter *filter, struct json_object *value, int depth)
{
    CIM_TRY(lpg_filter_too_deep(filter, depth));
    if (json_object_is_type(value, json_type_boolean)) {
        lpg_sql(filter->statement, json_object_get_boolean(value) != 0 ? "(1 = 1)" : "(1 = 0)");
        return CIM_OK;
    }
    if (lpg_member(value, "property") != NULL) {
        return sql_flag(filter, value);
    }
    struct json_object *op = lpg_member(value, "op");
    struct json_object *args = lpg_member(value, "args");
    if (!json_object_is_type(op, json_type_string) || !json_object_is_type(args, json_type_array)) {
        return lpg_filter_refuse(filter, json_object_to_json_string(value),
                                 "应为 CQL2 表达式 {\"op\": …, \"args\": […]}",
                                 "expected a CQL2 expression {\"op\": …, \"args\": […]}");
    }
    return sql_operation(filter, json_object_get_string(op), args, depth);
}

cim_status
lpg_sql_filter(struct lpg_statement *statement, const struct lpg_layer *layer,
               const char *filter_json, const cim_scope *scope, cim_error *err)
{
    struct lpg_filter filter = {
        .statement = statement, .layer = layer, .scope = scope, .err = err, .n_values = 0};
    struct json_object *root = NULL;
    const size_t len = strlen(filter_json);
    if (len > LPG_FILTER_BYTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "filter", NULL, "筛选条件不能超过 %d 字节",
                        "a filter holds at most %d bytes", LPG_FILTER_BYTES_MAX);
    }
    cim_status status = cim_json_parse("filter", filter_json, len, &root, err);
    if (status == CIM_OK) {
        status = sql_condition(&filter, root, 0);
        json_object_put(root);
    } else if (err != NULL) {
        cim_copy_text(err->param, sizeof err->param, "filter");
    }
    return status;
}
