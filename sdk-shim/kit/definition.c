/* kit/definition.c -- see definition.h: the layer as a whole. */
#include "kit/definition_placing.h"
#include "kit/definition_rates.h"
#include "kit/definition_read.h"
#include "kit/definition_topology.h"

#include "kit/definition_field.h"
#include "kit/json.h"

#include "cim/util.h"

#include <stdlib.h>

enum { CLAUSES_MAX = 100, ID_MAX = 60, TABLE_MAX = 60, ZOOM_MAX = 24 };

static const char *const geometry_names[] = {
    "None", "Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon"};

const char *
cim_geometry_name(enum cim_geometry_type type)
{
    return (size_t)type < sizeof geometry_names / sizeof geometry_names[0] ? geometry_names[type]
                                                                           : "None";
}

const struct cim_field *
cim_definition_field(const struct cim_definition *def, const char *name)
{
    for (size_t i = 0; i < def->n_fields; i++) {
        if (strcmp(def->fields[i].name, name) == 0) {
            return &def->fields[i];
        }
    }
    return NULL;
}

void
cim_definition_free(struct cim_definition *def)
{
    if (def == NULL) {
        return;
    }
    for (size_t i = 0; i < def->n_fields; i++) {
        cim_field_done(&def->fields[i]);
    }
    for (size_t i = 0; i < def->n_clauses; i++) {
        free(def->clauses[i]);
    }
    cim_text2_done(&def->title);
    cim_text2_done(&def->description);
    free(def->id);
    free(def->table);
    free(def->fields);
    free(def->label);
    free(def->time);
    free(def->style);
    free(def->retention);
    free(def->catalogue.class_name);
    free(def->catalogue.update);
    cim_text2_done(&def->catalogue.condition);
    free(def->clauses);
    cim_topology_done(def);
    free(def->popup);
    free(def->tile_attributes);
    free(def->count_by);
    cim_rates_done(def);
    free(def);
}

/* "lpg.end-users": names with dots between; the first is the id of a plugin. */
static bool
is_layer_id(const char *id)
{
    const char *dot = strchr(id, '.');
    if (dot == NULL || !cim_name_is_valid(id, ".-", ID_MAX) || id[strlen(id) - 1] == '-') {
        return false;
    }
    for (; dot != NULL; dot = strchr(dot + 1, '.')) {
        if (dot[1] < 'a' || dot[1] > 'z' || dot[-1] == '-') {
            return false;
        }
    }
    return true;
}

static cim_status
read_identity(const struct cim_reader *reader, struct cim_definition *def)
{
    CIM_TRY(cim_reader_text(reader, "id", true, &def->id));
    if (!is_layer_id(def->id)) {
        return cim_reader_fail(reader, "id", "应形如 lpg.end-users，最多 60 个字符",
                               "expected a form such as lpg.end-users, at most 60 characters");
    }
    CIM_TRY(cim_reader_text2(reader, "title", true, &def->title));
    CIM_TRY(cim_reader_text2(reader, "description", false, &def->description));
    CIM_TRY(cim_reader_text(reader, "table", true, &def->table));
    if (!cim_name_is_valid(def->table, "_", TABLE_MAX) || cim_is_reserved_word(def->table)) {
        return cim_reader_fail(reader, "table",
                               "表名只用小写字母、数字和下划线，最多 60 个字符，不能是 SQL 保留字",
                               "expected lower-case letters, digits and underscores, at most 60 "
                               "characters, and no reserved word of SQL");
    }
    return CIM_OK;
}

static cim_status
read_geometry(const struct cim_reader *reader, struct cim_definition *def)
{
    char *name = NULL;
    CIM_TRY(cim_reader_text(reader, "geometry", true, &name));
    size_t type = 0;
    const size_t n_types = sizeof geometry_names / sizeof geometry_names[0];
    while (type < n_types && strcmp(geometry_names[type], name) != 0) {
        type++;
    }
    free(name);
    if (type == n_types) {
        return cim_reader_fail(reader, "geometry",
                               "应为 Point、LineString、Polygon、MultiPoint、MultiLineString、"
                               "MultiPolygon 或 None",
                               "expected Point, LineString, Polygon, MultiPoint, MultiLineString, "
                               "MultiPolygon or None");
    }
    def->geometry = (enum cim_geometry_type)type;
    return CIM_OK;
}

/* Keys whose only value is the record column of that name. */
static cim_status
read_fixed(const struct cim_reader *reader, const char *key, const char *only)
{
    char zh[64];
    char en[64];
    char *text = NULL;
    CIM_TRY(cim_reader_text(reader, key, false, &text));
    const bool wrong = text != NULL && strcmp(text, only) != 0;
    free(text);
    (void)snprintf(zh, sizeof zh, "应为 %s", only);
    (void)snprintf(en, sizeof en, "expected %s", only);
    return wrong ? cim_reader_fail(reader, key, zh, en) : CIM_OK;
}

static cim_status
read_fields(const struct cim_reader *reader, const struct cim_codes *codes,
            struct cim_definition *def)
{
    struct json_object *array = NULL;
    CIM_TRY(cim_reader_array(reader, "fields", true, CIM_LAYER_FIELDS_MAX, &array));
    const size_t count = json_object_array_length(array);
    if (count == 0) {
        return cim_reader_fail(reader, "fields", "至少要有一个字段", "expected at least one field");
    }
    def->fields = calloc(count, sizeof *def->fields);
    if (def->fields == NULL) {
        return cim_fail_nomem(reader->err);
    }
    for (size_t i = 0; i < count; i++) {
        struct cim_reader element;
        struct cim_field field = {.name = NULL};
        CIM_TRY(cim_reader_element(reader, "fields", array, i, &element));
        cim_status status = cim_field_read(&element, codes, &field);
        if (status == CIM_OK && cim_definition_field(def, field.name) != NULL) {
            status = cim_reader_fail(&element, "name", "字段名重复", "this name occurs twice");
        }
        if (status != CIM_OK) {
            cim_field_done(&field);
            return status;
        }
        def->fields[def->n_fields++] = field;
    }
    return cim_fields_join(reader, array, def);
}

/* A list of texts; each must be there once. */
static cim_status
read_names(const struct cim_reader *reader, const char *key, size_t most, size_t *ret_count,
           char ***ret_names)
{
    struct json_object *array = NULL;
    CIM_TRY(cim_reader_array(reader, key, false, most, &array));
    const size_t count = array != NULL ? json_object_array_length(array) : 0;
    char **names = calloc(count + 1, sizeof *names);
    if (names == NULL) {
        return cim_fail_nomem(reader->err);
    }
    /* Handed over at once, so that the owner frees what a failure leaves. */
    *ret_names = names;
    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(array, i);
        if (!json_object_is_type(item, json_type_string) || json_object_get_string_len(item) == 0) {
            return cim_reader_fail(reader, key, "应为文本的列表", "expected a list of texts");
        }
        const char *text = json_object_get_string(item);
        for (size_t j = 0; j < i; j++) {
            if (strcmp(names[j], text) == 0) {
                return cim_reader_fail(reader, key, "列表中有重复", "an item occurs twice");
            }
        }
        names[i] = cim_copy(text, strlen(text));
        if (names[i] == NULL) {
            return cim_fail_nomem(reader->err);
        }
        *ret_count = i + 1;
    }
    return CIM_OK;
}

static cim_status
resolve_fields(const struct cim_reader *reader, const char *key, const struct cim_definition *def,
               char *const *names, size_t count, const struct cim_field ***ret_fields)
{
    const struct cim_field **fields = calloc(count + 1, sizeof *fields);
    if (fields == NULL) {
        return cim_fail_nomem(reader->err);
    }
    for (size_t i = 0; i < count; i++) {
        char zh[120];
        char en[120];
        fields[i] = cim_definition_field(def, names[i]);
        if (fields[i] == NULL) {
            free(fields);
            (void)snprintf(zh, sizeof zh, "没有字段 %.60s", names[i]);
            (void)snprintf(en, sizeof en, "there is no field %.60s", names[i]);
            return cim_reader_fail(reader, key, zh, en);
        }
    }
    *ret_fields = fields;
    return CIM_OK;
}

static cim_status
read_field_list(const struct cim_reader *reader, const char *key, const struct cim_definition *def,
                size_t *ret_count, const struct cim_field ***ret_fields)
{
    char **names = NULL;
    size_t count = 0;
    cim_status status = read_names(reader, key, CIM_LAYER_FIELDS_MAX, &count, &names);
    if (status == CIM_OK) {
        status = resolve_fields(reader, key, def, names, count, ret_fields);
    }
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
    if (status == CIM_OK) {
        *ret_count = count;
    }
    return status;
}

static cim_status
read_tiles(const struct cim_reader *reader, struct cim_definition *def)
{
    static const char *const keys[] = {"attributes", "count_by", "rates", "rate_areas",
                                       "min_zoom",   "max_zoom", NULL};
    struct cim_reader tiles;
    def->tile_max_zoom = 18;
    CIM_TRY(cim_reader_object(reader, "tiles", false, &tiles));
    if (tiles.object == NULL) {
        return CIM_OK;
    }
    CIM_TRY(cim_reader_only(&tiles, keys));
    CIM_TRY(cim_reader_int(&tiles, "min_zoom", 0, ZOOM_MAX, &def->tile_min_zoom));
    CIM_TRY(cim_reader_int(&tiles, "max_zoom", def->tile_min_zoom, ZOOM_MAX, &def->tile_max_zoom));
    CIM_TRY(
        read_field_list(&tiles, "attributes", def, &def->n_tile_attributes, &def->tile_attributes));
    CIM_TRY(read_field_list(&tiles, "count_by", def, &def->n_count_by, &def->count_by));
    for (size_t i = 0; i < def->n_count_by; i++) {
        const struct cim_field *field = def->count_by[i];
        if ((field->type != CIM_FIELD_CODE && field->type != CIM_FIELD_BOOLEAN) ||
            field->sensitive != CIM_SENSITIVE_NO) {
            return cim_reader_fail(&tiles, "count_by", "只能按代码或布尔字段计数",
                                   "only code and boolean fields can be counted");
        }
    }
    return cim_read_rates(&tiles, def);
}

/* One word of a list, by its place there; absent: the first. */
static cim_status
read_word(const struct cim_reader *reader, const char *key, const char *const *words,
          const char *zh, const char *en, int *ret_at)
{
    char *text = NULL;
    int at = 0;
    CIM_TRY(cim_reader_text(reader, key, false, &text));
    while (text != NULL && words[at] != NULL && strcmp(words[at], text) != 0) {
        at++;
    }
    free(text);
    if (words[at] == NULL) {
        return cim_reader_fail(reader, key, zh, en);
    }
    *ret_at = at;
    return CIM_OK;
}

static cim_status
read_catalogue(const struct cim_reader *reader, struct cim_definition *def)
{
    static const char *const keys[] = {"class", "update", "sharing", "open", "condition", NULL};
    static const char *const sharing[] = {"conditional", "unconditional", "none", NULL};
    static const char *const open[] = {"no", "conditional", "yes", NULL};
    struct cim_catalogue *catalogue = &def->catalogue;
    struct cim_reader inner;
    int at = 0;
    CIM_TRY(cim_reader_object(reader, "catalogue", false, &inner));
    if (inner.object == NULL) {
        return CIM_OK;
    }
    CIM_TRY(cim_reader_only(&inner, keys));
    CIM_TRY(cim_reader_text(&inner, "class", false, &catalogue->class_name));
    CIM_TRY(cim_reader_text(&inner, "update", false, &catalogue->update));
    CIM_TRY(read_word(&inner, "sharing", sharing, "应为 conditional、unconditional 或 none",
                      "expected conditional, unconditional or none", &at));
    catalogue->sharing = (enum cim_sharing)at;
    CIM_TRY(read_word(&inner, "open", open, "应为 no、conditional 或 yes",
                      "expected no, conditional or yes", &at));
    catalogue->open = (enum cim_openness)at;
    return cim_reader_text2(&inner, "condition", false, &catalogue->condition);
}

/* A text that stands for itself when the definition does not give it. */
static cim_status
read_or_default(const struct cim_reader *reader, const char *key, const char *otherwise,
                char **ret_text)
{
    CIM_TRY(cim_reader_text(reader, key, false, ret_text));
    if (*ret_text == NULL) {
        *ret_text = cim_copy(otherwise, strlen(otherwise));
    }
    return *ret_text != NULL ? CIM_OK : cim_fail_nomem(reader->err);
}

static cim_status
read_roles(const struct cim_reader *reader, struct cim_definition *def)
{
    CIM_TRY(read_or_default(reader, "label", def->fields[0].name, &def->label));
    if (cim_definition_field(def, def->label) == NULL) {
        return cim_reader_fail(reader, "label", "没有这个字段", "there is no such field");
    }
    CIM_TRY(read_or_default(reader, "time", "updated_at", &def->time));
    const struct cim_field *time = cim_definition_field(def, def->time);
    const bool dated =
        time != NULL && (time->type == CIM_FIELD_TIME || time->type == CIM_FIELD_DATE);
    if (!dated && strcmp(def->time, "updated_at") != 0) {
        return cim_reader_fail(reader, "time", "应为 updated_at 或 date、time 类型的字段",
                               "expected updated_at or a field of type date or time");
    }
    CIM_TRY(read_or_default(reader, "style", strchr(def->id, '.') + 1, &def->style));
    if (!cim_name_is_valid(def->style, "-.", ID_MAX)) {
        return cim_reader_fail(reader, "style", "只用小写字母、数字、连字符和点",
                               "expected lower-case letters, digits, hyphens and dots");
    }
    return CIM_OK;
}

/* "10y", "180d", "6m" or "permanent". */
static cim_status
read_retention(const struct cim_reader *reader, struct cim_definition *def)
{
    CIM_TRY(cim_reader_text(reader, "retention", false, &def->retention));
    const char *text = def->retention;
    if (text == NULL || strcmp(text, "permanent") == 0) {
        return CIM_OK;
    }
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 4 || text[0] == '0' || text[digits] == '\0' ||
        strchr("dmy", text[digits]) == NULL || text[digits + 1] != '\0') {
        return cim_reader_fail(reader, "retention", "应形如 180d、6m、10y 或 permanent",
                               "expected a form such as 180d, 6m, 10y or permanent");
    }
    return CIM_OK;
}

static cim_status
read_definition(const struct cim_reader *reader, const struct cim_codes *codes,
                struct cim_definition *def)
{
    static const char *const keys[] = {
        "id",        "title",     "description", "clauses",  "table",   "geometry", "area",
        "owner",     "fields",    "label",       "time",     "tiles",   "popup",    "style",
        "retention", "catalogue", "immutable",   "topology", "placing", NULL};
    CIM_TRY(cim_reader_only(reader, keys));
    CIM_TRY(read_identity(reader, def));
    CIM_TRY(read_geometry(reader, def));
    CIM_TRY(read_names(reader, "clauses", CLAUSES_MAX, &def->n_clauses, &def->clauses));
    CIM_TRY(read_fixed(reader, "area", "area_code"));
    CIM_TRY(read_fixed(reader, "owner", "owner_org"));
    CIM_TRY(read_fields(reader, codes, def));
    CIM_TRY(read_roles(reader, def));
    CIM_TRY(read_retention(reader, def));
    CIM_TRY(cim_reader_bool(reader, "immutable", &def->immutable));
    CIM_TRY(cim_read_topology(reader, def));
    CIM_TRY(cim_read_placing(reader, def));
    CIM_TRY(read_tiles(reader, def));
    CIM_TRY(read_field_list(reader, "popup", def, &def->n_popup, &def->popup));
    return read_catalogue(reader, def);
}

cim_status
cim_definition_parse(const char *where, const char *text, size_t len, const struct cim_codes *codes,
                     struct cim_definition **ret_def, cim_error *err)
{
    struct json_object *root = NULL;
    if (len > CIM_LAYER_TEXT_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "%s：不能超过 %d 字节",
                        "%s: holds at most %d bytes", where, CIM_LAYER_TEXT_MAX);
    }
    CIM_TRY(cim_json_parse(where, text, len, &root, err));
    struct cim_reader reader = {.where = where, .object = root, .err = err};
    cim_status status = CIM_OK;
    struct cim_definition *def = calloc(1, sizeof *def);
    if (def == NULL) {
        status = cim_fail_nomem(err);
    } else if (!json_object_is_type(root, json_type_object)) {
        status = cim_fail(err, CIM_E_INVALID, NULL, NULL, "%s：应为对象 {…}",
                          "%s: expected an object {…}", where);
    } else {
        status = read_definition(&reader, codes, def);
    }
    json_object_put(root);
    if (status != CIM_OK) {
        cim_definition_free(def);
        return status;
    }
    *ret_def = def;
    return CIM_OK;
}
