#include "fixture.h"

#include <stdlib.h>
#include <sys/stat.h>

static const struct cim_area_input areas[] = {
    {"460000", "海南省", "province", NULL, NULL},
    {"460100", "海口市", "city", "460000", NULL},
    {"460105", "秀英区", "county", "460100", "460121"},
    {"460106", "龙华区", "county", "460100", NULL},
    {"460200", "三亚市", "city", "460000", NULL},
    {"469001", "五指山市", "county", "460000", NULL},
};

static const char migration[] =
    "create table test_thing ({record}, {geom Point},\n"
    "  name {text} not null, code {text}, kind {text}, size {real}, pieces {int},\n"
    "  made_up {bool}, built_on {date}, seen_at {time}, phone {text}, keeper {text},\n"
    "  search_words {text});\n"
    "{layer test_thing Point};\n"
    "create unique index test_thing_code on test_thing (code);\n"
    "create index test_thing_area on test_thing (area_code);\n"
    "create table test_zone ({record}, {geom MultiPolygon}, name {text});\n"
    "{layer test_zone MultiPolygon};\n"
    "create table test_note ({record}, body {text});\n"
    "{layer test_note None};\n";

static const char codes[] = "{\"kind\": {\"title\": {\"zh\": \"种类\"}, \"values\": ["
                            "{\"value\": \"big\", \"zh\": \"大\", \"en\": \"Big\"},"
                            "{\"value\": \"small\", \"zh\": \"小\", \"en\": \"Small\"}]}}";

static const char things[] =
    "{\"id\": \"test.things\", \"title\": {\"zh\": \"物\"}, \"table\": \"test_thing\",\n"
    " \"geometry\": \"Point\", \"time\": \"seen_at\",\n"
    " \"tiles\": {\"attributes\": [\"kind\", \"made_up\"],\n"
    "  \"count_by\": [\"kind\", \"made_up\"]}, \"fields\": [\n"
    " {\"name\": \"name\", \"type\": \"text\", \"title\": {\"zh\": \"名\"}, \"required\": true, "
    "\"search\": true,\n"
    "  \"max_length\": 12},\n"
    " {\"name\": \"code\", \"type\": \"text\", \"title\": {\"zh\": \"号\"}, \"unique\": true},\n"
    " {\"name\": \"kind\", \"type\": \"code\", \"codes\": \"kind\", \"title\": {\"zh\": \"种\"}},\n"
    " {\"name\": \"size\", \"type\": \"number\", \"min\": -100, \"max\": 100,\n"
    "  \"title\": {\"zh\": \"尺寸\"}},\n"
    " {\"name\": \"pieces\", \"type\": \"integer\", \"min\": 0, \"title\": {\"zh\": \"数\"}},\n"
    " {\"name\": \"made_up\", \"type\": \"boolean\", \"title\": {\"zh\": \"示例\"}},\n"
    " {\"name\": \"built_on\", \"type\": \"date\", \"title\": {\"zh\": \"建成\"}},\n"
    " {\"name\": \"seen_at\", \"type\": \"time\", \"title\": {\"zh\": \"见到\"}},\n"
    " {\"name\": \"phone\", \"type\": \"text\", \"check\": \"phone\", \"sensitive\": \"phone\",\n"
    "  \"title\": {\"zh\": \"电话\"}},\n"
    " {\"name\": \"keeper\", \"type\": \"text\", \"sensitive\": \"name\",\n"
    "  \"title\": {\"zh\": \"保管\"}}]}";

static const char zones[] =
    "{\"id\": \"test.zones\", \"title\": {\"zh\": \"区\"}, \"table\": \"test_zone\",\n"
    " \"geometry\": \"MultiPolygon\", \"fields\": [\n"
    " {\"name\": \"name\", \"type\": \"text\", \"title\": {\"zh\": \"名\"}}]}";

static const char notes[] =
    "{\"id\": \"test.notes\", \"title\": {\"zh\": \"记\"}, \"table\": \"test_note\",\n"
    " \"geometry\": \"None\", \"fields\": [\n"
    " {\"name\": \"body\", \"type\": \"text\", \"title\": {\"zh\": \"文\"}, \"search\": true}]}";

int
fixture_setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    cim_error err = {0};
    char folder[128];
    assert_non_null(fixture);
    fixture->fake = fake_host_new(areas, sizeof areas / sizeof areas[0]);
    fake_host_migrate_text(fixture->fake, migration);
    (void)snprintf(folder, sizeof folder, "%s/layers", fixture->fake->dir);
    assert_int_equal(mkdir(folder, 0700), 0);
    (void)fake_host_file(fixture->fake, "layers/codes.json", codes);
    (void)fake_host_file(fixture->fake, "layers/things.json", things);
    (void)fake_host_file(fixture->fake, "layers/zones.json", zones);
    (void)fake_host_file(fixture->fake, "layers/notes.json", notes);
    assert_ok(lpg_data_open(&fixture->fake->host, folder, &fixture->data, &err), &err);
    fixture->things = lpg_data_layer(fixture->data, "test.things");
    fixture->zones = lpg_data_layer(fixture->data, "test.zones");
    fixture->notes = lpg_data_layer(fixture->data, "test.notes");
    *state = fixture;
    return 0;
}

int
fixture_teardown(void **state)
{
    struct fixture *fixture = *state;
    lpg_data_close(fixture->data);
    fake_host_free(fixture->fake);
    free(fixture);
    return 0;
}

/* ---- rows of texts ---- */

struct text_source {
    const struct text_rows *rows;
    size_t next;
};

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct text_source *source = self;
    while (source->next < source->rows->n_rows && cim_batch_builder_rows(builder) < 40) {
        const char *const *cells = source->rows->cells[source->next++];
        for (uint32_t i = 0; i < source->rows->n_columns; i++) {
            double x = 0;
            double y = 0;
            uint8_t wkb[21];
            if (cells[i] == NULL) {
                continue;
            }
            if (strcmp(source->rows->names[i], "geom") != 0) {
                cim_batch_append_bytes(builder, i, cells[i], strlen(cells[i]));
                continue;
            }
            assert_int_equal(sscanf(cells[i], "%lf %lf", &x, &y), 2);
            cim_wkb_from_point(x, y, wkb);
            cim_batch_append_bytes(builder, i, wkb, sizeof wkb);
        }
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

cim_rows *
text_rows_open(const struct text_rows *rows)
{
    uint32_t types[20];
    struct text_source *source = calloc(1, sizeof *source);
    cim_rows *opened = NULL;
    cim_error err = {0};
    assert_non_null(source);
    source->rows = rows;
    for (uint32_t i = 0; i < rows->n_columns; i++) {
        types[i] = strcmp(rows->names[i], "geom") == 0 ? CIM_COL_WKB : CIM_COL_TEXT;
    }
    assert_ok(cim_rows_new(rows->n_columns, rows->names, types, fill, free, source, &opened, &err),
              &err);
    return opened;
}

static void
note_refusal(cim_edit *edit, int64_t row, const cim_error *why)
{
    struct outcome *outcome = edit->caller;
    assert_true(outcome->n_told < 64);
    outcome->row[outcome->n_told] = row;
    outcome->why[outcome->n_told++] = *why;
}

cim_status
write_rows(struct lpg_layer *layer, const cim_call *call, int32_t op, uint32_t flags,
           const struct text_rows *rows, struct outcome *ret_outcome, cim_error *err)
{
    cim_rows *opened = text_rows_open(rows);
    *ret_outcome = (struct outcome){.n_told = 0};
    ret_outcome->edit = (cim_edit){.struct_size = sizeof(cim_edit),
                                   .flags = flags,
                                   .op = op,
                                   .rows = opened,
                                   .refused = note_refusal,
                                   .caller = ret_outcome};
    const cim_status status = lpg_layer_write(layer, call, &ret_outcome->edit, err);
    opened->release(opened);
    return status;
}

const char *
cell_text(const cim_batch *batch, uint32_t column, int64_t row)
{
    static char texts[8][256];
    static int turn;
    char *text = texts[turn++ % 8];
    const cim_column *cells = batch->columns[column];
    if (!cim_column_present(cells, row)) {
        return "(absent)";
    }
    if (cells->type == CIM_COL_TEXT) {
        size_t len = 0;
        const uint8_t *bytes = cim_column_bytes(cells, row, &len);
        (void)snprintf(text, 256, "%.*s", (int)len, (const char *)bytes);
    } else if (cells->type == CIM_COL_WKB) {
        size_t len = 0;
        double x = 0;
        double y = 0;
        const uint8_t *bytes = cim_column_bytes(cells, row, &len);
        assert_true(cim_wkb_point(bytes, len, &x, &y));
        (void)snprintf(text, 256, "%.17g %.17g", x, y);
    } else if (cells->type == CIM_COL_FLOAT64) {
        (void)snprintf(text, 256, "%.17g", cim_column_f64(cells, row));
    } else {
        (void)snprintf(text, 256, "%lld", (long long)cim_column_i64(cells, row));
    }
    return text;
}

int64_t
count_all(struct fixture *fixture, struct lpg_layer *layer)
{
    const cim_call call = fake_call(fake_scope_all());
    const cim_query query = {.struct_size = sizeof query};
    int64_t count = -1;
    cim_error err = {0};
    (void)fixture;
    assert_ok(lpg_layer_count(layer, &call, &query, &count, &err), &err);
    return count;
}

int64_t
one_int(struct fixture *fixture, const char *sql)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_error err = {0};
    assert_ok(host_store_read(fixture->fake->store, sql, NULL, 0, &rows, &err), &err);
    assert_ok(rows->next(rows, &batch, &err), &err);
    assert_int_equal(batch->n_rows, 1);
    return cim_column_i64(batch->columns[0], 0);
}
