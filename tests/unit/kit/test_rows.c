/* tests/unit/kit/test_rows.c -- the batch builder and the cursor over a fill function. */
#include "unit.h"

#include "fail_alloc.h"
#include "kit/cleanup.h"
#include "kit/rows.h"

static const char *const names[] = {"fid", "name", "size", "at"};
static const uint32_t types[] = {CIM_COL_INT64, CIM_COL_TEXT, CIM_COL_FLOAT64, CIM_COL_TIME_MS};

static void
append_row(struct cim_batch_builder *builder, int64_t fid)
{
    char text[32];
    const int len = snprintf(text, sizeof text, "row %lld", (long long)fid);
    cim_batch_append_i64(builder, 0, fid);
    if (fid % 3 != 0) {
        cim_batch_append_bytes(builder, 1, text, (size_t)len);
    }
    if (fid % 5 != 0) {
        cim_batch_append_f64(builder, 2, (double)fid / 2);
    } else {
        cim_batch_append_null(builder, 2);
    }
    cim_batch_append_i64(builder, 3, fid * 1000);
}

static void
check_row(const cim_batch *batch, int64_t row, int64_t fid)
{
    char text[32];
    const int len = snprintf(text, sizeof text, "row %lld", (long long)fid);
    size_t got = 0;
    assert_int_equal(cim_column_i64(batch->columns[0], row), fid);
    assert_int_equal(cim_column_present(batch->columns[1], row), fid % 3 != 0);
    const uint8_t *bytes = cim_column_bytes(batch->columns[1], row, &got);
    assert_int_equal(got, fid % 3 != 0 ? (size_t)len : 0);
    assert_memory_equal(bytes, text, got);
    assert_int_equal(cim_column_present(batch->columns[2], row), fid % 5 != 0);
    if (fid % 5 != 0) {
        assert_true(cim_column_f64(batch->columns[2], row) * 2 == (double)fid);
    }
    assert_int_equal(cim_column_i64(batch->columns[3], row), fid * 1000);
}

static void
test_builder_gives_back_what_was_appended(void **state)
{
    struct cim_batch_builder *builder = NULL;
    cim_error err = {0};
    (void)state;
    assert_ok(cim_batch_builder_new(4, names, types, &builder, &err), &err);
    for (int round = 0; round < 2; round++) {
        for (int64_t i = 0; i < CIM_BATCH_MAX_ROWS; i++) {
            append_row(builder, i);
            assert_ok(cim_batch_builder_end_row(builder, &err), &err);
        }
        const cim_batch *batch = cim_batch_builder_view(builder);
        assert_int_equal(batch->n_rows, CIM_BATCH_MAX_ROWS);
        assert_null(batch->columns[0]->validity);
        for (int64_t i = 0; i < CIM_BATCH_MAX_ROWS; i++) {
            check_row(batch, i, i);
        }
        append_row(builder, 1);
        assert_int_equal(cim_batch_builder_end_row(builder, &err), CIM_E_TOO_LARGE);
        assert_int_equal(cim_batch_builder_end_row(builder, &err), CIM_E_TOO_LARGE);
        assert_int_equal(cim_batch_builder_rows(builder), CIM_BATCH_MAX_ROWS);
        assert_true(cim_batch_builder_bytes(builder) > CIM_BATCH_MAX_ROWS * 28);
        cim_batch_builder_reset(builder);
        assert_int_equal(cim_batch_builder_rows(builder), 0);
    }
    cim_batch_builder_free(builder);
    cim_batch_builder_free(NULL);
}

static void
test_builder_drops_a_wrong_row_whole(void **state)
{
    struct cim_batch_builder *builder = NULL;
    cim_error err = {0};
    (void)state;
    assert_ok(cim_batch_builder_new(4, names, types, &builder, &err), &err);
    append_row(builder, 1);
    assert_ok(cim_batch_builder_end_row(builder, &err), &err);
    append_row(builder, 2);
    cim_batch_append_f64(builder, 0, 1.0); /* of another type, and a second value */
    assert_int_equal(cim_batch_builder_end_row(builder, &err), CIM_E_INTERNAL);
    assert_string_equal(err.param, "fid");
    cim_batch_append_i64(builder, 1, 1);
    assert_int_equal(cim_batch_builder_end_row(builder, &err), CIM_E_INTERNAL);
    cim_batch_append_bytes(builder, 9, "x", 1);
    assert_int_equal(cim_batch_builder_end_row(builder, &err), CIM_E_INTERNAL);
    append_row(builder, 4);
    assert_ok(cim_batch_builder_end_row(builder, &err), &err);
    const cim_batch *batch = cim_batch_builder_view(builder);
    assert_int_equal(batch->n_rows, 2);
    check_row(batch, 0, 1);
    check_row(batch, 1, 4);
    cim_batch_builder_free(builder);
}

static void
test_builder_refuses_more_bytes_than_a_column_holds(void **state)
{
    struct cim_batch_builder *builder = NULL;
    cim_error err = {0};
    char *big = test_malloc(CIM_BATCH_MAX_BYTES);
    (void)state;
    memset(big, 'x', CIM_BATCH_MAX_BYTES);
    assert_ok(cim_batch_builder_new(4, names, types, &builder, &err), &err);
    cim_batch_append_bytes(builder, 1, big, CIM_BATCH_MAX_BYTES);
    assert_ok(cim_batch_builder_end_row(builder, &err), &err);
    cim_batch_append_bytes(builder, 1, "y", 1);
    assert_int_equal(cim_batch_builder_end_row(builder, &err), CIM_E_TOO_LARGE);
    assert_string_equal(err.param, "name");
    assert_int_equal(cim_batch_builder_rows(builder), 1);
    cim_batch_builder_free(builder);
    test_free(big);
}

static cim_status
build_some(cim_error *err)
{
    struct cim_batch_builder *builder = NULL;
    CIM_TRY(cim_batch_builder_new(4, names, types, &builder, err));
    cim_status status = CIM_OK;
    for (int64_t i = 0; i < 200 && status == CIM_OK; i++) {
        append_row(builder, i);
        status = cim_batch_builder_end_row(builder, err);
    }
    cim_batch_builder_free(builder);
    return status;
}

static void
test_builder_survives_every_failed_allocation(void **state)
{
    cim_error err = {0};
    long nth = 0;
    (void)state;
    for (;;) {
        fail_alloc_at(++nth);
        const cim_status status = build_some(&err);
        const int happened = fail_alloc_happened();
        fail_alloc_at(0);
        if (!happened) {
            assert_int_equal(status, CIM_OK);
            break;
        }
        assert_int_equal(status, CIM_E_NOMEM);
    }
    assert_true(nth > 10);
}

struct source {
    cim_rows *rows;
    int64_t next;
    int64_t end;
    int released;
};

static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    struct source *source = (struct source *)self;
    while (source->next < source->end && cim_batch_builder_rows(builder) < 100) {
        append_row(builder, source->next++);
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return cim_rows_set_cursor(source->rows, source->next == source->end ? "done" : NULL, err);
}

static void
release(void *self)
{
    ((struct source *)self)->released++;
}

static void
test_rows_run_to_their_end(void **state)
{
    struct source source = {.end = 250};
    cim_error err = {0};
    int64_t seen = 0;
    (void)state;
    {
        CIM_AUTO_ROWS cim_rows *rows = NULL;
        const cim_batch *batch = NULL;
        assert_ok(cim_rows_new(4, names, types, fill, release, &source, &rows, &err), &err);
        source.rows = rows;
        assert_int_equal(cim_rows_column(rows, "size"), 2);
        assert_int_equal(cim_rows_column(rows, "nothing"), -1);
        assert_null(rows->cursor(rows));
        for (;;) {
            assert_ok(rows->next(rows, &batch, &err), &err);
            if (batch->n_rows == 0) {
                break;
            }
            for (int64_t i = 0; i < batch->n_rows; i++) {
                check_row(batch, i, seen++);
            }
        }
        assert_ok(rows->next(rows, &batch, &err), &err);
        assert_int_equal(batch->n_rows, 0);
        assert_string_equal(rows->cursor(rows), "done");
    }
    assert_int_equal(seen, 250);
    assert_int_equal(source.released, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builder_gives_back_what_was_appended),
        cmocka_unit_test(test_builder_drops_a_wrong_row_whole),
        cmocka_unit_test(test_builder_refuses_more_bytes_than_a_column_holds),
        cmocka_unit_test(test_builder_survives_every_failed_allocation),
        cmocka_unit_test(test_rows_run_to_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
