/* kit/definition_field.c -- see definition_field.h. */
#include "kit/definition_field.h"

#include "cim/rows.h"
#include "cim/util.h"

#include <stdlib.h>

enum { FIELD_NAME_MAX = 40 };

/* Words that SQLite or PostgreSQL would not take as a bare column name. */
static const char *const reserved_words[] = {"abort",
                                             "add",
                                             "all",
                                             "alter",
                                             "analyse",
                                             "analyze",
                                             "and",
                                             "any",
                                             "array",
                                             "as",
                                             "asc",
                                             "asymmetric",
                                             "between",
                                             "binary",
                                             "both",
                                             "by",
                                             "case",
                                             "cast",
                                             "check",
                                             "collate",
                                             "collation",
                                             "column",
                                             "commit",
                                             "constraint",
                                             "create",
                                             "cross",
                                             "current_date",
                                             "current_role",
                                             "current_time",
                                             "current_timestamp",
                                             "current_user",
                                             "default",
                                             "deferrable",
                                             "delete",
                                             "desc",
                                             "distinct",
                                             "do",
                                             "drop",
                                             "else",
                                             "end",
                                             "escape",
                                             "except",
                                             "exists",
                                             "false",
                                             "fetch",
                                             "for",
                                             "foreign",
                                             "freeze",
                                             "from",
                                             "full",
                                             "glob",
                                             "grant",
                                             "group",
                                             "having",
                                             "ilike",
                                             "in",
                                             "index",
                                             "indexed",
                                             "initially",
                                             "inner",
                                             "insert",
                                             "intersect",
                                             "into",
                                             "is",
                                             "isnull",
                                             "join",
                                             "lateral",
                                             "leading",
                                             "left",
                                             "like",
                                             "limit",
                                             "localtime",
                                             "localtimestamp",
                                             "natural",
                                             "not",
                                             "nothing",
                                             "notnull",
                                             "null",
                                             "offset",
                                             "on",
                                             "only",
                                             "or",
                                             "order",
                                             "outer",
                                             "overlaps",
                                             "placing",
                                             "primary",
                                             "raise",
                                             "references",
                                             "regexp",
                                             "returning",
                                             "right",
                                             "rowid",
                                             "select",
                                             "session_user",
                                             "set",
                                             "similar",
                                             "some",
                                             "symmetric",
                                             "table",
                                             "tablesample",
                                             "then",
                                             "to",
                                             "trailing",
                                             "transaction",
                                             "true",
                                             "union",
                                             "unique",
                                             "update",
                                             "user",
                                             "using",
                                             "values",
                                             "variadic",
                                             "verbose",
                                             "when",
                                             "where",
                                             "window",
                                             "with"};

bool
cim_is_reserved_word(const char *name)
{
    for (size_t i = 0; i < sizeof reserved_words / sizeof reserved_words[0]; i++) {
        if (strcmp(name, reserved_words[i]) == 0) {
            return true;
        }
    }
    return false;
}

void
cim_field_done(struct cim_field *field)
{
    free(field->name);
    free(field->unit);
    free(field->required_value);
    for (size_t i = 0; i < CIM_FIELD_NAMES; i++) {
        free(field->names[i]);
    }
    cim_text2_done(&field->title);
}

static bool
is_record_column(const char *name)
{
    static const char *const columns[] = {CIM_RECORD_COLUMNS};
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        if (strcmp(name, columns[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* One of `names`, whose place in the list is the value; absent: 0. */
static cim_status
read_choice(const struct cim_reader *reader, const char *key, bool must, const char *const *names,
            size_t n_names, int *ret_choice)
{
    char *text = NULL;
    CIM_TRY(cim_reader_text(reader, key, must, &text));
    int choice = 0;
    for (size_t i = 1; text != NULL && i < n_names; i++) {
        choice = strcmp(text, names[i]) == 0 ? (int)i : choice;
    }
    if (text != NULL && choice == 0) {
        char zh[160] = "应为 ";
        char en[160] = "expected one of ";
        size_t zh_len = strlen(zh);
        size_t en_len = strlen(en);
        for (size_t i = 1; i < n_names; i++) {
            zh_len += (size_t)snprintf(zh + zh_len, sizeof zh - zh_len, "%s%s", i > 1 ? "、" : "",
                                       names[i]);
            en_len += (size_t)snprintf(en + en_len, sizeof en - en_len, "%s%s", i > 1 ? ", " : "",
                                       names[i]);
        }
        free(text);
        return cim_reader_fail(reader, key, zh, en);
    }
    free(text);
    *ret_choice = choice;
    return CIM_OK;
}

static cim_status
read_kind(const struct cim_reader *reader, struct cim_field *field)
{
    static const char *const types[] = {"",        "text", "integer", "number",
                                        "boolean", "date", "time",    "code"};
    static const char *const sensitives[] = {"", "name", "id", "phone", "address"};
    static const char *const checks[] = {
        "",        "uscc",      "phone",   "plate", /* in the order of enum cim_check */
        "id_card", "area_code", "gb28181", "body_code", "iot_sim", "hour_minute"};
    int type = 0;
    int sensitive = 0;
    int check = 0;
    CIM_TRY(read_choice(reader, "type", true, types, sizeof types / sizeof types[0], &type));
    CIM_TRY(read_choice(reader, "sensitive", false, sensitives,
                        sizeof sensitives / sizeof sensitives[0], &sensitive));
    CIM_TRY(read_choice(reader, "check", false, checks, sizeof checks / sizeof checks[0], &check));
    field->type = (enum cim_field_type)type;
    field->sensitive = (enum cim_sensitive)sensitive;
    field->check = (enum cim_check)check;
    if (sensitive != 0 && field->type != CIM_FIELD_TEXT) {
        return cim_reader_fail(reader, "sensitive", "只有 text 字段可以标为敏感",
                               "only a field of type text can be sensitive");
    }
    if (check != 0 && field->type != CIM_FIELD_TEXT) {
        return cim_reader_fail(reader, "check", "只有 text 字段可以有格式检查",
                               "only a field of type text can have a check");
    }
    return CIM_OK;
}

static cim_status
read_codes(const struct cim_reader *reader, const struct cim_codes *codes, struct cim_field *field)
{
    char *id = NULL;
    CIM_TRY(cim_reader_text(reader, "codes", field->type == CIM_FIELD_CODE, &id));
    if (id == NULL) {
        return CIM_OK;
    }
    field->codes = cim_codes_find(codes, id);
    free(id);
    if (field->type != CIM_FIELD_CODE) {
        return cim_reader_fail(reader, "codes", "只有 code 字段有代码表",
                               "only a field of type code has a code list");
    }
    if (field->codes == NULL) {
        return cim_reader_fail(reader, "codes", "没有这个代码表", "there is no such code list");
    }
    return CIM_OK;
}

static cim_status
read_range(const struct cim_reader *reader, struct cim_field *field)
{
    const bool numeric = field->type == CIM_FIELD_INTEGER || field->type == CIM_FIELD_NUMBER;
    CIM_TRY(cim_reader_number(reader, "min", &field->has_min, &field->min));
    CIM_TRY(cim_reader_number(reader, "max", &field->has_max, &field->max));
    CIM_TRY(cim_reader_text(reader, "unit", false, &field->unit));
    if (!numeric && (field->has_min || field->has_max || field->unit != NULL)) {
        return cim_reader_fail(reader,
                               field->has_min   ? "min"
                               : field->has_max ? "max"
                                                : "unit",
                               "只有 integer 和 number 字段有范围与单位",
                               "only fields of type integer and number have a range and a unit");
    }
    if (field->has_min && field->has_max && field->min > field->max) {
        return cim_reader_fail(reader, "max", "应不小于 min", "expected no less than min");
    }
    CIM_TRY(cim_reader_int(reader, "max_length", 1, CIM_TEXT_FIELD_MAX, &field->max_length));
    if (field->max_length != 0 && field->type != CIM_FIELD_TEXT) {
        return cim_reader_fail(reader, "max_length", "只有 text 字段有长度",
                               "only a field of type text has a length");
    }
    return CIM_OK;
}

/* What is encrypted has no order and no parts: it is found by equality or not at all. */
static cim_status
read_encrypted(const struct cim_reader *reader, struct cim_field *field)
{
    field->encrypted =
        field->sensitive != CIM_SENSITIVE_NO && field->sensitive != CIM_SENSITIVE_NAME;
    CIM_TRY(cim_reader_bool(reader, "encrypted", &field->encrypted));
    if (field->encrypted && field->sensitive == CIM_SENSITIVE_NO) {
        return cim_reader_fail(reader, "encrypted", "只有敏感字段可以加密",
                               "only a sensitive field can be encrypted");
    }
    if (field->encrypted && (field->unique || field->search)) {
        return cim_reader_fail(reader, field->unique ? "unique" : "search",
                               "加密字段不能唯一，也不能检索",
                               "an encrypted field can be neither unique nor searched");
    }
    return CIM_OK;
}

/* Old data hold numbers whose check digit is wrong: better kept and named than lost. */
static cim_status
read_check_severity(const struct cim_reader *reader, struct cim_field *field)
{
    static const char *const severities[] = {"", "refuse", "warn"};
    int severity = 0;
    CIM_TRY(read_choice(reader, "check_severity", false, severities, 3, &severity));
    field->check_warns = severity == 2;
    return field->check_warns && (field->check == CIM_CHECK_NONE || field->encrypted ||
                                  field->check == CIM_CHECK_AREA_CODE)
               ? cim_reader_fail(
                     reader, "check_severity", "只用于有 check 且不加密的字段，区划代码除外",
                     "is for fields with a check that are not encrypted, but area codes")
               : CIM_OK;
}

static cim_status
read_flags(const struct cim_reader *reader, struct cim_field *field)
{
    CIM_TRY(cim_reader_bool(reader, "required", &field->required));
    CIM_TRY(cim_reader_bool(reader, "unique", &field->unique));
    CIM_TRY(cim_reader_bool(reader, "search", &field->search));
    CIM_TRY(read_encrypted(reader, field));
    CIM_TRY(read_check_severity(reader, field));
    if (field->unique && field->type != CIM_FIELD_TEXT && field->type != CIM_FIELD_INTEGER &&
        field->type != CIM_FIELD_DATE) {
        return cim_reader_fail(reader, "unique", "只有 text、integer 和 date 字段可以唯一",
                               "only fields of type text, integer and date can be unique");
    }
    if (field->search && field->type != CIM_FIELD_TEXT) {
        return cim_reader_fail(reader, "search", "只有 text 字段可以检索",
                               "only a field of type text can be searched");
    }
    return CIM_OK;
}

cim_status
cim_field_read(const struct cim_reader *reader, const struct cim_codes *codes,
               struct cim_field *field)
{
    static const char *const keys[] = {
        "name", "title",       "type",       "sensitive",      "check",  "codes",  "min",
        "max",  "unit",        "max_length", "required",       "unique", "search", "after",
        "next", "required_if", "encrypted",  "check_severity", NULL};
    CIM_TRY(cim_reader_only(reader, keys));
    CIM_TRY(cim_reader_text(reader, "name", true, &field->name));
    if (!cim_name_is_valid(field->name, "_", FIELD_NAME_MAX) || is_record_column(field->name) ||
        cim_is_reserved_word(field->name)) {
        return cim_reader_fail(
            reader, "name", "应为小写字母、数字和下划线，最多 40 个字符，不能是记录列或 SQL 保留字",
            "expected lower-case letters, digits and underscores, at most 40 "
            "characters, no record column and no reserved word of SQL");
    }
    CIM_TRY(cim_reader_text2(reader, "title", true, &field->title));
    CIM_TRY(read_kind(reader, field));
    CIM_TRY(read_codes(reader, codes, field));
    CIM_TRY(read_range(reader, field));
    CIM_TRY(read_flags(reader, field));
    return cim_field_read_rules(reader, field);
}
