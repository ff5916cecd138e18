/* tests/unit/pictures/test_clusters.c -- clusters are drawn as large as their anchors keep apart:
 * the styles' figures and the map's are the same. */
#include "unit.h"

#include "map/points.h"

#include <dirent.h>
#include <json-c/json.h>

enum { RING_PX = 3 }; /* the widest outline of a cluster */

static void
check_radius(const char *name, struct json_object *layer)
{
    struct json_object *paint = NULL;
    struct json_object *radius = NULL;
    json_object_object_get_ex(layer, "paint", &paint);
    json_object_object_get_ex(paint, "circle-radius", &radius);
    assert_string_equal(json_object_get_string(json_object_array_get_idx(radius, 0)), "step");
    for (size_t i = 2; i < json_object_array_length(radius); i += 2) {
        const int64_t from =
            i > 2 ? json_object_get_int64(json_object_array_get_idx(radius, i - 1)) : 2;
        const int64_t px = json_object_get_int64(json_object_array_get_idx(radius, i));
        if (px + RING_PX != lpg_cluster_radius_px((uint64_t)from) ||
            (i > 2 && px + RING_PX == lpg_cluster_radius_px((uint64_t)from - 1))) {
            fail_msg(
                "%s: clusters from %lld on are drawn with %lld and a ring of %d, kept apart by "
                "%d",
                name, (long long)from, (long long)px, (int)RING_PX,
                (int)lpg_cluster_radius_px((uint64_t)from));
        }
    }
}

static void
test_styles_and_anchors_agree(void **state)
{
    DIR *dir = opendir(STYLES_DIR);
    int n = 0;
    (void)state;
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[512];
        struct json_object *layers = NULL;
        if (strstr(entry->d_name, ".json") == NULL) {
            continue;
        }
        (void)snprintf(path, sizeof path, "%s/%s", STYLES_DIR, entry->d_name);
        struct json_object *style = json_object_from_file(path);
        assert_true(json_object_object_get_ex(style, "layers", &layers));
        for (size_t i = 0; i < json_object_array_length(layers); i++) {
            struct json_object *layer = json_object_array_get_idx(layers, i);
            struct json_object *id = NULL;
            json_object_object_get_ex(layer, "id", &id);
            if (strstr(json_object_get_string(id), ":cluster") != NULL) {
                check_radius(entry->d_name, layer);
                n++;
            }
        }
        json_object_put(style);
    }
    (void)closedir(dir);
    assert_true(n >= 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_styles_and_anchors_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
