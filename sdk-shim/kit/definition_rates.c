/* kit/definition_rates.c -- see definition_rates.h. */
#include "kit/definition_rates.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <stdlib.h>

enum { RATE_NAME_MAX = 40, LAYER_ID_MAX = 64 };

static cim_status
read_field(const struct cim_reader *reader, const struct cim_definition *def, struct cim_rate *rate)
{
    CIM_AUTO_FREE char *name = NULL;
    CIM_TRY(cim_reader_text(reader, "field", true, &name));
    for (size_t i = 0; i < def->n_count_by; i++) {
        if (strcmp(def->count_by[i]->name, name) == 0) {
            rate->field = def->count_by[i];
            return CIM_OK;
        }
    }
    return cim_reader_fail(reader, "field", "应为 count_by 中的一个字段",
                           "expected one of the fields in count_by");
}

static bool
is_value(const struct cim_field *field, const char *text)
{
    return field->type == CIM_FIELD_BOOLEAN
               ? strcmp(text, "true") == 0 || strcmp(text, "false") == 0
               : cim_code_find(field->codes, text) != NULL;
}

static bool
has(char *const *values, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(values[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static cim_status
read_values(const struct cim_reader *reader, const char *key, const struct cim_field *field,
            size_t *ret_n, char ***ret_values)
{
    struct json_object *array = NULL;
    CIM_TRY(cim_reader_array(reader, key, true, CIM_CODES_MAX, &array));
    const size_t n = json_object_array_length(array);
    char **values = calloc(n > 0 ? n : 1, sizeof *values);
    *ret_values = values;
    if (values == NULL) {
        return cim_fail_nomem(reader->err);
    }
    for (size_t i = 0; i < n; i++) {
        struct json_object *value = json_object_array_get_idx(array, i);
        const char *text = json_object_get_string(value);
        if (!json_object_is_type(value, json_type_string) || !is_value(field, text) ||
            has(values, *ret_n, text)) {
            return cim_reader_fail(reader, key, "应为该字段的不同取值",
                                   "expected different values of the field");
        }
        values[i] = cim_copy(text, strlen(text));
        if (values[i] == NULL) {
            return cim_fail_nomem(reader->err);
        }
        (*ret_n)++;
    }
    return n > 0 ? CIM_OK
                 : cim_reader_fail(reader, key, "至少一个取值", "expected at least one value");
}

static cim_status
read_rate(const struct cim_reader *reader, const struct cim_definition *def, struct cim_rate *rate)
{
    static const char *const keys[] = {"name", "title", "field", "numerator", "denominator", NULL};
    CIM_TRY(cim_reader_only(reader, keys));
    CIM_TRY(cim_reader_text(reader, "name", true, &rate->name));
    if (!cim_name_is_valid(rate->name, "_", RATE_NAME_MAX)) {
        return cim_reader_fail(reader, "name", "应为小写字母开头的名称",
                               "expected a name in lower case");
    }
    CIM_TRY(cim_reader_text2(reader, "title", true, &rate->title));
    CIM_TRY(read_field(reader, def, rate));
    CIM_TRY(
        read_values(reader, "denominator", rate->field, &rate->n_denominator, &rate->denominator));
    CIM_TRY(read_values(reader, "numerator", rate->field, &rate->n_numerator, &rate->numerator));
    for (size_t i = 0; i < rate->n_numerator; i++) {
        if (!has(rate->denominator, rate->n_denominator, rate->numerator[i])) {
            return cim_reader_fail(reader, "numerator", "取值应同时在 denominator 中",
                                   "expected values that are in denominator, too");
        }
    }
    return CIM_OK;
}

static cim_status
read_list(const struct cim_reader *tiles, struct cim_definition *def)
{
    struct json_object *array = NULL;
    CIM_TRY(cim_reader_array(tiles, "rates", false, CIM_RATES_MAX, &array));
    const size_t n = array != NULL ? json_object_array_length(array) : 0;
    if (n == 0) {
        return CIM_OK;
    }
    if (def->geometry != CIM_GEOMETRY_POINT) {
        return cim_reader_fail(tiles, "rates", "只用于点图层", "rates are for layers of points");
    }
    def->rates = calloc(n, sizeof *def->rates);
    if (def->rates == NULL) {
        return cim_fail_nomem(tiles->err);
    }
    for (size_t i = 0; i < n; i++) {
        struct cim_reader element;
        CIM_TRY(cim_reader_element(tiles, "rates", array, i, &element));
        def->n_rates++;
        CIM_TRY(read_rate(&element, def, &def->rates[i]));
        for (size_t k = 0; k < i; k++) {
            if (strcmp(def->rates[k].name, def->rates[i].name) == 0) {
                return cim_reader_fail(&element, "name", "名称重复", "the name is taken");
            }
        }
    }
    return CIM_OK;
}

cim_status
cim_read_rates(const struct cim_reader *tiles, struct cim_definition *def)
{
    CIM_TRY(read_list(tiles, def));
    CIM_TRY(cim_reader_text(tiles, "rate_areas", false, &def->rate_areas));
    if (def->rate_areas != NULL &&
        (def->n_rates == 0 || !cim_name_is_valid(def->rate_areas, "-.", LAYER_ID_MAX))) {
        return cim_reader_fail(tiles, "rate_areas", "应为图层编号，且须有 rates",
                               "expected the id of a layer, beside rates");
    }
    return CIM_OK;
}

static void
free_values(char **values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(values[i]);
    }
    free(values);
}

void
cim_rates_done(struct cim_definition *def)
{
    for (size_t i = 0; i < def->n_rates; i++) {
        struct cim_rate *rate = &def->rates[i];
        free(rate->name);
        cim_text2_done(&rate->title);
        free_values(rate->numerator, rate->n_numerator);
        free_values(rate->denominator, rate->n_denominator);
    }
    free(def->rates);
    free(def->rate_areas);
}
