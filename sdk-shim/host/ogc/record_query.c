/* host/ogc/record_query.c -- which records of the catalogue are asked for; see records.h. */
#include "host/ogc/records.h"

#include "cim/util.h"

#include <stdlib.h>
#include <strings.h>

const char *const host_record_params[] = {"q",        "type",   "ids",   "externalIds", "bbox",
                                          "datetime", "sortby", "limit", "offset",      NULL};

/* ---- lists with commas ---- */

/* Calls `match` for each part of a list, without blanks around; true at the first that matches. */
static bool
any_of(const char *list, bool (*match)(void *arg, const char *part), void *arg)
{
    char part[HOST_QUERY_VALUE_MAX + 1];
    for (const char *at = list; *at != '\0';) {
        const size_t len = strcspn(at, ",");
        size_t from = 0;
        size_t to = len < sizeof part ? len : sizeof part - 1;
        while (from < to && at[from] == ' ') {
            from++;
        }
        while (to > from && at[to - 1] == ' ') {
            to--;
        }
        memcpy(part, at + from, to - from);
        part[to - from] = '\0';
        if (to > from && match(arg, part)) {
            return true;
        }
        at += len + (at[len] == ',' ? 1 : 0);
    }
    return false;
}

/* ---- q ---- */

static void
gather(struct json_object *value, struct cim_buf *out)
{
    if (json_object_is_type(value, json_type_string)) {
        cim_buf_add_text(out, json_object_get_string(value));
        cim_buf_add_char(out, '\n');
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            gather(json_object_array_get_idx(value, i), out);
        }
    } else if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, child)
        {
            (void)key;
            gather(child, out);
        }
    }
}

static bool
contains(void *arg, const char *part)
{
    return strcasestr(arg, part) != NULL;
}

/* Title, description, keywords, class and names of fields, in either language. */
static bool
matches_q(const struct host_record *record, const char *q)
{
    static const char *const keys[] = {"x-cim-title", "x-cim-description", "keywords",
                                       "themes",      "contacts",          "catalog"};
    CIM_AUTO_BUF struct cim_buf text;
    struct json_object *properties = NULL;
    cim_buf_init(&text, HOST_DOC_BYTES_MAX);
    cim_buf_add_text(&text, record->id);
    cim_buf_add_char(&text, '\n');
    json_object_object_get_ex(record->doc, "properties", &properties);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct json_object *value = NULL;
        if (json_object_object_get_ex(properties, keys[i], &value)) {
            gather(value, &text);
        }
    }
    return text.failed == CIM_OK && text.data != NULL && any_of(q, contains, text.data);
}

/* ---- the others ---- */

static bool
is_same(void *arg, const char *part)
{
    return strcmp(arg, part) == 0;
}

static bool
has_external_id(const struct host_record *record, const char *wanted)
{
    struct json_object *properties = NULL;
    struct json_object *catalog = NULL;
    json_object_object_get_ex(record->doc, "properties", &properties);
    return json_object_object_get_ex(properties, "catalog", &catalog) &&
           any_of(wanted, is_same, (void *)(uintptr_t)host_doc_get(catalog, "code"));
}

struct wish {
    const char *q;
    const char *type;
    const char *ids;
    const char *external_ids;
    bool has_bbox;
    double bbox[4];
    bool has_time;
    int64_t from_ms;
    int64_t to_ms;
};

static cim_status
read_wish(const struct host_ask *ask, struct wish *wish, cim_error *err)
{
    const char *bbox = host_ask_param(ask, "bbox");
    const char *datetime = host_ask_param(ask, "datetime");
    wish->q = host_ask_param(ask, "q");
    wish->type = host_ask_param(ask, "type");
    wish->ids = host_ask_param(ask, "ids");
    wish->external_ids = host_ask_param(ask, "externalIds");
    if (bbox != NULL) {
        CIM_TRY(host_parse_bbox(bbox, wish->bbox, err));
        CIM_TRY(host_check_bbox(bbox, wish->bbox, err));
        wish->has_bbox = true;
    }
    if (datetime != NULL) {
        CIM_TRY(host_parse_datetime(datetime, &wish->from_ms, &wish->to_ms, err));
        wish->has_time = true;
    }
    return CIM_OK;
}

/* A box whose west lies east of its east crosses the antimeridian. */
static bool
meet(const double a[4], const double b[4])
{
    const bool across = a[0] > a[2];
    const bool lon = across ? b[2] >= a[0] || b[0] <= a[2] : b[2] >= a[0] && b[0] <= a[2];
    return lon && b[3] >= a[1] && b[1] <= a[3];
}

static bool
is_wished(const struct host_ask *ask, const struct wish *wish, const struct host_record *record)
{
    double extent[4];
    if ((wish->q != NULL && !matches_q(record, wish->q)) ||
        (wish->type != NULL && !any_of(wish->type, is_same, (void *)(uintptr_t)record->type)) ||
        (wish->ids != NULL && !any_of(wish->ids, is_same, (void *)(uintptr_t)record->id)) ||
        (wish->external_ids != NULL && !has_external_id(record, wish->external_ids))) {
        return false;
    }
    if (wish->has_time && (record->changed_ms == 0 || record->changed_ms < wish->from_ms ||
                           record->changed_ms > wish->to_ms)) {
        return false;
    }
    return !wish->has_bbox || (host_record_extent(ask, record, extent) && meet(wish->bbox, extent));
}

/* ---- order ---- */

static const char *
title_of(const struct host_record *record)
{
    struct json_object *properties = NULL;
    return json_object_object_get_ex(record->doc, "properties", &properties)
               ? host_doc_get(properties, "title")
               : "";
}

static int
by_title(const void *a, const void *b)
{
    return strcmp(title_of(a), title_of(b));
}

static int
by_type(const void *a, const void *b)
{
    return strcmp(((const struct host_record *)a)->type, ((const struct host_record *)b)->type);
}

static int
by_record_id(const void *a, const void *b)
{
    return strcmp(((const struct host_record *)a)->id, ((const struct host_record *)b)->id);
}

static int
by_updated(const void *a, const void *b)
{
    const int64_t x = ((const struct host_record *)a)->changed_ms;
    const int64_t y = ((const struct host_record *)b)->changed_ms;
    return (x > y) - (x < y);
}

typedef int (*order_fn)(const void *a, const void *b);

/* Stable, so that several keys are applied from the last to the first. */
static void
sort_by(struct host_record_list *list, order_fn order, bool descending)
{
    for (size_t i = 1; i < list->n; i++) {
        const struct host_record record = list->at[i];
        size_t k = i;
        while (k > 0 && (descending ? order(&record, &list->at[k - 1])
                                    : order(&list->at[k - 1], &record)) > 0) {
            list->at[k] = list->at[k - 1];
            k--;
        }
        list->at[k] = record;
    }
}

static cim_status
sort(const struct host_ask *ask, struct host_record_list *list, cim_error *err)
{
    static const struct {
        const char *name;
        order_fn order;
    } keys[] = {
        {"id", by_record_id}, {"title", by_title}, {"type", by_type}, {"updated", by_updated}};
    const char *sortby = host_ask_param(ask, "sortby");
    const char *end = sortby != NULL ? sortby + strlen(sortby) : NULL;
    while (end != NULL && end > sortby) {
        const char *begin = end;
        while (begin > sortby && begin[-1] != ',') {
            begin--;
        }
        const bool descending = *begin == '-';
        const char *name = begin + (*begin == '-' || *begin == '+' ? 1 : 0);
        size_t k = 0;
        while (k < 4 && (strlen(keys[k].name) != (size_t)(end - name) ||
                         strncmp(keys[k].name, name, (size_t)(end - name)) != 0)) {
            k++;
        }
        if (k == 4) {
            return cim_fail(err, CIM_E_INVALID, "sortby", sortby,
                            "应为 id、title、type、updated，可加 + 或 -",
                            "expected id, title, type or updated, with + or - before it");
        }
        sort_by(list, keys[k].order, descending);
        end = begin > sortby ? begin - 1 : begin;
    }
    return CIM_OK;
}

cim_status
host_records_select(const struct host_ask *ask, struct host_record_list *list, cim_error *err)
{
    struct wish wish = {.q = NULL};
    size_t kept = 0;
    CIM_TRY(read_wish(ask, &wish, err));
    for (size_t i = 0; i < list->n; i++) {
        if (is_wished(ask, &wish, &list->at[i])) {
            list->at[kept++] = list->at[i];
        } else {
            json_object_put(list->at[i].doc);
        }
    }
    list->n = kept;
    return sort(ask, list, err);
}
