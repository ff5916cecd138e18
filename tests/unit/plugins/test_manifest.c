/* plugin.manifest: every refusal names the key, the value and what was expected. */
#include "host/plugins/manifest.h"
#include "fail_alloc.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char good[] =
    "{\"id\":\"lpg\",\"version\":\"0.1.0\",\"name\":{\"zh\":\"液化气\",\"en\":\"LPG\"},"
    "\"description\":{\"zh\":\"a\",\"en\":\"b\"},\"sdk\":{\"major\":1,\"min_minor\":0},"
    "\"library\":\"lpg.so\",\"services\":[\"cim.store/1\"],"
    "\"permissions\":[{\"id\":\"lpg.export\",\"zh\":\"导出\",\"en\":\"Export\"}],"
    "\"roles\":[{\"id\":\"regulator\",\"title\":{\"zh\":\"监管\",\"en\":\"Regulator\"},"
    "\"grants\":[{\"resource\":\"lpg.*\",\"actions\":[\"read\"],\"sensitive\":\"masked\","
    "\"own_org\":false}],\"functions\":[\"lpg.export\"]}],"
    "\"resources\":{\"layers\":[\"lpg.stations\"],\"renderers\":[\"lpg.tiles\"],"
    "\"routes\":[{\"method\":\"GET\",\"pattern\":\"/areas\",\"parameters\":"
    "[{\"name\":\"level\",\"zh\":\"级\",\"en\":\"Level\",\"schema\":{\"type\":\"string\"}}]}]},"
    "\"migrations\":\"migrations\",\"web\":\"web\",\"layers\":\"layers\",\"styles\":\"styles\","
    "\"config\":[{\"key\":\"a.b\",\"type\":\"text\",\"default\":\"x\",\"secret\":true,"
    "\"zh\":\"甲\",\"en\":\"A\"}],"
    "\"checksums\":{\"a.sql\":"
    "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}}";

/* The good one with `from` replaced by `to`, and what the refusal says. */
static const struct {
    const char *from;
    const char *to;
    const char *param;
    const char *says;
} cases[] = {
    {"{\"id\"", "{\"x\":1,\"id\"", "x", "expected id, version, name"},
    {"\"id\":\"lpg\",", "", "id", "id: expected a text"},
    {"\"id\":\"lpg\",", "\"id\":\"Lpg\",", "id", "at most 32 lower-case"},
    {"\"id\":\"lpg\",", "\"id\":\"cim\",", "id", "neither cim nor host"},
    {"\"id\":\"lpg\",", "\"id\":7,", "id", "expected a text"},
    {"\"id\":\"lpg\",", "\"id\":null,", "id", "expected a text"},
    {"\"0.1.0\"", "\"1.0\"", "version", "a version such as 1.2.3"},
    {"\"0.1.0\"", "\"1.0.\"", "version", "a version such as 1.2.3"},
    {"\"0.1.0\"", "\"1.0.0.0\"", "version", "a version such as 1.2.3"},
    {"\"液化气\",\"en\":\"LPG\"", "\"液化气\"", "name.en", "expected a text"},
    {"\"major\":1", "\"major\":2", "sdk.major", "an integer from 1 to 1"},
    {"\"min_minor\":0", "\"min_minor\":1", "sdk.min_minor", "an integer from 0 to 0"},
    {"\"min_minor\":0", "\"minor\":0", "sdk.minor", "expected major, min_minor"},
    {"\"lpg.so\"", "\"../lpg.so\"", "library", "inside the plugin's folder"},
    {"\"lpg.so\"", "\"lib/lpg.so\"", "library", "the name of a file"},
    {"\"lpg.so\"", "\"\"", "library", "1 to 4000 bytes"},
    {"\"migrations\",\"web\"", "\"/etc\",\"web\"", "migrations", "inside the plugin's folder"},
    {"\"web\":\"web\"", "\"web\":\"a/../b\"", "web", "inside the plugin's folder"},
    {"\"cim.store/1\"", "\"cim.store\"", "services", "service ids such as cim.store/1"},
    {"\"cim.store/1\"", "1", "services[0]", "expected a text"},
    {"\"services\":[\"cim.store/1\"]", "\"services\":{}", "services", "expected a list"},
    {"{\"id\":\"lpg.export\"", "{\"id\":\"gas.export\"", "permissions[0].id",
     "begins with the plugin's id"},
    {"\"functions\":[\"lpg.export\"]", "\"functions\":[\"lpg.other\"]", "roles",
     "function point lpg.other"},
    {"\"functions\":[\"lpg.export\"]", "\"functions\":[\"cim.admin.x\"]", "roles[0].functions",
     "function points of this plugin"},
    {"\"lpg.*\"", "\"*\"", "roles[0].grants[0].resource", "a resource of this plugin"},
    {"\"lpg.*\"", "\"lpgx.*\"", "roles[0].grants[0].resource", "a resource of this plugin"},
    {"\"read\"", "\"reed\"", "roles[0].grants[0].actions", "some of read, create"},
    {"[\"read\"]", "[]", "roles[0].grants[0].actions", "at least one action"},
    {"\"masked\"", "\"hidden\"", "roles[0].grants[0].sensitive", "absent, masked or clear"},
    {"\"own_org\":false", "\"own_org\":0", "roles[0].grants[0].own_org", "true or false"},
    {"\"regulator\"", "\"Regulator!\"", "roles[0].id", "at most 40 lower-case"},
    {"[\"lpg.stations\"]", "[\"gas.stations\"]", "resources.layers", "begin with the plugin's id"},
    {"[\"lpg.stations\"]", "[\"lpg.a\",\"lpg.a\"]", "resources.layers", "all different"},
    {"\"renderers\"", "\"models\"", "resources.models", "expected layers, renderers, analyses"},
    {"\"GET\"", "\"get\"", "resources.routes[0].method", "GET, POST, PUT"},
    {"\"/areas\"", "\"areas\"", "resources.routes[0].pattern", "begins with /"},
    {"\"level\"", "\"Level?\"", "resources.routes[0].parameters[0].name", "lower-case letters"},
    {"\"级\",", "\"\",", "resources.routes[0].parameters[0].zh", "1 to 4000 bytes"},
    {"\"schema\":{\"type\":\"string\"}", "\"schema\":\"string\"",
     "resources.routes[0].parameters[0].schema", "expected an object"},
    {"\"type\":\"text\"", "\"type\":\"list\"", "config[0].type", "text, integer, number"},
    {"\"key\":\"a.b\"", "\"key\":\"A\"", "config[0].key", "lower-case letters"},
    {"\"a.sql\"", "\"../a.sql\"", "checksums.../a.sql", "inside the plugin's folder"},
    {"ba7816bf", "BA7816bf", "checksums.a.sql", "64 lower-case hexadecimal digits"},
    {"\"lpg.so\",\"services\"", "\"lpg.so\" \"services\"", "", "1:"},
    {"{\"id\"", "[{\"id\"", "", "plugin.manifest"},
};

static void
write_manifest(const char *dir, const char *text)
{
    char path[128];
    FILE *file = NULL;
    (void)snprintf(path, sizeof path, "%s/plugin.manifest", dir);
    file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int
setup(void **state)
{
    char *dir = strdup("/tmp/cim-manifest-XXXXXX");
    assert_non_null(dir);
    assert_non_null(mkdtemp(dir));
    *state = dir;
    return 0;
}

static int
teardown(void **state)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/plugin.manifest", (const char *)*state);
    (void)unlink(path);
    (void)rmdir(*state);
    free(*state);
    return 0;
}

static void
test_manifest_good_is_read(void **state)
{
    struct host_manifest *manifest = NULL;
    const char *fallback = NULL;
    char path[256];
    cim_error error = {0};
    write_manifest(*state, good);
    assert_ok(host_manifest_read(*state, &manifest, &error), &error);
    assert_string_equal(manifest->id, "lpg");
    assert_string_equal(manifest->version, "0.1.0");
    assert_string_equal(manifest->library, "lpg.so");
    assert_true(host_manifest_has_service(manifest, "cim.store/1"));
    assert_false(host_manifest_has_service(manifest, "cim.http/1"));
    assert_true(host_manifest_has_permission(manifest, "lpg.export"));
    assert_false(host_manifest_has_permission(manifest, "lpg.expor"));
    assert_true(host_manifest_has_resource(manifest, "layers", "lpg.stations"));
    assert_false(host_manifest_has_resource(manifest, "renderers", "lpg.stations"));
    assert_true(host_manifest_has_route(manifest, "GET", "/areas"));
    assert_false(host_manifest_has_route(manifest, "POST", "/areas"));
    const struct host_json_in known = host_manifest_parameters(manifest, "GET", "/areas");
    const struct host_json_in none = host_manifest_parameters(manifest, "POST", "/areas");
    assert_int_equal(host_json_length(&known), 1);
    assert_int_equal(host_json_length(&none), 0);
    assert_true(host_manifest_config(manifest, "a.b", &fallback));
    assert_string_equal(fallback, "x");
    assert_false(host_manifest_config(manifest, "a", &fallback));
    assert_contains(host_manifest_roles(manifest), "\"id\":\"regulator\"");
    assert_ok(host_manifest_path(manifest, "layers", "codes.json", path, sizeof path, &error),
              &error);
    assert_contains(path, "/layers/codes.json");
    assert_int_equal(host_manifest_path(manifest, "layers", NULL, path, 8, &error),
                     CIM_E_TOO_LARGE);
    host_manifest_free(manifest);
}

static void
test_manifest_bad_is_refused_by_key_value_and_expectation(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host_manifest *manifest = NULL;
        const char *at = strstr(good, cases[i].from);
        char text[4096];
        cim_error error = {0};
        assert_non_null(at);
        (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, cases[i].to,
                       at + strlen(cases[i].from));
        write_manifest(*state, text);
        if (host_manifest_read(*state, &manifest, &error) != CIM_E_INVALID) {
            fail_msg("case %zu (%s) was not refused", i, cases[i].to);
        }
        assert_string_equal(error.param, cases[i].param);
        assert_contains(error.en, cases[i].says);
        assert_contains(error.en, "plugin.manifest");
        assert_true(error.zh[0] != '\0');
    }
}

static void
test_manifest_missing_or_too_large(void **state)
{
    struct host_manifest *manifest = NULL;
    cim_error error = {0};
    char *text = malloc(HOST_MANIFEST_BYTES_MAX + 2U);
    assert_int_equal(host_manifest_read(*state, &manifest, &error), CIM_E_NOTFOUND);
    assert_non_null(text);
    memset(text, ' ', HOST_MANIFEST_BYTES_MAX + 1U);
    memcpy(text, good, strlen(good));
    text[HOST_MANIFEST_BYTES_MAX] = '\0'; /* at the limit */
    write_manifest(*state, text);
    assert_ok(host_manifest_read(*state, &manifest, &error), &error);
    host_manifest_free(manifest);
    text[HOST_MANIFEST_BYTES_MAX] = ' ';
    text[HOST_MANIFEST_BYTES_MAX + 1] = '\0'; /* past it */
    write_manifest(*state, text);
    assert_int_equal(host_manifest_read(*state, &manifest, &error), CIM_E_TOO_LARGE);
    free(text);
}

/* Each allocation in turn fails: the manifest is refused as a whole, and nothing is lost. */
static void
test_manifest_out_of_memory(void **state)
{
    long n = 0;
    write_manifest(*state, good);
    for (n = 1; n < 1000; n++) {
        struct host_manifest *manifest = NULL;
        cim_error error = {0};
        cim_status status = CIM_OK;
        fail_alloc_at(n);
        status = host_manifest_read(*state, &manifest, &error);
        if (fail_alloc_happened() == 0) {
            assert_ok(status, &error);
            host_manifest_free(manifest);
            break;
        }
        fail_alloc_at(0);
        assert_int_equal(status, CIM_E_NOMEM);
        assert_null(manifest);
    }
    assert_in_range(n, 5, 999);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_manifest_good_is_read),
        TEST(test_manifest_bad_is_refused_by_key_value_and_expectation),
        TEST(test_manifest_missing_or_too_large),
        TEST(test_manifest_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
