/* tests/unit/demo/records.h -- a written layer read back, with its definition. */
#ifndef RECORDS_H
#define RECORDS_H

#include <json-c/json.h>
#include <stddef.h>

struct records {
    const char *layer; /* "end-users" */
    json_object *definition;
    json_object **features;
    size_t n_features;
};

/* Fails the test when a line is no feature. */
void records_read(struct records *records, const char *dir, const char *layer);
void records_done(struct records *records);
/* NULL where the property is null or missing. */
json_object *records_property(const struct records *records, size_t index, const char *key);
const char *records_text(const struct records *records, size_t index, const char *key);
void records_point(const struct records *records, size_t index, double *ret_lon, double *ret_lat);
/* layers/codes.json */
json_object *records_codes(void);

#endif
