/* plugin/data/filter_value.c -- the values within a filter: properties, literals, arithmetic. */
#include "data/sealed.h"

#include "cim/util.h"
#include "kit/time.h"

#include <json-c/json.h>
#include <math.h>

static enum lpg_kind
kind_of_column(enum cim_field_type type)
{
    switch (type) {
    case CIM_FIELD_INTEGER:
    case CIM_FIELD_NUMBER:
        return LPG_KIND_NUMBER;
    case CIM_FIELD_BOOLEAN:
        return LPG_KIND_BOOLEAN;
    case CIM_FIELD_DATE:
        return LPG_KIND_DATE;
    case CIM_FIELD_TIME:
        return LPG_KIND_TIME;
    case CIM_FIELD_TEXT:
    case CIM_FIELD_CODE:
    default:
        return LPG_KIND_TEXT;
    }
}

static bool
is_one_of(const char *op, const char *const *ops)
{
    for (; *ops != NULL; ops++) {
        if (strcmp(op, *ops) == 0) {
            return true;
        }
    }
    return false;
}

static const char *const arithmetic_ops[] = {"+", "-", "*", "/", "div", "%", "^", NULL};
static const char *const text_ops[] = {"casei", "accenti", NULL};

cim_status
lpg_filter_property(const struct lpg_filter *filter, struct json_object *name,
                    struct lpg_column *ret_column, bool *ret_is_geometry)
{
    const char *text = json_object_get_string(name);
    if (!json_object_is_type(name, json_type_string)) {
        return lpg_filter_refuse(filter, text, "property 应为字段名",
                                 "property: expected the name of a property");
    }
    /* "geometry" is how it is served, "geom" how the store and GeoPackage have it. */
    *ret_is_geometry = filter->layer->def->geometry != CIM_GEOMETRY_NONE &&
                       (strcmp(text, "geometry") == 0 || strcmp(text, "geom") == 0);
    if (*ret_is_geometry) {
        return CIM_OK;
    }
    if (!lpg_column_find(filter->layer, text, ret_column)) {
        return lpg_filter_refuse(filter, text, "没有这个字段", "there is no such property");
    }
    if (filter->scope != NULL) {
        CIM_TRY(lpg_column_must_be_clear(filter->scope, ret_column, filter->err));
    }
    return filter->may_be_sealed ? CIM_OK : lpg_sealed_refuse(ret_column, filter->err);
}

/* ---- kinds ---- */

/* What lpg_filter_kind() finds out. */
struct finding {
    bool certain;
    enum lpg_kind kind;
    const char *property; /* the first; NULL */
    bool has_text_column;
};

static void
found(struct finding *finding, enum lpg_kind kind)
{
    finding->kind = finding->certain ? finding->kind : kind;
    finding->certain = true;
}

static cim_status
look_at_property(const struct lpg_filter *filter, struct json_object *name, struct finding *finding)
{
    struct lpg_column column = {.name = "geom"};
    bool is_geometry = false;
    CIM_TRY(lpg_filter_property(filter, name, &column, &is_geometry));
    const enum lpg_kind kind = is_geometry ? LPG_KIND_GEOMETRY : kind_of_column(column.type);
    found(finding, kind);
    finding->property = finding->property != NULL ? finding->property : column.name;
    finding->has_text_column =
        finding->has_text_column || kind == LPG_KIND_TEXT || kind == LPG_KIND_DATE;
    return CIM_OK;
}

static cim_status
look_at_operation(const struct lpg_filter *filter, const char *op, struct json_object *value,
                  struct finding *finding)
{
    struct json_object *args = lpg_member(value, "args");
    if (is_one_of(op, arithmetic_ops)) {
        found(finding, LPG_KIND_NUMBER);
        return CIM_OK;
    }
    if (!is_one_of(op, text_ops)) {
        return lpg_filter_refuse(filter, op,
                                 "没有这个函数；此处应为字段、值、算式或 casei、accenti",
                                 "there is no such function; expected a property, a value, "
                                 "arithmetic, casei or accenti here");
    }
    found(finding, LPG_KIND_TEXT);
    /* The column may lie within, some levels down. */
    for (int depth = 0; depth < LPG_FILTER_DEPTH_MAX && args != NULL; depth++) {
        struct json_object *inner =
            json_object_is_type(args, json_type_array) ? json_object_array_get_idx(args, 0) : NULL;
        struct json_object *name = lpg_member(inner, "property");
        if (name != NULL) {
            return look_at_property(filter, name, finding);
        }
        args = lpg_member(inner, "args");
    }
    return CIM_OK;
}

static cim_status
look_at(const struct lpg_filter *filter, struct json_object *value, struct finding *finding)
{
    struct json_object *property = lpg_member(value, "property");
    struct json_object *op = lpg_member(value, "op");
    if (property != NULL) {
        return look_at_property(filter, property, finding);
    }
    if (json_object_is_type(op, json_type_string)) {
        return look_at_operation(filter, json_object_get_string(op), value, finding);
    }
    if (lpg_member(value, "date") != NULL) {
        found(finding, LPG_KIND_DATE);
    } else if (lpg_member(value, "timestamp") != NULL) {
        found(finding, LPG_KIND_TIME);
    } else if (json_object_is_type(value, json_type_boolean)) {
        found(finding, LPG_KIND_BOOLEAN);
    } else if (json_object_is_type(value, json_type_int) ||
               json_object_is_type(value, json_type_double)) {
        found(finding, LPG_KIND_NUMBER);
    }
    return CIM_OK;
}

cim_status
lpg_filter_kind(struct lpg_filter *filter, const char *op, struct json_object *const *values,
                size_t n, enum lpg_kind *ret_kind, const char **ret_what)
{
    struct finding properties = {.kind = LPG_KIND_TEXT};
    struct finding all = {.kind = LPG_KIND_TEXT};
    for (size_t i = 0; i < n; i++) {
        /* A property says more of what is meant than a value. */
        if (lpg_member(values[i], "property") != NULL) {
            CIM_TRY(look_at(filter, values[i], &properties));
        }
        CIM_TRY(look_at(filter, values[i], &all));
    }
    filter->no_text_column = !all.has_text_column;
    *ret_kind = properties.certain ? properties.kind : all.kind;
    *ret_what = properties.property != NULL ? properties.property
                : all.property != NULL      ? all.property
                                            : op;
    return CIM_OK;
}

/* ---- literals ---- */

static cim_status
put_number(struct lpg_filter *filter, struct json_object *value, const char *what)
{
    if (json_object_is_type(value, json_type_int)) {
        lpg_sql_int(filter->statement, json_object_get_int64(value));
        return CIM_OK;
    }
    if (json_object_is_type(value, json_type_double) && isfinite(json_object_get_double(value))) {
        lpg_sql_real(filter->statement, json_object_get_double(value));
        return CIM_OK;
    }
    return lpg_filter_refuse(filter, what, "应与数字比较", "expected a number to compare with");
}

static void
put_text(struct lpg_filter *filter, const char *text, size_t len)
{
    lpg_sql(filter->statement, filter->no_text_column ? "{string " : "");
    lpg_sql_text(filter->statement, text, len);
    lpg_sql(filter->statement, filter->no_text_column ? "}" : "");
}

static cim_status
put_date(struct lpg_filter *filter, struct json_object *value, const char *what)
{
    char text[CIM_TIME_TEXT_MAX];
    struct json_object *inner = lpg_member(value, "date");
    int32_t days = 0;
    value = inner != NULL ? inner : value;
    if (!json_object_is_type(value, json_type_string) ||
        cim_date_parse(json_object_get_string(value), (size_t)json_object_get_string_len(value),
                       &days) != CIM_OK) {
        return lpg_filter_refuse(filter, what, "应与日期比较，如 {\"date\": \"2026-01-31\"}",
                                 "expected a date to compare with, such as {\"date\": "
                                 "\"2026-01-31\"}");
    }
    cim_date_format(days, text);
    put_text(filter, text, strlen(text));
    return CIM_OK;
}

static cim_status
put_time(struct lpg_filter *filter, struct json_object *value, const char *what)
{
    struct json_object *inner = lpg_member(value, "timestamp");
    int64_t ms = 0;
    value = inner != NULL ? inner : value;
    if (!json_object_is_type(value, json_type_string) ||
        cim_time_parse(json_object_get_string(value), (size_t)json_object_get_string_len(value),
                       &ms) != CIM_OK) {
        return lpg_filter_refuse(filter, what,
                                 "应与时刻比较，如 {\"timestamp\": \"2026-01-31T08:00:00Z\"}",
                                 "expected a time to compare with, such as {\"timestamp\": "
                                 "\"2026-01-31T08:00:00Z\"}");
    }
    lpg_sql_time(filter->statement, ms);
    return CIM_OK;
}

static cim_status
put_literal(struct lpg_filter *filter, struct json_object *value, enum lpg_kind kind,
            const char *what)
{
    CIM_TRY(lpg_filter_count(filter));
    switch (kind) {
    case LPG_KIND_NUMBER:
        return put_number(filter, value, what);
    case LPG_KIND_BOOLEAN:
        if (!json_object_is_type(value, json_type_boolean)) {
            return lpg_filter_refuse(filter, what, "应与 true 或 false 比较",
                                     "expected true or false to compare with");
        }
        lpg_sql_int(filter->statement, json_object_get_boolean(value) != 0 ? 1 : 0);
        return CIM_OK;
    case LPG_KIND_DATE:
        return put_date(filter, value, what);
    case LPG_KIND_TIME:
        return put_time(filter, value, what);
    case LPG_KIND_GEOMETRY:
        return lpg_filter_refuse(filter, what, "几何只能用 s_… 函数或 isNull 比较",
                                 "a geometry compares by the functions s_… and isNull alone");
    case LPG_KIND_TEXT:
    default:
        if (!json_object_is_type(value, json_type_string)) {
            return lpg_filter_refuse(filter, what, "应与文本比较",
                                     "expected a text to compare with");
        }
        put_text(filter, json_object_get_string(value), (size_t)json_object_get_string_len(value));
        return CIM_OK;
    }
}

/* ---- expressions ---- */

static cim_status
put_property(struct lpg_filter *filter, struct json_object *name, enum lpg_kind kind)
{
    struct lpg_column column = {.name = "geom"};
    bool is_geometry = false;
    CIM_TRY(lpg_filter_property(filter, name, &column, &is_geometry));
    if ((is_geometry ? LPG_KIND_GEOMETRY : kind_of_column(column.type)) != kind) {
        return lpg_filter_refuse(filter, column.name, "字段类型与所比较的不同",
                                 "the property is of another type than what it is compared with");
    }
    lpg_sql(filter->statement, "%s", column.name);
    return CIM_OK;
}

/* In double precision, whatever the properties are: both stores then agree. */
static cim_status
put_arithmetic(struct lpg_filter *filter, const char *op, struct json_object *args, int depth)
{
    static const struct {
        const char *op;
        const char *open;
        const char *between;
        const char *close;
    } forms[] = {
        {"+", "(", " + ", ")"},         {"-", "(", " - ", ")"},
        {"*", "(", " * ", ")"},         {"/", "(", " / nullif(", ", 0))"},
        {"div", "cim_div(", ", ", ")"}, {"%", "cim_mod(", ", ", ")"},
        {"^", "cim_power(", ", ", ")"},
    };
    size_t i = 0;
    if (!json_object_is_type(args, json_type_array) || json_object_array_length(args) != 2) {
        return lpg_filter_refuse(filter, op, "参数个数不对",
                                 "the operator takes another number of arguments");
    }
    while (strcmp(forms[i].op, op) != 0) {
        i++;
    }
    lpg_sql(filter->statement, "%scast(", forms[i].open);
    CIM_TRY(lpg_filter_value(filter, json_object_array_get_idx(args, 0), LPG_KIND_NUMBER, op,
                             depth + 1));
    lpg_sql(filter->statement, " as real)%scast(", forms[i].between);
    CIM_TRY(lpg_filter_value(filter, json_object_array_get_idx(args, 1), LPG_KIND_NUMBER, op,
                             depth + 1));
    lpg_sql(filter->statement, " as real)%s", forms[i].close);
    return CIM_OK;
}

static cim_status
single_argument(const struct lpg_filter *filter, const char *op, struct json_object *value,
                struct json_object **ret_argument)
{
    struct json_object *args = lpg_member(value, "args");
    if (!json_object_is_type(args, json_type_array) || json_object_array_length(args) != 1) {
        return lpg_filter_refuse(filter, op, "参数个数不对",
                                 "the operator takes another number of arguments");
    }
    *ret_argument = json_object_array_get_idx(args, 0);
    return CIM_OK;
}

static cim_status
put_operation(struct lpg_filter *filter, struct json_object *value, enum lpg_kind kind,
              const char *what, int depth)
{
    const char *op = json_object_get_string(lpg_member(value, "op"));
    const bool is_text = is_one_of(op, text_ops);
    struct json_object *argument = NULL;
    if (!is_text && !is_one_of(op, arithmetic_ops)) {
        return lpg_filter_refuse(filter, op, "没有这个函数", "there is no such function");
    }
    if (kind != (is_text ? LPG_KIND_TEXT : LPG_KIND_NUMBER)) {
        return lpg_filter_refuse(filter, op, "算式或函数的类型与所比较的不同",
                                 "the result is of another type than what it is compared with");
    }
    if (!is_text) {
        return put_arithmetic(filter, op, lpg_member(value, "args"), depth);
    }
    CIM_TRY(single_argument(filter, op, value, &argument));
    lpg_sql(filter->statement, "cim_%s(", op);
    CIM_TRY(lpg_filter_value(filter, argument, LPG_KIND_TEXT, what, depth + 1));
    lpg_sql(filter->statement, ")");
    return CIM_OK;
}

cim_status
lpg_filter_value(struct lpg_filter *filter, struct json_object *value, enum lpg_kind kind,
                 const char *what, int depth)
{
    struct json_object *property = lpg_member(value, "property");
    CIM_TRY(lpg_filter_too_deep(filter, depth));
    if (property != NULL) {
        return put_property(filter, property, kind);
    }
    return json_object_is_type(lpg_member(value, "op"), json_type_string)
               ? put_operation(filter, value, kind, what, depth)
               : put_literal(filter, value, kind, what);
}

/* ---- patterns ---- */

/* CQL2 escapes its wildcards with a backslash, our SQL with an exclamation mark. */
static cim_status
put_pattern(struct lpg_filter *filter, struct json_object *pattern)
{
    CIM_AUTO_BUF struct cim_buf text;
    cim_buf_init(&text, 2 * LPG_FILTER_BYTES_MAX);
    CIM_TRY(lpg_filter_count(filter));
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
    lpg_sql_text(filter->statement, text.len > 0 ? text.data : "", text.len);
    return CIM_OK;
}

cim_status
lpg_filter_pattern(struct lpg_filter *filter, struct json_object *value, int depth)
{
    struct json_object *op = lpg_member(value, "op");
    struct json_object *argument = NULL;
    CIM_TRY(lpg_filter_too_deep(filter, depth));
    if (json_object_is_type(value, json_type_string)) {
        return put_pattern(filter, value);
    }
    const char *name = json_object_is_type(op, json_type_string) ? json_object_get_string(op) : "";
    if (!is_one_of(name, text_ops)) {
        return lpg_filter_refuse(filter, "like", "like 用于文本字段和文本模式",
                                 "like: expected a text property and a text pattern");
    }
    CIM_TRY(single_argument(filter, name, value, &argument));
    lpg_sql(filter->statement, "cim_%s(", name);
    CIM_TRY(lpg_filter_pattern(filter, argument, depth + 1));
    lpg_sql(filter->statement, ")");
    return CIM_OK;
}
