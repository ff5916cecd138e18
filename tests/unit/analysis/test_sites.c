/* An index that follows edits tells the same as one that is read anew, whatever the edits and
 * merges were; and what somebody holds stays as it was. */
#include "fixture.h"

#include "analysis/sites_index.h"

#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 60, MERGE_AT = 60, BOXES = 6 };

static int
any_code(const void *arg, const char *text, size_t len)
{
    (void)arg;
    (void)text;
    return len == strlen("water_source") ? -1 : (int)len; /* some kinds are left out */
}

static const struct lpg_sites_spec elements_spec = {.layer = "lpg.risk-elements",
                                                    .code_field = "kind",
                                                    .code = any_code,
                                                    .name_field = "name",
                                                    .persons_field = "persons",
                                                    .distance_field = "buffer_m",
                                                    .to_field = "valid_to",
                                                    .values = {{"persons", NULL}}};
static const struct lpg_sites_spec zones_spec = {.layer = "lpg.restricted-zones",
                                                 .code_field = "kind",
                                                 .code = any_code,
                                                 .name_field = "name",
                                                 .to_field = "valid_to",
                                                 .basis_field = "zone_no",
                                                 .weekdays_field = "weekdays"};

/* ---- what an index tells ---- */

struct telling {
    const struct lpg_sites *sites;
    struct cim_buf *out;
};

static int
tell_item(void *arg, uint32_t i)
{
    struct telling *telling = arg;
    const struct lpg_sites *sites = telling->sites;
    struct cim_buf *out = telling->out;
    const uint32_t r = lpg_sites_record(sites, i);
    const struct lpg_site_facts *facts = &sites->facts[r];
    const size_t first = sites->areas && r > 0 ? sites->edge_end[r - 1] : 0;
    double box[4];
    lpg_sites_item_box(sites, i, box);
    cim_buf_addf(out, "%lld %d %.9f %.9f %.9f %.9f %s %s %s %s %g %g %d %d %d %s",
                 (long long)sites->fid[r], sites->code[r], box[0], box[1], box[2], box[3],
                 sites->text + sites->names.places[sites->area[r]],
                 sites->text + sites->names.places[sites->owner[r]], sites->text + facts->uid,
                 sites->text + facts->name, facts->persons, facts->distance_m, facts->from_day,
                 facts->to_day, facts->weekdays, sites->text + facts->basis);
    if (sites->has_values) {
        cim_buf_addf(out, " %g", sites->values[LPG_SITES_VALUES_MAX * (size_t)r]);
    }
    for (size_t e = first; sites->areas && e < sites->edge_end[r]; e++) {
        cim_buf_addf(out, " %.9f,%.9f", sites->edges[4 * e], sites->edges[4 * e + 3]);
    }
    cim_buf_add_char(out, '\n');
    return 0;
}

/* The extent, and what lies in some boxes; to free. */
static char *
tell(const struct lpg_sites *sites)
{
    struct cim_buf out;
    struct telling telling = {sites, &out};
    uint64_t seed = 17;
    cim_buf_init(&out, 64 << 20);
    for (int k = 0; k < 4; k++) {
        cim_buf_addf(&out, "%.9f ", sites->extent_deg[k]);
    }
    for (int b = 0; b < BOXES; b++) {
        double box[4] = {-180.0, -90.0, 180.0, 90.0};
        if (b > 0) {
            box[0] = random_between(&seed, 109.0, 110.5);
            box[1] = random_between(&seed, 18.8, 20.0);
            box[2] = box[0] + random_between(&seed, 0.01, 0.6);
            box[3] = box[1] + random_between(&seed, 0.01, 0.6);
        }
        cim_buf_addf(&out, "box %d\n", b);
        lpg_sites_search_in_order(sites, box, tell_item, &telling);
    }
    assert_int_equal(cim_buf_status(&out, NULL), CIM_OK);
    return out.data;
}

static void
open_view(struct lpg_sites_cache *cache, struct lpg_sites_view *ret_view)
{
    static const double everywhere[4] = {-180.0, -90.0, 180.0, 90.0};
    const cim_call call = fake_call(NULL);
    cim_error err = {0};
    assert_ok(lpg_sites_view_open(cache, &call, everywhere, ret_view, &err), &err);
    assert_non_null(ret_view->sites);
}

static char *
tell_anew(struct fixture *fixture, const struct lpg_sites_spec *spec)
{
    struct lpg_sites_cache cache = {0};
    struct lpg_sites_view view = {0};
    cim_error err = {0};
    char *text;
    assert_ok(lpg_sites_cache_init(&cache, &fixture->fake->host, fixture->data, spec, &err), &err);
    open_view(&cache, &view);
    text = tell(view.sites);
    lpg_sites_view_done(&view);
    lpg_sites_cache_done(&cache);
    return text;
}

/* ---- edits ---- */

struct drawing {
    uint64_t seed;
    int next;
    int alive[4096];
    int n_alive;
    int zones;
};

static void
draw_elements(struct fixture *fixture, struct drawing *drawing, size_t n)
{
    static const char *const kinds[] = {"school", "hospital", "water_source", "market"};
    static const char *const areas[] = {NULL, "460106", "460200"};
    struct element elements[300] = {{.number = 0}};
    for (size_t i = 0; i < n; i++) {
        elements[i] = (struct element){.number = drawing->next,
                                       .kind = kinds[unit_random_below(&drawing->seed, 4)],
                                       .persons = (int)unit_random_below(&drawing->seed, 900) - 1,
                                       .area = areas[unit_random_below(&drawing->seed, 3)]};
        elements[i].lonlat[0] = random_between(&drawing->seed, 109.0, 111.0);
        elements[i].lonlat[1] = random_between(&drawing->seed, 18.5, 20.0);
        drawing->alive[drawing->n_alive++] = drawing->next++;
    }
    add_elements(fixture, elements, n);
}

static void
draw_zone(struct fixture *fixture, struct drawing *drawing)
{
    double ring[10];
    const double x = random_between(&drawing->seed, 109.0, 111.0);
    const double y = random_between(&drawing->seed, 18.5, 20.0);
    const double w = random_between(&drawing->seed, 0.01, 0.2);
    const double corners[10] = {x, y, x + w, y, x + w, y + w, x, y + w, x, y};
    memcpy(ring, corners, sizeof ring);
    add_zone(fixture,
             &(struct zone){
                 .number = 500000 + drawing->zones++, .ring = ring, .n = 5, .weekdays = "12345"});
}

static void
change_one(struct fixture *fixture, const char *layer, int number, const char *field,
           const char *text)
{
    const char *names[] = {"uid", field};
    char uid[37];
    const char *texts[] = {uid, text};
    uid_of(number, uid);
    update_record(fixture, layer, names, texts, 2);
}

static void
draw_edit(struct fixture *fixture, struct drawing *drawing)
{
    const uint32_t what = unit_random_below(&drawing->seed, 10);
    const int i = (int)unit_random_below(&drawing->seed, (uint32_t)drawing->n_alive);
    char text[40];
    if (what < 4) {
        draw_elements(fixture, drawing, 1 + unit_random_below(&drawing->seed, 20));
    } else if (what < 6 && drawing->n_alive > 1) {
        delete_element(fixture, drawing->alive[i]);
        drawing->alive[i] = drawing->alive[--drawing->n_alive];
    } else if (what < 8) {
        (void)snprintf(text, sizeof text, "改名 %llu",
                       (unsigned long long)unit_random_below(&drawing->seed, 1000));
        change_one(fixture, "lpg.risk-elements", drawing->alive[i], "name", text);
    } else if (what < 9) {
        draw_zone(fixture, drawing);
    } else if (drawing->zones > 0) {
        change_one(fixture, "lpg.restricted-zones",
                   500000 + (int)unit_random_below(&drawing->seed, (uint32_t)drawing->zones),
                   "weekdays", what % 2 == 0 ? "67" : "135");
    }
}

/* ---- tests ---- */

static void
init_cache(struct fixture *fixture, const struct lpg_sites_spec *spec, uint32_t merge_at,
           struct lpg_sites_cache *ret_cache)
{
    cim_error err = {0};
    assert_ok(lpg_sites_cache_init(ret_cache, &fixture->fake->host, fixture->data, spec, &err),
              &err);
    ret_cache->merge_at = merge_at;
}

static void
test_follows_edits_as_if_read_anew(void **state)
{
    struct fixture *fixture = *state;
    static struct drawing drawing = {.seed = 2026};
    const struct lpg_sites_spec *specs[2] = {&elements_spec, &zones_spec};
    struct lpg_sites_cache caches[2] = {{0}};
    struct lpg_sites_view held[2] = {{0}};
    char *held_text[2] = {NULL};
    int n_followed = 0;
    int n_columns = 0;
    const struct lpg_sites_room *room = NULL;
    draw_elements(fixture, &drawing, 300);
    draw_zone(fixture, &drawing);
    for (int k = 0; k < 2; k++) {
        init_cache(fixture, specs[k], MERGE_AT, &caches[k]);
        open_view(&caches[k], &held[k]);
        held_text[k] = tell(held[k].sites);
    }
    for (int step = 0; step < STEPS; step++) {
        draw_edit(fixture, &drawing);
        for (int k = 0; k < 2; k++) {
            struct lpg_sites_view view = {0};
            CIM_AUTO_FREE char *got = NULL;
            CIM_AUTO_FREE char *expected = NULL;
            open_view(&caches[k], &view);
            got = tell(view.sites);
            expected = tell_anew(fixture, specs[k]);
            assert_string_equal(got, expected);
            if (k == 0) {
                n_followed += view.sites->n > view.sites->tree->end || view.sites->n_gone > 0;
                n_columns += view.sites->room != room;
                room = view.sites->room;
            }
            lpg_sites_view_done(&view);
        }
    }
    assert_in_range(n_followed, STEPS / 3, STEPS); /* not read anew each time */
    assert_in_range(n_columns, 2, STEPS / 3);      /* merged, but not each time */
    for (int k = 0; k < 2; k++) {
        CIM_AUTO_FREE char *still = tell(held[k].sites);
        assert_string_equal(still, held_text[k]);
        free(held_text[k]);
        lpg_sites_view_done(&held[k]);
        lpg_sites_cache_done(&caches[k]);
    }
}

/* More changes than are looked up one by one, and all records at once. */
static void
test_large_edits_are_read_anew(void **state)
{
    struct fixture *fixture = *state;
    static struct drawing drawing = {.seed = 11, .next = 100000};
    struct lpg_sites_cache cache = {0};
    init_cache(fixture, &elements_spec, LPG_SITES_MERGE, &cache);
    for (int round = 0; round < 3; round++) {
        struct lpg_sites_view view = {0};
        CIM_AUTO_FREE char *got = NULL;
        CIM_AUTO_FREE char *expected = NULL;
        if (round == 2) {
            (void)fixture_clear(state);
        } else {
            draw_elements(fixture, &drawing, 300);
        }
        open_view(&cache, &view);
        got = tell(view.sites);
        expected = tell_anew(fixture, &elements_spec);
        assert_string_equal(got, expected);
        lpg_sites_view_done(&view);
    }
    lpg_sites_cache_done(&cache);
}

/* ---- readers beside edits ---- */

struct reader {
    struct lpg_sites_cache *cache;
    atomic_bool *stop;
    int n_read;
};

static void *
run_reader(void *arg)
{
    struct reader *reader = arg;
    while (!atomic_load(reader->stop)) {
        struct lpg_sites_view view = {0};
        CIM_AUTO_FREE char *once = NULL;
        CIM_AUTO_FREE char *again = NULL;
        open_view(reader->cache, &view);
        once = tell(view.sites);
        again = tell(view.sites);
        assert_string_equal(once, again);
        lpg_sites_view_done(&view);
        reader->n_read++;
    }
    return NULL;
}

static void
test_readers_beside_edits_and_merges(void **state)
{
    enum { READERS = 3, EDITS = 25 };
    struct fixture *fixture = *state;
    static struct drawing drawing = {.seed = 5, .next = 200000};
    struct lpg_sites_cache cache = {0};
    struct reader readers[READERS];
    pthread_t threads[READERS];
    atomic_bool stop = false;
    CIM_AUTO_FREE char *got = NULL;
    CIM_AUTO_FREE char *expected = NULL;
    struct lpg_sites_view view = {0};
    draw_elements(fixture, &drawing, 300);
    init_cache(fixture, &elements_spec, 20, &cache);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){&cache, &stop, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, run_reader, &readers[i]), 0);
    }
    for (int i = 0; i < EDITS; i++) {
        draw_elements(fixture, &drawing, 4);
        delete_element(fixture, drawing.alive[i]);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < READERS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_true(readers[i].n_read > 0);
    }
    open_view(&cache, &view);
    got = tell(view.sites);
    expected = tell_anew(fixture, &elements_spec);
    assert_string_equal(got, expected);
    lpg_sites_view_done(&view);
    lpg_sites_cache_done(&cache);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_follows_edits_as_if_read_anew, fixture_clear),
        cmocka_unit_test_teardown(test_large_edits_are_read_anew, fixture_clear),
        cmocka_unit_test_teardown(test_readers_beside_edits_and_merges, fixture_clear),
    };
    return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
