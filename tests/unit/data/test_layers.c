/* tests/unit/data/test_layers.c -- the repository's definitions against its migrations. */
#include "fixture.h"

static const struct cim_area_input areas[] = {{"460000", "海南省", "province", NULL, NULL}};

static void
test_every_definition_fits_its_table(void **state)
{
    struct fake_host *fake = fake_host_new(areas, 1);
    const cim_call call = fake_call(fake_scope_all());
    const cim_query query = {.struct_size = sizeof query, .limit = 10};
    struct lpg_data *data = NULL;
    cim_error err = {0};
    (void)state;
    fake_host_migrate(fake, LPG_MIGRATIONS);
    assert_ok(lpg_data_open(&fake->host, LAYERS_DIR, &data, &err), &err);
    assert_true(lpg_data_layer_count(data) >= 12);
    for (size_t i = 0; i < lpg_data_layer_count(data); i++) {
        struct lpg_layer *layer = lpg_data_layer_at(data, i);
        const struct cim_definition *def = lpg_layer_definition(layer);
        const char *by[] = {"area_code"};
        const char *sort[] = {def->label};
        cim_query sorted = query;
        cim_rows *rows = NULL;
        int64_t count = -1;
        assert_ok(lpg_layer_query(layer, &call, &query, &rows, &err), &err);
        assert_int_equal(rows->n_columns,
                         def->n_fields + (def->geometry == CIM_GEOMETRY_NONE ? 6 : 7));
        rows->release(rows);
        sorted.sort = sort;
        sorted.n_sort = 1;
        sorted.flags = CIM_QUERY_BBOX | CIM_QUERY_DATETIME;
        sorted.bbox_e_deg = 180;
        sorted.bbox_n_deg = 90;
        sorted.area = "460000";
        assert_ok(lpg_layer_query(layer, &call, &sorted, &rows, &err), &err);
        rows->release(rows);
        assert_ok(lpg_layer_count(layer, &call, &sorted, &count, &err), &err);
        assert_int_equal(count, 0);
        assert_ok(lpg_data_group_count(layer, &call, &query, by[0], &rows, &err), &err);
        rows->release(rows);
        for (size_t j = 0; j < def->n_count_by; j++) {
            assert_ok(
                lpg_data_group_count(layer, &call, &query, def->count_by[j]->name, &rows, &err),
                &err);
            rows->release(rows);
        }
    }
    assert_ok(lpg_data_register(data, &err), &err);
    assert_int_equal(fake->n_layers, lpg_data_layer_count(data));
    lpg_data_close(data);
    fake_host_free(fake);
}

static void
test_broken_folder_is_refused_by_name(void **state)
{
    struct fake_host *fake = fake_host_new(areas, 1);
    struct lpg_data *data = NULL;
    cim_error err = {0};
    (void)state;
    assert_int_equal(lpg_data_open(&fake->host, "/nonexistent", &data, &err), CIM_E_IO);
    assert_contains(err.en, "/nonexistent/codes.json");
    (void)fake_host_file(fake, "codes.json", "{}");
    (void)fake_host_file(fake, "bad.json", "{\"id\": \"a.b\"\n \"title\": 1}");
    assert_int_equal(lpg_data_open(&fake->host, fake->dir, &data, &err), CIM_E_INVALID);
    assert_contains(err.en, "bad.json:2:2");
    assert_null(data);
    lpg_data_close(NULL);
    fake_host_free(fake);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_definition_fits_its_table),
        cmocka_unit_test(test_broken_folder_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
