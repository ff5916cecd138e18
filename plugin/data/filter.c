/* plugin/data/filter.c -- CQL2 JSON as an SQL condition with bound values.
 *
 * Absent values follow SQL: a comparison with one is neither true nor false, and `not` of it stays
 * so. What both stores cannot serve alike is refused by the name of its operator.
 */
#include "data/internal.h"

#include "cim/util.h"
#include "kit/json.h"
#include "kit/time.h"

#include <json-c/json.h>
#include <math.h>

struct filter {
    struct lpg_statement *statement;
    const struct lpg_layer *layer;
    const cim_scope *scope; /* NULL: the filter is ours, every field may be named */
    cim_error *err;
    int n_values;
};

static cim_status sql_expression(struct filter *filter, struct json_object *value, int depth);

static cim_status
refuse(const struct filter *filter, const char *what, const char *zh, const char *en)
{
    return cim_fail(filter->err, CIM_E_INVALID, "filter", what, "%s%.0s", "%.0s%s", zh, en);
}

static struct json_object *
member(struct json_object *object, const char *key)
{
    struct json_object *found = NULL;
    if (json_object_is_type(object, json_type_object)) {
        (void)json_object_object_get_ex(object, key, &found);
    }
    return found;
}

static cim_status
find_property(struct filter *filter, struct json_object *value, const char *op,
              struct lpg_column *ret_column)
{
    struct json_object *name = member(value, "property");
    if (!json_object_is_type(name, json_type_string)) {
        const char *inner = json_object_get_string(member(value, "op"));
        return refuse(
            filter, inner != NULL ? inner : op,
            "此处应为 {\"property\": 字段名}；不支持函数和表达式",
            "expected {\"property\": name} here; functions and arithmetic are not served");
    }
    if (!lpg_column_find(filter->layer, json_object_get_string(name), ret_column)) {
        return refuse(filter, json_object_get_string(name), "没有这个字段",
                      "there is no such property");
    }
    return filter->scope != NULL ? lpg_column_must_be_clear(filter->scope, ret_column, filter->err)
                                 : CIM_OK;
}

static cim_status
sql_number(struct filter *filter, const struct lpg_column *column, struct json_object *value)
{
    if (json_object_is_type(value, json_type_int)) {
        lpg_sql_int(filter->statement, json_object_get_int64(value));
        return CIM_OK;
    }
    if (json_object_is_type(value, json_type_double) && isfinite(json_object_get_double(value))) {
        lpg_sql_real(filter->statement, json_object_get_double(value));
        return CIM_OK;
    }
    return refuse(filter, column->name, "应与数字比较", "expected a number to compare with");
}

static cim_status
sql_date(struct filter *filter, const struct lpg_column *column, struct json_object *value)
{
    char text[CIM_TIME_TEXT_MAX];
    struct json_object *inner = member(value, "date");
    int32_t days = 0;
    value = inner != NULL ? inner : value;
    if (!json_object_is_type(value, json_type_string) ||
        cim_date_parse(json_object_get_string(value), (size_t)json_object_get_string_len(value),
                       &days) != CIM_OK) {
        return refuse(filter, column->name, "应与日期比较，如 {\"date\": \"2026-01-31\"}",
                      "expected a date to compare with, such as {\"date\": \"2026-01-31\"}");
    }
    cim_date_format(days, text);
    lpg_sql_text(filter->statement, text, strlen(text));
    return CIM_OK;
}

static cim_status
sql_time(struct filter *filter, const struct lpg_column *column, struct json_object *value)
{
    struct json_object *inner = member(value, "timestamp");
    int64_t ms = 0;
    value = inner != NULL ? inner : value;
    if (!json_object_is_type(value, json_type_string) ||
        cim_time_parse(json_object_get_string(value), (size_t)json_object_get_string_len(value),
                       &ms) != CIM_OK) {
        return refuse(filter, column->name,
                      "应与时刻比较，如 {\"timestamp\": \"2026-01-31T08:00:00Z\"}",
                      "expected a time to compare with, such as {\"timestamp\": "
                      "\"2026-01-31T08:00:00Z\"}");
    }
    lpg_sql_time(filter->statement, ms);
    return CIM_OK;
}

/* The literal as a bound value of the column's type. */
static cim_status
sql_literal(struct filter *filter, const struct lpg_column *column, struct json_object *value)
{
    if (++filter->n_values > LPG_FILTER_VALUES_MAX) {
        return cim_fail(filter->err, CIM_E_TOO_LARGE, "filter", NULL, "筛选条件不能超过 %d 个值",
                        "a filter holds at most %d values", LPG_FILTER_VALUES_MAX);
    }
    switch (column->type) {
    case CIM_FIELD_INTEGER:
    case CIM_FIELD_NUMBER:
        return sql_number(filter, column, value);
    case CIM_FIELD_BOOLEAN:
        if (!json_object_is_type(value, json_type_boolean)) {
            return refuse(filter, column->name, "应与 true 或 false 比较",
                          "expected true or false to compare with");
        }
        lpg_sql_int(filter->statement, json_object_get_boolean(value) != 0 ? 1 : 0);
        return CIM_OK;
    case CIM_FIELD_DATE:
        return sql_date(filter, column, value);
    case CIM_FIELD_TIME:
        return sql_time(filter, column, value);
    case CIM_FIELD_TEXT:
    case CIM_FIELD_CODE:
    default:
        if (!json_object_is_type(value, json_type_string)) {
            return refuse(filter, column->name, "应与文本比较", "expected a text to compare with");
        }
        lpg_sql_text(filter->statement, json_object_get_string(value),
                     (size_t)json_object_get_string_len(value));
        return CIM_OK;
    }
}

static cim_status
sql_logic(struct filter *filter, const char *op, struct json_object *args, int depth)
{
    const size_t count = json_object_array_length(args);
    for (size_t i = 0; i < count; i++) {
        lpg_sql(filter->statement, i == 0 ? "(" : strcmp(op, "and") == 0 ? " and " : " or ");
        CIM_TRY(sql_expression(filter, json_object_array_get_idx(args, i), depth + 1));
    }
    lpg_sql(filter->statement, ")");
    return CIM_OK;
}

/* The operator that says the same with its sides exchanged. */
static const char *
turned(const char *op)
{
    static const char *const pairs[][2] = {{"<", ">"}, {">", "<"}, {"<=", ">="}, {">=", "<="}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        if (strcmp(op, pairs[i][0]) == 0) {
            return pairs[i][1];
        }
    }
    return op;
}

static cim_status
sql_compare(struct filter *filter, const char *op, struct json_object *args)
{
    struct json_object *left = json_object_array_get_idx(args, 0);
    struct json_object *right = json_object_array_get_idx(args, 1);
    struct lpg_column column;
    if (member(left, "property") == NULL && member(right, "property") != NULL) {
        struct json_object *swapped = left;
        left = right;
        right = swapped;
        op = turned(op);
    }
    CIM_TRY(find_property(filter, left, op, &column));
    lpg_sql(filter->statement, "(%s %s ", column.name, op);
    CIM_TRY(sql_literal(filter, &column, right));
    lpg_sql(filter->statement, ")");
    return CIM_OK;
}

static cim_status
sql_between(struct filter *filter, struct json_object *args)
{
    struct lpg_column column;
    CIM_TRY(find_property(filter, json_object_array_get_idx(args, 0), "between", &column));
    lpg_sql(filter->statement, "(%s >= ", column.name);
    CIM_TRY(sql_literal(filter, &column, json_object_array_get_idx(args, 1)));
    lpg_sql(filter->statement, " and %s <= ", column.name);
    CIM_TRY(sql_literal(filter, &column, json_object_array_get_idx(args, 2)));
    lpg_sql(filter->statement, ")");
    return CIM_OK;
}

static cim_status
sql_in(struct filter *filter, struct json_object *args)
{
    struct lpg_column column;
    struct json_object *list = json_object_array_get_idx(args, 1);
    CIM_TRY(find_property(filter, json_object_array_get_idx(args, 0), "in", &column));
    if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0) {
        return refuse(filter, "in", "in 的第二个参数应为非空列表",
                      "in: expected a list that is not empty as its second argument");
    }
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        lpg_sql(filter->statement, i == 0 ? "(%s in (" : ", ", column.name);
        CIM_TRY(sql_literal(filter, &column, json_object_array_get_idx(list, i)));
    }
    lpg_sql(filter->statement, "))");
    return CIM_OK;
}

/* CQL2 escapes its wildcards with a backslash, our SQL with an exclamation mark. */
static cim_status
sql_like(struct filter *filter, struct json_object *args)
{
    struct lpg_column column;
    struct json_object *pattern = json_object_array_get_idx(args, 1);
    CIM_TRY(find_property(filter, json_object_array_get_idx(args, 0), "like", &column));
    if ((column.type != CIM_FIELD_TEXT && column.type != CIM_FIELD_CODE) ||
        !json_object_is_type(pattern, json_type_string)) {
        return refuse(filter, "like", "like 用于文本字段和文本模式",
                      "like: expected a text property and a text pattern");
    }
    if (++filter->n_values > LPG_FILTER_VALUES_MAX) {
        return refuse(filter, "like", "筛选条件过多", "the filter has too many values");
    }
    CIM_AUTO_BUF struct cim_buf text;
    cim_buf_init(&text, LPG_FILTER_BYTES_MAX);
    const char *from = json_object_get_string(pattern);
    const char *end = from + json_object_get_string_len(pattern);
    for (; from < end; from++) {
        const bool escaped = *from == '\\' && from + 1 < end;
        from += escaped ? 1 : 0;
        if (*from == '!' || (escaped && (*from == '%' || *from == '_'))) {
            cim_buf_add_char(&text, '!');
        }
        cim_buf_add_char(&text, *from);
    }
    CIM_TRY(cim_buf_status(&text, filter->err));
    lpg_sql(filter->statement, "(%s like ", column.name);
    lpg_sql_text(filter->statement, text.len > 0 ? text.data : "", text.len);
    lpg_sql(filter->statement, " escape '!')");
    return CIM_OK;
}

static cim_status
sql_is_null(struct filter *filter, struct json_object *args)
{
    struct lpg_column column;
    CIM_TRY(find_property(filter, json_object_array_get_idx(args, 0), "isNull", &column));
    lpg_sql(filter->statement, "(%s is null)", column.name);
    return CIM_OK;
}

enum { ANY_NUMBER = 0 };
enum operation { AND, OR, NOT, COMPARE, BETWEEN, IN, LIKE, IS_NULL };

static cim_status
sql_operation(struct filter *filter, const char *op, struct json_object *args, int depth)
{
    static const struct {
        const char *op;
        enum operation operation;
        size_t n_args;
    } known[] = {{"and", AND, ANY_NUMBER}, {"or", OR, ANY_NUMBER}, {"not", NOT, 1},
                 {"=", COMPARE, 2},        {"<>", COMPARE, 2},     {"<", COMPARE, 2},
                 {"<=", COMPARE, 2},       {">", COMPARE, 2},      {">=", COMPARE, 2},
                 {"between", BETWEEN, 3},  {"in", IN, 2},          {"like", LIKE, 2},
                 {"isNull", IS_NULL, 1}};
    size_t i = 0;
    const size_t count = json_object_array_length(args);
    while (i < sizeof known / sizeof known[0] && strcmp(known[i].op, op) != 0) {
        i++;
    }
    if (i == sizeof known / sizeof known[0]) {
        return refuse(
            filter, op, "不支持此运算；支持 and or not = <> < <= > >= between in like isNull",
            "this operator is not served; and, or, not, =, <>, <, <=, >, >=, between, in, "
            "like and isNull are");
    }
    if (known[i].n_args == ANY_NUMBER ? count == 0 : count != known[i].n_args) {
        return refuse(filter, op, "参数个数不对", "the operator takes another number of arguments");
    }
    switch (known[i].operation) {
    case AND:
    case OR:
        return sql_logic(filter, op, args, depth);
    case NOT:
        lpg_sql(filter->statement, "(not ");
        CIM_TRY(sql_expression(filter, json_object_array_get_idx(args, 0), depth + 1));
        lpg_sql(filter->statement, ")");
        return CIM_OK;
    case BETWEEN:
        return sql_between(filter, args);
    case IN:
        return sql_in(filter, args);
    case LIKE:
        return sql_like(filter, args);
    case IS_NULL:
        return sql_is_null(filter, args);
    case COMPARE:
    default:
        return sql_compare(filter, op, args);
    }
}

static cim_status
sql_expression(struct filter *filter, struct json_object *value, int depth)
{
    if (depth > LPG_FILTER_DEPTH_MAX) {
        return cim_fail(filter->err, CIM_E_TOO_LARGE, "filter", NULL, "筛选条件嵌套超过 %d 层",
                        "the filter is nested over %d levels", LPG_FILTER_DEPTH_MAX);
    }
    if (json_object_is_type(value, json_type_boolean)) {
        lpg_sql(filter->statement, json_object_get_boolean(value) != 0 ? "(1 = 1)" : "(1 = 0)");
        return CIM_OK;
    }
    struct json_object *op = member(value, "op");
    struct json_object *args = member(value, "args");
    if (!json_object_is_type(op, json_type_string) || !json_object_is_type(args, json_type_array)) {
        return refuse(filter, json_object_to_json_string(value),
                      "应为 CQL2 表达式 {\"op\": …, \"args\": […]}",
                      "expected a CQL2 expression {\"op\": …, \"args\": […]}");
    }
    return sql_operation(filter, json_object_get_string(op), args, depth);
}

cim_status
lpg_sql_filter(struct lpg_statement *statement, const struct lpg_layer *layer,
               const char *filter_json, const cim_scope *scope, cim_error *err)
{
    struct filter filter = {
        .statement = statement, .layer = layer, .scope = scope, .err = err, .n_values = 0};
    struct json_object *root = NULL;
    const size_t len = strlen(filter_json);
    if (len > LPG_FILTER_BYTES_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, "filter", NULL, "筛选条件不能超过 %d 字节",
                        "a filter holds at most %d bytes", LPG_FILTER_BYTES_MAX);
    }
    cim_status status = cim_json_parse("filter", filter_json, len, &root, err);
    if (status != CIM_OK) {
        if (err != NULL) {
            cim_copy_text(err->param, sizeof err->param, "filter");
        }
        return status;
    }
    status = sql_expression(&filter, root, 0);
    json_object_put(root);
    return status;
}
