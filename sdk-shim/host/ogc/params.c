/* host/ogc/params.c -- see params.h. */
#include "host/ogc/params.h"

#include "cim/util.h"
#include "kit/time.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { NUMBER_TEXT_MAX = 64 };
static const int64_t day_ms = 86400000;
static const int64_t beijing_ms = 28800000; /* 8 h */

bool
host_parse_number(const char *text, size_t len, double *ret_value)
{
    char copy[NUMBER_TEXT_MAX];
    char *end = NULL;
    double value = 0;
    if (len == 0 || len >= sizeof copy) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (strchr("0123456789+-.eE", text[i]) == NULL || text[i] == '\0') {
            return false;
        }
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    value = strtod(copy, &end);
    if (end != copy + len || !isfinite(value)) {
        return false;
    }
    *ret_value = value;
    return true;
}

bool
host_parse_integer(const char *text, size_t len, int64_t *ret_value)
{
    const bool negative = len > 0 && text[0] == '-';
    uint64_t value = 0;
    size_t i = negative ? 1 : 0;
    if (len == i || len > 19) {
        return false;
    }
    for (; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    if (value > (uint64_t)INT64_MAX) {
        return false;
    }
    *ret_value = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

static cim_status
bad_bbox(const char *text, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, "bbox", text,
                    "应为 4 个（或带高程的 6 个）用逗号分隔的数：最小一、最小二、最大一、最大二，"
                    "次序随 bbox-crs（缺省为 西,南,东,北）",
                    "expected 4 numbers (or 6 with heights) with commas between: lower corner, "
                    "upper corner, in the axis order of bbox-crs (by default west,south,east,"
                    "north)");
}

cim_status
host_parse_bbox(const char *text, double ret_bbox[4], cim_error *err)
{
    double values[6];
    size_t n = 0;
    const char *at = text;
    for (;;) {
        const size_t len = strcspn(at, ",");
        if (n == 6 || !host_parse_number(at, len, &values[n])) {
            return bad_bbox(text, err);
        }
        n++;
        if (at[len] == '\0') {
            break;
        }
        at += len + 1;
    }
    if (n != 4 && n != 6) {
        return bad_bbox(text, err);
    }
    ret_bbox[0] = values[0];
    ret_bbox[1] = values[1];
    ret_bbox[2] = values[n / 2];
    ret_bbox[3] = values[n / 2 + 1];
    return CIM_OK;
}

cim_status
host_check_bbox(const char *text, const double bbox_deg[4], cim_error *err)
{
    if (bbox_deg[0] < -180 || bbox_deg[0] > 180 || bbox_deg[2] < -180 || bbox_deg[2] > 180 ||
        bbox_deg[1] < -90 || bbox_deg[1] > 90 || bbox_deg[3] < -90 || bbox_deg[3] > 90) {
        return cim_fail(err, CIM_E_INVALID, "bbox", text,
                        "经度应在 -180 到 180 之间，纬度应在 -90 到 90 之间；请检查坐标次序",
                        "longitude must lie within -180 and 180, latitude within -90 and 90; check "
                        "the axis order");
    }
    if (bbox_deg[1] > bbox_deg[3]) {
        return cim_fail(err, CIM_E_INVALID, "bbox", text, "南界不应大于北界",
                        "the southern edge must not lie north of the northern one");
    }
    return CIM_OK;
}

/* One end of an interval: *ret_first and *ret_last differ for a day. */
static bool
parse_moment(const char *text, size_t len, int64_t *ret_first_ms, int64_t *ret_last_ms)
{
    int32_t days = 0;
    int64_t ms = 0;
    if (len == 10 && cim_date_parse(text, len, &days) == CIM_OK) {
        *ret_first_ms = days * day_ms - beijing_ms;
        *ret_last_ms = *ret_first_ms + day_ms - 1;
        return true;
    }
    if (len <= 10 || cim_time_parse(text, len, &ms) != CIM_OK) {
        return false;
    }
    *ret_first_ms = ms;
    *ret_last_ms = ms;
    return true;
}

static bool
is_open(const char *text, size_t len)
{
    return len == 0 || (len == 2 && memcmp(text, "..", 2) == 0);
}

cim_status
host_parse_datetime(const char *text, int64_t *ret_from_ms, int64_t *ret_to_ms, cim_error *err)
{
    const char *slash = strchr(text, '/');
    const size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
    int64_t from = INT64_MIN;
    int64_t to = INT64_MAX;
    int64_t ignored = 0;
    bool good = true;
    if (slash == NULL) {
        good = parse_moment(text, len, &from, &to);
    } else {
        const char *end = slash + 1;
        const size_t end_len = strlen(end);
        const bool open_from = is_open(text, len);
        const bool open_to = is_open(end, end_len);
        good = (open_from || parse_moment(text, len, &from, &ignored)) &&
               (open_to || parse_moment(end, end_len, &ignored, &to)) && !(open_from && open_to);
    }
    if (!good) {
        return cim_fail(
            err, CIM_E_INVALID, "datetime", text,
            "应为时刻 2026-01-31T08:00:00Z、日期 2026-01-31，或区间 起/止（一端可为 ..）",
            "expected an instant 2026-01-31T08:00:00Z, a date 2026-01-31, or an "
            "interval from/to (one end may be ..)");
    }
    if (from > to) {
        return cim_fail(err, CIM_E_INVALID, "datetime", text, "区间的起点晚于终点",
                        "the interval starts after it ends");
    }
    *ret_from_ms = from;
    *ret_to_ms = to;
    return CIM_OK;
}

cim_status
host_parse_limit(const char *text, int64_t page_max, int64_t *ret_limit, cim_error *err)
{
    int64_t limit = 0;
    if (!host_parse_integer(text, strlen(text), &limit) || limit < 1) {
        return cim_fail(err, CIM_E_INVALID, "limit", text, "应为正整数，每页最多 %lld",
                        "expected a positive integer, at most %lld a page", (long long)page_max);
    }
    *ret_limit = limit;
    return CIM_OK;
}

cim_status
host_parse_flag(const char *param, const char *text, bool *ret_flag, cim_error *err)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0) {
        return cim_fail(err, CIM_E_INVALID, param, text, "应为 true 或 false",
                        "expected true or false");
    }
    *ret_flag = text[0] == 't';
    return CIM_OK;
}

/* ---- properties ---- */

static const struct host_property record_columns[] = {
    {"fid", CIM_FIELD_INTEGER, NULL},     {"uid", CIM_FIELD_TEXT, NULL},
    {"version", CIM_FIELD_INTEGER, NULL}, {"owner_org", CIM_FIELD_TEXT, NULL},
    {"area_code", CIM_FIELD_TEXT, NULL},  {"updated_at", CIM_FIELD_TIME, NULL},
};

bool
host_property_find(const struct cim_definition *def, const char *name,
                   struct host_property *ret_property)
{
    const struct cim_field *field = cim_definition_field(def, name);
    if (field != NULL) {
        *ret_property = (struct host_property){field->name, field->type, field};
        return true;
    }
    for (size_t i = 0; i < sizeof record_columns / sizeof record_columns[0]; i++) {
        if (strcmp(record_columns[i].name, name) == 0) {
            *ret_property = record_columns[i];
            return true;
        }
    }
    return false;
}

static size_t
append_name(char *out, size_t out_size, size_t at, const char *name)
{
    const size_t len = strlen(name);
    const size_t gap = at > 0 ? 2 : 0;
    if (at + gap + len + 1 > out_size) {
        return at;
    }
    if (gap > 0) {
        out[at] = ',';
        out[at + 1] = ' ';
    }
    memcpy(out + at + gap, name, len + 1);
    return at + gap + len;
}

void
host_property_names(const struct cim_definition *def, char *out, size_t out_size)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < def->n_fields; i++) {
        at = append_name(out, out_size, at, def->fields[i].name);
    }
    for (size_t i = 0; i < sizeof record_columns / sizeof record_columns[0]; i++) {
        at = append_name(out, out_size, at, record_columns[i].name);
    }
}

cim_status
host_parse_names(const char *param, char *text, const struct cim_definition *def, bool signs,
                 const char **ret_names, size_t max, size_t *ret_n, cim_error *err)
{
    size_t n = 0;
    char *at = text;
    for (;;) {
        struct host_property property;
        char *comma = strchr(at, ',');
        const char *name = at;
        char known[300];
        if (comma != NULL) {
            *comma = '\0';
        }
        if (signs && (*name == '-' || *name == '+')) {
            at += *name == '+' ? 1 : 0;
            name++;
        }
        host_property_names(def, known, sizeof known);
        if (!host_property_find(def, name, &property)) {
            return cim_fail(err, CIM_E_INVALID, param, name, "没有此属性；可用：%s",
                            "no such property; there are: %s", known);
        }
        if (n == max) {
            return cim_fail(err, CIM_E_INVALID, param, name, "最多 %zu 个属性名",
                            "at most %zu property names", max);
        }
        ret_names[n++] = at;
        if (comma == NULL) {
            break;
        }
        at = comma + 1;
    }
    *ret_n = n;
    return CIM_OK;
}
