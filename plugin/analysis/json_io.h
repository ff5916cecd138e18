/* plugin/analysis/json_io.h -- what inputs are read and answers are written with. */
#ifndef LPG_ANALYSIS_JSON_IO_H
#define LPG_ANALYSIS_JSON_IO_H

#include "kit/buf.h"

#include <json-c/json.h>
#include <stdbool.h>

/* ---- reading ---- */

/* NULL: not there, or not an object. */
struct json_object *lpg_in_member(struct json_object *object, const char *key);
bool lpg_in_is_number(struct json_object *value);
/* What was given, for a message; borrowed from the value. */
const char *lpg_in_given(struct json_object *value);
/* A number in min…max, or *ret_value as it stands where there is none. The problem names the input.
 */
cim_status lpg_in_number(struct json_object *object, const char *key, double min, double max,
                         double *ret_value, cim_error *err);
/* "2026-11-27" as days since 1970, or *ret_day as it stands. */
cim_status lpg_in_day(struct json_object *object, const char *key, int32_t *ret_day,
                      cim_error *err);
/* A GeoJSON Point (or Feature of one) in degrees. */
cim_status lpg_in_point(struct json_object *object, const char *key, double ret_lonlat_deg[2],
                        cim_error *err);

/* ---- writing ---- */

/* "key":value, with a comma before it unless it is the first of its object. */
void lpg_out_key(struct cim_buf *out, const char *key);
void lpg_out_text(struct cim_buf *out, const char *key, const char *text); /* NULL: null */
void lpg_out_int(struct cim_buf *out, const char *key, int64_t value);
void lpg_out_flag(struct cim_buf *out, const char *key, bool value);
/* Metres and persons to the millimetre: the last digits of a double are nobody's truth. NaN: null.
 */
void lpg_out_m(struct cim_buf *out, const char *key, double value);
/* Six significant digits: nothing that a model says is known better. */
void lpg_out_six(struct cim_buf *out, const char *key, double value);
void lpg_out_point(struct cim_buf *out, const char *key, const double lonlat_deg[2]);
/* A comma unless something was just opened. */
void lpg_out_next(struct cim_buf *out);

#endif
