/* tests/conformance/cql2/test_cql2.c -- the abstract tests of CQL2 over Natural Earth's countries,
 * cities and rivers: each predicate in text, parsed by the kit, counted by the store. */
#include "data/data.h"
#include "fake_host.h"
#include "kit/cleanup.h"
#include "kit/cql2_text.h"
#include "kit/geojson.h"
#include "kit/json.h"
#include "kit/rows.h"
#include "unit.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Of 351 cases; the others ask for what the package's data lack (populations of cities, rivers). */
enum {
    CASES_OF_ALL_DATA = 351,
    CASES_OF_DATA_HERE = 232,
    FIELDS_MAX = 9,
    LINE_MAX_BYTES = 1 << 20
};

/* ---- the layers ---- */

/* Some of the standard's property names are words of SQL: ours differ. */
struct field {
    const char *theirs;
    const char *name;
    const char *type;
    bool present; /* in the data at hand */
};

struct set {
    const char *name;
    const char *geometry;
    struct field fields[FIELDS_MAX];
    struct lpg_layer *layer;
    int64_t n_rows;
};

static struct set sets[] = {
    {.name = "countries",
     .geometry = "MultiPolygon",
     .fields = {{"NAME", "name", "text", false}, {"POP_EST", "pop_est", "number", false}}},
    {.name = "places",
     .geometry = "Point",
     .fields = {{"name", "name", "text", false},
                {"nameascii", "nameascii", "text", false},
                {"pop_other", "pop_other", "integer", false},
                {"pop_min", "pop_min", "integer", false},
                {"pop_max", "pop_max", "integer", false},
                {"date", "on_date", "date", false},
                {"start", "start_at", "time", false},
                {"end", "end_at", "time", false},
                {"boolean", "flag", "boolean", false}}},
    {.name = "rivers", .geometry = "LineString", .fields = {{"name", "name", "text", false}}},
};
enum { N_SETS = sizeof sets / sizeof sets[0] };

struct world {
    struct fake_host *fake;
    struct lpg_data *data;
};

static const char *
sql_type(const char *type)
{
    static const char *const types[][2] = {{"text", "{text}"},   {"number", "{real}"},
                                           {"integer", "{int}"}, {"date", "{date}"},
                                           {"time", "{time}"},   {"boolean", "{bool}"}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i][0], type) == 0) {
            return types[i][1];
        }
    }
    fail_msg("type %s", type);
    return "";
}

static void
describe(struct fake_host *fake, const struct set *set, struct cim_buf *migration)
{
    CIM_AUTO_BUF struct cim_buf def;
    char path[64];
    cim_buf_init(&def, 1 << 16);
    cim_buf_addf(&def,
                 "{\"id\":\"test.%s\",\"title\":{\"zh\":\"x\"},\"table\":\"test_%s\","
                 "\"geometry\":\"%s\",\"fields\":[",
                 set->name, set->name, set->geometry);
    cim_buf_addf(migration, "create table test_%s ({record}, {geom %s}", set->name, set->geometry);
    for (size_t i = 0; i < FIELDS_MAX && set->fields[i].name != NULL; i++) {
        const struct field *field = &set->fields[i];
        cim_buf_addf(&def, "%s{\"name\":\"%s\",\"type\":\"%s\",\"title\":{\"zh\":\"x\"}}",
                     i > 0 ? "," : "", field->name, field->type);
        cim_buf_addf(migration, ", %s %s", field->name, sql_type(field->type));
    }
    cim_buf_add_text(&def, "]}");
    cim_buf_addf(migration, ");\n{layer test_%s %s};\n", set->name, set->geometry);
    (void)snprintf(path, sizeof path, "layers/%s.json", set->name);
    (void)fake_host_file(fake, path, def.data);
}

/* ---- rows out of lines of JSON ---- */

struct source {
    FILE *file;
    struct set *set;
};

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct source *source = self;
    char *line = NULL;
    size_t capacity = 0;
    while (cim_batch_builder_rows(builder) < 50 && getline(&line, &capacity, source->file) > 0) {
        struct json_object *record = json_tokener_parse(line);
        struct json_object *properties = NULL;
        struct json_object *geometry = NULL;
        CIM_AUTO_BUF struct cim_buf wkb;
        cim_buf_init(&wkb, LINE_MAX_BYTES);
        assert_true(json_object_object_get_ex(record, "properties", &properties));
        assert_true(json_object_object_get_ex(record, "geometry", &geometry));
        for (uint32_t i = 0; i < FIELDS_MAX && source->set->fields[i].name != NULL; i++) {
            struct field *field = &source->set->fields[i];
            struct json_object *value = NULL;
            if (json_object_object_get_ex(properties, field->theirs, &value)) {
                const char *text = json_object_get_string(value);
                cim_batch_append_bytes(builder, i + 1, text, strlen(text));
                field->present = true;
            }
        }
        assert_ok(cim_geojson_to_wkb(geometry, false, &wkb, err), err);
        cim_batch_append_bytes(builder, 0, wkb.data, wkb.len);
        json_object_put(record);
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    free(line);
    return CIM_OK;
}

static void
load(struct set *set, const char *folder)
{
    const char *names[FIELDS_MAX + 1] = {"geom"};
    uint32_t types[FIELDS_MAX + 1] = {CIM_COL_WKB};
    uint32_t n = 1;
    char path[512];
    cim_error err = {0};
    (void)snprintf(path, sizeof path, "%s/%s.jsonl", folder, set->name);
    struct source source = {.file = fopen(path, "r"), .set = set};
    if (source.file == NULL) {
        return;
    }
    for (; n <= FIELDS_MAX && set->fields[n - 1].name != NULL; n++) {
        names[n] = set->fields[n - 1].name;
        types[n] = CIM_COL_TEXT;
    }
    const cim_call call = fake_call(fake_scope_all());
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    assert_ok(cim_rows_new(n, names, types, fill, NULL, &source, &rows, &err), &err);
    cim_edit edit = {.struct_size = sizeof edit, .op = CIM_EDIT_CREATE, .rows = rows};
    assert_ok(lpg_layer_write(set->layer, &call, &edit, &err), &err);
    set->n_rows = edit.n_written;
    (void)fclose(source.file);
}

static int
set_up(void **state)
{
    static const struct cim_area_input areas[] = {{"460000", "海南省", "province", NULL, NULL}};
    struct world *world = calloc(1, sizeof *world);
    const char *folder = getenv("CIM_CQL2_DATA");
    char layers[128];
    cim_error err = {0};
    CIM_AUTO_BUF struct cim_buf migration;
    cim_buf_init(&migration, 1 << 16);
    assert_non_null(world);
    world->fake = fake_host_new(areas, 1);
    (void)snprintf(layers, sizeof layers, "%s/layers", world->fake->dir);
    assert_int_equal(mkdir(layers, 0700), 0);
    (void)fake_host_file(world->fake, "layers/codes.json", "{}");
    for (size_t i = 0; i < N_SETS; i++) {
        describe(world->fake, &sets[i], &migration);
    }
    fake_host_migrate_text(world->fake, migration.data);
    assert_ok(lpg_data_open(&world->fake->host, layers, &world->data, &err), &err);
    for (size_t i = 0; i < N_SETS; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "test.%s", sets[i].name);
        sets[i].layer = lpg_data_layer(world->data, id);
        load(&sets[i], folder != NULL ? folder : CQL2_DIR "/data");
    }
    *state = world;
    return 0;
}

static int
tear_down(void **state)
{
    struct world *world = *state;
    lpg_data_close(world->data);
    fake_host_free(world->fake);
    free(world);
    return 0;
}

/* ---- predicates ---- */

/* Gives properties our names; false: one is not in the data. */
static bool
rename_properties(const struct set *set, struct json_object *value)
{
    bool all = true;
    if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            all = rename_properties(set, json_object_array_get_idx(value, i)) && all;
        }
    }
    if (!json_object_is_type(value, json_type_object)) {
        return all;
    }
    struct json_object *property = NULL;
    if (!json_object_object_get_ex(value, "property", &property)) {
        json_object_object_foreach(value, key, member)
        {
            (void)key;
            all = rename_properties(set, member) && all;
        }
        return all;
    }
    const char *theirs = json_object_get_string(property);
    for (size_t i = 0; i < FIELDS_MAX && set->fields[i].name != NULL; i++) {
        if (strcmp(set->fields[i].theirs, theirs) == 0) {
            json_object_object_add(value, "property", json_object_new_string(set->fields[i].name));
            return set->fields[i].present;
        }
    }
    return strcmp(theirs, "geom") == 0;
}

static cim_status
try_count(const struct set *set, const char *predicate, bool *ret_in_data, int64_t *ret_count,
          cim_error *err)
{
    struct json_object *tree = NULL;
    const cim_call call = fake_call(fake_scope_all());
    CIM_TRY(cim_cql2_text_parse(predicate, strlen(predicate), &tree, err));
    *ret_in_data = rename_properties(set, tree) && set->n_rows > 0;
    const cim_query query = {.struct_size = sizeof query,
                             .filter_json = json_object_to_json_string(tree)};
    const cim_status status =
        *ret_in_data ? lpg_layer_count(set->layer, &call, &query, ret_count, err) : CIM_OK;
    json_object_put(tree);
    return status;
}

static int64_t
count(const struct set *set, const char *predicate)
{
    bool in_data = false;
    int64_t n = -1;
    cim_error err = {0};
    if (try_count(set, predicate, &in_data, &n, &err) != CIM_OK || !in_data) {
        fail_msg("%s: %s [%s]", predicate, err.en, err.value);
    }
    return n;
}

/* ---- /conf/…/test-data and /conf/basic-cql2/logical ---- */

static void
test_published_predicates_give_their_published_counts(void **state)
{
    char line[4096];
    const bool has_all = getenv("CIM_CQL2_DATA") != NULL;
    int n_run = 0;
    int n_wrong = 0;
    FILE *file = fopen(CQL2_DIR "/cases.tsv", "r");
    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        char *rest = line;
        if (line[0] == '#') {
            continue;
        }
        const char *id = strsep(&rest, "\t");
        const char *name = strsep(&rest, "\t");
        const long long expected = strtoll(strsep(&rest, "\t"), NULL, 10);
        bool in_data = false;
        int64_t n = -1;
        cim_error err = {0};
        size_t i = 0;
        const char *predicate = strsep(&rest, "\t\n");
        const bool is_other_here = strncmp(rest, "edition", 7) == 0 && !has_all;
        while (strcmp(sets[i].name, name) != 0) {
            i++;
        }
        if (try_count(&sets[i], predicate, &in_data, &n, &err) != CIM_OK ||
            (in_data && !is_other_here && n != expected)) {
            print_message("%s: %s: %lld instead of %lld %s [%s]\n", id, predicate, (long long)n,
                          expected, err.en, err.value);
            n_wrong++;
        }
        n_run += in_data && !is_other_here ? 1 : 0;
    }
    (void)fclose(file);
    assert_int_equal(n_wrong, 0);
    assert_int_equal(n_run, has_all ? CASES_OF_ALL_DATA : CASES_OF_DATA_HERE);
}

/* ---- the tests for every queryable ---- */

/* `form` with $ and # for the two texts. */
static void
expect_nothing(const struct set *set, const char *form, const char *a, const char *b)
{
    CIM_AUTO_BUF struct cim_buf predicate;
    cim_buf_init(&predicate, 1024);
    for (; *form != '\0'; form++) {
        cim_buf_addf(&predicate, "%.*s", *form == '$' || *form == '#' ? 0 : 1, form);
        cim_buf_add_text(&predicate, *form == '$' ? a : *form == '#' ? b : "");
    }
    if (count(set, predicate.data) != 0) {
        fail_msg("%s: %s matches something", set->name, predicate.data);
    }
}

static const char *
literal_of(const char *type)
{
    return strcmp(type, "text") == 0      ? "'foo'"
           : strcmp(type, "number") == 0  ? "3.14"
           : strcmp(type, "integer") == 0 ? "1"
           : strcmp(type, "boolean") == 0 ? "true"
           : strcmp(type, "date") == 0    ? "DATE('2022-04-14')"
                                          : "TIMESTAMP('2022-04-14T14:48:46Z')";
}

/* /conf/basic-cql2/comparison and is-null, /conf/property-property/comparison-… */
static void
test_comparisons_of_every_queryable(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SETS; i++) {
        for (size_t k = 0; k < FIELDS_MAX && sets[i].fields[k].name != NULL; k++) {
            const struct field *field = &sets[i].fields[k];
            char quoted[32];
            const char *value = literal_of(field->type);
            (void)snprintf(quoted, sizeof quoted, "\"%s\"", field->theirs);
            if (!field->present) {
                continue;
            }
            expect_nothing(&sets[i], "$ = # and $ <> #", quoted, value);
            expect_nothing(&sets[i], "$ > # and $ <= #", quoted, value);
            expect_nothing(&sets[i], "$ < # and $ >= #", quoted, value);
            expect_nothing(&sets[i], "# = $ and # <> $", quoted, value);
            expect_nothing(&sets[i], "$ IS NULL and $ is not null", quoted, value);
            expect_nothing(&sets[i], "$ <> $ or $ < $ or $ > $", quoted, value);
            expect_nothing(&sets[i], "$ is not null and not $ = $", quoted, value);
            expect_nothing(&sets[i], "# <> # or # < # or not # >= #", quoted, value);
        }
    }
}

/* /conf/basic-cql2/boolean, /conf/advanced-comparison-operators/like, between and in,
 * /conf/case-insensitive-comparison/casei-like, /conf/accent-insensitive-comparison/accenti */
static void
test_patterns_of_every_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const char *name = sets[i].fields[0].theirs;
        assert_int_equal(count(&sets[i], "true"), sets[i].n_rows);
        assert_int_equal(count(&sets[i], "false"), 0);
        expect_nothing(&sets[i], "$ like '_%' and $ like ''", name, "");
        expect_nothing(&sets[i], "$ like '%' and not $ like '%%'", name, "");
        expect_nothing(&sets[i], "$ like '\\%\\_'", name, "");
        expect_nothing(&sets[i],
                       "CASEI($) LIKE casei('foo%') and not casei($) like "
                       "casei('FOO%')",
                       name, "");
        expect_nothing(&sets[i],
                       "ACCENTI($) LIKE accenti('Ä%') and not accenti($) like "
                       "accenti('A%')",
                       name, "");
        expect_nothing(&sets[i],
                       "ACCENTI($) = accenti('äöüéáí') and ACCENTI($) <> "
                       "accenti('aoueai')",
                       name, "");
        expect_nothing(&sets[i], "$ in ('foo', 'bar')", name, "");
    }
    assert_int_equal(count(&sets[1], "\"date\" in ('2022-04-16', '2022-04-15')"), 1);
}

/* /conf/basic-spatial-functions/s_intersects: the third is to fail, for its latitude of 180. */
static void
test_spatial_predicates_of_every_geometry(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_SETS; i++) {
        bool in_data = false;
        int64_t n = 0;
        cim_error err = {0};
        if (sets[i].n_rows == 0) {
            continue;
        }
        assert_int_equal(count(&sets[i], "S_INTERSECTS(geom,BBOX(-180,-90,180,90))"),
                         sets[i].n_rows);
        assert_int_equal(
            try_count(&sets[i], "S_INTERSECTS(geom,POINT(90 180))", &in_data, &n, &err),
            CIM_E_INVALID);
        assert_string_equal(err.param, "filter");
        expect_nothing(&sets[i], "S_INTERSECTS(geom,$) and S_DISJOINT(geom,$)",
                       "LINESTRING(7 50, 10 51)", "");
        expect_nothing(&sets[i], "S_WITHIN(geom,$) and not S_INTERSECTS(geom,$)",
                       "BBOX(0,40,30,60)", "");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_predicates_give_their_published_counts),
        cmocka_unit_test(test_comparisons_of_every_queryable),
        cmocka_unit_test(test_patterns_of_every_text),
        cmocka_unit_test(test_spatial_predicates_of_every_geometry),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
