#include "records.h"

#include "fixture.h"
#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static json_object *
layer_file(const char *name)
{
    char path[FIXTURE_PATH * 2];
    json_object *file;

    demo_text(path, sizeof(path), "%s/layers/%s.json", CIM_SOURCE_DIR, name);
    file = json_object_from_file(path);
    assert_non_null(file);
    return file;
}

json_object *
records_codes(void)
{
    return layer_file("codes");
}

void
records_read(struct records *records, const char *dir, const char *layer)
{
    char path[FIXTURE_PATH * 2];
    size_t len, n_lines = 0;
    char *data, *line, *rest;

    records->layer = layer;
    records->definition = layer_file(layer);
    demo_text(path, sizeof(path), "%s/%s.geojsonl", dir, layer);
    data = fixture_read(path, &len);
    assert_int_equal(strlen(data), len);
    assert_true(len > 0 && data[len - 1] == '\n');
    for (size_t i = 0; i < len; i++) {
        n_lines += data[i] == '\n';
    }
    records->features = calloc(n_lines, sizeof(json_object *));
    assert_non_null(records->features);
    records->n_features = 0;
    for (rest = data; (line = strsep(&rest, "\n")) != NULL && line[0] != '\0';) {
        json_object *feature = json_tokener_parse(line);

        assert_non_null(feature);
        records->features[records->n_features++] = feature;
    }
    assert_int_equal(records->n_features, n_lines);
    free(data);
}

void
records_done(struct records *records)
{
    for (size_t i = 0; i < records->n_features; i++) {
        json_object_put(records->features[i]);
    }
    free(records->features);
    json_object_put(records->definition);
}

json_object *
records_property(const struct records *records, size_t index, const char *key)
{
    return json_object_object_get(json_object_object_get(records->features[index], "properties"),
                                  key);
}

const char *
records_text(const struct records *records, size_t index, const char *key)
{
    json_object *value = records_property(records, index, key);

    return value == NULL ? NULL : json_object_get_string(value);
}

void
records_point(const struct records *records, size_t index, double *ret_lon, double *ret_lat)
{
    json_object *geometry = json_object_object_get(records->features[index], "geometry");
    json_object *pair = json_object_object_get(geometry, "coordinates");

    assert_string_equal(json_object_get_string(json_object_object_get(geometry, "type")), "Point");
    assert_int_equal(json_object_array_length(pair), 2);
    *ret_lon = json_object_get_double(json_object_array_get_idx(pair, 0));
    *ret_lat = json_object_get_double(json_object_array_get_idx(pair, 1));
}
