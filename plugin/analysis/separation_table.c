/* plugin/analysis/separation_table.c -- see separation_table.h. */
#include "analysis/separation_table.h"

#include "analysis/json_file.h"
#include "analysis/json_io.h"
#include "cim/util.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const lpg_separation_stations[LPG_SEPARATION_STATIONS + 1] = {
    "class1", "class2", "class3", "storage", "filling", "group_room", NULL};
const char *const lpg_receptor_names[LPG_RECEPTORS + 1] = {"open_flame",
                                                           "important_public",
                                                           "other_civil",
                                                           "dwelling",
                                                           "high_rise",
                                                           "residential_area",
                                                           "main_road",
                                                           "secondary_road",
                                                           "highway",
                                                           "other_road",
                                                           "railway_national",
                                                           "railway_siding",
                                                           "power_line",
                                                           "comms_line",
                                                           "substation",
                                                           "industrial",
                                                           "class_ab_store",
                                                           "class_c_store",
                                                           "oxidising_timber",
                                                           "building_12",
                                                           "building_3",
                                                           "building_4",
                                                           NULL};

const char *const lpg_assumed_names[LPG_ASSUMED_ALL] = {
    "important_public", "open_flame", "height",      "fire_rating",   "households",
    "road_width",       "road_class", "pole_height", "railway_class", "outline"};

static const char *const parameter_names[LPG_SEPARATION_PARAMETERS] = {
    "look_m",          "slack_m",        "pole_height_m",        "storey_height_m",
    "high_dwelling_m", "high_other_m",   "class_one_dwelling_m", "residential_households",
    "class3_upto_m3",  "class2_upto_m3", "class1_upto_m3",       "room_least_m2",
    "room_fire_rating"};

static cim_status
fail_row(const char *path, const char *list, size_t i, const char *key, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, key, NULL, "%s：%s[%zu].%s 缺少或不正确",
                    "%s: %s[%zu].%s is missing or wrong", path, list, i, key);
}

/* A list of names as bits of their places in `known`. */
static cim_status
read_bits(const char *path, const char *list, size_t i, struct json_object *row, const char *key,
          const char *const *known, uint32_t *ret_bits, cim_error *err)
{
    struct json_object *names = lpg_in_member(row, key);
    if (!json_object_is_type(names, json_type_array)) {
        return fail_row(path, list, i, key, err);
    }
    for (size_t k = 0; k < json_object_array_length(names); k++) {
        const char *name = json_object_get_string(json_object_array_get_idx(names, k));
        unsigned place = 0;
        while (known[place] != NULL && (name == NULL || strcmp(name, known[place]) != 0)) {
            place++;
        }
        if (known[place] == NULL) {
            return fail_row(path, list, i, key, err);
        }
        *ret_bits |= 1U << place;
    }
    return CIM_OK;
}

static bool
flag(struct json_object *row, const char *key)
{
    return json_object_get_boolean(lpg_in_member(row, key));
}

static cim_status
read_rows(const char *path, struct json_object *document, const char *list, const char *name_key,
          struct lpg_separation_rows *rows, cim_error *err)
{
    const bool land_use = strcmp(list, "land_use") == 0;
    const char *bits_key = land_use ? "stations" : "receptors";
    const char *const *known = land_use ? lpg_separation_stations : lpg_receptor_names;
    struct json_object *array = lpg_in_member(document, list);
    const size_t n =
        json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
    if (n < 1 || n > LPG_SEPARATION_ROWS_MAX) {
        return cim_fail(err, CIM_E_INVALID, list, NULL, "%s：%s 应有 1 到 %d 行",
                        "%s: %s: expected 1 to %d rows", path, list, LPG_SEPARATION_ROWS_MAX);
    }
    for (size_t i = 0; i < n; i++) {
        struct json_object *from = json_object_array_get_idx(array, i);
        struct lpg_separation_row *row = &rows->rows[rows->n];
        row->name = json_object_get_string(lpg_in_member(from, name_key));
        if (row->name == NULL) {
            return fail_row(path, list, i, name_key, err);
        }
        CIM_TRY(read_bits(path, list, i, from, bits_key, known, &row->receptors, err));
        CIM_TRY(lpg_in_number(from, "half_width_m", 0.0, 100.0, &row->half_width_m, err));
        row->residential = flag(from, "residential");
        row->unknown_public = flag(from, "unknown_public");
        row->unknown_flame = flag(from, "unknown_flame");
        row->rated = flag(from, "rated");
        row->own_room = flag(from, "own_room");
        row->holds_room = flag(from, "holds_room");
        row->unknown_class = flag(from, "unknown_class");
        row->unknown_railway = flag(from, "unknown_railway");
        row->unknown_pole = flag(from, "unknown_pole");
        rows->n++;
    }
    return CIM_OK;
}

static cim_status
read_document(const char *path, struct lpg_separation_table *table, cim_error *err)
{
    struct json_object *parameters;
    CIM_TRY(lpg_json_file_read(path, &table->document, err));
    parameters = lpg_in_member(table->document, "parameters");
    for (int i = 0; i < LPG_SEPARATION_PARAMETERS; i++) {
        struct json_object *value =
            lpg_in_member(lpg_in_member(parameters, parameter_names[i]), "value");
        if (!lpg_in_is_number(value) || !(json_object_get_double(value) > 0.0)) {
            return fail_row(path, "parameters", 0, parameter_names[i], err);
        }
        table->parameters[i] = json_object_get_double(value);
    }
    CIM_TRY(read_rows(path, table->document, "uses", "use", &table->uses, err));
    CIM_TRY(read_rows(path, table->document, "roads", "class", &table->roads, err));
    CIM_TRY(read_rows(path, table->document, "elements", "kind", &table->elements, err));
    return read_rows(path, table->document, "land_use", "code", &table->land_use, err);
}

cim_status
lpg_separation_table_read(const char *path, struct lpg_separation_table **ret_table, cim_error *err)
{
    struct lpg_separation_table *table = calloc(1, sizeof *table);
    cim_status status;
    if (table == NULL) {
        return cim_fail_nomem(err);
    }
    status = read_document(path, table, err);
    if (status != CIM_OK) {
        lpg_separation_table_free(table);
        return status;
    }
    *ret_table = table;
    return CIM_OK;
}

void
lpg_separation_table_free(struct lpg_separation_table *table)
{
    if (table != NULL) {
        (void)json_object_put(table->document);
        free(table);
    }
}

int
lpg_separation_row_code(const void *arg, const char *text, size_t len)
{
    const struct lpg_separation_rows *rows = arg;
    for (int i = 0; i < rows->n; i++) {
        if (strlen(rows->rows[i].name) == len && memcmp(rows->rows[i].name, text, len) == 0) {
            return i;
        }
    }
    return -1;
}
