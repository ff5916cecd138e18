/* Rows set aside come back as they were, whatever their types. */
#include "host/exchange/spool.h"

#include "kit/rows.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_ROWS = 5000, PER_BATCH = 700 };

static int64_t next_row;

/* Row i: an integer, a double, a text of i % 50 bytes and a time, each absent now and then. */
static cim_status
fill(void *self, struct cim_batch_builder *builder, cim_error *err)
{
    const int64_t fail_at = *(int64_t *)self;
    char text[64];
    memset(text, 'x', sizeof text);
    while (next_row < N_ROWS && cim_batch_builder_rows(builder) < PER_BATCH) {
        const int64_t i = next_row++;
        if (i == fail_at) {
            return cim_fail(err, CIM_E_INVALID, "row", NULL, "坏", "broken");
        }
        if (i % 3 != 0) {
            cim_batch_append_i64(builder, 0, i * 1000003);
        }
        if (i % 5 != 0) {
            cim_batch_append_f64(builder, 1, (double)i / 7);
        }
        if (i % 7 != 0) {
            text[0] = (char)('a' + i % 26);
            cim_batch_append_bytes(builder, 2, text, (size_t)(i % 50));
        }
        CIM_TRY(cim_batch_builder_end_row(builder, err));
    }
    return CIM_OK;
}

static void
nothing(void *self)
{
    (void)self;
}

static cim_rows *
make_rows(int64_t *fail_at)
{
    static const char *const names[] = {"i", "f", "t"};
    static const uint32_t types[] = {CIM_COL_INT64, CIM_COL_FLOAT64, CIM_COL_TEXT};
    cim_rows *rows = NULL;
    cim_error error = {0};
    next_row = 0;
    assert_ok(cim_rows_new(3, names, types, fill, nothing, fail_at, &rows, &error), &error);
    return rows;
}

static void
expect_row(const cim_batch *batch, int64_t at, int64_t i)
{
    const cim_column *const *columns = batch->columns;
    size_t len = 0;
    assert_int_equal(cim_column_present(columns[0], at), i % 3 != 0);
    assert_int_equal(cim_column_present(columns[1], at), i % 5 != 0);
    assert_int_equal(cim_column_present(columns[2], at), i % 7 != 0);
    assert_true(i % 3 == 0 || cim_column_i64(columns[0], at) == i * 1000003);
    assert_true(i % 5 == 0 || cim_column_f64(columns[1], at) == (double)i / 7);
    if (i % 7 != 0) {
        const uint8_t *bytes = cim_column_bytes(columns[2], at, &len);
        assert_int_equal(len, i % 50);
        assert_true(len == 0 || bytes[0] == 'a' + i % 26);
    }
}

static void
test_rows_come_back_as_they_were(void **state)
{
    struct host_spool *spool = NULL;
    int64_t fail_at = -1;
    cim_error error = {0};
    cim_rows *rows = make_rows(&fail_at);
    (void)state;
    assert_ok(host_spool_open("/tmp", &spool, &error), &error);
    assert_ok(host_spool_fill(spool, rows, NULL, NULL, &error), &error);
    rows->release(rows);
    assert_int_equal(host_spool_count(spool), N_ROWS);
    for (int pass = 0; pass < 2; pass++) { /* it can be read again */
        const cim_batch *batch = NULL;
        int64_t i = 0;
        assert_ok(host_spool_rows(spool, &rows, &error), &error);
        assert_string_equal(rows->names[2], "t");
        do {
            assert_ok(rows->next(rows, &batch, &error), &error);
            for (int64_t at = 0; at < batch->n_rows; at++) {
                expect_row(batch, at, i++);
            }
        } while (batch->n_rows > 0);
        assert_int_equal(i, N_ROWS);
        rows->release(rows);
    }
    host_spool_free(spool);
}

static void
test_failure_of_the_rows_and_of_the_disk(void **state)
{
    struct host_spool *spool = NULL;
    int64_t fail_at = 2000;
    cim_error error = {0};
    cim_rows *rows = make_rows(&fail_at);
    (void)state;
    assert_int_equal(host_spool_open("/nowhere", &spool, &error), CIM_E_IO);
    assert_true(error.zh[0] != '\0' && error.os_errno != 0);
    assert_ok(host_spool_open("/tmp", &spool, &error), &error);
    assert_int_equal(host_spool_fill(spool, rows, NULL, NULL, &error), CIM_E_INVALID);
    assert_string_equal(error.en, "broken");
    rows->release(rows);
    host_spool_free(spool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_back_as_they_were),
        cmocka_unit_test(test_failure_of_the_rows_and_of_the_disk),
    };
    return cmocka_run_group_tests_name("exchange_spool", tests, NULL, NULL);
}
