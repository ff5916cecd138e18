/* plugin/map/features.c -- see features.h. */
#include "map/features.h"

#include "cim/rows.h"
#include "cim/util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- dictionaries ---- */

static uint32_t
hash_of(uint32_t type, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    uint64_t hash = 0xCBF29CE484222325ULL ^ type;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * 0x100000001B3ULL;
    }
    return (uint32_t)(hash ^ (hash >> 32U));
}

static bool
same_value(const struct lpg_value *a, uint32_t type, uint32_t hash, const void *data, size_t len)
{
    if (a->type != type || a->hash != hash) {
        return false;
    }
    if (type == CIM_COL_TEXT) {
        return strlen(a->text) == len && memcmp(a->text, data, len) == 0;
    }
    return memcmp(type == CIM_COL_FLOAT64 ? (const void *)&a->f64 : (const void *)&a->i64, data,
                  len) == 0;
}

/* First number of its own. */
static uint32_t
first_number(const struct lpg_dictionary *dictionary)
{
    return dictionary->older != NULL ? dictionary->older->n : 0;
}

static uint32_t *
find_slot(const struct lpg_dictionary *dictionary, uint32_t type, uint32_t hash, const void *data,
          size_t len)
{
    uint32_t i = hash & (dictionary->n_slots - 1);
    while (dictionary->slots[i] != 0 &&
           !same_value(lpg_dictionary_value(dictionary, dictionary->slots[i]), type, hash, data,
                       len)) {
        i = (i + 1) & (dictionary->n_slots - 1);
    }
    return &dictionary->slots[i];
}

static bool
grow_dictionary(struct lpg_dictionary *dictionary)
{
    const uint32_t first = first_number(dictionary);
    const uint32_t capacity = dictionary->capacity == 0 ? 32 : dictionary->capacity * 2;
    struct lpg_value *values = realloc(dictionary->values, capacity * sizeof *values);
    uint32_t *slots;
    if (values == NULL) {
        return false;
    }
    dictionary->values = values;
    slots = calloc((size_t)capacity * 2, sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    free(dictionary->slots);
    dictionary->slots = slots;
    dictionary->n_slots = capacity * 2;
    dictionary->capacity = capacity;
    if (dictionary->n == 0) {
        dictionary->values[0] = (struct lpg_value){0};
        dictionary->n = 1;
    }
    for (uint32_t i = first > 0 ? first : 1; i < dictionary->n; i++) {
        uint32_t at = values[i - first].hash & (dictionary->n_slots - 1);
        while (slots[at] != 0) {
            at = (at + 1) & (dictionary->n_slots - 1);
        }
        slots[at] = i;
    }
    return true;
}

static uint32_t
put_value(struct lpg_dictionary *dictionary, uint32_t type, const void *data, size_t len)
{
    const uint32_t hash = hash_of(type, data, len);
    struct lpg_value value = {.type = type, .hash = hash};
    const uint32_t first = first_number(dictionary);
    uint32_t *slot;
    if (first > 0) {
        slot = find_slot(dictionary->older, type, hash, data, len);
        if (*slot != 0) {
            return *slot;
        }
    }
    if (dictionary->n - first == dictionary->capacity && !grow_dictionary(dictionary)) {
        return 0;
    }
    slot = find_slot(dictionary, type, hash, data, len);
    if (*slot != 0) {
        return *slot;
    }
    if (type == CIM_COL_TEXT) {
        value.text = malloc(len + 1);
        if (value.text == NULL) {
            return 0;
        }
        memcpy(value.text, data, len);
        value.text[len] = '\0';
    } else if (type == CIM_COL_FLOAT64) {
        memcpy(&value.f64, data, sizeof value.f64);
    } else {
        memcpy(&value.i64, data, sizeof value.i64);
    }
    dictionary->values[dictionary->n - first] = value;
    *slot = dictionary->n;
    return dictionary->n++;
}

uint32_t
lpg_dictionary_put_text(struct lpg_dictionary *dictionary, const void *text, size_t len)
{
    return put_value(dictionary, CIM_COL_TEXT, len > 0 ? text : "", len);
}

uint32_t
lpg_dictionary_put_number(struct lpg_dictionary *dictionary, uint32_t type, int64_t i64, double f64)
{
    if (type == CIM_COL_FLOAT64) {
        return put_value(dictionary, type, &f64, sizeof f64);
    }
    return put_value(dictionary, type, &i64, sizeof i64);
}

uint32_t
lpg_dictionary_put_value(struct lpg_dictionary *dictionary, const struct lpg_value *value)
{
    if (value->type == CIM_COL_TEXT) {
        return lpg_dictionary_put_text(dictionary, value->text, strlen(value->text));
    }
    return lpg_dictionary_put_number(dictionary, value->type, value->i64, value->f64);
}

/* Among its own numbers. */
static uint32_t
find_own(const struct lpg_dictionary *dictionary, const char *text)
{
    const uint32_t first = first_number(dictionary);
    const size_t len = strlen(text);
    for (uint32_t i = first > 0 ? first : 1; i < dictionary->n; i++) {
        const struct lpg_value *value = &dictionary->values[i - first];
        char number[40];
        if (value->type == CIM_COL_TEXT) {
            return *find_slot(dictionary, CIM_COL_TEXT, hash_of(CIM_COL_TEXT, text, len), text,
                              len);
        }
        if (value->type == CIM_COL_FLOAT64) {
            (void)snprintf(number, sizeof number, "%.17g", value->f64);
            if (strtod(number, NULL) == strtod(text, NULL)) {
                return i;
            }
            continue;
        }
        (void)snprintf(number, sizeof number, "%lld", (long long)value->i64);
        if (strcmp(number, text) == 0 || (value->type == CIM_COL_BOOL &&
                                          strcmp(text, value->i64 != 0 ? "true" : "false") == 0)) {
            return i;
        }
    }
    return 0;
}

uint32_t
lpg_dictionary_find(const struct lpg_dictionary *dictionary, const char *text)
{
    const uint32_t number = dictionary->older != NULL ? find_own(dictionary->older, text) : 0;
    return number != 0 ? number : find_own(dictionary, text);
}

static void
dictionary_done(struct lpg_dictionary *dictionary)
{
    const uint32_t first = first_number(dictionary);
    for (uint32_t i = first > 0 ? first : 1; i < dictionary->n; i++) {
        free(dictionary->values[i - first].text);
    }
    free(dictionary->values);
    free(dictionary->slots);
    *dictionary = (struct lpg_dictionary){0};
}

uint32_t
lpg_value_to_mvt(struct lpg_mvt *mvt, const struct lpg_value *value)
{
    switch (value->type) {
    case CIM_COL_TEXT:
        return lpg_mvt_value_text(mvt, value->text);
    case CIM_COL_FLOAT64:
        return lpg_mvt_value_double(mvt, value->f64);
    case CIM_COL_BOOL:
        return lpg_mvt_value_bool(mvt, value->i64 != 0);
    default:
        return lpg_mvt_value_int(mvt, value->i64);
    }
}

/* ---- columns ---- */

static cim_status
add_attribute(struct lpg_features *features, const struct cim_field *field, bool counted,
              cim_error *err)
{
    struct lpg_attribute *attribute = NULL;
    if (field->sensitive != CIM_SENSITIVE_NO) {
        return cim_fail(err, CIM_E_INVALID, "tiles", field->name, "敏感字段不得进入瓦片",
                        "a sensitive field may not be in tiles");
    }
    for (uint32_t i = 0; i < features->n_attributes; i++) {
        if (features->attributes[i].field == field) {
            attribute = &features->attributes[i];
        }
    }
    if (attribute == NULL) {
        if (features->n_attributes == LPG_ATTRIBUTES_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "tiles", field->name, "瓦片属性最多 %d 个",
                            "at most %d tile attributes", LPG_ATTRIBUTES_MAX);
        }
        attribute = &features->attributes[features->n_attributes++];
        attribute->field = field;
    }
    attribute->counted = attribute->counted || counted;
    attribute->shown = attribute->shown || !counted;
    return CIM_OK;
}

static void
add_rate(struct lpg_features *features, const struct cim_rate *rate)
{
    static const char *const endings[3] = {"n", "of", "pct"};
    struct lpg_rate *added = &features->rates[features->n_rates++];
    added->rate = rate;
    for (uint32_t i = 0; i < features->n_attributes; i++) {
        if (features->attributes[i].field == rate->field) {
            added->attribute = i;
        }
    }
    for (int i = 0; i < 3; i++) {
        (void)snprintf(added->keys[i], sizeof added->keys[i], "%.40s_%s", rate->name, endings[i]);
    }
}

cim_status
lpg_features_init(struct lpg_features *features, const struct cim_definition *def, cim_error *err)
{
    *features = (struct lpg_features){0};
    for (size_t i = 0; i < def->n_tile_attributes; i++) {
        CIM_TRY(add_attribute(features, def->tile_attributes[i], false, err));
    }
    for (size_t i = 0; i < def->n_count_by; i++) {
        CIM_TRY(add_attribute(features, def->count_by[i], true, err));
    }
    for (size_t i = 0; i < def->n_rates; i++) {
        add_rate(features, &def->rates[i]);
    }
    return CIM_OK;
}

static void
go_on(struct lpg_dictionary *dictionary, const struct lpg_dictionary *older)
{
    *dictionary = (struct lpg_dictionary){.older = older, .n = older->n};
}

void
lpg_features_init_like(struct lpg_features *features, const struct lpg_features *model,
                       bool goes_on)
{
    *features = (struct lpg_features){
        .degrees = model->degrees, .n_attributes = model->n_attributes, .n_rates = model->n_rates};
    memcpy(features->rates, model->rates, sizeof features->rates);
    for (uint32_t i = 0; i < model->n_attributes; i++) {
        const struct lpg_attribute *attribute = &model->attributes[i];
        features->attributes[i] = (struct lpg_attribute){
            .field = attribute->field, .counted = attribute->counted, .shown = attribute->shown};
        if (goes_on) {
            go_on(&features->attributes[i].dictionary, &attribute->dictionary);
        }
    }
    if (goes_on) {
        go_on(&features->areas, &model->areas);
        go_on(&features->owners, &model->owners);
    }
}

void
lpg_features_done(struct lpg_features *features)
{
    for (uint32_t i = 0; i < features->n_attributes; i++) {
        dictionary_done(&features->attributes[i].dictionary);
        free(features->attributes[i].codes);
    }
    dictionary_done(&features->areas);
    dictionary_done(&features->owners);
    free(features->fid);
    free(features->version);
    free(features->area);
    free(features->owner);
    *features = (struct lpg_features){0};
}

static bool
resize(void *array, uint32_t capacity, size_t size)
{
    void *grown = realloc(*(void **)array, capacity * size);
    if (grown == NULL) {
        return false;
    }
    memcpy(array, &grown, sizeof grown);
    return true;
}

static cim_status
make_room(struct lpg_features *features, uint32_t capacity, cim_error *err)
{
    bool ok = resize(&features->fid, capacity, sizeof *features->fid) &&
              resize(&features->version, capacity, sizeof *features->version) &&
              resize(&features->area, capacity, sizeof *features->area) &&
              resize(&features->owner, capacity, sizeof *features->owner);
    for (uint32_t i = 0; ok && i < features->n_attributes; i++) {
        ok = resize(&features->attributes[i].codes, capacity, sizeof(uint32_t));
    }
    if (!ok) {
        return cim_fail_nomem(err);
    }
    features->capacity = capacity;
    return CIM_OK;
}

cim_status
lpg_features_resize(struct lpg_features *features, uint32_t n, cim_error *err)
{
    CIM_TRY(make_room(features, n > 0 ? n : 1, err));
    memset(features->fid, 0, n * sizeof *features->fid);
    memset(features->version, 0, n * sizeof *features->version);
    memset(features->area, 0, n * sizeof *features->area);
    memset(features->owner, 0, n * sizeof *features->owner);
    for (uint32_t i = 0; i < features->n_attributes; i++) {
        memset(features->attributes[i].codes, 0, n * sizeof(uint32_t));
    }
    features->n = n;
    return CIM_OK;
}

cim_status
lpg_features_grow(struct lpg_features *features, cim_error *err)
{
    if (features->n == features->capacity) {
        if (features->n >= LPG_FEATURES_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "图层记录超过 %d 条",
                            "a layer may have at most %d records", LPG_FEATURES_MAX);
        }
        CIM_TRY(make_room(features, features->capacity == 0 ? 64 : features->capacity * 2, err));
    }
    features->fid[features->n] = 0;
    features->version[features->n] = 0;
    features->area[features->n] = 0;
    features->owner[features->n] = 0;
    for (uint32_t i = 0; i < features->n_attributes; i++) {
        features->attributes[i].codes[features->n] = 0;
    }
    features->n++;
    return CIM_OK;
}

static bool
permute(void *array, size_t size, const uint32_t *order, uint32_t n)
{
    char *old = *(char **)array;
    char *fresh = malloc(n > 0 ? n * size : 1);
    if (fresh == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        memcpy(fresh + i * size, old + order[i] * size, size);
    }
    free(old);
    memcpy(array, &fresh, sizeof fresh);
    return true;
}

cim_status
lpg_features_reorder(struct lpg_features *features, const uint32_t *order, uint32_t n,
                     cim_error *err)
{
    bool ok = permute(&features->fid, sizeof *features->fid, order, n) &&
              permute(&features->version, sizeof *features->version, order, n) &&
              permute(&features->area, sizeof *features->area, order, n) &&
              permute(&features->owner, sizeof *features->owner, order, n);
    for (uint32_t i = 0; ok && i < features->n_attributes; i++) {
        ok = permute(&features->attributes[i].codes, sizeof(uint32_t), order, n);
    }
    if (!ok) {
        return cim_fail_nomem(err);
    }
    features->n = n;
    features->capacity = n;
    return CIM_OK;
}

const struct lpg_attribute *
lpg_features_attribute(const struct lpg_features *features, const char *name)
{
    for (uint32_t i = 0; i < features->n_attributes; i++) {
        if (strcmp(features->attributes[i].field->name, name) == 0) {
            return &features->attributes[i];
        }
    }
    return NULL;
}
