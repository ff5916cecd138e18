/* kit/definition_rules.c -- what the fields of one definition say of each other: dates in order,
 * values that others require, the next transition of a class. */
#include "kit/definition_field.h"

#include "cim/util.h"

#include <stdlib.h>

/* {"field": F, "value": V} or {"field": F, "absent": true}. */
static cim_status
read_required_if(const struct cim_reader *reader, struct cim_field *field)
{
    static const char *const keys[] = {"field", "value", "absent", NULL};
    struct cim_reader rule;
    bool absent = false;
    bool flag = false;
    struct json_object *value = NULL;
    CIM_TRY(cim_reader_object(reader, "required_if", false, &rule));
    if (rule.object == NULL) {
        return CIM_OK;
    }
    CIM_TRY(cim_reader_only(&rule, keys));
    CIM_TRY(cim_reader_text(&rule, "field", true, &field->names[CIM_FIELD_REQUIRED_IF]));
    CIM_TRY(cim_reader_bool(&rule, "absent", &absent));
    if (absent == json_object_object_get_ex(rule.object, "value", &value)) {
        return cim_reader_fail(&rule, "value", "应给出 value，或 \"absent\": true",
                               "expected a value, or \"absent\": true");
    }
    if (absent) {
        return CIM_OK;
    }
    if (!json_object_is_type(value, json_type_boolean)) {
        return cim_reader_text(&rule, "value", true, &field->required_value);
    }
    CIM_TRY(cim_reader_bool(&rule, "value", &flag));
    field->required_value = cim_copy(flag ? "1" : "0", 1);
    return field->required_value != NULL ? CIM_OK : cim_fail_nomem(reader->err);
}

cim_status
cim_field_read_rules(const struct cim_reader *reader, struct cim_field *field)
{
    CIM_TRY(cim_reader_text(reader, "after", false, &field->names[CIM_FIELD_AFTER]));
    CIM_TRY(cim_reader_text(reader, "next", false, &field->names[CIM_FIELD_NEXT]));
    return read_required_if(reader, field);
}

static cim_status
join(const struct cim_reader *reader, const char *key, const struct cim_definition *def,
     const char *name, const struct cim_field **ret_field)
{
    char zh[120];
    char en[120];
    *ret_field = name != NULL ? cim_definition_field(def, name) : NULL;
    if (name != NULL && *ret_field == NULL) {
        (void)snprintf(zh, sizeof zh, "没有字段 %.60s", name);
        (void)snprintf(en, sizeof en, "there is no field %.60s", name);
        return cim_reader_fail(reader, key, zh, en);
    }
    return CIM_OK;
}

static cim_status
join_dates(const struct cim_reader *reader, const struct cim_definition *def,
           struct cim_field *field)
{
    CIM_TRY(join(reader, "after", def, field->names[CIM_FIELD_AFTER], &field->after));
    if (field->after != NULL &&
        (field->after == field || field->after->type != field->type ||
         (field->type != CIM_FIELD_DATE && field->type != CIM_FIELD_TIME))) {
        return cim_reader_fail(reader, "after", "应为另一个同类型的 date 或 time 字段",
                               "expected another field, both of type date or both of type time");
    }
    CIM_TRY(join(reader, "next", def, field->names[CIM_FIELD_NEXT], &field->next));
    if (field->next != NULL &&
        (field->next->type != CIM_FIELD_TIME ||
         (field->type != CIM_FIELD_CODE && field->type != CIM_FIELD_BOOLEAN))) {
        return cim_reader_fail(reader, "next", "code 或 boolean 字段的 next 应为 time 字段",
                               "expected a time field, named by a field of type code or boolean");
    }
    return CIM_OK;
}

static cim_status
join_required(const struct cim_reader *reader, const struct cim_definition *def,
              struct cim_field *field)
{
    CIM_TRY(
        join(reader, "required_if", def, field->names[CIM_FIELD_REQUIRED_IF], &field->required_if));
    const struct cim_field *other = field->required_if;
    const char *value = field->required_value;
    if (other == field) {
        return cim_reader_fail(reader, "required_if", "应为另一个字段", "expected another field");
    }
    if (other == NULL || value == NULL) {
        return CIM_OK;
    }
    const bool fits = other->type == CIM_FIELD_CODE
                          ? cim_code_find(other->codes, value) != NULL
                          : other->type == CIM_FIELD_BOOLEAN &&
                                (strcmp(value, "0") == 0 || strcmp(value, "1") == 0);
    return fits ? CIM_OK
                : cim_reader_fail(reader, "required_if",
                                  "应为 code 字段的一个代码，或 boolean 字段的 true、false",
                                  "expected a code of a code field, or true or false of a boolean");
}

cim_status
cim_fields_join(const struct cim_reader *reader, struct json_object *array,
                struct cim_definition *def)
{
    for (size_t i = 0; i < def->n_fields; i++) {
        struct cim_field *field = &def->fields[i];
        struct cim_reader element;
        CIM_TRY(cim_reader_element(reader, "fields", array, i, &element));
        CIM_TRY(join_dates(&element, def, field));
        CIM_TRY(join_required(&element, def, field));
        def->has_warnings =
            def->has_warnings || field->check_warns || field->check == CIM_CHECK_USCC;
        def->has_rules = def->has_rules || field->after != NULL || field->required_if != NULL;
        def->has_next = def->has_next || field->next != NULL;
        if (field->next != NULL) {
            def->fields[field->next - def->fields].is_next = true;
        }
    }
    return CIM_OK;
}
