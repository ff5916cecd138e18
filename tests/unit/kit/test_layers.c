/* tests/unit/kit/test_layers.c -- what every definition of the repository has to say: titles in
 * both languages, units of what is measured, code lists that are known and used, checks of numbers
 * that have a form, days and moments as their names promise. */
#include "unit.h"

#include "kit/definition.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DEFINITIONS_MAX = 200, PATH_BYTES = 512 };

struct layers {
    struct cim_codes *codes;
    size_t n;
    struct cim_definition *defs[DEFINITIONS_MAX];
};

static char *
read_file(const char *path, size_t *ret_len)
{
    char *text = malloc(1 << 20);
    FILE *file = fopen(path, "rb");
    assert_non_null(text);
    assert_non_null(file);
    *ret_len = fread(text, 1, 1 << 20, file);
    assert_in_range(*ret_len, 1, (1 << 20) - 1);
    assert_int_equal(fclose(file), 0);
    return text;
}

static int
setup(void **state)
{
    struct layers *layers = calloc(1, sizeof *layers);
    DIR *dir = opendir(LAYERS_DIR);
    size_t len = 0;
    cim_error err = {0};
    assert_non_null(layers);
    assert_non_null(dir);
    char *text = read_file(LAYERS_DIR "/codes.json", &len);
    assert_ok(cim_codes_parse("codes.json", text, len, &layers->codes, &err), &err);
    free(text);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[PATH_BYTES];
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".json") != 0 || strcmp(entry->d_name, "codes.json") == 0) {
            continue;
        }
        (void)snprintf(path, sizeof path, "%s/%s", LAYERS_DIR, entry->d_name);
        text = read_file(path, &len);
        assert_in_range(layers->n, 0, DEFINITIONS_MAX - 1);
        assert_ok(cim_definition_parse(entry->d_name, text, len, layers->codes,
                                       &layers->defs[layers->n], &err),
                  &err);
        layers->n++;
        free(text);
    }
    assert_int_equal(closedir(dir), 0);
    assert_true(layers->n >= 65);
    *state = layers;
    return 0;
}

static int
teardown(void **state)
{
    struct layers *layers = *state;
    for (size_t i = 0; i < layers->n; i++) {
        cim_definition_free(layers->defs[i]);
    }
    cim_codes_free(layers->codes);
    free(layers);
    return 0;
}

typedef void (*field_fn)(const struct cim_definition *def, const struct cim_field *field);

static void
each_field(void **state, field_fn check)
{
    const struct layers *layers = *state;
    for (size_t i = 0; i < layers->n; i++) {
        for (size_t j = 0; j < layers->defs[i]->n_fields; j++) {
            check(layers->defs[i], &layers->defs[i]->fields[j]);
        }
    }
}

/* A Chinese character: three bytes from U+4E00 to U+9FFF. */
static bool
is_chinese(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text >= 0xE4 && (unsigned char)*text <= 0xE9) {
            return true;
        }
    }
    return false;
}

static void
check_title(const char *where, const char *name, const struct cim_text2 *title)
{
    if (title->zh == NULL || title->en == NULL || title->en[0] == '\0' || is_chinese(title->en)) {
        fail_msg("%s %s: expected a title in Chinese and one in English", where, name);
    }
}

/* Words such as "A" or "DN50" are the same in every language. */
static void
check_chinese(const char *where, const char *name, const struct cim_text2 *title)
{
    check_title(where, name, title);
    if (!is_chinese(title->zh)) {
        fail_msg("%s %s: '%s' is not Chinese", where, name, title->zh);
    }
}

static void
check_field_title(const struct cim_definition *def, const struct cim_field *field)
{
    check_chinese(def->id, field->name, &field->title);
}

static void
test_titles_are_in_both_languages(void **state)
{
    const struct layers *layers = *state;
    each_field(state, check_field_title);
    for (size_t i = 0; i < layers->n; i++) {
        const struct cim_definition *def = layers->defs[i];
        check_chinese(def->id, "title", &def->title);
        check_chinese(def->id, "description", &def->description);
        for (size_t j = 0; j < def->n_rates; j++) {
            check_chinese(def->id, def->rates[j].name, &def->rates[j].title);
        }
    }
}

/* ---- units ---- */

/* Numbers that count nothing and measure nothing. */
static const char *const without_unit[] = {
    "lpg.assessments score",
    "lpg.buildings built_year",
    "lpg.credit-entries points",
    "lpg.cylinder-events reader_sequence",
    "lpg.enterprises credit_score",
    "lpg.exchange-logs from_pos",
    "lpg.exchange-logs to_pos",
    "lpg.inspection-items sequence",
    "lpg.inspections score",
    "lpg.orders score",
    "lpg.readings value", /* its unit is the field beside it */
    "lpg.roads level",
    "lpg.separation-rules times_height",
    "lpg.separation-rules band_over",
    "lpg.separation-rules band_upto",
    "lpg.trainings score",
    "lpg.transport-routes risk_index",
};

static const struct {
    const char *ending;
    const char *unit;
} units[] = {
    {"_mg_m3", "mg/m³"},  {"_km_h", "km/h"}, {"_m2", "m²"},   {"_m3", "m³"},    {"_km2", "km²"},
    {"_m", "m"},          {"_km", "km"},     {"_mm", "mm"},   {"_kg", "kg"},    {"_t", "t"},
    {"_l", "L"},          {"_mpa", "MPa"},   {"_kpa", "kPa"}, {"_deg", "°"},    {"_percent", "%"},
    {"_lel", "%LEL"},     {"_s", "s"},       {"_min", "min"}, {"_years", "年"}, {"_cny", "元"},
    {"_cny_10k", "万元"}, {"_w", "W"},       {"_c", "℃"},     {"_mhz", "MHz"},
};

static bool
ends_with(const char *text, const char *ending)
{
    const size_t len = strlen(text);
    const size_t n = strlen(ending);
    return len > n && strcmp(text + len - n, ending) == 0;
}

static void
check_unit(const struct cim_definition *def, const struct cim_field *field)
{
    const bool is_number = field->type == CIM_FIELD_INTEGER || field->type == CIM_FIELD_NUMBER;
    char name[128];
    bool excused = false;
    (void)snprintf(name, sizeof name, "%s %s", def->id, field->name);
    for (size_t i = 0; i < sizeof without_unit / sizeof without_unit[0]; i++) {
        excused = excused || strcmp(without_unit[i], name) == 0;
    }
    if ((field->unit == NULL) != (!is_number || excused)) {
        fail_msg("%s: a unit belongs to each number that has a dimension, and to nothing else",
                 name);
    }
    for (size_t i = 0; field->unit != NULL && i < sizeof units / sizeof units[0]; i++) {
        if (ends_with(field->name, units[i].ending)) {
            if (strcmp(field->unit, units[i].unit) != 0) {
                fail_msg("%s: its name says %s, its unit %s", name, units[i].unit, field->unit);
            }
            return; /* longer endings stand before those that they end with */
        }
    }
}

static void
test_numbers_have_the_units_of_their_names(void **state)
{
    each_field(state, check_unit);
}

/* ---- codes ---- */

static void
test_code_lists_are_used_and_tell_apart(void **state)
{
    const struct layers *layers = *state;
    for (size_t i = 0; i < layers->codes->n_lists; i++) {
        const struct cim_code_list *list = &layers->codes->lists[i];
        bool used = false;
        check_chinese("codes.json", list->id, &list->title);
        for (size_t d = 0; d < layers->n; d++) {
            for (size_t f = 0; f < layers->defs[d]->n_fields; f++) {
                used = used || layers->defs[d]->fields[f].codes == list;
            }
        }
        if (!used) {
            fail_msg("codes.json: nobody uses %s", list->id);
        }
        for (size_t j = 0; j < list->n_codes; j++) {
            check_title(list->id, list->codes[j].value, &list->codes[j].title);
            for (size_t k = 0; k < j; k++) {
                /* imports understand titles */
                if (strcmp(list->codes[j].title.zh, list->codes[k].title.zh) == 0) {
                    fail_msg("codes.json %s: %s and %s are both %s", list->id, list->codes[k].value,
                             list->codes[j].value, list->codes[j].title.zh);
                }
            }
        }
    }
}

/* ---- forms ---- */

static void
check_form(const struct cim_definition *def, const struct cim_field *field)
{
    static const struct {
        const char *name;
        enum cim_check check;
        bool sensitive;
    } forms[] = {
        {"phone", CIM_CHECK_PHONE, true},     {"contact_phone", CIM_CHECK_PHONE, true},
        {"id_no", CIM_CHECK_ID_CARD, true},   {"uscc", CIM_CHECK_USCC, false},
        {"plate", CIM_CHECK_PLATE, false},    {"gb28181_id", CIM_CHECK_GB28181, false},
        {"sim_no", CIM_CHECK_IOT_SIM, false},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const bool is_it = strcmp(field->name, forms[i].name) == 0 ||
                           (forms[i].check == CIM_CHECK_USCC && ends_with(field->name, "_uscc"));
        if (is_it && (field->check != forms[i].check ||
                      (forms[i].sensitive && field->sensitive == CIM_SENSITIVE_NO))) {
            fail_msg("%s %s: is not checked, or not sensitive", def->id, field->name);
        }
    }
    if ((ends_with(field->name, "_on") && field->type != CIM_FIELD_DATE) ||
        (ends_with(field->name, "_at") && field->type != CIM_FIELD_TIME) ||
        (ends_with(field->name, "_next_change") && field->type != CIM_FIELD_TIME)) {
        fail_msg("%s %s: _on is a day, _at and _next_change are moments", def->id, field->name);
    }
    if (field->type == CIM_FIELD_TEXT && field->max_length == 0) {
        fail_msg("%s %s: how long may the text be?", def->id, field->name);
    }
}

static void
test_numbers_with_a_form_are_checked(void **state)
{
    each_field(state, check_form);
}

static void
test_each_is_catalogued_kept_and_drawn(void **state)
{
    static const char *const updates[] = {"realtime", "daily", "monthly", "yearly"};
    const struct layers *layers = *state;
    for (size_t i = 0; i < layers->n; i++) {
        const struct cim_definition *def = layers->defs[i];
        bool known = false;
        char path[PATH_BYTES];
        for (size_t j = 0; j < sizeof updates / sizeof updates[0]; j++) {
            known = known || (def->catalogue.update != NULL &&
                              strcmp(def->catalogue.update, updates[j]) == 0);
        }
        if (!known || def->catalogue.class_name == NULL || def->retention == NULL ||
            def->n_clauses == 0 || def->n_popup == 0 ||
            cim_definition_field(def, def->label) == NULL) {
            fail_msg("%s: class, update, retention, clauses, popup or label is missing", def->id);
        }
        (void)snprintf(path, sizeof path, "%s/../styles/%s.json", LAYERS_DIR, def->style);
        if (def->geometry != CIM_GEOMETRY_NONE && access(path, R_OK) != 0) {
            fail_msg("%s: there is no style %s", def->id, def->style);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_titles_are_in_both_languages),
        cmocka_unit_test(test_numbers_have_the_units_of_their_names),
        cmocka_unit_test(test_code_lists_are_used_and_tell_apart),
        cmocka_unit_test(test_numbers_with_a_form_are_checked),
        cmocka_unit_test(test_each_is_catalogued_kept_and_drawn),
    };
    return cmocka_run_group_tests_name("layers", tests, setup, teardown);
}
