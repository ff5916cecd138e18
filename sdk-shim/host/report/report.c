/* host/report/report.c -- small things that all of the module reads with. */
#include "host/report/blocks.h"

#include <json-c/json.h>
#include <string.h>

struct json_object *
host_report_member(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_is_type(object, json_type_object) &&
                   json_object_object_get_ex(object, key, &value)
               ? value
               : NULL;
}

const char *
host_report_text(struct json_object *part, const char *key, bool chinese)
{
    struct json_object *texts = host_report_member(part, key);
    struct json_object *text = host_report_member(texts, chinese ? "zh" : "en");
    text = text != NULL ? text : host_report_member(texts, "zh");
    return text != NULL ? json_object_get_string(text) : NULL;
}

bool
host_report_is_geojson(struct json_object *value)
{
    static const char *const types[] = {"FeatureCollection", "Feature",     "Point",
                                        "MultiPoint",        "LineString",  "MultiLineString",
                                        "Polygon",           "MultiPolygon"};
    struct json_object *type = host_report_member(value, "type");
    for (size_t i = 0;
         json_object_is_type(type, json_type_string) && i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(json_object_get_string(type), types[i]) == 0) {
            return true;
        }
    }
    return false;
}
