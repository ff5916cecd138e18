/* Definitions, code lists and migrations agree: every field has its column of the right type, and
 * what tiles, popups and legends name exists. */

#include "kit/definition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BYTES = 1024, SQL_BYTES = 1 << 20, LAYERS_LEAST = 60 };

static char sql[SQL_BYTES];
static json_object *codes;

static int
is_ending(const char *name, const char *ending)
{
    size_t n = strlen(name), e = strlen(ending);

    return n > e && strcmp(name + n - e, ending) == 0;
}

static void
append_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t used = strlen(sql);
    size_t n;

    assert_non_null(file);
    n = fread(sql + used, 1, sizeof(sql) - used - 1, file);
    assert_true(feof(file));
    sql[used + n] = '\0';
    fclose(file);
}

static int
setup(void **state)
{
    struct dirent **entries;
    char path[PATH_BYTES];
    int n = scandir(CIM_SOURCE_DIR "/migrations", &entries, NULL, alphasort);
    (void)state;

    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        if (is_ending(entries[i]->d_name, ".sql")) {
            snprintf(path, sizeof(path), "%s/migrations/%s", CIM_SOURCE_DIR, entries[i]->d_name);
            append_file(path);
        }
        free(entries[i]);
    }
    free(entries);
    codes = json_object_from_file(CIM_SOURCE_DIR "/layers/codes.json");
    assert_non_null(codes);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    json_object_put(codes);
    return 0;
}

static const char *
text(json_object *object, const char *key)
{
    json_object *value = json_object_object_get(object, key);

    return value == NULL ? "" : json_object_get_string(value);
}

static void
assert_bilingual(json_object *title, const char *where)
{
    if (text(title, "zh")[0] == '\0' || text(title, "en")[0] == '\0') {
        fail_msg("%s: a title needs zh and en", where);
    }
}

/* The body of "create table NAME ( ... );". */
static char *
table_body(const char *table)
{
    char head[PATH_BYTES];
    char *from, *to;

    snprintf(head, sizeof(head), "create table %s (\n", table);
    from = strstr(sql, head);
    if (from == NULL) {
        fail_msg("no migration creates %s", table);
        return NULL;
    }
    from += strlen(head);
    to = strstr(from, "\n);\n");
    assert_non_null(to);
    return strndup(from, (size_t)(to - from));
}

static const char *
column_type(const char *type)
{
    static const char *const pairs[][2] = {
        {"text", "{text}"},    {"code", "{text}"}, {"integer", "{int}"}, {"number", "{real}"},
        {"boolean", "{bool}"}, {"date", "{date}"}, {"time", "{time}"}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (strcmp(pairs[i][0], type) == 0) {
            return pairs[i][1];
        }
    }
    fail_msg("no column type for \"%s\"", type);
    return "";
}

static json_object *
find_field(json_object *definition, const char *name)
{
    json_object *fields = json_object_object_get(definition, "fields");

    for (size_t i = 0; i < json_object_array_length(fields); i++) {
        json_object *field = json_object_array_get_idx(fields, i);
        if (strcmp(text(field, "name"), name) == 0) {
            return field;
        }
    }
    fail_msg("%s: no field \"%s\"", text(definition, "id"), name);
    return NULL;
}

/* Fields that later migrations add; search_words is no field. */
static size_t
count_added(const char *table)
{
    char head[PATH_BYTES];
    size_t n = 0;

    snprintf(head, sizeof(head), "alter table %s add column ", table);
    for (const char *at = strstr(sql, head); at != NULL; at = strstr(at + 1, head)) {
        n += strncmp(at + strlen(head), "search_words ", 13) != 0;
    }
    return n;
}

static void
check_columns(json_object *definition)
{
    json_object *fields = json_object_object_get(definition, "fields");
    char *body = table_body(text(definition, "table"));
    char expected[PATH_BYTES];
    char added[PATH_BYTES];
    int has_geometry = strcmp(text(definition, "geometry"), "None") != 0;
    size_t n_columns = 1;

    for (char *at = body; *at != '\0'; at++) {
        n_columns += *at == '\n';
    }
    /* {record} has a line, and {geom} where there is a geometry. */
    assert_int_equal(n_columns + count_added(text(definition, "table")),
                     json_object_array_length(fields) + (has_geometry ? 2 : 1));
    for (size_t i = 0; i < json_object_array_length(fields); i++) {
        json_object *field = json_object_array_get_idx(fields, i);
        int required = json_object_get_boolean(json_object_object_get(field, "required"));

        snprintf(expected, sizeof(expected), "\n  %s %s%s", text(field, "name"),
                 column_type(text(field, "type")), required ? " not null" : "");
        snprintf(added, sizeof(added), "alter table %s add column %s %s;\n",
                 text(definition, "table"), text(field, "name"), column_type(text(field, "type")));
        if (strstr(body, expected) == NULL && strstr(sql, added) == NULL) {
            fail_msg("%s: no column \"%s\"", text(definition, "table"), expected + 3);
        }
    }
    snprintf(expected, sizeof(expected), "{layer %s %s};\n", text(definition, "table"),
             text(definition, "geometry"));
    assert_non_null(strstr(sql, expected));
    snprintf(expected, sizeof(expected), "{geom %s},\n", text(definition, "geometry"));
    assert_true((strstr(body, expected) != NULL) == has_geometry);
    free(body);
}

static void
check_unique_index(json_object *definition, json_object *field)
{
    char expected[PATH_BYTES];

    snprintf(expected, sizeof(expected), "on %s (%s);\n", text(definition, "table"),
             text(field, "name"));
    if (strstr(sql, expected) == NULL) {
        fail_msg("%s: no index %s", text(definition, "id"), expected);
    }
}

static void
check_fields(json_object *definition)
{
    json_object *fields = json_object_object_get(definition, "fields");

    for (size_t i = 0; i < json_object_array_length(fields); i++) {
        json_object *field = json_object_array_get_idx(fields, i);

        assert_bilingual(json_object_object_get(field, "title"), text(field, "name"));
        if (strcmp(text(field, "type"), "code") == 0 &&
            json_object_object_get(codes, text(field, "codes")) == NULL) {
            fail_msg("%s: no code list \"%s\"", text(definition, "id"), text(field, "codes"));
        }
        if (json_object_get_boolean(json_object_object_get(field, "unique"))) {
            check_unique_index(definition, field);
        }
    }
}

static void
check_lists(json_object *definition)
{
    json_object *tiles = json_object_object_get(definition, "tiles");
    json_object *attributes = json_object_object_get(tiles, "attributes");
    json_object *count_by = json_object_object_get(tiles, "count_by");
    json_object *popup = json_object_object_get(definition, "popup");

    for (size_t i = 0; i < json_object_array_length(popup); i++) {
        find_field(definition, json_object_get_string(json_object_array_get_idx(popup, i)));
    }
    for (size_t i = 0; i < json_object_array_length(attributes); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(attributes, i));
        /* A tile is shared by callers: nothing that some of them see masked may be in it. */
        assert_string_equal(text(find_field(definition, name), "sensitive"), "");
    }
    for (size_t i = 0; i < json_object_array_length(count_by); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(count_by, i));
        json_object *field = find_field(definition, name);

        assert_string_equal(text(field, "type"), "code");
        check_unique_index(definition, field);
    }
    find_field(definition, text(definition, "label"));
}

static void
definitions_and_migrations_agree(void **state)
{
    struct dirent **entries;
    char path[PATH_BYTES];
    int n = scandir(CIM_SOURCE_DIR "/layers", &entries, NULL, alphasort);
    int n_layers = 0;
    (void)state;

    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;

        if (is_ending(name, ".json") && strcmp(name, "codes.json") != 0) {
            json_object *definition;
            snprintf(path, sizeof(path), "%s/layers/%s", CIM_SOURCE_DIR, name);
            definition = json_object_from_file(path);
            if (definition == NULL) {
                fail_msg("%s: %s", path, json_util_get_last_err());
            }
            assert_bilingual(json_object_object_get(definition, "title"), name);
            check_columns(definition);
            check_fields(definition);
            check_lists(definition);
            json_object_put(definition);
            n_layers++;
        }
        free(entries[i]);
    }
    free(entries);
    assert_true(n_layers >= LAYERS_LEAST);
}

static char *
read_text(const char *path, size_t *ret_len)
{
    static char text_bytes[SQL_BYTES];
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    *ret_len = fread(text_bytes, 1, sizeof(text_bytes), file);
    assert_true(feof(file));
    fclose(file);
    return text_bytes;
}

/* By the parser that host and plugin use. */
static void
definitions_are_accepted(void **state)
{
    const char *codes_path = CIM_SOURCE_DIR "/layers/codes.json";
    struct cim_codes *lists = NULL;
    struct dirent **entries;
    char path[PATH_BYTES];
    cim_error err = {0};
    size_t len;
    char *bytes = read_text(codes_path, &len);
    int n = scandir(CIM_SOURCE_DIR "/layers", &entries, NULL, alphasort);
    (void)state;

    assert_true(n > 0);
    if (cim_codes_parse(codes_path, bytes, len, &lists, &err) != CIM_OK) {
        fail_msg("%s", err.en);
    }
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        struct cim_definition *definition = NULL;

        if (is_ending(name, ".json") && strcmp(name, "codes.json") != 0) {
            snprintf(path, sizeof(path), "%s/layers/%s", CIM_SOURCE_DIR, name);
            bytes = read_text(path, &len);
            if (cim_definition_parse(path, bytes, len, lists, &definition, &err) != CIM_OK) {
                fail_msg("%s", err.en);
            }
            cim_definition_free(definition);
        }
        free(entries[i]);
    }
    free(entries);
    cim_codes_free(lists);
}

static void
code_lists_are_bilingual_and_distinct(void **state)
{
    (void)state;

    json_object_object_foreach(codes, id, list)
    {
        json_object *values = json_object_object_get(list, "values");

        assert_bilingual(json_object_object_get(list, "title"), id);
        assert_true(json_object_array_length(values) > 0);
        for (size_t i = 0; i < json_object_array_length(values); i++) {
            json_object *value = json_object_array_get_idx(values, i);
            assert_bilingual(value, id);
            for (size_t k = 0; k < i; k++) {
                assert_string_not_equal(text(value, "value"),
                                        text(json_object_array_get_idx(values, k), "value"));
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(definitions_are_accepted),
        cmocka_unit_test(definitions_and_migrations_agree),
        cmocka_unit_test(code_lists_are_bilingual_and_distinct),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
