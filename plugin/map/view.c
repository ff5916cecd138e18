/* plugin/map/view.c -- see view.h. */
#include "kit/digest.h"
#include "map/view.h"

#include "cim/util.h"
#include "kit/scope_eval.h"
#include "kit/time.h"

#include <json-c/json.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- key ---- */

static void
digest_bytes(EVP_MD_CTX *context, const void *data, size_t len)
{
    const uint64_t length = len; /* lengths first, so that neighbours cannot run together */
    (void)EVP_DigestUpdate(context, &length, sizeof length);
    (void)EVP_DigestUpdate(context, data, len);
}

static void
digest_text(EVP_MD_CTX *context, const char *text)
{
    const uint8_t present = text != NULL;
    (void)EVP_DigestUpdate(context, &present, 1);
    if (text != NULL) {
        digest_bytes(context, text, strlen(text));
    }
}

static void
digest_term(EVP_MD_CTX *context, const cim_term *term)
{
    const uint64_t head[3] = {term->all_areas, (uint64_t)term->from_ms, (uint64_t)term->until_ms};
    (void)EVP_DigestUpdate(context, head, sizeof head);
    digest_bytes(context, term->areas, (size_t)term->n_area_words * sizeof *term->areas);
    digest_text(context, term->owner_org);
    digest_text(context, term->filter_json);
    digest_bytes(context, term->field_modes, term->n_field_modes * sizeof *term->field_modes);
    for (uint32_t i = 0; i < term->n_field_modes; i++) {
        digest_text(context, term->field_names[i]);
    }
}

static EVP_MD_CTX *
new_digest(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context != NULL && EVP_DigestInit_ex(context, cim_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        context = NULL;
    }
    return context;
}

/* Frees the context. */
static void
finish_digest(EVP_MD_CTX *context, char ret_key[LPG_VIEW_KEY_SIZE])
{
    unsigned char hash[EVP_MAX_MD_SIZE];
    unsigned int hash_len = 0;
    (void)EVP_DigestFinal_ex(context, hash, &hash_len);
    EVP_MD_CTX_free(context);
    cim_hex(hash, (LPG_VIEW_KEY_SIZE - 1) / 2, ret_key);
}

cim_status
lpg_view_key(const cim_scope *scope, const char *area, const char *filter_json,
             char ret_key[LPG_VIEW_KEY_SIZE], cim_error *err)
{
    EVP_MD_CTX *context = new_digest();
    if (context == NULL) {
        return cim_fail_nomem(err);
    }
    (void)EVP_DigestUpdate(context, &scope->areas_version, sizeof scope->areas_version);
    for (uint32_t i = 0; i < scope->n_terms; i++) {
        digest_term(context, scope->terms[i]);
    }
    digest_text(context, area);
    digest_text(context, filter_json);
    finish_digest(context, ret_key);
    return CIM_OK;
}

cim_status
lpg_view_join_keys(const char *first, int64_t first_pos, const char *second, int64_t second_pos,
                   char ret_key[LPG_VIEW_KEY_SIZE], cim_error *err)
{
    EVP_MD_CTX *context = new_digest();
    if (context == NULL) {
        return cim_fail_nomem(err);
    }
    digest_text(context, first);
    digest_bytes(context, &first_pos, sizeof first_pos);
    digest_text(context, second);
    digest_bytes(context, &second_pos, sizeof second_pos);
    finish_digest(context, ret_key);
    return CIM_OK;
}

/* ---- filter ---- */

/* The bound of an interval, as the attribute's values are compared. */
static cim_status
read_bound(const struct cim_field *field, struct json_object *value,
           struct lpg_condition *condition, cim_error *err)
{
    const char *text = json_object_get_string(value);
    int64_t ms = 0;
    switch (field->type) {
    case CIM_FIELD_INTEGER:
    case CIM_FIELD_NUMBER:
        condition->number = json_object_get_double(value);
        return CIM_OK;
    case CIM_FIELD_TIME:
        if (text != NULL && cim_time_parse(text, strlen(text), &ms) == CIM_OK) {
            condition->number = (double)ms;
            return CIM_OK;
        }
        break;
    case CIM_FIELD_DATE:
        if (text != NULL && strlen(text) < sizeof condition->text) {
            cim_copy_text(condition->text, sizeof condition->text, text);
            return CIM_OK;
        }
        break;
    default:
        return cim_fail(err, CIM_E_UNSUPPORTED, field->name, text,
                        "瓦片只能按数、日期或时刻的区间筛选",
                        "tiles can be filtered by intervals of numbers, dates and times only");
    }
    return cim_fail(err, CIM_E_INVALID, field->name, text, "应为日期或时刻",
                    "expected a date or a time");
}

static cim_status
add_condition(const struct lpg_features *features, enum lpg_condition_kind kind,
              struct json_object *property, struct json_object *value, struct lpg_view *view,
              cim_error *err)
{
    const char *name = json_object_get_string(property);
    const struct lpg_attribute *attribute = lpg_features_attribute(features, name);
    struct lpg_condition *condition = &view->conditions[view->n_conditions];
    if (attribute == NULL) {
        return cim_fail(err, CIM_E_INVALID, name, NULL, "该字段不能用于瓦片筛选",
                        "tiles cannot be filtered by this field");
    }
    if (view->n_conditions == LPG_VIEW_CONDITIONS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, name, NULL, "瓦片筛选条件最多 %d 个",
                        "at most %d tile filter conditions", LPG_VIEW_CONDITIONS_MAX);
    }
    *condition = (struct lpg_condition){.attribute = (uint32_t)(attribute - features->attributes),
                                        .kind = kind};
    if (kind == LPG_EQUALS) {
        condition->code =
            lpg_dictionary_find(&attribute->dictionary, json_object_get_string(value));
    } else {
        CIM_TRY(read_bound(attribute->field, value, condition, err));
    }
    view->n_conditions++;
    return CIM_OK;
}

static bool
kind_of_op(const char *op, enum lpg_condition_kind *ret_kind)
{
    static const char *const ops[] = {
        [LPG_EQUALS] = "=", [LPG_AT_LEAST] = ">=", [LPG_AT_MOST] = "<="};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(ops[i], op) == 0) {
            *ret_kind = (enum lpg_condition_kind)i;
            return true;
        }
    }
    return false;
}

static cim_status
read_filter(const struct lpg_features *features, struct json_object *node, int depth,
            struct lpg_view *view, cim_error *err)
{
    struct json_object *op = NULL;
    struct json_object *args = NULL;
    struct json_object *property = NULL;
    enum lpg_condition_kind kind;
    const char *name;
    if (depth > 4 || !json_object_object_get_ex(node, "op", &op) ||
        !json_object_object_get_ex(node, "args", &args) ||
        !json_object_is_type(args, json_type_array)) {
        return cim_fail(err, CIM_E_INVALID, "filter", NULL, "应为 CQL2 JSON 表达式",
                        "expected a CQL2 JSON expression");
    }
    name = json_object_get_string(op);
    if (strcmp(name, "and") == 0) {
        for (size_t i = 0; i < json_object_array_length(args); i++) {
            CIM_TRY(
                read_filter(features, json_object_array_get_idx(args, i), depth + 1, view, err));
        }
        return CIM_OK;
    }
    if (kind_of_op(name, &kind) && json_object_array_length(args) == 2 &&
        json_object_object_get_ex(json_object_array_get_idx(args, 0), "property", &property)) {
        return add_condition(features, kind, property, json_object_array_get_idx(args, 1), view,
                             err);
    }
    return cim_fail(err, CIM_E_UNSUPPORTED, "filter", name,
                    "瓦片筛选只支持属性与某值的 =、>=、<= 比较以及它们的并且",
                    "tiles can be filtered by =, >= and <= of attributes joined by \"and\" only");
}

static cim_status
parse_filter(const struct lpg_features *features, const char *filter_json, struct lpg_view *view,
             cim_error *err)
{
    struct json_object *filter;
    cim_status status;
    if (filter_json == NULL) {
        return CIM_OK;
    }
    filter = json_tokener_parse(filter_json);
    status = read_filter(features, filter, 0, view, err);
    json_object_put(filter);
    return status;
}

/* ---- areas and owners ---- */

static bool
term_has_area(const cim_term *term, int32_t ordinal)
{
    if (term->all_areas != 0) {
        return true;
    }
    return ordinal >= 0 && (uint32_t)ordinal / 64U < term->n_area_words &&
           ((term->areas[(uint32_t)ordinal / 64U] >> ((uint32_t)ordinal % 64U)) & 1U) != 0;
}

static bool
in_force(const cim_term *term, int64_t now_ms)
{
    return now_ms >= term->from_ms && now_ms < term->until_ms;
}

static void
judge_area(struct lpg_view *view, uint32_t area)
{
    for (uint32_t i = 0; i < view->scope->n_terms; i++) {
        const cim_term *term = view->scope->terms[i];
        if (!in_force(term, view->now_ms) || !term_has_area(term, view->area_ordinal[area])) {
            continue;
        }
        if (term->owner_org == NULL && term->filter_json == NULL) {
            view->area_state[area] = LPG_AREA_VISIBLE;
            return;
        }
        if (term->owner_org == NULL || view->terms[i].owner != 0) {
            view->area_state[area] = LPG_AREA_BY_RECORD;
        }
    }
}

static uint32_t
attributes_of(const cim_term *term, const struct lpg_features *features)
{
    uint32_t bits = 0;
    for (uint32_t a = 0; a < features->n_attributes; a++) {
        if (cim_term_field_mode(term, features->attributes[a].field) == CIM_FIELD_CLEAR) {
            bits |= UINT32_C(1) << a;
        }
    }
    return bits;
}

static void
resolve_terms(const struct lpg_features *features, struct lpg_view *view)
{
    view->attributes = view->scope->n_terms > 0 ? UINT32_MAX : 0;
    for (uint32_t i = 0; i < view->scope->n_terms; i++) {
        const cim_term *term = view->scope->terms[i];
        struct lpg_view_term *resolved = &view->terms[i];
        resolved->owner =
            term->owner_org != NULL ? lpg_dictionary_find(&features->owners, term->owner_org) : 0;
        resolved->attributes = attributes_of(term, features);
        view->attributes &= resolved->attributes;
        view->some |= resolved->attributes;
    }
}

static cim_status
resolve(const struct lpg_features *features, const cim_host *host, const cim_access_v1 *access,
        const char *area, struct lpg_view *view, cim_error *err)
{
    const uint32_t n_areas = features->areas.n > 0 ? features->areas.n : 1;
    cim_area filter = {
        .struct_size = sizeof filter, .ordinal = INT32_MIN, .ordinal_end = INT32_MAX};
    view->area_state = calloc(n_areas, sizeof *view->area_state);
    view->area_ordinal = calloc(n_areas, sizeof *view->area_ordinal);
    view->terms = calloc((size_t)view->scope->n_terms + 1, sizeof *view->terms);
    if (view->area_state == NULL || view->area_ordinal == NULL || view->terms == NULL) {
        return cim_fail_nomem(err);
    }
    if (area != NULL && access->area(host, access->area_ordinal(host, area), &filter) != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, "area", area, "没有这个行政区划代码",
                        "no such area code");
    }
    resolve_terms(features, view);
    for (uint32_t i = 1; i < features->areas.n; i++) {
        view->area_ordinal[i] =
            access->area_ordinal(host, lpg_dictionary_value(&features->areas, i)->text);
        if (area != NULL && (view->area_ordinal[i] < filter.ordinal ||
                             view->area_ordinal[i] >= filter.ordinal_end)) {
            continue;
        }
        judge_area(view, i);
        view->by_record = view->by_record || view->area_state[i] == LPG_AREA_BY_RECORD;
    }
    return CIM_OK;
}

cim_status
lpg_view_open(const struct lpg_features *features, const cim_host *host,
              const cim_access_v1 *access, const cim_call *call, const char *area,
              const char *filter_json, struct lpg_view *ret_view, cim_error *err)
{
    struct lpg_view view = {.scope = call->scope, .now_ms = call->now_ms};
    cim_status status = lpg_view_key(call->scope, area, filter_json, view.key, err);
    if (status == CIM_OK) {
        status = resolve(features, host, access, area, &view, err);
    }
    if (status == CIM_OK) {
        status = parse_filter(features, filter_json, &view, err);
    }
    if (status != CIM_OK) {
        lpg_view_done(&view);
        return status;
    }
    view.by_record = view.by_record || view.n_conditions > 0;
    *ret_view = view;
    return CIM_OK;
}

void
lpg_view_done(struct lpg_view *view)
{
    free(view->area_state);
    free(view->area_ordinal);
    for (uint32_t i = 0; view->terms != NULL && i < view->scope->n_terms; i++) {
        lpg_verdict_unref(view->terms[i].base);
        lpg_verdict_unref(view->terms[i].overlay);
    }
    free(view->terms);
    *view = (struct lpg_view){0};
}

static bool
term_covers(const struct lpg_view *view, uint32_t i, const struct lpg_features *features,
            uint32_t row)
{
    const cim_term *term = view->scope->terms[i];
    const struct lpg_view_term *resolved = &view->terms[i];
    const struct lpg_verdict *verdict = features == view->base ? resolved->base : resolved->overlay;
    if (!in_force(term, view->now_ms) ||
        !term_has_area(term, view->area_ordinal[features->area[row]])) {
        return false;
    }
    if (term->owner_org != NULL &&
        (resolved->owner == 0 || resolved->owner != features->owner[row])) {
        return false;
    }
    return term->filter_json == NULL || (verdict != NULL && lpg_verdict_holds(verdict, row));
}

static bool
some_term_covers(const struct lpg_view *view, const struct lpg_features *features, uint32_t row)
{
    for (uint32_t i = 0; i < view->scope->n_terms; i++) {
        if (term_covers(view, i, features, row)) {
            return true;
        }
    }
    return false;
}

/* Absent values lie in no interval. */
static bool
lies_within(const struct lpg_condition *condition, const struct lpg_attribute *attribute,
            uint32_t code)
{
    double difference;
    if (code == 0) {
        return false;
    }
    const struct lpg_value *value = lpg_dictionary_value(&attribute->dictionary, code);
    if (value->type == CIM_COL_TEXT) {
        difference = strcmp(value->text, condition->text);
    } else {
        difference =
            (value->type == CIM_COL_FLOAT64 ? value->f64 : (double)value->i64) - condition->number;
    }
    return condition->kind == LPG_AT_LEAST ? difference >= 0 : difference <= 0;
}

static bool
meets(const struct lpg_condition *condition, const struct lpg_features *features, uint32_t row)
{
    const struct lpg_attribute *attribute = &features->attributes[condition->attribute];
    const uint32_t code = attribute->codes[row];
    return condition->kind == LPG_EQUALS ? code != 0 && code == condition->code
                                         : lies_within(condition, attribute, code);
}

bool
lpg_view_covers(const struct lpg_view *view, const struct lpg_features *features, uint32_t row)
{
    for (uint32_t i = 0; i < view->n_conditions; i++) {
        if (!meets(&view->conditions[i], features, row)) {
            return false;
        }
    }
    switch (view->area_state[features->area[row]]) {
    case LPG_AREA_VISIBLE:
        return true;
    case LPG_AREA_BY_RECORD:
        return some_term_covers(view, features, row);
    default:
        return false;
    }
}

uint32_t
lpg_view_shown(const struct lpg_view *view, const struct lpg_features *features, uint32_t row)
{
    uint32_t shown = view->attributes;
    for (uint32_t i = 0; i < view->scope->n_terms && shown != view->some; i++) {
        if (term_covers(view, i, features, row)) {
            shown |= view->terms[i].attributes;
        }
    }
    return shown;
}
