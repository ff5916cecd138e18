/* plugin/analysis/route_table.c -- see route_table.h. */
#include "analysis/route_table.h"

#include "analysis/json_file.h"
#include "analysis/json_io.h"
#include "analysis/risk.h"
#include "cim/util.h"
#include "kit/cleanup.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>

static const char *const parameter_names[LPG_ROUTE_N_PARAMETERS] = {"exposure_m",
                                                                    "on_link_m",
                                                                    "road_match_m",
                                                                    "link_m",
                                                                    "urban_persons_per_km2",
                                                                    "persons_per_household",
                                                                    "speed_expressway_km_h",
                                                                    "speed_other_km_h",
                                                                    "track_gap_s",
                                                                    "track_speed_max_km_h"};

/* Reading one file; the first fault sticks. */
struct reader {
    const char *path;
    const char *list; /* under which the members lie */
    size_t row;
    cim_status status;
    cim_error *err;
};

static void
refuse(struct reader *reader, const char *key, const char *zh, const char *en)
{
    if (reader->status == CIM_OK) {
        reader->status = cim_fail(reader->err, CIM_E_INVALID, key, NULL, "%s：%s[%zu].%s %s%.0s",
                                  "%s: %s[%zu].%s: %.0s%s", reader->path, reader->list, reader->row,
                                  key, zh, en);
    }
}

static const char *
read_text(struct reader *reader, struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_string)) {
        refuse(reader, key, "应为文字", "expected a text");
        return "";
    }
    return json_object_get_string(value);
}

static double
read_number(struct reader *reader, struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    double number = -1.0;
    if (json_object_object_get_ex(object, key, &value) &&
        (json_object_is_type(value, json_type_double) ||
         json_object_is_type(value, json_type_int))) {
        number = json_object_get_double(value);
    }
    if (!isfinite(number) || number < 0.0) {
        refuse(reader, key, "应为不小于 0 的数", "expected a number of at least 0");
        return 0.0;
    }
    return number;
}

static double
read_optional(struct reader *reader, struct json_object *object, const char *key)
{
    return json_object_object_get_ex(object, key, NULL) ? read_number(reader, object, key) : 0.0;
}

static bool
read_flag(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, key, &value) && json_object_get_boolean(value);
}

static char
read_confidence(struct reader *reader, struct json_object *object)
{
    const char *text = read_text(reader, object, "confidence");
    if (strcmp(text, "C") != 0 && strcmp(text, "L") != 0 && strcmp(text, "U") != 0) {
        refuse(reader, "confidence", "应为 C、L 或 U", "expected C, L or U");
    }
    return text[0];
}

static int
read_minute(struct reader *reader, struct json_object *object, const char *key)
{
    const char *text = read_text(reader, object, key);
    int hour = -1;
    int minute = -1;
    if (strlen(text) == 5 && text[2] == ':') {
        hour = (text[0] - '0') * 10 + text[1] - '0';
        minute = (text[3] - '0') * 10 + text[4] - '0';
    }
    if (hour < 0 || hour > 24 || minute < 0 || minute > 59) {
        refuse(reader, key, "应为 HH:MM", "expected HH:MM");
    }
    return hour * 60 + minute;
}

/* {"zh": …, "en": …} of `texts`, the rest of the row itself; as answers say it, once for all. */
static void
read_basis(struct reader *reader, struct json_object *row, struct json_object *texts,
           struct lpg_basis *basis)
{
    enum { BASIS_MAX = 4096 };
    CIM_AUTO_BUF struct cim_buf out;
    const char confidence[2] = {read_confidence(reader, row), '\0'};
    cim_buf_init(&out, BASIS_MAX);
    cim_buf_add_char(&out, '{');
    lpg_out_text(&out, "clause", read_text(reader, row, "clause"));
    lpg_out_text(&out, "zh", read_text(reader, texts, "zh"));
    lpg_out_text(&out, "en", read_text(reader, texts, "en"));
    lpg_out_text(&out, "confidence", confidence);
    lpg_out_flag(&out, "to_confirm", confidence[0] != 'C');
    if (reader->status == CIM_OK) {
        reader->status = cim_buf_status(&out, reader->err);
    }
    basis->json = reader->status == CIM_OK ? strdup(out.data + 1) : NULL;
    basis->json_len = basis->json != NULL ? out.len - 1 : 0;
    if (basis->json == NULL && reader->status == CIM_OK) {
        reader->status = cim_fail_nomem(reader->err);
    }
}

static void
read_kind(struct reader *reader, struct json_object *row, struct lpg_route_table *table)
{
    struct lpg_route_kind *kind = &table->kinds[table->n_kinds++];
    struct json_object *basis = NULL;
    kind->kind = read_text(reader, row, "kind");
    kind->group = read_text(reader, row, "group");
    kind->distance_m = read_number(reader, row, "distance_m");
    kind->on_link = read_flag(row, "on_link");
    kind->residents = read_flag(row, "residents");
    kind->weight = read_number(reader, row, "weight");
    kind->persons_worst = read_optional(reader, row, "persons_worst");
    kind->restriction = -1;
    if (json_object_object_get_ex(row, "basis", &basis)) {
        read_basis(reader, row, basis, &kind->basis);
    } else {
        refuse(reader, "basis", "缺少依据", "is missing");
    }
    if (json_object_object_get_ex(row, "restriction", NULL)) {
        const char *id = read_text(reader, row, "restriction");
        for (int i = 0; i < table->n_restrictions; i++) {
            if (strcmp(table->restrictions[i].id, id) == 0) {
                kind->restriction = i;
            }
        }
        if (kind->restriction < 0) {
            refuse(reader, "restriction", "没有这个限制", "there is no such restriction");
        }
    }
    if (kind->weight > 1.0 || (kind->distance_m == 0.0 && !kind->on_link)) {
        refuse(reader, "distance_m", "权重不超过 1，距离大于 0 或为路段上",
               "expected a weight of at most 1, a distance above 0 or on_link");
    }
}

static void
read_type(struct reader *reader, struct json_object *row, struct lpg_route_table *table)
{
    struct lpg_road_type *type = &table->types[table->n_types++];
    const struct lpg_road_type *worst = &table->types[table->worst_type];
    type->type = read_text(reader, row, "type");
    type->accidents_per_1e6_km =
        read_number(reader, row, "accidents_per_1e6_vehicle_mile") / LPG_KM_PER_MILE;
    type->release = read_number(reader, row, "release");
    (void)read_confidence(reader, row);
    if (type->accidents_per_1e6_km * type->release > worst->accidents_per_1e6_km * worst->release) {
        table->worst_type = table->n_types - 1;
    }
}

static void
read_class(struct reader *reader, struct json_object *row, struct lpg_route_table *table)
{
    struct lpg_road_class *road_class = &table->classes[table->n_classes++];
    road_class->road_class = read_text(reader, row, "class");
    road_class->rural = lpg_route_table_type(table, read_text(reader, row, "rural"));
    road_class->urban = lpg_route_table_type(table, read_text(reader, row, "urban"));
    (void)read_confidence(reader, row);
    if (road_class->rural < 0 || road_class->urban < 0) {
        refuse(reader, "rural", "没有这种道路类型", "there is no such road type");
    }
}

static void
read_restriction(struct reader *reader, struct json_object *row, struct lpg_route_table *table)
{
    struct lpg_restriction *restriction = &table->restrictions[table->n_restrictions++];
    restriction->id = read_text(reader, row, "id");
    read_basis(reader, row, row, &restriction->basis);
    if (json_object_object_get_ex(row, "road_class", NULL)) {
        restriction->road_class = read_text(reader, row, "road_class");
        restriction->from_minute = read_minute(reader, row, "from");
        restriction->to_minute = read_minute(reader, row, "to");
    }
}

typedef void (*row_fn)(struct reader *reader, struct json_object *row,
                       struct lpg_route_table *table);

static void
read_list(struct reader *reader, struct lpg_route_table *table, const char *key, row_fn read_row)
{
    struct json_object *list = NULL;
    reader->list = key;
    reader->row = 0;
    if (!json_object_object_get_ex(table->document, key, &list) ||
        !json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0 ||
        json_object_array_length(list) > LPG_ROUTE_KINDS_MAX) {
        refuse(reader, key, "应为 1 到 64 行的列表", "expected a list of 1 to 64 rows");
        return;
    }
    for (size_t i = 0; i < json_object_array_length(list) && reader->status == CIM_OK; i++) {
        reader->row = i;
        read_row(reader, json_object_array_get_idx(list, i), table);
    }
}

static void
read_parameters(struct reader *reader, struct lpg_route_table *table)
{
    struct json_object *parameters = NULL;
    reader->list = "parameters";
    if (!json_object_object_get_ex(table->document, "parameters", &parameters)) {
        refuse(reader, "parameters", "缺少参数", "is missing");
        return;
    }
    for (int i = 0; i < LPG_ROUTE_N_PARAMETERS; i++) {
        struct json_object *row = NULL;
        reader->row = (size_t)i;
        if (!json_object_object_get_ex(parameters, parameter_names[i], &row)) {
            refuse(reader, parameter_names[i], "缺少参数", "is missing");
            return;
        }
        table->parameters[i] = read_number(reader, row, "value");
        (void)read_confidence(reader, row);
        if (!(table->parameters[i] > 0.0)) {
            refuse(reader, parameter_names[i], "应大于 0", "expected more than 0");
        }
    }
}

cim_status
lpg_route_table_read(const char *path, struct lpg_route_table **ret_table, cim_error *err)
{
    struct reader reader = {.path = path, .list = "", .err = err};
    struct lpg_route_table *table = calloc(1, sizeof *table);
    if (table == NULL) {
        return cim_fail_nomem(err);
    }
    reader.status = lpg_json_file_read(path, &table->document, err);
    if (reader.status == CIM_OK) {
        table->edition = read_text(&reader, table->document, "edition");
        read_parameters(&reader, table);
        read_list(&reader, table, "restrictions", read_restriction);
        read_list(&reader, table, "kinds", read_kind);
        read_list(&reader, table, "road_types", read_type);
        read_list(&reader, table, "road_classes", read_class);
    }
    if (reader.status != CIM_OK) {
        lpg_route_table_free(table);
        return reader.status;
    }
    *ret_table = table;
    return CIM_OK;
}

void
lpg_route_table_free(struct lpg_route_table *table)
{
    if (table != NULL) {
        for (int i = 0; i < table->n_kinds; i++) {
            free(table->kinds[i].basis.json);
        }
        for (int i = 0; i < table->n_restrictions; i++) {
            free(table->restrictions[i].basis.json);
        }
        (void)json_object_put(table->document);
        free(table);
    }
}

static bool
equal(const char *name, const char *text, size_t len)
{
    return strlen(name) == len && memcmp(name, text, len) == 0;
}

int
lpg_route_table_kind(const struct lpg_route_table *table, const char *kind, size_t len)
{
    for (int i = 0; i < table->n_kinds; i++) {
        if (equal(table->kinds[i].kind, kind, len)) {
            return i;
        }
    }
    return -1;
}

int
lpg_route_table_class(const struct lpg_route_table *table, const char *road_class, size_t len)
{
    for (int i = 0; i < table->n_classes; i++) {
        if (equal(table->classes[i].road_class, road_class, len)) {
            return i;
        }
    }
    return -1;
}

int
lpg_route_table_type(const struct lpg_route_table *table, const char *type)
{
    for (int i = 0; i < table->n_types; i++) {
        if (strcmp(table->types[i].type, type) == 0) {
            return i;
        }
    }
    return -1;
}
