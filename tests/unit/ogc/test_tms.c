/* tests/unit/ogc/test_tms.c -- the tile grid, tile addresses, and JSON schemas of a collection. */
#include "unit.h"

#include "host/ogc/schema.h"
#include "host/ogc/tms.h"
#include "ogc_fixture.h"

static void
test_haikou_lies_in_its_tile(void **state)
{
    const double haikou[4] = {110.3312, 20.0310, 110.3312, 20.0310};
    const double world[4] = {-180, -90, 180, 90};
    int64_t range[4];
    (void)state;
    host_tms_range(host_tms_at(0), haikou, 14, range);
    assert_int_equal(range[0], 13213);
    assert_int_equal(range[1], 7261);
    host_tms_range(host_tms_at(0), haikou, 10, range);
    assert_int_equal(range[0], 825);
    assert_int_equal(range[1], 453);
    host_tms_range(host_tms_at(0), world, 3, range);
    assert_true(range[0] == 0 && range[1] == 0 && range[2] == 7 && range[3] == 7);
}

static const struct {
    const char *z;
    const char *row;
    const char *col;
    cim_status status;
    const char *param;
} addresses[] = {
    {"0", "0", "0", CIM_OK, ""},
    {"14", "7261", "13213", CIM_OK, ""},
    {"22", "4194303", "4194303", CIM_OK, ""},
    {"23", "0", "0", CIM_E_NOTFOUND, "tileMatrix"},
    {"1", "2", "0", CIM_E_NOTFOUND, "tileRow"},
    {"1", "0", "2", CIM_E_NOTFOUND, "tileCol"},
    {"-1", "0", "0", CIM_E_INVALID, "tileMatrix"},
    {"a", "0", "0", CIM_E_INVALID, "tileMatrix"},
    {"1", "0.5", "0", CIM_E_INVALID, "tileRow"},
    {"1", "0", "", CIM_E_INVALID, "tileCol"},
    {"1", "0", "99999999999999999999", CIM_E_INVALID, "tileCol"},
};

/* A tile of WorldCRS84Quad is the one of the next level of CGCS2000Quad; both are 180 degrees at
 * their first level. */
static void
test_grids_in_degrees_differ_by_a_level(void **state)
{
    const double haikou[4] = {110.3312, 20.0310, 110.3312, 20.0310};
    const struct host_tms *world = NULL;
    const struct host_tms *national = NULL;
    int64_t range[4];
    int64_t same[4];
    uint32_t address[3];
    cim_error err = {0};
    (void)state;
    assert_int_equal(host_tms_find("WorldCRS84Quad", &world, &err), CIM_OK);
    assert_int_equal(host_tms_find("CGCS2000Quad", &national, &err), CIM_OK);
    assert_int_equal(host_tms_find("c", &national, &err), CIM_E_NOTFOUND);
    host_tms_range(world, haikou, 7, range);
    assert_int_equal(range[0], 206); /* (110.3312 + 180) / 360 * 256 */
    assert_int_equal(range[1], 49);  /* (90 - 20.0310) / 180 * 128 */
    host_tms_range(national, haikou, 8, same);
    assert_memory_equal(range, same, sizeof range);
    assert_int_equal(host_tms_address(world, "0", "0", "1", world->last, address, &err), CIM_OK);
    assert_int_equal(host_tms_address(world, "0", "1", "0", world->last, address, &err),
                     CIM_E_NOTFOUND);
    assert_int_equal(host_tms_address(national, "0", "0", "0", national->last, address, &err),
                     CIM_E_NOTFOUND);
    assert_int_equal(host_tms_address(national, "1", "0", "1", national->last, address, &err),
                     CIM_OK);
    HOST_AUTO_DOC struct json_object *doc = host_tms_definition(national, "http://h", false);
    const char *text = json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN);
    assert_contains(text, "\"pointOfOrigin\":[90,-180]");
    assert_contains(text, "\"id\":\"1\",\"scaleDenominator\":279541132.0143589");
}

static void
test_addresses_outside_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        uint32_t address[3] = {9, 9, 9};
        cim_error err = {0};
        const cim_status status =
            host_tms_address(host_tms_at(0), addresses[i].z, addresses[i].row, addresses[i].col,
                             HOST_TMS_ZOOM_MAX, address, &err);
        assert_int_equal(status, addresses[i].status);
        if (status != CIM_OK) {
            assert_string_equal(err.param, addresses[i].param);
            assert_int_equal(address[0], 9);
        }
    }
}

static void
test_definition_agrees_with_the_standard(void **state)
{
    HOST_AUTO_DOC struct json_object *doc = host_tms_definition(host_tms_at(0), "http://h", true);
    struct json_object *matrices = NULL;
    struct json_object *cell = NULL;
    (void)state;
    assert_true(json_object_object_get_ex(doc, "tileMatrices", &matrices));
    assert_int_equal(json_object_array_length(matrices), 23);
    struct json_object *first = json_object_array_get_idx(matrices, 0);
    assert_true(json_object_object_get_ex(first, "cellSize", &cell));
    assert_string_equal(json_object_get_string(cell), "156543.03392804097");
    assert_true(json_object_object_get_ex(first, "scaleDenominator", &cell));
    assert_string_equal(json_object_get_string(cell), "559082264.0287178");
}

static void
test_schema_tells_roles_codes_and_sensitivity(void **state)
{
    struct ogc_fixture fixture;
    ogc_fixture_load(&fixture, "enterprises");
    (void)state;
    struct json_object *doc = host_schema_returnables(fixture.def, "http://h/schema", false);
    const char *text = json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN |
                                                               JSON_C_TO_STRING_NOSLASHESCAPE);
    assert_contains(text, "\"x-ogc-role\":\"id\"");
    assert_contains(text, "\"format\":\"geometry-point\",\"x-ogc-role\":\"primary-geometry\"");
    assert_contains(text, "\"x-ogc-role\":\"primary-instant\"");
    assert_contains(text, "\"x-cim-sensitive\":\"phone\"");
    assert_contains(text, "{\"value\":\"valid\",\"zh\":\"有效\",\"en\":\"Valid\"}");
    assert_contains(text, "\"x-ogc-unit\":\"t\"");
    json_object_put(doc);
    ogc_fixture_done(&fixture);
}

static void
test_queryables_leave_out_what_is_masked(void **state)
{
    static const cim_term term = {.struct_size = sizeof term,
                                  .actions = CIM_ACT_READ,
                                  .resource = "lpg.*",
                                  .all_areas = 1,
                                  .sensitive_mode = CIM_FIELD_MASKED,
                                  .until_ms = INT64_MAX};
    const cim_term *terms[] = {&term};
    const cim_scope scope = {sizeof scope, 1, terms, 1};
    struct ogc_fixture fixture;
    struct json_object *properties = NULL;
    ogc_fixture_load(&fixture, "enterprises");
    (void)state;
    struct json_object *doc = host_schema_queryables(fixture.def, &scope, "http://h/q", true);
    assert_true(json_object_object_get_ex(doc, "properties", &properties));
    assert_true(json_object_object_get_ex(properties, "name", NULL));
    assert_false(json_object_object_get_ex(properties, "contact_phone", NULL));
    json_object_put(doc);
    ogc_fixture_done(&fixture);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_haikou_lies_in_its_tile),
        cmocka_unit_test(test_addresses_outside_are_named),
        cmocka_unit_test(test_grids_in_degrees_differ_by_a_level),
        cmocka_unit_test(test_definition_agrees_with_the_standard),
        cmocka_unit_test(test_schema_tells_roles_codes_and_sensitivity),
        cmocka_unit_test(test_queryables_leave_out_what_is_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
