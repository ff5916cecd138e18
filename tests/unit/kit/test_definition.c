/* tests/unit/kit/test_definition.c -- the strict parser, and every definition of the repository. */
#include "unit.h"

#include "fail_alloc.h"
#include "kit/definition.h"
#include "kit/json.h"

#include <dirent.h>
#include <json-c/json.h>
#include <stdlib.h>

static const char codes_text[] =
    "{\"state\": {\"title\": {\"zh\": \"状态\"}, \"values\": ["
    "{\"value\": \"on\", \"zh\": \"开\", \"en\": \"On\"}, {\"value\": \"off\", \"zh\": \"关\"}]}}";

static const char full_text[] =
    "{\"id\": \"lpg.end-users\", \"title\": {\"zh\": \"用户\", \"en\": \"Users\"},\n"
    " \"description\": {\"zh\": \"说明\"}, \"clauses\": [\"6.4.3-1a\", \"3.4\"],\n"
    " \"table\": \"lpg_end_user\", \"geometry\": \"Point\", \"area\": \"area_code\",\n"
    " \"owner\": \"owner_org\", \"label\": \"name\", \"time\": \"seen_at\", \"retention\": "
    "\"10y\",\n"
    " \"fields\": [\n"
    "  {\"name\": \"name\", \"type\": \"text\", \"title\": {\"zh\": \"名称\"}, \"required\": "
    "true,\n"
    "   \"search\": true, \"max_length\": 200, \"sensitive\": \"name\"},\n"
    "  {\"name\": \"uscc\", \"type\": \"text\", \"title\": {\"zh\": \"信用代码\"}, \"unique\": "
    "true,\n"
    "   \"check\": \"uscc\"},\n"
    "  {\"name\": \"state\", \"type\": \"code\", \"codes\": \"state\", \"title\": {\"zh\": "
    "\"状态\"}, \"next\": \"seen_at\"},\n"
    "  {\"name\": \"size\", \"type\": \"number\", \"min\": 0, \"max\": 2.5, \"unit\": \"L\",\n"
    "   \"title\": {\"zh\": \"容量\"}},\n"
    "  {\"name\": \"n\", \"type\": \"integer\", \"title\": {\"zh\": \"数\"}},\n"
    "  {\"name\": \"b\", \"type\": \"boolean\", \"title\": {\"zh\": \"是否\"}},\n"
    "  {\"name\": \"d\", \"type\": \"date\", \"title\": {\"zh\": \"日期\"}},\n"
    "  {\"name\": \"seen_at\", \"type\": \"time\", \"title\": {\"zh\": \"时间\"}},\n"
    "  {\"name\": \"ends\", \"type\": \"date\", \"after\": \"d\", \"title\": {\"zh\": \"止\"},\n"
    "   \"required_if\": {\"field\": \"state\", \"value\": \"off\"}}],\n"
    " \"immutable\": true,\n"
    " \"placing\": {\"address\": \"uscc\", \"grade\": \"state\", \"error\": \"size\", "
    "\"source\": \"uscc\", \"least\": \"on\"},\n"
    " \"tiles\": {\"attributes\": [\"name\", \"state\"], \"count_by\": [\"state\", \"b\"],\n"
    "            \"rates\": [{\"name\": \"lit\", \"title\": {\"zh\": \"开\"}, \"field\": "
    "\"state\",\n"
    "              \"numerator\": [\"on\"], \"denominator\": [\"on\", \"off\"]}],\n"
    "            \"rate_areas\": \"lpg.districts\",\n"
    "            \"min_zoom\": 3, \"max_zoom\": 16},\n"
    " \"popup\": [\"name\"], \"style\": \"users\",\n"
    " \"catalogue\": {\"class\": \"公共专题\", \"update\": \"daily\"}}";

static struct cim_codes *
parse_codes(void)
{
    struct cim_codes *codes = NULL;
    cim_error err = {0};
    assert_ok(cim_codes_parse("codes.json", codes_text, sizeof codes_text - 1, &codes, &err), &err);
    return codes;
}

static void
test_full_definition_is_read_whole(void **state)
{
    struct cim_codes *codes = parse_codes();
    struct cim_definition *def = NULL;
    cim_error err = {0};
    (void)state;
    assert_ok(cim_definition_parse("x.json", full_text, sizeof full_text - 1, codes, &def, &err),
              &err);
    assert_string_equal(def->id, "lpg.end-users");
    assert_string_equal(def->title.en, "Users");
    assert_string_equal(def->description.en, "说明");
    assert_int_equal(def->geometry, CIM_GEOMETRY_POINT);
    assert_int_equal(def->n_fields, 9);
    assert_int_equal(def->n_clauses, 2);
    assert_string_equal(def->clauses[1], "3.4");
    const struct cim_field *name = cim_definition_field(def, "name");
    assert_true(name->required && name->search && !name->unique);
    assert_int_equal(name->max_length, 200);
    assert_int_equal(name->sensitive, CIM_SENSITIVE_NAME);
    const struct cim_field *kind = cim_definition_field(def, "state");
    assert_ptr_equal(kind->codes, cim_codes_find(codes, "state"));
    assert_string_equal(cim_code_find(kind->codes, "off")->title.en, "关");
    assert_null(cim_code_find(kind->codes, "OFF"));
    const struct cim_field *size = cim_definition_field(def, "size");
    assert_true(size->has_min && size->has_max && size->max == 2.5);
    assert_string_equal(size->unit, "L");
    assert_int_equal(cim_definition_field(def, "uscc")->check, CIM_CHECK_USCC);
    assert_null(cim_definition_field(def, "fid"));
    assert_ptr_equal(kind->next, cim_definition_field(def, "seen_at"));
    assert_true(kind->next->is_next && !kind->is_next && def->has_next);
    const struct cim_field *ends = cim_definition_field(def, "ends");
    assert_ptr_equal(ends->after, cim_definition_field(def, "d"));
    assert_ptr_equal(ends->required_if, kind);
    assert_string_equal(ends->required_value, "off");
    assert_true(def->has_rules && def->immutable);
    assert_int_equal(def->n_count_by, 2);
    assert_ptr_equal(def->count_by[0], kind);
    assert_int_equal(def->n_rates, 1);
    assert_string_equal(def->rates[0].name, "lit");
    assert_ptr_equal(def->rates[0].field, kind);
    assert_int_equal(def->rates[0].n_numerator, 1);
    assert_int_equal(def->rates[0].n_denominator, 2);
    assert_string_equal(def->rates[0].denominator[1], "off");
    assert_string_equal(def->rate_areas, "lpg.districts");
    assert_ptr_equal(def->placing.grade, kind);
    assert_true(cim_placing_is_good(&def->placing, "on", 2));
    assert_false(cim_placing_is_good(&def->placing, "off", 3));
    assert_false(cim_placing_is_good(&def->placing, "", 0));
    assert_int_equal(def->tile_min_zoom, 3);
    assert_int_equal(def->tile_max_zoom, 16);
    assert_string_equal(def->time, "seen_at");
    assert_string_equal(def->catalogue.class_name, "公共专题");
    assert_string_equal(cim_geometry_name(def->geometry), "Point");
    cim_definition_free(def);
    cim_codes_free(codes);
}

static void
test_least_definition_has_defaults(void **state)
{
    static const char text[] =
        "{\"id\":\"a.b\",\"title\":{\"zh\":\"甲\"},\"table\":\"t\","
        "\"geometry\":\"None\",\"fields\":[{\"name\":\"x\",\"type\":\"text\","
        "\"title\":{\"zh\":\"乙\"}}]}";
    struct cim_definition *def = NULL;
    cim_error err = {0};
    (void)state;
    assert_ok(cim_definition_parse("x.json", text, sizeof text - 1, NULL, &def, &err), &err);
    assert_string_equal(def->label, "x");
    assert_string_equal(def->time, "updated_at");
    assert_string_equal(def->style, "b");
    assert_int_equal(def->tile_max_zoom, 18);
    assert_null(def->retention);
    assert_false(def->has_rules || def->has_next || def->immutable);
    cim_definition_free(def);
}

/* `from` in the full text is replaced by `to`. */
struct defect {
    const char *from;
    const char *to;
    const char *param;
    const char *message;
};

static const struct defect defects[] = {
    {"\"id\": \"lpg.end-users\"", "\"id\": \"LPG\"", "id", "lpg.end-users"},
    {"\"id\": \"lpg.end-users\"", "\"id\": \"lpg\"", "id", "lpg.end-users"},
    {"\"id\": \"lpg.end-users\"", "\"id\": \"lpg.\"", "id", "lpg.end-users"},
    {"\"id\": \"lpg.end-users\"", "\"id\": 5", "id", "expected a text"},
    {"\"id\": \"lpg.end-users\", ", "", "id", "expected a text"},
    {"{\"zh\": \"用户\", \"en\": \"Users\"}", "\"用户\"", "title", "expected an object"},
    {"{\"zh\": \"用户\", \"en\": \"Users\"}", "{\"en\": \"Users\"}", "title.zh", "expected a text"},
    {"\"en\": \"Users\"", "\"fr\": \"Users\"", "title.fr", "not known"},
    {"\"table\": \"lpg_end_user\"", "\"table\": \"t; drop\"", "table", "lower-case"},
    {"\"table\": \"lpg_end_user\"", "\"table\": \"select\"", "table", "reserved"},
    {"\"Point\"", "\"point\"", "geometry", "expected Point"},
    {"\"area\": \"area_code\"", "\"area\": \"region\"", "area", "expected area_code"},
    {"\"owner\": \"owner_org\"", "\"owners\": \"owner_org\"", "owners", "not known"},
    {"\"label\": \"name\"", "\"label\": \"nam\"", "label", "no such field"},
    {"\"time\": \"seen_at\"", "\"time\": \"size\"", "time", "date or time"},
    {"\"retention\": \"10y\"", "\"retention\": \"10 years\"", "retention", "180d"},
    {"\"retention\": \"10y\"", "\"retention\": \"0y\"", "retention", "180d"},
    {"\"name\": \"n\"", "\"name\": \"size\"", "fields[4].name", "twice"},
    {"\"name\": \"n\"", "\"name\": \"fid\"", "fields[4].name", "record column"},
    {"\"name\": \"n\"", "\"name\": \"order\"", "fields[4].name", "reserved"},
    {"\"name\": \"n\"", "\"name\": \"N\"", "fields[4].name", "lower-case"},
    {"\"name\": \"n\"", "\"name\": \"n\", \"nam\": 1", "fields[4].nam", "not known"},
    {"\"integer\"", "\"int\"", "fields[4].type", "text, integer, number"},
    {"\"codes\": \"state\"", "\"codes\": \"states\"", "fields[2].codes", "no such code list"},
    {"\"type\": \"code\", \"codes\": \"state\"", "\"type\": \"code\"", "fields[2].codes",
     "expected a text"},
    {"\"type\": \"code\"", "\"type\": \"text\"", "fields[2].codes", "type code"},
    {"\"max\": 2.5", "\"max\": -1", "fields[3].max", "no less than min"},
    {"\"max\": 2.5", "\"max\": \"2.5\"", "fields[3].max", "expected a number"},
    {"\"type\": \"boolean\"", "\"type\": \"boolean\", \"min\": 1", "fields[5].min", "range"},
    {"\"max_length\": 200", "\"max_length\": 4001", "fields[0].max_length", "1 to 4000"},
    {"\"max_length\": 200", "\"max_length\": 1.5", "fields[0].max_length", "whole number"},
    {"\"required\": true", "\"required\": 1", "fields[0].required", "true or false"},
    {"\"sensitive\": \"name\"", "\"sensitive\": \"secret\"", "fields[0].sensitive", "name, id"},
    {"\"check\": \"uscc\"", "\"check\": \"vin\"", "fields[1].check", "gb28181"},
    {"\"type\": \"date\"", "\"type\": \"date\", \"check\": \"phone\"", "fields[6].check", "text"},
    {"\"after\": \"d\"", "\"after\": \"dd\"", "fields[8].after", "no field dd"},
    {"\"after\": \"d\"", "\"after\": \"ends\"", "fields[8].after", "another field"},
    {"\"after\": \"d\"", "\"after\": \"seen_at\"", "fields[8].after", "both of type date"},
    {"\"after\": \"d\"", "\"next\": \"seen_at\"", "fields[8].next", "code or boolean"},
    {"\"next\": \"seen_at\"", "\"next\": \"d\"", "fields[2].next", "expected a time field"},
    {"\"next\": \"seen_at\"", "\"next\": \"x\"", "fields[2].next", "no field x"},
    {"\"value\": \"off\"", "\"value\": \"gone\"", "fields[8].required_if", "a code of"},
    {"\"value\": \"off\"", "\"value\": true", "fields[8].required_if", "a code of"},
    {"\"value\": \"off\"", "\"value\": 1", "fields[8].required_if.value", "expected a text"},
    {"\"value\": \"off\"", "\"absent\": false", "fields[8].required_if.value", "absent"},
    {"\"value\": \"off\"", "\"value\": \"off\", \"absent\": true", "fields[8].required_if.value",
     "absent"},
    {"\"field\": \"state\"", "\"field\": \"ends\"", "fields[8].required_if", "another field"},
    {"\"field\": \"state\"", "\"field\": \"size\"", "fields[8].required_if", "a code of"},
    {"\"field\": \"state\"", "\"of\": \"state\"", "fields[8].required_if.of", "not known"},
    {"\"immutable\": true", "\"immutable\": 1", "immutable", "true or false"},
    {"\"attributes\": [\"name\", \"state\"]", "\"attributes\": [\"nam\"]", "tiles.attributes",
     "no field nam"},
    {"\"attributes\": [\"name\", \"state\"]", "\"attributes\": [\"name\", \"name\"]",
     "tiles.attributes", "twice"},
    {"\"count_by\": [\"state\", \"b\"]", "\"count_by\": [\"size\"]", "tiles.count_by", "code"},
    {"\"field\": \"state\",\n", "\"field\": \"size\",", "tiles.rates[0].field", "count_by"},
    {"\"numerator\": [\"on\"]", "\"numerator\": [\"dim\"]", "tiles.rates[0].numerator", "values"},
    {"\"numerator\": [\"on\"]", "\"numerator\": []", "tiles.rates[0].numerator", "at least one"},
    {"\"denominator\": [\"on\", \"off\"]", "\"denominator\": [\"off\"]", "tiles.rates[0].numerator",
     "denominator"},
    {"\"denominator\": [\"on\", \"off\"]", "\"denominator\": [\"on\", \"on\"]",
     "tiles.rates[0].denominator", "different"},
    {"\"name\": \"lit\"", "\"name\": \"Lit\"", "tiles.rates[0].name", "lower case"},
    {"\"rate_areas\": \"lpg.districts\"", "\"rate_areas\": \"x/y\"", "tiles.rate_areas", "id"},
    {"\"least\": \"on\"", "\"least\": \"dim\"", "placing.least", "code of grade"},
    {"\"address\": \"uscc\"", "\"address\": \"name\"", "placing.address", "may be absent"},
    {"\"grade\": \"state\"", "\"grade\": \"n\"", "placing.grade", "of its type"},
    {"\"error\": \"size\"", "\"error\": \"n\"", "placing.error", "of its type"},
    {"\"geometry\": \"Point\"", "\"geometry\": \"Polygon\"", "placing", "layers of points"},
    {"\"min_zoom\": 3", "\"min_zoom\": 30", "tiles.min_zoom", "0 to 24"},
    {"\"max_zoom\": 16", "\"max_zoom\": 2", "tiles.max_zoom", "3 to 24"},
    {"\"popup\": [\"name\"]", "\"popup\": \"name\"", "popup", "expected a list"},
    {"\"popup\": [\"name\"]", "\"popup\": [1]", "popup", "list of texts"},
    {"\"style\": \"users\"", "\"style\": \"../users\"", "style", "lower-case"},
    {"\"class\": \"公共专题\"", "\"klass\": \"公共专题\"", "catalogue.klass", "not known"},
    {"{\"name\": \"n\", \"type\": \"integer\", \"title\": {\"zh\": \"数\"}}", "7", "fields[4]",
     "expected an object"},
};

static size_t
apply(const struct defect *defect, char *to, size_t capacity)
{
    const char *at = strstr(full_text, defect->from);
    assert_non_null(at);
    const int len = snprintf(to, capacity, "%.*s%s%s", (int)(at - full_text), full_text, defect->to,
                             at + strlen(defect->from));
    assert_true(len > 0 && (size_t)len < capacity);
    return (size_t)len;
}

static void
test_each_defect_is_refused_by_its_path(void **state)
{
    struct cim_codes *codes = parse_codes();
    (void)state;
    for (size_t i = 0; i < sizeof defects / sizeof defects[0]; i++) {
        char text[4096];
        struct cim_definition *def = NULL;
        cim_error err = {0};
        const size_t len = apply(&defects[i], text, sizeof text);
        if (cim_definition_parse("layers/x.json", text, len, codes, &def, &err) != CIM_E_INVALID) {
            fail_msg("accepted: %s", defects[i].to);
        }
        assert_null(def);
        assert_string_equal(err.param, defects[i].param);
        assert_contains(err.en, defects[i].message);
        assert_contains(err.en, "layers/x.json");
        assert_contains(err.zh, defects[i].param);
    }
    cim_codes_free(codes);
}

static void
test_syntax_errors_name_line_and_column(void **state)
{
    static const struct {
        const char *text;
        const char *place;
        const char *message;
    } cases[] = {
        {"{\"a\": 1\n \"b\": 2}", "x.json:2:2:", "comma"},
        {"{\"a\": [1 2]}", "x.json:1:10:", "comma"},
        {"{\"a\" 1}", "x.json:1:6:", "colon"},
        {"{\"a\": 1,}", "x.json:1:9:", "comma too many"},
        {"{\"a\": 1", "x.json:1:8:", "ends here"},
        {"", "x.json:1:1:", "ends here"},
        {"{'a': 1}", "x.json:1:2:", "double quote"},
        {"{\"a\": 'x'}", "x.json:1:7:", ""},
        {"{\"a\": NaN}", "x.json:1:7:", "JSON value"},
        {"{\"a\": -Infinity}", "x.json:1:7:", "JSON value"},
        {"{\"a\": 012}", "x.json:1:", ""},
        {"{\"a\": \"x\ny\"}", "x.json:1:9:", "control"},
        {"{\"a\": /* x */ 1}", "x.json:1:7:", ""},
        {"{\"a\": 1} x", "x.json:1:10:", ""},
        {"{\"a\": nul}", "x.json:1:", ""},
        {"{\"a\": \"\xFF\"}", "x.json:1:8:", "UTF-8"},
        {"{\"键\": 1,\n\n  \"键\": 2}", "x.json:3:3:", "twice"},
        {"{\"a\": {\"b\": [{\"c\": 1, \"c\": 1}]}}", "x.json:1:23:", "twice"},
        {"{\"a\": \"x\\u0000y\"}", "x.json:1:9:", "NUL"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cim_definition *def = NULL;
        cim_error err = {0};
        if (cim_definition_parse("x.json", cases[i].text, strlen(cases[i].text), NULL, &def,
                                 &err) != CIM_E_INVALID) {
            fail_msg("accepted: %s", cases[i].text);
        }
        assert_contains(err.en, cases[i].place);
        assert_contains(err.en, cases[i].message);
    }
}

static void
test_json_values_by_themselves(void **state)
{
    static const char *const good[] = {"12", "null", "\"x\"", "[]", " {} ", "true", "-1.5e3"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct json_object *value = NULL;
        cim_error err = {0};
        assert_ok(cim_json_parse("x", good[i], strlen(good[i]), &value, &err), &err);
        json_object_put(value);
    }
    char deep[2 * CIM_JSON_DEPTH_MAX + 8];
    struct json_object *value = NULL;
    memset(deep, '[', sizeof deep);
    assert_int_equal(cim_json_parse("x", deep, sizeof deep, &value, NULL), CIM_E_INVALID);
}

static void
test_code_lists_are_strict(void **state)
{
    static const struct {
        const char *text;
        const char *param;
    } cases[] = {
        {"{\"A\": {\"title\": {\"zh\": \"x\"}, \"values\": [{\"value\": \"a\", \"zh\": \"x\"}]}}",
         "A"},
        {"{\"a\": {\"title\": {\"zh\": \"x\"}, \"values\": []}}", "a.values"},
        {"{\"a\": {\"values\": [{\"value\": \"a\", \"zh\": \"x\"}]}}", "a.title"},
        {"{\"a\": {\"title\": {\"zh\": \"x\"}, \"values\": [{\"value\": \"a\", \"zh\": \"x\"}, "
         "{\"value\": \"a\", \"zh\": \"x\"}]}}",
         "a.values[1].value"},
        {"{\"a\": {\"title\": {\"zh\": \"x\"}, \"values\": [{\"value\": 1, \"zh\": \"x\"}]}}",
         "a.values[0].value"},
        {"{\"a\": {\"title\": {\"zh\": \"x\"}, \"values\": [7]}}", "a.values[0]"},
        {"{\"a\": []}", "a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cim_codes *codes = NULL;
        cim_error err = {0};
        assert_int_equal(
            cim_codes_parse("codes.json", cases[i].text, strlen(cases[i].text), &codes, &err),
            CIM_E_INVALID);
        assert_string_equal(err.param, cases[i].param);
    }
    struct cim_codes *codes = NULL;
    assert_int_equal(cim_codes_parse("codes.json", "[]", 2, &codes, NULL), CIM_E_INVALID);
}

static void
test_survives_every_failed_allocation(void **state)
{
    (void)state;
    for (long nth = 1;; nth++) {
        struct cim_codes *codes = NULL;
        struct cim_definition *def = NULL;
        fail_alloc_at(nth);
        cim_status status =
            cim_codes_parse("codes.json", codes_text, sizeof codes_text - 1, &codes, NULL);
        if (status == CIM_OK) {
            status =
                cim_definition_parse("x.json", full_text, sizeof full_text - 1, codes, &def, NULL);
        }
        const int happened = fail_alloc_happened();
        fail_alloc_at(0);
        assert_int_equal(status, happened ? CIM_E_NOMEM : CIM_OK);
        cim_definition_free(def);
        cim_codes_free(codes);
        if (!happened) {
            assert_true(nth > 50);
            return;
        }
    }
}

static char *
read_file(const char *path, size_t *ret_len)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = test_malloc(CIM_LAYER_TEXT_MAX);
    *ret_len = fread(text, 1, CIM_LAYER_TEXT_MAX, file);
    assert_int_equal(fclose(file), 0);
    return text;
}

static void
test_definitions_of_the_repository_parse(void **state)
{
    struct cim_codes *codes = NULL;
    cim_error err = {0};
    size_t len = 0;
    int count = 0;
    (void)state;
    char *text = read_file(LAYERS_DIR "/codes.json", &len);
    assert_ok(cim_codes_parse("codes.json", text, len, &codes, &err), &err);
    test_free(text);
    DIR *dir = opendir(LAYERS_DIR);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[512];
        char expected[64];
        struct cim_definition *def = NULL;
        const size_t name_len = strlen(entry->d_name);
        if (name_len < 6 || strcmp(entry->d_name + name_len - 5, ".json") != 0 ||
            strcmp(entry->d_name, "codes.json") == 0) {
            continue;
        }
        (void)snprintf(path, sizeof path, "%s/%s", LAYERS_DIR, entry->d_name);
        text = read_file(path, &len);
        assert_ok(cim_definition_parse(entry->d_name, text, len, codes, &def, &err), &err);
        (void)snprintf(expected, sizeof expected, "lpg.%.*s", (int)name_len - 5, entry->d_name);
        assert_string_equal(def->id, expected);
        cim_definition_free(def);
        test_free(text);
        count++;
    }
    assert_int_equal(closedir(dir), 0);
    assert_true(count >= 12);
    cim_codes_free(codes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_definition_is_read_whole),
        cmocka_unit_test(test_least_definition_has_defaults),
        cmocka_unit_test(test_each_defect_is_refused_by_its_path),
        cmocka_unit_test(test_syntax_errors_name_line_and_column),
        cmocka_unit_test(test_json_values_by_themselves),
        cmocka_unit_test(test_code_lists_are_strict),
        cmocka_unit_test(test_survives_every_failed_allocation),
        cmocka_unit_test(test_definitions_of_the_repository_parse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
