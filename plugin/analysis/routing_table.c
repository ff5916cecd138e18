/* plugin/analysis/routing_table.c -- see routing_table.h. */
#include "analysis/routing_table.h"

#include "analysis/json_file.h"
#include "analysis/json_io.h"
#include "cim/util.h"

#include <stdlib.h>
#include <string.h>

static cim_status
fail_at(const char *key, const char *value, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, key, value, "routing.json 有误：%s",
                    "routing.json is wrong at %s", key);
}

static cim_status
read_parameter(struct json_object *document, const char *key, double *ret_value, cim_error *err)
{
    struct json_object *row = lpg_in_member(lpg_in_member(document, "parameters"), key);
    if (!lpg_in_is_number(lpg_in_member(row, "value")) ||
        lpg_in_number(row, "value", 0.01, 1e5, ret_value, NULL) != CIM_OK) {
        return fail_at(key, lpg_in_given(row), err);
    }
    return CIM_OK;
}

static const char *
text_of(struct json_object *object, const char *key)
{
    const char *text = json_object_get_string(lpg_in_member(object, key));
    return text != NULL ? text : "";
}

static cim_status
read_vehicle(struct json_object *row, const struct lpg_route_table *classes,
             struct lpg_vehicle *ret_vehicle, cim_error *err)
{
    struct json_object *speeds = lpg_in_member(row, "speeds");
    struct json_object *basis = lpg_in_member(row, "basis");
    const char *confidence = text_of(row, "confidence");
    ret_vehicle->vehicle = text_of(row, "vehicle");
    ret_vehicle->dangerous_goods = json_object_get_boolean(lpg_in_member(row, "dangerous_goods"));
    ret_vehicle->basis_zh = text_of(basis, "zh");
    ret_vehicle->basis_en = text_of(basis, "en");
    ret_vehicle->clause = text_of(row, "clause");
    ret_vehicle->confidence = confidence[0];
    if (ret_vehicle->vehicle[0] == '\0' || strchr("CLU", confidence[0]) == NULL ||
        confidence[0] == '\0' || !json_object_is_type(speeds, json_type_object) ||
        json_object_object_length(speeds) == 0) {
        return fail_at("vehicles", lpg_in_given(row), err);
    }
    json_object_object_foreach(speeds, name, speed)
    {
        const int number = lpg_route_table_class(classes, name, strlen(name));
        if (number < 0 || !lpg_in_is_number(speed) ||
            lpg_in_number(speeds, name, 1.0, 150.0, &ret_vehicle->speed_km_h[number], NULL) !=
                CIM_OK) {
            return fail_at(name, lpg_in_given(speed), err);
        }
    }
    return CIM_OK;
}

cim_status
lpg_routing_table_read(const char *path, const struct lpg_route_table *classes,
                       struct lpg_routing_table **ret_table, cim_error *err)
{
    struct lpg_routing_table *table = calloc(1, sizeof *table);
    struct json_object *vehicles = NULL;
    cim_status status;
    if (table == NULL) {
        return cim_fail_nomem(err);
    }
    status = lpg_json_file_read(path, &table->document, err);
    if (status == CIM_OK) {
        status = read_parameter(table->document, "snap_m", &table->snap_m, err);
    }
    if (status == CIM_OK) {
        status = read_parameter(table->document, "access_m", &table->access_m, err);
    }
    if (status == CIM_OK) {
        status = read_parameter(table->document, "access_km_h", &table->access_km_h, err);
    }
    if (status == CIM_OK) {
        vehicles = lpg_in_member(table->document, "vehicles");
        if (!json_object_is_type(vehicles, json_type_array) ||
            json_object_array_length(vehicles) == 0 ||
            json_object_array_length(vehicles) > LPG_VEHICLES_MAX) {
            status = fail_at("vehicles", NULL, err);
        }
    }
    for (size_t i = 0; status == CIM_OK && i < json_object_array_length(vehicles); i++) {
        status = read_vehicle(json_object_array_get_idx(vehicles, i), classes,
                              &table->vehicles[table->n_vehicles++], err);
    }
    if (status != CIM_OK) {
        lpg_routing_table_free(table);
        return status;
    }
    *ret_table = table;
    return CIM_OK;
}

void
lpg_routing_table_free(struct lpg_routing_table *table)
{
    if (table != NULL) {
        (void)json_object_put(table->document);
        free(table);
    }
}

cim_status
lpg_routing_vehicle(const struct lpg_routing_table *table, struct json_object *inputs,
                    const char *otherwise, const struct lpg_vehicle **ret_vehicle, cim_error *err)
{
    const char *given = json_object_get_string(lpg_in_member(inputs, "vehicle"));
    const char *wanted = given != NULL ? given : otherwise;
    char known[200] = "";
    for (int i = 0; i < table->n_vehicles; i++) {
        const size_t len = strlen(known);
        if (strcmp(table->vehicles[i].vehicle, wanted) == 0) {
            *ret_vehicle = &table->vehicles[i];
            return CIM_OK;
        }
        (void)snprintf(known + len, sizeof known - len, "%s%s", i > 0 ? ", " : "",
                       table->vehicles[i].vehicle);
    }
    return cim_fail(err, CIM_E_INVALID, "vehicle", wanted, "没有这种车辆；可用：%s",
                    "no such vehicle; there are: %s", known);
}
