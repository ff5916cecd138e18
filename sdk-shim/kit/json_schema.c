/* kit/json_schema.c -- see json_schema.h. */
#include "kit/json_schema.h"

#include "cim/util.h"
#include "kit/time.h"

#include <json-c/json.h>
#include <math.h>
#include <stdbool.h>

enum { NAME_MAX_BYTES = 200, SHOWN_MAX_BYTES = 140 };

static const char *const type_names[] = {"null",    "boolean", "object", "array",
                                         "integer", "number",  "string", NULL};
static const char *const formats[] = {
    "date", "date-time", "geojson-geometry", "geojson-feature", "geojson-feature-collection", NULL};

static bool
is_one_of(const char *text, const char *const *list)
{
    while (*list != NULL && strcmp(*list, text) != 0) {
        list++;
    }
    return *list != NULL;
}

/* The member, or NULL. */
static struct json_object *
member(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, key, &value) ? value : NULL;
}

static bool
is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int) ||
           json_object_is_type(value, json_type_double);
}

/* ---- the schema itself ---- */

static cim_status
bad_keyword(const char *where, const char *keyword, const char *expected, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, keyword, NULL, "%.160s：关键字 %.40s 应为 %.80s",
                    "%.160s: keyword %.40s: expected %.80s", where, keyword, expected);
}

static cim_status check(const char *where, struct json_object *schema, int depth, cim_error *err);

static cim_status
check_list(const char *where, const char *keyword, struct json_object *value, bool schemas,
           int depth, cim_error *err)
{
    if (!json_object_is_type(value, json_type_array) || json_object_array_length(value) == 0) {
        return bad_keyword(where, keyword, "a list that is not empty", err);
    }
    for (size_t i = 0; schemas && i < json_object_array_length(value); i++) {
        CIM_TRY(check(where, json_object_array_get_idx(value, i), depth + 1, err));
    }
    return CIM_OK;
}

static cim_status
check_properties(const char *where, struct json_object *value, int depth, cim_error *err)
{
    if (!json_object_is_type(value, json_type_object)) {
        return bad_keyword(where, "properties", "an object of schemas", err);
    }
    json_object_object_foreach(value, name, schema)
    {
        (void)name;
        CIM_TRY(check(where, schema, depth + 1, err));
    }
    return CIM_OK;
}

static cim_status
check_required(const char *where, struct json_object *value, cim_error *err)
{
    CIM_TRY(check_list(where, "required", value, false, 0, err));
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        if (!json_object_is_type(json_object_array_get_idx(value, i), json_type_string)) {
            return bad_keyword(where, "required", "a list of names", err);
        }
    }
    return CIM_OK;
}

static cim_status
check_keyword(const char *where, const char *keyword, struct json_object *value, int depth,
              cim_error *err)
{
    static const char *const numbers[] = {"minimum", "maximum", "exclusiveMinimum",
                                          "exclusiveMaximum", NULL};
    static const char *const counts[] = {"minLength", "maxLength", "minItems", "maxItems", NULL};
    static const char *const free_ones[] = {
        "title", "description", "default", "examples", "contentMediaType", "contentSchema", NULL};
    const char *text =
        json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
    if (strncmp(keyword, "x-", 2) == 0 || is_one_of(keyword, free_ones)) {
        return CIM_OK;
    }
    if (strcmp(keyword, "type") == 0) {
        return text != NULL && is_one_of(text, type_names)
                   ? CIM_OK
                   : bad_keyword(where, keyword, "the name of one type", err);
    }
    if (strcmp(keyword, "format") == 0) {
        return text != NULL && is_one_of(text, formats)
                   ? CIM_OK
                   : bad_keyword(where, keyword, "date, date-time or geojson-…", err);
    }
    if (is_one_of(keyword, numbers)) {
        return is_number(value) ? CIM_OK : bad_keyword(where, keyword, "a number", err);
    }
    if (is_one_of(keyword, counts)) {
        return json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0
                   ? CIM_OK
                   : bad_keyword(where, keyword, "a whole number", err);
    }
    if (strcmp(keyword, "additionalProperties") == 0) {
        return json_object_is_type(value, json_type_boolean)
                   ? CIM_OK
                   : bad_keyword(where, keyword, "true or false", err);
    }
    if (strcmp(keyword, "items") == 0) {
        return check(where, value, depth + 1, err);
    }
    if (strcmp(keyword, "properties") == 0) {
        return check_properties(where, value, depth, err);
    }
    if (strcmp(keyword, "required") == 0) {
        return check_required(where, value, err);
    }
    if (strcmp(keyword, "enum") == 0 || strcmp(keyword, "oneOf") == 0) {
        return check_list(where, keyword, value, keyword[0] == 'o', depth, err);
    }
    return bad_keyword(where, keyword, "a keyword of kit/json_schema.h", err);
}

static cim_status
check(const char *where, struct json_object *schema, int depth, cim_error *err)
{
    if (!json_object_is_type(schema, json_type_object) || depth > CIM_SCHEMA_DEPTH_MAX) {
        return bad_keyword(where, "schema", "an object, not too deep", err);
    }
    json_object_object_foreach(schema, keyword, value)
    {
        CIM_TRY(check_keyword(where, keyword, value, depth, err));
    }
    return CIM_OK;
}

cim_status
cim_schema_check(const char *where, struct json_object *schema, cim_error *err)
{
    return check(where, schema, 0, err);
}

/* ---- a value ---- */

static cim_status
misfit(const char *name, struct json_object *value, const char *zh, const char *en, cim_error *err)
{
    char shown[SHOWN_MAX_BYTES];
    cim_copy_text(shown, sizeof shown,
                  json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN |
                                                            JSON_C_TO_STRING_NOSLASHESCAPE));
    (void)cim_fail(err, CIM_E_INVALID, name, shown, "%s", "%s", "");
    if (err != NULL) { /* the two languages differ in more than the sentence around them */
        (void)snprintf(err->zh, sizeof err->zh, "%.100s 应为%.200s", name, zh);
        (void)snprintf(err->en, sizeof err->en, "%.100s: expected %.200s", name, en);
    }
    return CIM_E_INVALID;
}

/* As misfit(), of one text in both languages with a number or a name in it. */
static cim_status
misfit_text(const char *name, struct json_object *value, const char *zh, const char *en,
            struct json_object *bound, cim_error *err)
{
    char text_zh[200];
    char text_en[200];
    const char *shown = json_object_to_json_string_ext(bound, JSON_C_TO_STRING_PLAIN);
    (void)snprintf(text_zh, sizeof text_zh, "%s %.150s", zh, shown);
    (void)snprintf(text_en, sizeof text_en, "%s %.150s", en, shown);
    return misfit(name, value, text_zh, text_en, err);
}

static bool
is_of_type(struct json_object *value, const char *type)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        return strcmp(type, "null") == 0;
    case json_type_boolean:
        return strcmp(type, "boolean") == 0;
    case json_type_object:
        return strcmp(type, "object") == 0;
    case json_type_array:
        return strcmp(type, "array") == 0;
    case json_type_string:
        return strcmp(type, "string") == 0;
    case json_type_int:
        return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
    case json_type_double:
        return strcmp(type, "number") == 0 ||
               (strcmp(type, "integer") == 0 &&
                floor(json_object_get_double(value)) == json_object_get_double(value));
    default:
        return false;
    }
}

static cim_status
validate_type(struct json_object *type, struct json_object *value, const char *name, cim_error *err)
{
    static const char *const zh[] = {"空值", "布尔值", "对象", "列表", "整数", "数", "文字"};
    static const char *const en[] = {"null",           "true or false", "an object", "a list",
                                     "a whole number", "a number",      "a text"};
    size_t at = 0;
    if (is_of_type(value, json_object_get_string(type))) {
        return CIM_OK;
    }
    while (type_names[at + 1] != NULL &&
           strcmp(type_names[at], json_object_get_string(type)) != 0) {
        at++;
    }
    return misfit(name, value, zh[at], en[at], err);
}

static cim_status
validate_enum(struct json_object *list, struct json_object *value, const char *name, cim_error *err)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        if (json_object_equal(one, value) != 0 ||
            (is_number(one) && is_number(value) &&
             json_object_get_double(one) == json_object_get_double(value))) {
            return CIM_OK;
        }
    }
    return misfit_text(name, value, "以下之一", "one of", list, err);
}

static cim_status
validate_number(struct json_object *schema, struct json_object *value, const char *name,
                cim_error *err)
{
    const double number = json_object_get_double(value);
    struct json_object *bound = NULL;
    if (!isfinite(number)) {
        return misfit(name, value, "有限的数", "a finite number", err);
    }
    if ((bound = member(schema, "minimum")) != NULL && number < json_object_get_double(bound)) {
        return misfit_text(name, value, "不小于", "at least", bound, err);
    }
    if ((bound = member(schema, "maximum")) != NULL && number > json_object_get_double(bound)) {
        return misfit_text(name, value, "不大于", "at most", bound, err);
    }
    if ((bound = member(schema, "exclusiveMinimum")) != NULL &&
        number <= json_object_get_double(bound)) {
        return misfit_text(name, value, "大于", "more than", bound, err);
    }
    if ((bound = member(schema, "exclusiveMaximum")) != NULL &&
        number >= json_object_get_double(bound)) {
        return misfit_text(name, value, "小于", "less than", bound, err);
    }
    return CIM_OK;
}

static int64_t
count_characters(const char *text)
{
    int64_t n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xC0U) != 0x80U ? 1 : 0;
    }
    return n;
}

static cim_status
validate_count(struct json_object *schema, struct json_object *value, int64_t n, bool characters,
               const char *name, cim_error *err)
{
    struct json_object *least = member(schema, characters ? "minLength" : "minItems");
    struct json_object *most = member(schema, characters ? "maxLength" : "maxItems");
    if (least != NULL && n < json_object_get_int64(least)) {
        return misfit_text(name, value, characters ? "字数至少" : "项数至少",
                           characters ? "characters, at least" : "items, at least", least, err);
    }
    if (most != NULL && n > json_object_get_int64(most)) {
        return misfit_text(name, value, characters ? "字数至多" : "项数至多",
                           characters ? "characters, at most" : "items, at most", most, err);
    }
    return CIM_OK;
}

/* The object's own "type" is one of those that the format allows. */
static bool
is_geojson(struct json_object *value, const char *format)
{
    static const char *const geometries[] = {
        "Point",           "MultiPoint",   "LineString",         "Polygon",
        "MultiLineString", "MultiPolygon", "GeometryCollection", NULL};
    const char *type = NULL;
    if (!json_object_is_type(value, json_type_object) ||
        !json_object_is_type(member(value, "type"), json_type_string)) {
        return false;
    }
    type = json_object_get_string(member(value, "type"));
    if (strcmp(format, "geojson-geometry") == 0) {
        return is_one_of(type, geometries);
    }
    return strcmp(type, strcmp(format, "geojson-feature") == 0 ? "Feature" : "FeatureCollection") ==
           0;
}

static cim_status
validate_format(struct json_object *format, struct json_object *value, const char *name,
                cim_error *err)
{
    const char *wanted = json_object_get_string(format);
    const char *text =
        json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
    int32_t day = 0;
    int64_t ms = 0;
    if (strcmp(wanted, "date") == 0) {
        return text != NULL && cim_date_parse(text, SIZE_MAX, &day) == CIM_OK
                   ? CIM_OK
                   : misfit(name, value, "日期，如 2026-11-27", "a date such as 2026-11-27", err);
    }
    if (strcmp(wanted, "date-time") == 0) {
        return text != NULL && cim_time_parse(text, SIZE_MAX, &ms) == CIM_OK
                   ? CIM_OK
                   : misfit(name, value, "时间，如 2026-11-27T08:00:00Z",
                            "a time such as 2026-11-27T08:00:00Z", err);
    }
    return is_geojson(value, wanted)
               ? CIM_OK
               : misfit_text(name, value, "GeoJSON 对象", "a GeoJSON object,", format, err);
}

static cim_status validate(struct json_object *schema, struct json_object *value, const char *name,
                           int depth, cim_error *err);

static cim_status
validate_items(struct json_object *schema, struct json_object *value, const char *name, int depth,
               cim_error *err)
{
    const size_t n = json_object_array_length(value);
    struct json_object *items = member(schema, "items");
    CIM_TRY(validate_count(schema, value, (int64_t)n, false, name, err));
    for (size_t i = 0; items != NULL && i < n; i++) {
        char below[NAME_MAX_BYTES];
        (void)snprintf(below, sizeof below, "%s[%zu]", name, i);
        CIM_TRY(validate(items, json_object_array_get_idx(value, i), below, depth + 1, err));
    }
    return CIM_OK;
}

static cim_status
validate_members(struct json_object *schema, struct json_object *value, const char *name, int depth,
                 cim_error *err)
{
    struct json_object *properties = member(schema, "properties");
    struct json_object *required = member(schema, "required");
    struct json_object *more = member(schema, "additionalProperties");
    char below[NAME_MAX_BYTES];
    for (size_t i = 0; required != NULL && i < json_object_array_length(required); i++) {
        const char *key = json_object_get_string(json_object_array_get_idx(required, i));
        if (!json_object_object_get_ex(value, key, NULL)) {
            (void)snprintf(below, sizeof below, "%s.%s", name, key);
            return cim_fail(err, CIM_E_INVALID, below, NULL, "缺少 %.120s", "%.120s is missing",
                            below);
        }
    }
    json_object_object_foreach(value, key, one)
    {
        struct json_object *own = properties != NULL ? member(properties, key) : NULL;
        (void)snprintf(below, sizeof below, "%s.%s", name, key);
        if (own != NULL) {
            CIM_TRY(validate(own, one, below, depth + 1, err));
        } else if (more != NULL && !json_object_get_boolean(more)) {
            return cim_fail(err, CIM_E_INVALID, below, NULL, "没有 %.120s 这一项",
                            "there is no %.120s", below);
        }
    }
    return CIM_OK;
}

/* Where none fits, the one whose type does says why. */
static cim_status
validate_one_of(struct json_object *list, struct json_object *value, const char *name, int depth,
                cim_error *err)
{
    bool told = false;
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *schema = json_object_array_get_idx(list, i);
        struct json_object *type = member(schema, "type");
        cim_error why = {0};
        if (validate(schema, value, name, depth + 1, &why) == CIM_OK) {
            return CIM_OK;
        }
        if (!told && (type == NULL || is_of_type(value, json_object_get_string(type)))) {
            told = true;
            if (err != NULL) {
                *err = why;
            }
        }
    }
    return told ? CIM_E_INVALID
                : misfit(name, value, "说明中所列的一种形式", "one of the forms of the description",
                         err);
}

static cim_status
validate(struct json_object *schema, struct json_object *value, const char *name, int depth,
         cim_error *err)
{
    struct json_object *part = NULL;
    if (depth > CIM_SCHEMA_DEPTH_MAX) {
        return misfit(name, value, "不太深的值", "a value that is not so deep", err);
    }
    if ((part = member(schema, "type")) != NULL) {
        CIM_TRY(validate_type(part, value, name, err));
    }
    if ((part = member(schema, "enum")) != NULL) {
        CIM_TRY(validate_enum(part, value, name, err));
    }
    if (is_number(value)) {
        CIM_TRY(validate_number(schema, value, name, err));
    }
    if (json_object_is_type(value, json_type_string)) {
        CIM_TRY(validate_count(schema, value, count_characters(json_object_get_string(value)), true,
                               name, err));
    }
    if ((part = member(schema, "format")) != NULL) {
        CIM_TRY(validate_format(part, value, name, err));
    }
    if (json_object_is_type(value, json_type_array)) {
        CIM_TRY(validate_items(schema, value, name, depth, err));
    }
    if (json_object_is_type(value, json_type_object)) {
        CIM_TRY(validate_members(schema, value, name, depth, err));
    }
    part = member(schema, "oneOf");
    return part != NULL ? validate_one_of(part, value, name, depth, err) : CIM_OK;
}

cim_status
cim_schema_validate(struct json_object *schema, struct json_object *value, const char *name,
                    cim_error *err)
{
    return validate(schema, value, name, 0, err);
}
