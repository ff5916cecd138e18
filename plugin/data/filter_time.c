/* plugin/data/filter_time.c -- temporal predicates of a filter, over instants and intervals.
 *
 * Both sides become an interval from-to; an instant begins and ends at once. A date beside times is
 * that day in Beijing, a time beside dates the day it falls on there.
 */
#include "data/filter.h"

#include "cim/util.h"
#include "kit/time.h"

#include <json-c/json.h>

enum { ALLEN_TERMS_MAX = 3 };
static const int64_t day_ms = 86400000;
static const int64_t beijing_ms = 28800000; /* 8 h */

/* An end of a side: an expression, or none for an open one. */
struct end {
    struct json_object *value;
    bool open;
    bool is_last; /* the later end */
};

/* ---- relations: comparisons of ends, all of them to hold ---- */

/* a1, a2: the ends of the left side; b1, b2 of the right one. Source: OGC 21-065r2, table 11, after
 * ISO 19108. */
struct relation {
    const char *op;
    const char *terms[ALLEN_TERMS_MAX];
    bool any; /* one of them holding is enough */
};

static const struct relation relations[] = {
    {"t_after", {"a1>b2"}, false},
    {"t_before", {"a2<b1"}, false},
    {"t_contains", {"a1<b1", "a2>b2"}, false},
    {"t_disjoint", {"a1>b2", "a2<b1"}, true},
    {"t_during", {"a1>b1", "a2<b2"}, false},
    {"t_equals", {"a1=b1", "a2=b2"}, false},
    {"t_finishedBy", {"a1<b1", "a2=b2"}, false},
    {"t_finishes", {"a1>b1", "a2=b2"}, false},
    {"t_intersects", {"a1<=b2", "a2>=b1"}, false},
    {"t_meets", {"a2=b1"}, false},
    {"t_metBy", {"a1=b2"}, false},
    {"t_overlappedBy", {"a1>b1", "a1<b2", "a2>b2"}, false},
    {"t_overlaps", {"a1<b1", "a2>b1", "a2<b2"}, false},
    {"t_startedBy", {"a1=b1", "a2>b2"}, false},
    {"t_starts", {"a1=b1", "a2<b2"}, false},
};

static const struct relation *
find_relation(const char *op)
{
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++) {
        if (strcmp(relations[i].op, op) == 0) {
            return &relations[i];
        }
    }
    return NULL;
}

bool
lpg_filter_is_time(const char *op)
{
    return find_relation(op) != NULL;
}

/* ---- the ends ---- */

static cim_status
refuse_side(const struct lpg_filter *filter, const char *op)
{
    return lpg_filter_refuse(
        filter, op,
        "参数应为日期或时刻字段、{\"date\": …}、{\"timestamp\": …} 或 {\"interval\": [起, 止]}",
        "expected a date or time property, {\"date\": …}, {\"timestamp\": …} or "
        "{\"interval\": [from, to]} as arguments");
}

static bool
is_open(struct json_object *value)
{
    return json_object_is_type(value, json_type_string) &&
           strcmp(json_object_get_string(value), "..") == 0;
}

static cim_status
read_side(const struct lpg_filter *filter, const char *op, struct json_object *value,
          struct end ends[2])
{
    struct json_object *interval = lpg_member(value, "interval");
    if (interval == NULL) {
        ends[0] = (struct end){.value = value};
        ends[1] = (struct end){.value = value, .is_last = true};
        return json_object_is_type(value, json_type_object) ? CIM_OK : refuse_side(filter, op);
    }
    if (!json_object_is_type(interval, json_type_array) ||
        json_object_array_length(interval) != 2) {
        return refuse_side(filter, op);
    }
    for (size_t i = 0; i < 2; i++) {
        struct json_object *at = json_object_array_get_idx(interval, i);
        ends[i] = (struct end){.value = at, .open = is_open(at), .is_last = i == 1};
        if (!json_object_is_type(at, json_type_string) && lpg_member(at, "property") == NULL &&
            lpg_member(at, "date") == NULL && lpg_member(at, "timestamp") == NULL) {
            return refuse_side(filter, op);
        }
    }
    return CIM_OK;
}

static const char *
literal_text(struct json_object *value)
{
    struct json_object *date = lpg_member(value, "date");
    struct json_object *time = lpg_member(value, "timestamp");
    value = date != NULL ? date : time != NULL ? time : value;
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static cim_status
read_literal(const struct lpg_filter *filter, const struct end *end, const char *op,
             bool *ret_is_date, int32_t *ret_days, int64_t *ret_ms)
{
    const char *text = literal_text(end->value);
    *ret_is_date = cim_date_parse(text, strlen(text), ret_days) == CIM_OK;
    if (!*ret_is_date && cim_time_parse(text, strlen(text), ret_ms) != CIM_OK) {
        return lpg_filter_refuse(filter, text[0] != '\0' ? text : op,
                                 "应为日期 2026-01-31、时刻 2026-01-31T08:00:00Z 或 ..",
                                 "expected a date 2026-01-31, a time 2026-01-31T08:00:00Z or ..");
    }
    return CIM_OK;
}

static cim_status
put_literal(struct lpg_filter *filter, const struct end *end, enum lpg_kind kind, const char *op)
{
    char date[CIM_TIME_TEXT_MAX];
    bool is_date = false;
    int32_t days = 0;
    int64_t ms = 0;
    CIM_TRY(read_literal(filter, end, op, &is_date, &days, &ms));
    CIM_TRY(lpg_filter_count(filter));
    if (kind == LPG_KIND_TIME) {
        ms = is_date ? days * day_ms - beijing_ms + (end->is_last ? day_ms - 1 : 0) : ms;
        lpg_sql_time(filter->statement, ms);
        return CIM_OK;
    }
    cim_date_format(is_date ? days : cim_time_local_day(ms), date);
    lpg_sql(filter->statement, filter->no_text_column ? "{string " : "");
    lpg_sql_text(filter->statement, date, strlen(date));
    lpg_sql(filter->statement, filter->no_text_column ? "}" : "");
    return CIM_OK;
}

static cim_status
put_end(struct lpg_filter *filter, const struct end *end, enum lpg_kind kind, const char *op,
        int depth)
{
    return lpg_member(end->value, "property") != NULL
               ? lpg_filter_value(filter, end->value, kind, op, depth)
               : put_literal(filter, end, kind, op);
}

/* ---- comparisons ---- */

static int
sign_of_open(const struct end *end)
{
    return !end->open ? 0 : end->is_last ? 1 : -1;
}

/* What is open is before or after everything: known without the store, unless the other end is
 * absent. */
static cim_status
put_open(struct lpg_filter *filter, const struct end *a, const char *sign, const struct end *b,
         enum lpg_kind kind, const char *op, int depth)
{
    const int difference = sign_of_open(a) - sign_of_open(b);
    const bool holds = sign[0] == '<'   ? difference < 0 || (sign[1] == '=' && difference == 0)
                       : sign[0] == '>' ? difference > 0 || (sign[1] == '=' && difference == 0)
                                        : difference == 0;
    const struct end *other = !a->open ? a : b;
    if (other->open || lpg_member(other->value, "property") == NULL) {
        lpg_sql(filter->statement, holds ? "(1 = 1)" : "(1 = 0)");
        return CIM_OK;
    }
    lpg_sql(filter->statement, "(");
    CIM_TRY(put_end(filter, other, kind, op, depth));
    lpg_sql(filter->statement, holds ? " = " : " <> ");
    CIM_TRY(put_end(filter, other, kind, op, depth));
    lpg_sql(filter->statement, ")");
    return CIM_OK;
}

/* "a1<=b2" */
static cim_status
put_term(struct lpg_filter *filter, const char *term, struct end sides[2][2], enum lpg_kind kind,
         const char *op, int depth)
{
    const size_t len = strlen(term);
    char sign[3] = "";
    memcpy(sign, term + 2, len - 4);
    const struct end *a = &sides[term[0] - 'a'][term[1] - '1'];
    const struct end *b = &sides[term[len - 2] - 'a'][term[len - 1] - '1'];
    if (a->open || b->open) {
        return put_open(filter, a, sign, b, kind, op, depth);
    }
    lpg_sql(filter->statement, "(");
    CIM_TRY(put_end(filter, a, kind, op, depth));
    lpg_sql(filter->statement, " %s ", sign);
    CIM_TRY(put_end(filter, b, kind, op, depth));
    lpg_sql(filter->statement, ")");
    return CIM_OK;
}

/* A property decides whether dates or times are compared; else any time among the literals. Reads
 * all literals, also those that no comparison needs. */
static cim_status
find_kind(struct lpg_filter *filter, const char *op, struct end sides[2][2],
          enum lpg_kind *ret_kind)
{
    struct json_object *values[4];
    size_t n = 0;
    const char *what = op;
    bool is_time = false;
    for (size_t i = 0; i < 4; i++) {
        const struct end *end = &sides[i / 2][i % 2];
        if (lpg_member(end->value, "property") != NULL) {
            values[n++] = end->value;
        } else if (!end->open) {
            bool is_date = false;
            int32_t days = 0;
            int64_t ms = 0;
            CIM_TRY(read_literal(filter, end, op, &is_date, &days, &ms));
            is_time = is_time || !is_date;
        }
    }
    CIM_TRY(lpg_filter_kind(filter, op, values, n, ret_kind, &what));
    if (n == 0) {
        *ret_kind = is_time ? LPG_KIND_TIME : LPG_KIND_DATE;
    }
    if (*ret_kind != LPG_KIND_DATE && *ret_kind != LPG_KIND_TIME) {
        return lpg_filter_refuse(filter, what, "应为日期或时刻字段",
                                 "expected a property that is a date or a time");
    }
    return CIM_OK;
}

cim_status
lpg_filter_time(struct lpg_filter *filter, const char *op, struct json_object *args, int depth)
{
    const struct relation *relation = find_relation(op);
    struct end sides[2][2];
    enum lpg_kind kind = LPG_KIND_TIME;
    CIM_TRY(read_side(filter, op, json_object_array_get_idx(args, 0), sides[0]));
    CIM_TRY(read_side(filter, op, json_object_array_get_idx(args, 1), sides[1]));
    CIM_TRY(find_kind(filter, op, sides, &kind));
    for (size_t i = 0; i < ALLEN_TERMS_MAX && relation->terms[i] != NULL; i++) {
        lpg_sql(filter->statement, i == 0 ? "(" : relation->any ? " or " : " and ");
        CIM_TRY(put_term(filter, relation->terms[i], sides, kind, op, depth));
    }
    lpg_sql(filter->statement, ")");
    return CIM_OK;
}
