/* The R-tree against a look at every box. */
#include "places.h"

#include "geo/rtree.h"

struct boxes {
    uint32_t n;
    double (*box)[4];
    uint8_t *found;
};

static void
box_of(void *arg, uint32_t i, double ret_box[4])
{
    memcpy(ret_box, ((struct boxes *)arg)->box[i], 4 * sizeof *ret_box);
}

static int
note(void *arg, uint32_t i)
{
    ((struct boxes *)arg)->found[i]++;
    return 0;
}

static double
middle_distance2(void *arg, uint32_t i)
{
    const double *box = ((struct boxes *)arg)->box[i];
    return box[0] * box[0] + box[1] * box[1]; /* from (0, 0), of boxes that are positions */
}

static void
fill(struct boxes *boxes, uint64_t *seed, double size)
{
    for (uint32_t i = 0; i < boxes->n; i++) {
        double *box = boxes->box[i];
        box[0] = random_between(seed, -100.0, 100.0);
        box[1] = random_between(seed, -100.0, 100.0);
        box[2] = box[0] + random_between(seed, 0.0, size);
        box[3] = box[1] + random_between(seed, 0.0, size);
    }
}

static void
test_search_and_nearest_equal_brute_force(void **state)
{
    static const uint32_t sizes[] = {0, 1, 15, 16, 17, 255, 256, 257, 5000};
    uint64_t seed = 41;
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct boxes boxes = {.n = sizes[s],
                              .box = calloc(sizes[s] + 1, sizeof *boxes.box),
                              .found = calloc(sizes[s] + 1, 1)};
        struct lpg_rtree *tree;
        cim_error err;
        fill(&boxes, &seed, s % 2 == 0 ? 3.0 : 0.0);
        assert_ok(lpg_rtree_build(boxes.n, box_of, &boxes, &tree, &err), &err);
        for (int run = 0; run < 60; run++) {
            const double x = random_between(&seed, -110.0, 110.0);
            const double y = random_between(&seed, -110.0, 110.0);
            const double query[4] = {x, y, x + random_between(&seed, 0.0, 20.0),
                                     y + random_between(&seed, 0.0, 20.0)};
            const int64_t nearest = lpg_rtree_nearest(tree, x, y, NULL, NULL);
            double least = 1e9;
            double got = 1e9;
            memset(boxes.found, 0, boxes.n);
            lpg_rtree_search(tree, query, note, &boxes);
            for (uint32_t i = 0; i < boxes.n; i++) {
                const double *b = boxes.box[i];
                const double away =
                    hypot(fmax(fmax(b[0] - x, x - b[2]), 0.0), fmax(fmax(b[1] - y, y - b[3]), 0.0));
                const bool meets =
                    b[0] <= query[2] && b[2] >= query[0] && b[1] <= query[3] && b[3] >= query[1];
                assert_true(boxes.found[i] <= 1);
                assert_true(!meets || boxes.found[i] == 1);
                least = fmin(least, away);
                got = (int64_t)i == nearest ? away : got;
            }
            assert_int_equal(nearest >= 0, boxes.n > 0);
            assert_true(boxes.n == 0 || got <= least + 1e-5); /* boxes are rounded outward */
        }
        lpg_rtree_free(tree);
        free(boxes.box);
        free(boxes.found);
    }
}

static void
test_nearest_by_own_distance(void **state)
{
    struct boxes boxes = {.n = 3000, .box = calloc(3000, sizeof *boxes.box)};
    uint64_t seed = 42;
    struct lpg_rtree *tree;
    int64_t expected = 0;
    cim_error err;
    (void)state;
    fill(&boxes, &seed, 0.0);
    memcpy(boxes.box[2000], boxes.box[7], sizeof boxes.box[7]); /* a tie: the lower number */
    for (uint32_t i = 1; i < boxes.n; i++) {
        if (middle_distance2(&boxes, i) < middle_distance2(&boxes, (uint32_t)expected)) {
            expected = i;
        }
    }
    assert_ok(lpg_rtree_build(boxes.n, box_of, &boxes, &tree, &err), &err);
    assert_int_equal(lpg_rtree_nearest(tree, 0.0, 0.0, middle_distance2, &boxes), expected);
    lpg_rtree_free(tree);
    free(boxes.box);
}

static int
stop_at_third(void *arg, uint32_t i)
{
    (void)i;
    return ++*(int *)arg == 3;
}

static void
test_search_stops_and_empty_boxes_are_left_out(void **state)
{
    struct boxes boxes = {.n = 100, .box = calloc(100, sizeof *boxes.box)};
    const double all[4] = {-1e6, -1e6, 1e6, 1e6};
    struct lpg_rtree *tree;
    int seen = 0;
    cim_error err;
    (void)state;
    for (uint32_t i = 0; i < boxes.n; i++) {
        boxes.box[i][0] = i < 2 ? 0.0 : 1.0; /* of 100 only two are boxes */
    }
    assert_ok(lpg_rtree_build(boxes.n, box_of, &boxes, &tree, &err), &err);
    lpg_rtree_search(tree, all, stop_at_third, &seen);
    assert_int_equal(seen, 2);
    lpg_rtree_free(tree);
    memset(boxes.box, 0, 100 * sizeof *boxes.box);
    assert_ok(lpg_rtree_build(boxes.n, box_of, &boxes, &tree, &err), &err);
    seen = 0;
    lpg_rtree_search(tree, all, stop_at_third, &seen);
    assert_int_equal(seen, 3);
    lpg_rtree_free(tree);
    free(boxes.box);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_and_nearest_equal_brute_force),
        cmocka_unit_test(test_nearest_by_own_distance),
        cmocka_unit_test(test_search_stops_and_empty_boxes_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
