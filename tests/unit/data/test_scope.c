/* A scope as SQL and masks against its definition, record by record: random terms of areas, owners,
 * field modes, times and row filters. A record is visible if one term covers it; a field shows what
 * the most permissive of the terms that cover that record shows. */
#include "oracle.h"

#include "kit/scope_eval.h"

#include <stdlib.h>

enum { N_SCOPES = 200, N_TERMS = 4, N_MODES = 3 };

static const char *const fields[] = {"name", "kind", "size", "pieces", "phone"};
enum { N_FIELDS_SEEN = 5 };

struct model_term {
    cim_term term;
    uint64_t areas[1];
    const char *names[N_MODES];
    uint8_t modes[N_MODES];
    struct expression *filter; /* NULL: none */
    struct cim_buf filter_text;
};

struct model {
    struct model_term terms[N_TERMS];
    const cim_term *pointers[N_TERMS];
    cim_scope scope;
};

/* ---- making one ---- */

static void
make_areas(struct model_term *model, const struct cim_area_tree *tree, uint64_t *seed)
{
    model->term.all_areas = unit_random_below(seed, 4) == 0;
    if (model->term.all_areas != 0) {
        return;
    }
    for (int32_t i = 0; i < cim_area_tree_count(tree); i++) {
        model->areas[0] |= (uint64_t)unit_random_below(seed, 2) << (unsigned)i;
    }
    model->term.areas = model->areas;
    model->term.n_area_words = 1;
}

static void
make_modes(struct model_term *model, uint64_t *seed)
{
    const uint32_t n = unit_random_below(seed, N_MODES + 1);
    uint32_t first = unit_random_below(seed, N_FIELDS_SEEN);
    for (uint32_t i = 0; i < n; i++) {
        model->names[i] = fields[(first + i) % N_FIELDS_SEEN];
        model->modes[i] = (uint8_t)unit_random_below(seed, 3);
    }
    model->term.n_field_modes = n;
    model->term.field_names = model->names;
    model->term.field_modes = model->modes;
}

static void
make_times(cim_term *term, uint64_t *seed)
{
    static const int64_t before[] = {INT64_MIN, FAKE_NOW_MS - 1, FAKE_NOW_MS};
    static const int64_t after[] = {INT64_MAX, FAKE_NOW_MS + 1};
    term->from_ms = before[unit_random_below(seed, 3)];
    term->until_ms = after[unit_random_below(seed, 2)];
    if (unit_random_below(seed, 6) == 0) {
        term->until_ms = FAKE_NOW_MS; /* over at its very millisecond */
    } else if (unit_random_below(seed, 6) == 0) {
        term->from_ms = FAKE_NOW_MS + 1;
    }
}

static void
make(struct model *model, const struct cim_area_tree *tree, uint64_t *seed)
{
    static const char *const owners[] = {NULL, NULL, "acme", "other", "nobody"};
    memset(model, 0, sizeof *model);
    model->scope = (cim_scope){.struct_size = sizeof model->scope,
                               .n_terms = unit_random_below(seed, N_TERMS + 1),
                               .terms = model->pointers,
                               .areas_version = cim_area_tree_version(tree)};
    for (uint32_t i = 0; i < model->scope.n_terms; i++) {
        struct model_term *each = &model->terms[i];
        model->pointers[i] = &each->term;
        each->term.struct_size = sizeof each->term;
        each->term.resource = "*";
        each->term.owner_org = owners[unit_random_below(seed, 5)];
        each->term.sensitive_mode = unit_random_below(seed, 3);
        make_areas(each, tree, seed);
        make_modes(each, seed);
        make_times(&each->term, seed);
        cim_buf_init(&each->filter_text, 100000);
        if (unit_random_below(seed, 2) == 0) {
            each->filter = random_expression(seed, 2);
            print_expression(&each->filter_text, each->filter);
            each->term.filter_json = each->filter_text.data;
        }
    }
}

static void
unmake(struct model *model)
{
    for (uint32_t i = 0; i < model->scope.n_terms; i++) {
        free_expression(model->terms[i].filter);
        cim_buf_done(&model->terms[i].filter_text);
    }
}

/* ---- what it means ---- */

static bool
covers(const struct model_term *model, const struct cim_area_tree *tree, const struct thing *thing)
{
    const cim_term *term = &model->term;
    const int32_t ordinal = thing->area[0] != '\0' ? cim_area_tree_ordinal(tree, thing->area) : -1;
    if (FAKE_NOW_MS < term->from_ms || FAKE_NOW_MS >= term->until_ms) {
        return false;
    }
    if (term->all_areas == 0 && (ordinal < 0 || (model->areas[0] >> ordinal & 1U) == 0)) {
        return false;
    }
    if (term->owner_org != NULL && strcmp(term->owner_org, thing->owner) != 0) {
        return false;
    }
    return model->filter == NULL || evaluate(model->filter, thing) == 1;
}

static unsigned
mode_of(const struct model_term *model, const char *field)
{
    for (uint32_t i = 0; i < model->term.n_field_modes; i++) {
        if (strcmp(model->names[i], field) == 0) {
            return model->modes[i];
        }
    }
    return strcmp(field, "phone") == 0 ? model->term.sensitive_mode : CIM_FIELD_CLEAR;
}

/* False: hidden. */
static bool
see(const struct model *model, const struct cim_area_tree *tree, const struct thing *thing,
    unsigned modes[N_FIELDS_SEEN])
{
    bool visible = false;
    memset(modes, 0, N_FIELDS_SEEN * sizeof *modes);
    for (uint32_t i = 0; i < model->scope.n_terms; i++) {
        if (!covers(&model->terms[i], tree, thing)) {
            continue;
        }
        visible = true;
        for (int f = 0; f < N_FIELDS_SEEN; f++) {
            const unsigned mode = mode_of(&model->terms[i], fields[f]);
            modes[f] = mode > modes[f] ? mode : modes[f];
        }
    }
    return visible;
}

/* ---- comparing ---- */

static void
check_text(const cim_batch *batch, uint32_t column, int64_t row, const char *stored, unsigned mode,
           enum cim_sensitive kind)
{
    CIM_AUTO_BUF struct cim_buf wanted;
    size_t len = 0;
    cim_buf_init(&wanted, 1000);
    if (mode == CIM_FIELD_ABSENT || stored[0] == '\0') {
        assert_false(cim_column_present(batch->columns[column], row));
        return;
    }
    if (mode == CIM_FIELD_CLEAR) {
        cim_buf_add_text(&wanted, stored);
    } else {
        cim_mask_text(kind, stored, strlen(stored), &wanted);
    }
    assert_true(cim_column_present(batch->columns[column], row));
    const uint8_t *text = cim_column_bytes(batch->columns[column], row, &len);
    assert_int_equal(len, wanted.len);
    assert_memory_equal(text, wanted.data, len);
}

static void
check_row(const cim_rows *rows, const cim_batch *batch, int64_t row, const struct thing *thing,
          const unsigned modes[N_FIELDS_SEEN])
{
    uint32_t columns[N_FIELDS_SEEN];
    for (int f = 0; f < N_FIELDS_SEEN; f++) {
        assert_true(cim_rows_column(rows, fields[f]) >= 0);
        columns[f] = (uint32_t)cim_rows_column(rows, fields[f]);
    }
    assert_int_equal(cim_column_i64(batch->columns[0], row), thing->fid);
    check_text(batch, columns[0], row, thing->name, modes[0], CIM_SENSITIVE_NO);
    check_text(batch, columns[1], row, thing->kind, modes[1], CIM_SENSITIVE_NO);
    check_text(batch, columns[4], row, "13800138000", modes[4], CIM_SENSITIVE_PHONE);
    const bool size = thing->has_size && modes[2] == CIM_FIELD_CLEAR;
    const bool pieces = thing->has_pieces && modes[3] == CIM_FIELD_CLEAR;
    assert_int_equal(cim_column_present(batch->columns[columns[2]], row), size);
    assert_int_equal(cim_column_present(batch->columns[columns[3]], row), pieces);
    assert_true(!size || cim_column_f64(batch->columns[columns[2]], row) == thing->size);
    assert_true(!pieces || cim_column_i64(batch->columns[columns[3]], row) == thing->pieces);
}

static size_t
check_rows(struct fixture *fixture, const struct model *model)
{
    const struct cim_area_tree *tree = fixture->fake->areas;
    const cim_call call = fake_call(&model->scope);
    const cim_query query = {.struct_size = sizeof query};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    unsigned modes[N_FIELDS_SEEN];
    int64_t count = -1;
    int64_t at = 0;
    size_t n = 0;
    cim_error err = {0};
    assert_ok(lpg_layer_count(fixture->things, &call, &query, &count, &err), &err);
    assert_ok(lpg_layer_query(fixture->things, &call, &query, &rows, &err), &err);
    assert_ok(rows->next(rows, &batch, &err), &err);
    for (int i = 0; i < N_ROWS; i++) {
        if (!see(model, tree, &things[i], modes)) {
            continue;
        }
        if (at == batch->n_rows) {
            assert_ok(rows->next(rows, &batch, &err), &err);
            assert_true(batch->n_rows > 0);
            at = 0;
        }
        check_row(rows, batch, at++, &things[i], modes);
        n++;
    }
    assert_int_equal(at, batch->n_rows);
    assert_ok(rows->next(rows, &batch, &err), &err);
    assert_int_equal(batch->n_rows, 0);
    assert_int_equal(count, n);
    return n;
}

static void
check_extent(struct fixture *fixture, const struct model *model)
{
    const cim_call call = fake_call(&model->scope);
    const cim_query query = {.struct_size = sizeof query};
    double wanted[4] = {1000, 1000, -1000, -1000};
    double bbox[4] = {0};
    unsigned modes[N_FIELDS_SEEN];
    cim_error err = {0};
    for (int i = 0; i < N_ROWS; i++) {
        const struct thing *thing = &things[i];
        if (thing->has_geom && see(model, fixture->fake->areas, thing, modes)) {
            wanted[0] = thing->x < wanted[0] ? thing->x : wanted[0];
            wanted[1] = thing->y < wanted[1] ? thing->y : wanted[1];
            wanted[2] = thing->x > wanted[2] ? thing->x : wanted[2];
            wanted[3] = thing->y > wanted[3] ? thing->y : wanted[3];
        }
    }
    const cim_status status = lpg_layer_extent(fixture->things, &call, &query, bbox, &err);
    assert_int_equal(status, wanted[0] < 1000 ? CIM_OK : CIM_E_NOTFOUND);
    for (int i = 0; i < 4 && status == CIM_OK; i++) {
        assert_true(bbox[i] == wanted[i]);
    }
}

/* What filters, sort keys and groups may rely on: CIM_OK where every term shows it in clear. */
static cim_status
may_ask(const struct model *model, const char *field)
{
    bool clear = true; /* no term: no record is asked about */
    for (uint32_t i = 0; i < model->scope.n_terms; i++) {
        clear = clear && mode_of(&model->terms[i], field) == CIM_FIELD_CLEAR;
    }
    return clear ? CIM_OK : CIM_E_DENIED;
}

static void
check_questions(struct fixture *fixture, const struct model *model, uint64_t *seed)
{
    /* Not the phone, which is sealed and asked by nobody that way. */
    const char *field = fields[unit_random_below(seed, N_FIELDS_SEEN - 1)];
    const cim_call call = fake_call(&model->scope);
    char filter[100];
    const char *sort[] = {field};
    cim_query query = {.struct_size = sizeof query, .filter_json = filter};
    CIM_AUTO_ROWS cim_rows *sorted = NULL;
    CIM_AUTO_ROWS cim_rows *grouped = NULL;
    int64_t count = -1;
    cim_error err = {0};
    (void)snprintf(filter, sizeof filter, "{\"op\":\"isNull\",\"args\":[{\"property\":\"%s\"}]}",
                   field);
    assert_int_equal(lpg_layer_count(fixture->things, &call, &query, &count, &err),
                     may_ask(model, field));
    query.filter_json = NULL;
    query.sort = sort;
    query.n_sort = 1;
    assert_int_equal(lpg_layer_query(fixture->things, &call, &query, &sorted, &err),
                     may_ask(model, field));
    query.n_sort = 0;
    assert_int_equal(lpg_data_group_count(fixture->things, &call, &query,
                                          &(struct lpg_grouping){.n_by = 1, .by = {"kind"}},
                                          &grouped, &err),
                     may_ask(model, "kind"));
}

static void
test_random_scopes_equal_a_plain_evaluation(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seed = 20261127;
    size_t some = 0;
    load_things(fixture, &seed, N_ROWS);
    for (int round = 0; round < N_SCOPES; round++) {
        struct model model;
        make(&model, fixture->fake->areas, &seed);
        const size_t n = check_rows(fixture, &model);
        check_extent(fixture, &model);
        check_questions(fixture, &model, &seed);
        some += n > 0 && n < N_ROWS ? 1 : 0;
        unmake(&model);
    }
    assert_true(some > N_SCOPES / 3);
}

/* ---- very many terms ---- */

enum { MANY_TERMS = 10000 };

/* What a count says of `n` terms, each of another organisation; `last` is that of the last one. */
static cim_status
count_of_many(struct fixture *fixture, uint32_t n, const char *last, int64_t *ret_count,
              cim_error *err)
{
    const uint64_t areas[1] = {UINT64_MAX};
    cim_term *terms = calloc(n, sizeof *terms);
    const cim_term **pointers = (const cim_term **)calloc(n, sizeof *pointers);
    char(*owners)[16] = calloc(n, sizeof *owners);
    assert_true(terms != NULL && pointers != NULL && owners != NULL);
    for (uint32_t i = 0; i < n; i++) {
        (void)snprintf(owners[i], sizeof owners[i], "org-%u", i);
        terms[i] = (cim_term){.struct_size = sizeof terms[i],
                              .resource = "*",
                              .owner_org = i + 1 < n ? owners[i] : last,
                              .areas = areas,
                              .n_area_words = 1,
                              .from_ms = INT64_MIN,
                              .until_ms = INT64_MAX};
        pointers[i] = &terms[i];
    }
    const cim_scope scope = {.struct_size = sizeof scope,
                             .n_terms = n,
                             .terms = pointers,
                             .areas_version = cim_area_tree_version(fixture->fake->areas)};
    const cim_call call = fake_call(&scope);
    const cim_query query = {.struct_size = sizeof query};
    const cim_status status = lpg_layer_count(fixture->things, &call, &query, ret_count, err);
    free(terms);
    free((void *)pointers);
    free(owners);
    return status;
}

/* As many as fit count what they cover; more are refused in words, whatever the store's own limits.
 */
static void
test_very_many_terms_are_refused_in_words(void **state)
{
    struct fixture *fixture = *state;
    uint64_t seed = 7;
    int64_t few = 0;
    int64_t many = 0;
    cim_error err = {0};
    load_things(fixture, &seed, N_ROWS);
    assert_ok(count_of_many(fixture, 1, "acme", &few, &err), &err);
    assert_true(few > 0);
    assert_ok(count_of_many(fixture, 100, "acme", &many, &err), &err);
    assert_int_equal(many, few);
    const uint32_t too_many[] = {201, 1001, MANY_TERMS};
    for (size_t i = 0; i < sizeof too_many / sizeof too_many[0]; i++) {
        assert_int_equal(count_of_many(fixture, too_many[i], "acme", &many, &err), CIM_E_TOO_LARGE);
        assert_non_null(strstr(err.en, "too scattered"));
        assert_non_null(strstr(err.zh, "授权"));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_scopes_equal_a_plain_evaluation, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_very_many_terms_are_refused_in_words, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
