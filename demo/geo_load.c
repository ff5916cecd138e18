#include "geo.h"

#include "out.h"
#include "text.h"

#include <errno.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { AREAS_MAX = 20000, LINE_MAX_BYTES = 2048 };

/* Entries that stand for all villages which a county runs itself. */
static const char COLLECTIVE[] = "直辖村级区划";

struct area_name {
    char code[DEMO_CODE_TEXT];
    char name[DEMO_NAME_TEXT];
    char parent[DEMO_CODE_TEXT];
};

struct area_names {
    struct area_name *items;
    size_t n_items;
};

static int
join(char *ret_path, size_t size, const char *dir, const char *name, struct demo_error *err)
{
    int n = snprintf(ret_path, size, "%s/%s", dir, name);

    if (n < 0 || (size_t)n >= size) {
        return demo_fail(err, "%s: the path is longer than %zu bytes", dir, size);
    }
    return 0;
}

/* Copies a name that is later written between quotes without escaping. */
static int
copy_plain(char *ret_text, size_t size, const char *text, const char *where, struct demo_error *err)
{
    size_t len = strlen(text);

    if (len == 0 || len >= size) {
        return demo_fail(err, "%s: a text of %zu bytes; expected 1 to %zu", where, len, size - 1);
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == '"' || text[i] == '\\') {
            return demo_fail(err, "%s: \"%s\" holds a quote, backslash or control character", where,
                             text);
        }
    }
    memcpy(ret_text, text, len + 1);
    return 0;
}

static int
read_areas(const char *dir, struct area_names *areas, struct demo_error *err)
{
    char path[DEMO_PATH_MAX];
    char line[LINE_MAX_BYTES];
    FILE *file;
    int failed = 0;
    size_t n_lines = 0;

    if (join(path, sizeof(path), dir, "areas.csv", err) != 0) {
        return -1;
    }
    file = fopen(path, "rb");
    if (file == NULL) {
        return demo_fail(err, "%s: %s", path, strerror(errno));
    }
    areas->items = calloc(AREAS_MAX, sizeof(*areas->items));
    if (areas->items == NULL) {
        failed = demo_fail(err, "out of memory");
    }
    while (failed == 0 && fgets(line, sizeof(line), file) != NULL) {
        char *rest = line;
        char *cells[4];
        struct area_name *item = &areas->items[areas->n_items];

        if (n_lines++ == 0) {
            continue;
        }
        line[strcspn(line, "\r\n")] = '\0';
        for (int i = 0; i < 4; i++) {
            cells[i] = strsep(&rest, ",");
        }
        if (cells[3] == NULL || areas->n_items == AREAS_MAX) {
            failed = demo_fail(err, "%s:%zu: expected code,name,level,parent and at most %d rows",
                               path, n_lines, AREAS_MAX);
            break;
        }
        if (copy_plain(item->code, sizeof(item->code), cells[0], path, err) != 0 ||
            copy_plain(item->name, sizeof(item->name), cells[1], path, err) != 0) {
            failed = -1;
        }
        demo_text(item->parent, sizeof(item->parent), "%s", cells[3]);
        areas->n_items++;
    }
    fclose(file);
    return failed;
}

static const struct area_name *
find_area(const struct area_names *areas, const char *code)
{
    for (size_t i = 0; i < areas->n_items; i++) {
        if (strcmp(areas->items[i].code, code) == 0) {
            return &areas->items[i];
        }
    }
    return NULL;
}

/* The `features` of a GeoJSON file; the caller puts ret_root. */
static int
read_features(const char *dir, const char *name, size_t max, json_object **ret_root,
              json_object **ret_features, struct demo_error *err)
{
    char path[DEMO_PATH_MAX];
    json_object *root, *features;

    if (join(path, sizeof(path), dir, name, err) != 0) {
        return -1;
    }
    root = json_object_from_file(path);
    if (root == NULL) {
        const char *reason = json_util_get_last_err();
        return demo_fail(err, "%s: cannot be read: %s", path, reason == NULL ? "" : reason);
    }
    if (!json_object_object_get_ex(root, "features", &features) ||
        !json_object_is_type(features, json_type_array) ||
        json_object_array_length(features) == 0 || json_object_array_length(features) > max) {
        json_object_put(root);
        return demo_fail(err, "%s: expected an array \"features\" of 1 to %zu", path, max);
    }
    *ret_root = root;
    *ret_features = features;
    return 0;
}

static const char *
text_of(json_object *feature, const char *key)
{
    json_object *properties, *value;

    if (!json_object_object_get_ex(feature, "properties", &properties) ||
        !json_object_object_get_ex(properties, key, &value) || value == NULL) {
        return "";
    }
    return json_object_get_string(value);
}

static json_object *
coordinates_of(json_object *feature)
{
    json_object *geometry, *coordinates;

    if (!json_object_object_get_ex(feature, "geometry", &geometry) ||
        !json_object_object_get_ex(geometry, "coordinates", &coordinates) ||
        !json_object_is_type(coordinates, json_type_array)) {
        return NULL;
    }
    return coordinates;
}

static int
read_point(json_object *pair, struct demo_point *ret_point)
{
    double lon, lat;

    if (!json_object_is_type(pair, json_type_array) || json_object_array_length(pair) < 2) {
        return -1;
    }
    lon = json_object_get_double(json_object_array_get_idx(pair, 0));
    lat = json_object_get_double(json_object_array_get_idx(pair, 1));
    if (!(fabs(lon) <= 180.0) || !(fabs(lat) <= 90.0)) {
        return -1;
    }
    ret_point->lon_e6 = (int32_t)lround(lon * 1e6);
    ret_point->lat_e6 = (int32_t)lround(lat * 1e6);
    return 0;
}

struct edge_list {
    struct demo_edge *items;
    size_t n_items;
    size_t capacity;
};

static int
add_edge(struct edge_list *list, struct demo_point a, struct demo_point b)
{
    if (list->n_items == list->capacity) {
        size_t capacity = list->capacity == 0 ? 1024 : list->capacity * 2;
        struct demo_edge *items = NULL;

        if (capacity <= DEMO_EDGES_MAX) {
            items = realloc(list->items, capacity * sizeof(*items));
        }
        if (items == NULL) {
            return -1;
        }
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->n_items++] = (struct demo_edge){a, b};
    return 0;
}

static int
add_ring(struct edge_list *list, json_object *ring)
{
    struct demo_point last = {0, 0};
    size_t n = json_object_array_length(ring);

    for (size_t i = 0; i < n; i++) {
        struct demo_point point;

        if (read_point(json_object_array_get_idx(ring, i), &point) != 0 ||
            (i > 0 && add_edge(list, last, point) != 0)) {
            return -1;
        }
        last = point;
    }
    return 0;
}

static int
add_multi_polygon(struct edge_list *list, json_object *polygons)
{
    for (size_t i = 0; i < json_object_array_length(polygons); i++) {
        json_object *rings = json_object_array_get_idx(polygons, i);

        if (!json_object_is_type(rings, json_type_array)) {
            return -1;
        }
        for (size_t k = 0; k < json_object_array_length(rings); k++) {
            json_object *ring = json_object_array_get_idx(rings, k);
            if (!json_object_is_type(ring, json_type_array) || add_ring(list, ring) != 0) {
                return -1;
            }
        }
    }
    return list->n_items > 0 ? 0 : -1;
}

static void
band_range(const struct demo_district *district, const struct demo_edge *e, size_t *ret_first,
           size_t *ret_last)
{
    int64_t span = (int64_t)district->high.lat_e6 - district->low.lat_e6 + 1;
    int32_t low = e->a.lat_e6 < e->b.lat_e6 ? e->a.lat_e6 : e->b.lat_e6;
    int32_t high = e->a.lat_e6 < e->b.lat_e6 ? e->b.lat_e6 : e->a.lat_e6;

    *ret_first = (size_t)(((int64_t)low - district->low.lat_e6) * DEMO_BANDS / span);
    *ret_last = (size_t)(((int64_t)high - district->low.lat_e6) * DEMO_BANDS / span);
}

/* Sorts the edges into bands of latitude by counting. */
static int
index_district(struct demo_district *district, const struct edge_list *edges)
{
    size_t first, last, total = 0;
    size_t fill[DEMO_BANDS];

    district->low = district->high = edges->items[0].a;
    for (size_t i = 0; i < edges->n_items; i++) {
        struct demo_point p = edges->items[i].b;
        district->low.lon_e6 = p.lon_e6 < district->low.lon_e6 ? p.lon_e6 : district->low.lon_e6;
        district->low.lat_e6 = p.lat_e6 < district->low.lat_e6 ? p.lat_e6 : district->low.lat_e6;
        district->high.lon_e6 = p.lon_e6 > district->high.lon_e6 ? p.lon_e6 : district->high.lon_e6;
        district->high.lat_e6 = p.lat_e6 > district->high.lat_e6 ? p.lat_e6 : district->high.lat_e6;
    }
    memset(district->band_start, 0, sizeof(district->band_start));
    for (size_t i = 0; i < edges->n_items; i++) {
        band_range(district, &edges->items[i], &first, &last);
        for (size_t band = first; band <= last; band++) {
            district->band_start[band + 1]++;
            total++;
        }
    }
    for (size_t band = 0; band < DEMO_BANDS; band++) {
        district->band_start[band + 1] += district->band_start[band];
        fill[band] = district->band_start[band];
    }
    district->band_edges = malloc(total * sizeof(*district->band_edges));
    if (district->band_edges == NULL) {
        return -1;
    }
    for (size_t i = 0; i < edges->n_items; i++) {
        band_range(district, &edges->items[i], &first, &last);
        for (size_t band = first; band <= last; band++) {
            district->band_edges[fill[band]++] = edges->items[i];
        }
    }
    return 0;
}

static int
load_district(struct demo_district *district, json_object *feature, const struct area_names *areas,
              struct demo_error *err)
{
    const char *code = text_of(feature, "code");
    const struct area_name *area = find_area(areas, code);
    const struct area_name *parent = area == NULL ? NULL : find_area(areas, area->parent);
    json_object *coordinates = coordinates_of(feature);
    struct edge_list edges = {0};
    int failed = 0;

    if (area == NULL || parent == NULL || coordinates == NULL) {
        return demo_fail(err, "districts.geojson: \"%s\" has no geometry or is not in areas.csv",
                         code);
    }
    if (copy_plain(district->code, sizeof(district->code), code, "districts.geojson", err) != 0 ||
        copy_plain(district->name, sizeof(district->name), area->name, "areas.csv", err) != 0) {
        return -1;
    }
    /* What hangs directly under the province has no city above it. */
    demo_text(district->city, sizeof(district->city), "%s",
              find_area(areas, parent->parent) == NULL ? "" : parent->name);
    if (add_multi_polygon(&edges, coordinates) != 0 || index_district(district, &edges) != 0) {
        failed = demo_fail(err, "districts.geojson: %s: not a MultiPolygon of at most %d edges",
                           code, DEMO_EDGES_MAX);
    }
    free(edges.items);
    return failed;
}

static int
load_districts(struct demo_geo *geo, const char *dir, const struct area_names *areas,
               struct demo_error *err)
{
    json_object *root, *features;
    int failed = 0;
    size_t n;

    if (read_features(dir, "districts.geojson", DEMO_DISTRICTS_MAX, &root, &features, err) != 0) {
        return -1;
    }
    n = json_object_array_length(features);
    geo->districts = calloc(n, sizeof(*geo->districts));
    if (geo->districts == NULL) {
        failed = demo_fail(err, "out of memory");
    }
    for (size_t i = 0; failed == 0 && i < n; i++) {
        geo->n_districts = i + 1;
        failed =
            load_district(&geo->districts[i], json_object_array_get_idx(features, i), areas, err);
    }
    json_object_put(root);
    return failed;
}

static void
label_town(struct demo_town *town, const struct demo_district *district)
{
    static const char *const endings[] = {"街道", "镇", "乡"};
    size_t len = strlen(town->name);

    if (strstr(town->name, COLLECTIVE) != NULL) {
        demo_text(town->label, sizeof(town->label), "%s", district->name);
        return;
    }
    memcpy(town->label, town->name, len + 1);
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
        size_t n = strlen(endings[i]);
        if (len > n && memcmp(town->label + len - n, endings[i], n) == 0) {
            town->label[len - n] = '\0';
            return;
        }
    }
}

static int
load_town(struct demo_geo *geo, struct demo_town *town, json_object *feature,
          struct demo_error *err)
{
    static const char street[] = "街道";
    const char *county = text_of(feature, "county_code");
    const struct demo_district *district;
    json_object *coordinates = coordinates_of(feature);
    size_t len;

    if (copy_plain(town->code, sizeof(town->code), text_of(feature, "area_code"), "towns.geojson",
                   err) != 0 ||
        copy_plain(town->name, sizeof(town->name), text_of(feature, "name"), "towns.geojson",
                   err) != 0) {
        return -1;
    }
    for (town->district = 0; town->district < geo->n_districts; town->district++) {
        if (strcmp(geo->districts[town->district].code, county) == 0) {
            break;
        }
    }
    if (town->district == geo->n_districts || coordinates == NULL ||
        read_point(coordinates, &town->centre) != 0) {
        return demo_fail(err, "towns.geojson: %s: no point, or no district \"%s\"", town->code,
                         county);
    }
    district = &geo->districts[town->district];
    town->weight = (uint32_t)strtoul(text_of(feature, "weight"), NULL, 10);
    if (town->weight > 0 && !demo_district_contains(district, town->centre)) {
        return demo_fail(err, "towns.geojson: %s lies outside its district %s", town->code, county);
    }
    len = strlen(town->name);
    town->is_street =
        len >= sizeof(street) && strcmp(town->name + len - (sizeof(street) - 1), street) == 0;
    label_town(town, district);
    /* The code list's collective entries are no place that an address names. */
    demo_text(town->prefix, sizeof(town->prefix), "海南省%.90s%.60s%.90s", district->city,
              district->name, strstr(town->name, COLLECTIVE) != NULL ? "" : town->name);
    return 0;
}

static int
load_towns(struct demo_geo *geo, const char *dir, struct demo_error *err)
{
    json_object *root, *features;
    int failed = 0;
    uint64_t people = 0;
    size_t n;

    if (read_features(dir, "towns.geojson", DEMO_TOWNS_MAX, &root, &features, err) != 0) {
        return -1;
    }
    n = json_object_array_length(features);
    geo->towns = calloc(n, sizeof(*geo->towns));
    if (geo->towns == NULL) {
        failed = demo_fail(err, "out of memory");
    }
    for (size_t i = 0; failed == 0 && i < n; i++) {
        geo->n_towns = i + 1;
        failed = load_town(geo, &geo->towns[i], json_object_array_get_idx(features, i), err);
        people += geo->towns[i].weight;
    }
    json_object_put(root);
    if (failed == 0 && (people == 0 || people > UINT32_MAX)) {
        failed =
            demo_fail(err, "towns.geojson: the weights add up to %llu", (unsigned long long)people);
    }
    return failed;
}

static int
load_roads(struct demo_geo *geo, const char *dir, struct demo_error *err)
{
    json_object *root, *features;
    size_t total = 0;
    int failed = 0;

    if (read_features(dir, "roads.geojson", DEMO_ROAD_POINTS_MAX, &root, &features, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < json_object_array_length(features); i++) {
        json_object *line = coordinates_of(json_object_array_get_idx(features, i));
        total += line == NULL ? 0 : json_object_array_length(line);
    }
    if (total == 0 || total > DEMO_ROAD_POINTS_MAX ||
        (geo->road_points = malloc(total * sizeof(*geo->road_points))) == NULL) {
        failed = demo_fail(err, "roads.geojson: %zu points; expected 1 to %d", total,
                           DEMO_ROAD_POINTS_MAX);
    }
    geo->road_start = calloc(json_object_array_length(features) + 1, sizeof(*geo->road_start));
    if (failed == 0 && geo->road_start == NULL) {
        failed = demo_fail(err, "out of memory");
    }
    for (size_t i = 0; failed == 0 && i < json_object_array_length(features); i++) {
        json_object *line = coordinates_of(json_object_array_get_idx(features, i));
        size_t n = line == NULL ? 0 : json_object_array_length(line);

        geo->road_start[i] = geo->n_road_points;
        geo->n_roads = i + 1;
        for (size_t k = 0; failed == 0 && k < n; k++) {
            if (read_point(json_object_array_get_idx(line, k),
                           &geo->road_points[geo->n_road_points++]) != 0) {
                failed =
                    demo_fail(err, "roads.geojson: line %zu: vertex %zu is not lon, lat", i, k);
            }
        }
    }
    if (failed == 0) {
        geo->road_start[geo->n_roads] = geo->n_road_points;
    }
    json_object_put(root);
    return failed;
}

int
demo_geo_load(struct demo_geo *geo, const char *dir, struct demo_error *err)
{
    struct area_names areas = {0};
    int failed = read_areas(dir, &areas, err);

    if (failed == 0) {
        failed = load_districts(geo, dir, &areas, err);
    }
    free(areas.items);
    if (failed == 0) {
        failed = load_towns(geo, dir, err);
    }
    if (failed == 0) {
        failed = load_roads(geo, dir, err);
    }
    return failed;
}
