/* The R-tree says what a walk over all records says, after any sequence of writes. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 1500, IDS = 150, CHECK_EVERY = 100, WKB_MAX = 256 };

struct model {
    bool present;
    bool has_geom;
    double box[4];
};

static size_t
make_line(uint64_t *random, uint8_t *wkb, double box[4])
{
    const uint32_t n = 2 + unit_random_below(random, 5);
    size_t at = 9;
    wkb[0] = 1;
    memcpy(wkb + 1, &(uint32_t){2}, 4);
    memcpy(wkb + 5, &n, 4);
    box[0] = box[1] = 1e9;
    box[2] = box[3] = -1e9;
    for (uint32_t i = 0; i < n; i++) {
        const double x = 108.0 + unit_random_below(random, 300000) / 1e5;
        const double y = 18.0 + unit_random_below(random, 200000) / 1e5;
        memcpy(wkb + at, &x, 8);
        memcpy(wkb + at + 8, &y, 8);
        at += 16;
        box[0] = x < box[0] ? x : box[0];
        box[1] = y < box[1] ? y : box[1];
        box[2] = x > box[2] ? x : box[2];
        box[3] = y > box[3] ? y : box[3];
    }
    return at;
}

static bool
meets(const double box[4], double w, double s, double e, double n)
{
    const bool x = w <= e ? box[2] >= w && box[0] <= e : box[2] >= w || box[0] <= e;
    return x && box[3] >= s && box[1] <= n;
}

static int64_t
count_in(struct host_store *store, const char *table, double w, double s, double e, double n)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_error error = {0};
    char sql[128];
    const cim_value values[] = {real_value("bbox_w", w), real_value("bbox_s", s),
                                real_value("bbox_e", e), real_value("bbox_n", n)};
    (void)snprintf(sql, sizeof sql, "select count(*) from %s where {bbox %s}", table, table);
    assert_ok(host_store_read(store, sql, values, 4, &rows, &error), &error);
    assert_ok(rows->next(rows, &batch, &error), &error);
    return cim_column_i64(batch->columns[0], 0);
}

static void
compare(struct host_store *store, const struct model *model, uint64_t *random)
{
    int64_t filled = 0;
    for (int round = 0; round < 12; round++) {
        const double w = 108.0 + unit_random_below(random, 300000) / 1e5;
        const double s = 18.0 + unit_random_below(random, 200000) / 1e5;
        /* Every fourth box runs the other way round the world. */
        const double e = round % 4 == 3 ? w - 0.5 : w + unit_random_below(random, 100000) / 1e5;
        const double n = s + unit_random_below(random, 100000) / 1e5;
        int64_t expected = 0;
        for (int i = 0; i < IDS; i++) {
            expected += model[i].present && model[i].has_geom && meets(model[i].box, w, s, e, n);
        }
        assert_int_equal(count_in(store, "way", w, s, e, n), expected);
    }
    for (int i = 0; i < IDS; i++) {
        filled += model[i].present && model[i].has_geom;
    }
    if (pg_is_there()) {
        return; /* its index is PostGIS's own */
    }
    assert_int_equal(one_int(store, "select count(*) from rtree_way_geom"), filled);
    assert_int_equal(one_int(store, "select count(*) from rtree_way_geom r join way w on "
                                    "w.fid = r.id where w.geom is not null"),
                     filled);
}

static void
random_write(cim_tx *tx, struct model *model, uint64_t *random)
{
    static const char upsert[] = "insert into way (fid, uid, updated_at, geom) values (:fid, :uid, "
                                 "{now}, {geom :geom}) on conflict (fid) do update set "
                                 "geom = excluded.geom, version = way.version + 1";
    const uint32_t id = unit_random_below(random, IDS);
    uint8_t wkb[WKB_MAX];
    char uid[16];
    cim_error error = {0};
    cim_value values[3];
    (void)snprintf(uid, sizeof uid, "w%u", id);
    values[0] = int_value("fid", id + 1);
    if (unit_random_below(random, 4) == 0) {
        assert_ok(host_store_exec(tx, "delete from way where fid = :fid", values, 1, NULL, &error),
                  &error);
        model[id].present = false;
        return;
    }
    values[1] = text_value("uid", uid);
    model[id].present = true;
    model[id].has_geom = unit_random_below(random, 6) != 0;
    values[2] = null_value("geom");
    if (model[id].has_geom) {
        values[2] = wkb_value("geom", wkb, make_line(random, wkb, model[id].box));
    }
    assert_ok(host_store_exec(tx, upsert, values, 3, NULL, &error), &error);
}

struct many {
    struct model *model;
    uint64_t *random;
    int n;
};

static cim_status
write_many(void *arg, cim_tx *tx, cim_error *err)
{
    struct many *many = arg;
    (void)err;
    for (int i = 0; i < many->n; i++) {
        random_write(tx, many->model, many->random);
    }
    return CIM_OK;
}

static void
test_index_follows_random_writes(void **state)
{
    struct fixture *fixture = *state;
    struct model *model = calloc(IDS, sizeof *model);
    uint64_t random = 7;
    cim_error error = {0};
    assert_non_null(model);
    for (int done = 0; done < STEPS; done += CHECK_EVERY) {
        struct many many = {.model = model, .random = &random, .n = CHECK_EVERY};
        assert_ok(host_store_write(fixture->store, write_many, &many, NULL, &error), &error);
        compare(fixture->store, model, &random);
    }
    free(model);
}

/* A float holds some 7 digits: the index alone would find a neighbour that is outside. */
static void
test_bbox_is_exact_at_its_edge(void **state)
{
    struct fixture *fixture = *state;
    const double x = 110.3312345;
    cim_error error = {0};
    assert_ok(add_thing(fixture->store, NULL, "edge", x, 20.0, &error), &error);
    assert_int_equal(count_in(fixture->store, "thing", x, 20.0, x + 1, 21.0), 1);
    assert_int_equal(count_in(fixture->store, "thing", x + 1e-9, 20.0, x + 1, 21.0), 0);
    assert_int_equal(count_in(fixture->store, "thing", x - 1, 19.0, x - 1e-9, 20.0), 0);
    assert_int_equal(count_in(fixture->store, "thing", 170.0, -90.0, -170.0, 90.0), 0);
    assert_int_equal(count_in(fixture->store, "thing", 110.0, -90.0, -170.0, 90.0), 1);
}

static void
test_bad_geometries_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const char sql[] =
        "insert into way (uid, updated_at, geom) values ('g', {now}, {geom :geom})";
    static const struct {
        const char *what;
        size_t len;
        uint8_t bytes[40];
    } bad[] = {
        {"short", 3, {1, 1, 0}},
        {"byte order", 21, {7, 1}},
        {"no such type", 21, {1, 99}},
        {"three dimensions", 29, {1, 0xe9, 0x03}},
        {"cut off", 17, {1, 2, 0, 0, 0, 2, 0, 0, 0}},
        {"lying count", 25, {1, 2, 0, 0, 0, 255, 255, 255, 127}},
        {"not finite", 25, {1, 2, 0,    0,    0, 1, 0, 0, 0, 0, 0, 0, 0,
                            0, 0, 0xf0, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const cim_value value = wkb_value("geom", bad[i].bytes, bad[i].len);
        cim_error error = {0};
        if (host_store_write_one(fixture->store, sql, &value, 1, NULL, &error) != CIM_E_INVALID) {
            fail_msg("a geometry that is wrong (%s) was taken", bad[i].what);
        }
        assert_true(error.en[0] != '\0');
    }
    assert_int_equal(one_int(fixture->store, "select count(*) from way"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_index_follows_random_writes, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bbox_is_exact_at_its_edge, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_bad_geometries_are_refused, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests_name("store_rtree", tests, NULL, NULL);
}
