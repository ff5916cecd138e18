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
        assert_ok(lpg_data_group_count(layer, &call, &query,
                                       &(struct lpg_grouping){.n_by = 1, .by = {by[0]}}, &rows,
                                       &err),
                  &err);
        rows->release(rows);
        for (size_t j = 0; j < def->n_count_by; j++) {
            assert_ok(lpg_data_group_count(
                          layer, &call, &query,
                          &(struct lpg_grouping){.n_by = 1, .by = {def->count_by[j]->name}}, &rows,
                          &err),
                      &err);
            rows->release(rows);
        }
    }
    assert_ok(lpg_data_register(data, &err), &err);
    assert_int_equal(fake->n_layers, lpg_data_layer_count(data));
    lpg_data_close(data);
    fake_host_free(fake);
}

/* ---- every form of statement that definitions and filters make ---- */

static const char *const text_forms =
    "{\"op\":\"like\",\"args\":[{\"op\":\"casei\",\"args\":[$]},{\"op\":\"casei\",\"args\":[\"a%\"]"
    "}]},"
    "{\"op\":\"in\",\"args\":[{\"op\":\"accenti\",\"args\":[$]},[\"a\",\"b\"]]},"
    "{\"op\":\"between\",\"args\":[$,\"a\",\"b\"]}";
static const char *const number_forms =
    "{\"op\":\"<\",\"args\":[{\"op\":\"+\",\"args\":[$,{\"op\":\"-\",\"args\":[$,1]}]},"
    "{\"op\":\"*\",\"args\":[2.5,{\"op\":\"/\",\"args\":[$,0]}]}]},"
    "{\"op\":\">=\",\"args\":[{\"op\":\"div\",\"args\":[$,3]},{\"op\":\"^\",\"args\":[{\"op\":\"%"
    "\","
    "\"args\":[$,7]},2]}]},{\"op\":\"in\",\"args\":[$,[1,2.5]]}";
static const char *const time_forms =
    "{\"op\":\"t_after\",\"args\":[$,{\"date\":\"2026-01-01\"}]},"
    "{\"op\":\"t_intersects\",\"args\":[{\"interval\":[$,\"..\"]},{\"interval\":[\"2026-01-01\","
    "\"2026-01-31T00:00:00Z\"]}]},{\"op\":\"t_overlappedBy\",\"args\":[{\"interval\":[$,$]},$]}";
static const char *const space_forms =
    "{\"op\":\"s_intersects\",\"args\":[$,#]},{\"op\":\"s_disjoint\",\"args\":[#,$]},"
    "{\"op\":\"s_touches\",\"args\":[$,#]},{\"op\":\"s_crosses\",\"args\":[#,$]},"
    "{\"op\":\"s_overlaps\",\"args\":[$,$]},{\"op\":\"s_within\",\"args\":[$,#]},"
    "{\"op\":\"not\",\"args\":[{\"op\":\"s_contains\",\"args\":[$,#]}]},"
    "{\"op\":\"s_equals\",\"args\":[#,#]}";
static const char *const any_forms =
    "{\"op\":\"=\",\"args\":[$,$]},{\"op\":\"isNull\",\"args\":[$]}";

static const char *const sealed_forms =
    "{\"op\":\"=\",\"args\":[$,\"13800138000\"]},{\"op\":\"not\",\"args\":[{\"op\":\"in\","
    "\"args\":[$,[\"1\",\"2\"]]}]}";

/* The forms with $ for the property and # for a polygon. */
static void
add_forms(struct cim_buf *out, const char *forms, const char *property)
{
    cim_buf_add_char(out, ',');
    for (; *forms != '\0'; forms++) {
        if (*forms == '$') {
            cim_buf_addf(out, "{\"property\":\"%s\"}", property);
        } else if (*forms == '#') {
            cim_buf_add_text(out, "{\"bbox\":[109,18,111,20]}");
        } else {
            cim_buf_add_char(out, *forms);
        }
    }
}

static void
add_field(struct cim_buf *out, const struct cim_field *field)
{
    if (field->encrypted) {
        add_forms(out, "{\"op\":\"isNull\",\"args\":[$]}", field->name);
        if (field->sensitive != CIM_SENSITIVE_ADDRESS) {
            add_forms(out, sealed_forms, field->name);
        }
        return;
    }
    add_forms(out, any_forms, field->name);
    switch (field->type) {
    case CIM_FIELD_INTEGER:
    case CIM_FIELD_NUMBER:
        add_forms(out, number_forms, field->name);
        break;
    case CIM_FIELD_DATE:
    case CIM_FIELD_TIME:
        add_forms(out, time_forms, field->name);
        break;
    case CIM_FIELD_BOOLEAN:
        add_forms(out, "$", field->name);
        break;
    case CIM_FIELD_TEXT:
    case CIM_FIELD_CODE:
    default:
        add_forms(out, text_forms, field->name);
    }
}

static void
run_filter(struct lpg_layer *layer, const char *filter)
{
    const cim_call call = fake_call(fake_scope_all());
    const cim_query query = {.struct_size = sizeof query, .filter_json = filter};
    int64_t count = -1;
    cim_error err = {0};
    if (lpg_layer_count(layer, &call, &query, &count, &err) != CIM_OK) {
        fail_msg("%s: %s [%s] %s", lpg_layer_definition(layer)->id, err.en, err.value, filter);
    }
    assert_int_equal(count, 0);
}

static cim_status
forget_rules(void *arg, cim_tx *tx, cim_error *err)
{
    const cim_store_v1 *store = arg;
    CIM_TRY(store->exec(tx, "delete from lpg_separation_rule", NULL, 0, NULL, err));
    return store->change(tx, "lpg.separation-rules", 0, CIM_CHANGE_BULK, NULL, NULL, err);
}

static void
test_every_form_of_statement_prepares(void **state)
{
    struct fake_host *fake = fake_host_new(areas, 1);
    const cim_store_v1 *store = fake->host.get_service(&fake->host, CIM_SERVICE_STORE);
    int64_t pos = 0;
    const cim_call call = fake_call(fake_scope_all());
    struct lpg_data *data = NULL;
    cim_error err = {0};
    (void)state;
    fake_host_migrate(fake, LPG_MIGRATIONS);
    /* the one layer that comes with records */
    assert_ok(store->write(&fake->host, forget_rules, (void *)(uintptr_t)store, &pos, &err), &err);
    assert_ok(lpg_data_open(&fake->host, LAYERS_DIR, &data, &err), &err);
    for (size_t i = 0; i < lpg_data_layer_count(data); i++) {
        struct lpg_layer *layer = lpg_data_layer_at(data, i);
        const struct cim_definition *def = lpg_layer_definition(layer);
        bool searched = false;
        for (size_t j = 0; j < def->n_fields; j++) {
            CIM_AUTO_BUF struct cim_buf filter;
            const char *const sort[] = {def->fields[j].name};
            const cim_query sorted = {
                .struct_size = sizeof sorted, .sort = sort, .n_sort = 1, .limit = 2};
            CIM_AUTO_ROWS cim_rows *rows = NULL;
            cim_buf_init(&filter, 1 << 16);
            cim_buf_add_text(&filter, "{\"op\":\"or\",\"args\":[false");
            add_field(&filter, &def->fields[j]);
            if (j == 0 && def->geometry != CIM_GEOMETRY_NONE) {
                add_forms(&filter, space_forms, "geometry");
            }
            cim_buf_add_text(&filter, "]}");
            run_filter(layer, filter.data);
            if (!def->fields[j].encrypted) {
                assert_ok(lpg_layer_query(layer, &call, &sorted, &rows, &err), &err);
            }
            searched =
                searched || (def->fields[j].search && def->fields[j].sensitive == CIM_SENSITIVE_NO);
        }
        if (searched) {
            const cim_query words = {.struct_size = sizeof words, .search = "气站 hk"};
            int64_t count = -1;
            assert_ok(lpg_layer_count(layer, &call, &words, &count, &err), &err);
        }
    }
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
        cmocka_unit_test(test_every_form_of_statement_prepares),
        cmocka_unit_test(test_broken_folder_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
