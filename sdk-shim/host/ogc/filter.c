/* host/ogc/filter.c -- see filter.h. */
#include "host/ogc/filter.h"

#include "cim/util.h"
#include "host/ogc/limits.h"
#include "kit/time.h"

#include <stdlib.h>
#include <string.h>

enum { HOST_INTERVAL_END_MAX = 64 };

void
host_filter_init(struct host_filter *filter)
{
    cim_buf_init(&filter->json, HOST_FILTER_BYTES_MAX);
    filter->n = 0;
}

void
host_filter_done(struct host_filter *filter)
{
    cim_buf_done(&filter->json);
}

static cim_status
refuse(const struct host_property *property, const char *value, const char *zh, const char *en,
       cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, property->name, value, "%s%.0s", "%.0s%s", zh, en);
}

bool
host_filter_searches(const struct cim_field *field)
{
    return field->search && field->type == CIM_FIELD_TEXT && field->sensitive == CIM_SENSITIVE_NO;
}

static cim_status
check_code(const struct host_property *property, const char *value, cim_error *err)
{
    const struct cim_code_list *codes = property->field != NULL ? property->field->codes : NULL;
    char known[240] = "";
    size_t at = 0;
    if (codes == NULL || cim_code_find(codes, value) != NULL) {
        return CIM_OK;
    }
    for (size_t i = 0; i < codes->n_codes && at + 1 < sizeof known; i++) {
        const int n = snprintf(known + at, sizeof known - at, "%s%s", i > 0 ? ", " : "",
                               codes->codes[i].value);
        at += n > 0 ? (size_t)n : 0;
    }
    return cim_fail(err, CIM_E_INVALID, property->name, value, "没有此代码；应为其中之一：%s",
                    "no such code; expected one of: %s", known);
}

/* Checks the text and writes it as a JSON value. */
static cim_status
add_value(struct cim_buf *out, const struct host_property *property, const char *value,
          cim_error *err)
{
    const size_t len = strlen(value);
    int64_t whole = 0;
    int32_t days = 0;
    double number = 0;
    char time_text[CIM_TIME_TEXT_MAX];
    switch (property->type) {
    case CIM_FIELD_INTEGER:
        if (!host_parse_integer(value, len, &whole)) {
            return refuse(property, value, "应为整数", "expected an integer", err);
        }
        cim_buf_add_int(out, whole);
        return CIM_OK;
    case CIM_FIELD_NUMBER:
        if (!host_parse_number(value, len, &number)) {
            return refuse(property, value, "应为数", "expected a number", err);
        }
        cim_buf_add_double(out, number);
        return CIM_OK;
    case CIM_FIELD_BOOLEAN:
        if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0) {
            return refuse(property, value, "应为 true 或 false", "expected true or false", err);
        }
        cim_buf_add_text(out, value);
        return CIM_OK;
    case CIM_FIELD_DATE:
        if (cim_date_parse(value, len, &days) != CIM_OK) {
            return refuse(property, value, "应为日期，如 2026-01-31",
                          "expected a date such as 2026-01-31", err);
        }
        break;
    case CIM_FIELD_TIME:
        if (cim_time_parse(value, len, &whole) != CIM_OK) {
            return refuse(property, value, "应为时刻，如 2026-01-31T08:00:00Z",
                          "expected a time such as 2026-01-31T08:00:00Z", err);
        }
        cim_time_format(whole, time_text);
        cim_buf_add_json_text(out, time_text, SIZE_MAX);
        return CIM_OK;
    case CIM_FIELD_CODE:
        CIM_TRY(check_code(property, value, err));
        break;
    case CIM_FIELD_TEXT:
        break;
    }
    cim_buf_add_json_text(out, value, len);
    return CIM_OK;
}

static cim_status
add_comparison(struct host_filter *filter, const struct host_property *property, const char *op,
               const char *value, cim_error *err)
{
    struct cim_buf *out = &filter->json;
    cim_buf_addf(out, "%s{\"op\":\"%s\",\"args\":[{\"property\":", filter->n > 0 ? "," : "", op);
    cim_buf_add_json_text(out, property->name, SIZE_MAX);
    cim_buf_add_text(out, "},");
    CIM_TRY(add_value(out, property, value, err));
    cim_buf_add_text(out, "]}");
    filter->n++;
    return cim_buf_status(out, err);
}

/* Numbers, dates and times have an order, and no slash in them. */
static bool
has_intervals(const struct host_property *property)
{
    return property->type == CIM_FIELD_INTEGER || property->type == CIM_FIELD_NUMBER ||
           property->type == CIM_FIELD_DATE || property->type == CIM_FIELD_TIME;
}

/* "from/to", both included, ".." for an open end: as the parameter datetime is written. */
static cim_status
add_interval(struct host_filter *filter, const struct host_property *property, const char *value,
             const char *slash, cim_error *err)
{
    char from[HOST_INTERVAL_END_MAX];
    const size_t len = (size_t)(slash - value);
    const char *to = slash + 1;
    if (len >= sizeof from || (strncmp(value, "..", len) == 0 && strcmp(to, "..") == 0)) {
        return refuse(property, value, "应为 起/止，至多一端为 ..",
                      "expected from/to, at most one of them ..", err);
    }
    memcpy(from, value, len);
    from[len] = '\0';
    if (strcmp(from, "..") != 0) {
        CIM_TRY(add_comparison(filter, property, ">=", from, err));
    }
    return strcmp(to, "..") != 0 ? add_comparison(filter, property, "<=", to, err) : CIM_OK;
}

cim_status
host_filter_add(struct host_filter *filter, const struct host_property *property, const char *value,
                cim_error *err)
{
    const char *slash = has_intervals(property) ? strchr(value, '/') : NULL;
    return slash != NULL ? add_interval(filter, property, value, slash, err)
                         : add_comparison(filter, property, "=", value, err);
}

cim_status
host_filter_take(struct host_filter *filter, char **ret_json, cim_error *err)
{
    static const char begin[] = "{\"op\":\"and\",\"args\":[";
    static const char end[] = "]}";
    const bool several = filter->n > 1;
    char *text = NULL;
    if (filter->n == 0) {
        *ret_json = NULL;
        return CIM_OK;
    }
    CIM_TRY(cim_buf_status(&filter->json, err));
    text = malloc(filter->json.len + sizeof begin + sizeof end);
    if (text == NULL) {
        return cim_fail_nomem(err);
    }
    (void)snprintf(text, filter->json.len + sizeof begin + sizeof end, "%s%s%s",
                   several ? begin : "", filter->json.data, several ? end : "");
    *ret_json = text;
    return CIM_OK;
}
