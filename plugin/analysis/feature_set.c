/* plugin/analysis/feature_set.c -- see feature_set.h. */
#include "analysis/feature_set.h"

#include "analysis/json_io.h"
#include "cim/access.h"
#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/geojson.h"
#include "kit/rows.h"
#include "kit/time.h"
#include "kit/topology.h"
#include "kit/wkb.h"

#include <math.h>
#include <stdlib.h>

/* One set being read. */
struct reading {
    const struct lpg_task *task;
    struct lpg_feature_set *set;
    GEOSWKBReader *reader;
    cim_error *err;
};

/* ---- refusals ---- */

/* "features.features[3]", or the input with the record in the value. */
static cim_status
refuse(const struct reading *reading, const char *name, cim_status code, const char *zh,
       const char *en)
{
    return cim_fail(reading->err, code, reading->set->input, name, "“%.60s”：%s%.0s",
                    "'%.60s': %.0s%s", name, zh, en);
}

static cim_status
too_large(const struct reading *reading, int64_t most, const char *zh, const char *en)
{
    return cim_fail(reading->err, CIM_E_TOO_LARGE, reading->set->input, NULL,
                    "最多 %lld %s，请缩小范围、用 filter 挑选或抽稀%.0s",
                    "at most %lld%.0s %s: take a smaller area, choose with filter, or simplify",
                    (long long)most, zh, en);
}

/* ---- one feature ---- */

static int
count_position(void *self, double x, double y)
{
    int64_t *n = self;
    ++*n;
    return fabs(x) > 180.0 || fabs(y) > 60.0 ? 1 : 0;
}

static int
dimension_bit(int dimension)
{
    return 1 << dimension; /* LPG_FEATURES_POINTS, … */
}

static cim_status
check_kind(const struct reading *reading, const char *name, int dimension)
{
    static const char *const zh[] = {"点", "线", "面"};
    static const char *const en[] = {"points", "lines", "areas"};
    struct lpg_feature_set *set = reading->set;
    if (dimension < 0 || dimension > 2 || (set->take & (uint32_t)dimension_bit(dimension)) == 0) {
        return refuse(reading, name, CIM_E_INVALID,
                      (set->take & LPG_FEATURES_AREAS) != 0   ? "此分析只用面（或线）"
                      : (set->take & LPG_FEATURES_LINES) != 0 ? "此分析只用线"
                                                              : "此分析只用点",
                      (set->take & LPG_FEATURES_AREAS) != 0   ? "areas (or lines) are needed here"
                      : (set->take & LPG_FEATURES_LINES) != 0 ? "lines are needed here"
                                                              : "points are needed here");
    }
    if ((set->take & LPG_FEATURES_ALIKE) != 0 && set->dimension >= 0 &&
        set->dimension != dimension) {
        return cim_fail(
            reading->err, CIM_E_INVALID, set->input, name,
            "其余是%s，“%.60s”是%s：应为同一种几何，请分开提交%.0s%.0s",
            "%.0s%.60s%.0s: the others are %s, this is of %s: give one kind of geometry",
            zh[set->dimension], name, zh[dimension], en[set->dimension], en[dimension]);
    }
    set->dimension = dimension;
    return CIM_OK;
}

static cim_status
mend(const struct reading *reading, const char *name, const uint8_t *wkb, size_t len,
     GEOSGeometry **shape)
{
    struct lpg_feature_set *set = reading->set;
    cim_error why = {0};
    GEOSGeometry *valid;
    GEOSGeometry *areas;
    if (cim_validity_check(set->geos, wkb, len, NULL, &why) == CIM_OK) {
        return CIM_OK;
    }
    if (!set->repair) {
        return cim_fail(reading->err, CIM_E_INVALID, set->input, why.value,
                        "“%.60s”%s；请改正，或以 repair: true 自动修复%.0s",
                        "'%.60s': %.0s%s; mend it, or have it mended with repair: true", name,
                        why.zh, why.en);
    }
    valid = *shape != NULL ? GEOSMakeValid_r(set->geos, *shape) : NULL;
    areas = valid != NULL ? lpg_shape_parts(set->geos, valid, 2) : NULL;
    GEOSGeom_destroy_r(set->geos, valid);
    if (areas == NULL) {
        return refuse(reading, name, CIM_E_INVALID, "面无法修复，没有面积",
                      "cannot be mended: nothing of it is an area");
    }
    GEOSGeom_destroy_r(set->geos, *shape);
    *shape = areas;
    set->n_repaired++;
    return CIM_OK;
}

static struct lpg_feature *
grow(const struct reading *reading)
{
    struct lpg_feature_set *set = reading->set;
    if (set->n == LPG_FEATURES_MAX) {
        (void)too_large(reading, LPG_FEATURES_MAX, "个对象", "features");
        return NULL;
    }
    if (set->n == set->capacity) {
        const size_t capacity = set->capacity == 0 ? 256 : set->capacity * 2;
        struct lpg_feature *grown = realloc(set->features, capacity * sizeof *grown);
        if (grown == NULL) {
            (void)cim_fail_nomem(reading->err);
            return NULL;
        }
        set->features = grown;
        set->capacity = capacity;
    }
    set->features[set->n] = (struct lpg_feature){.shape = NULL};
    return &set->features[set->n];
}

static void
widen(struct lpg_feature_set *set, const double box[4])
{
    const bool first = set->n == 0;
    for (int i = 0; i < 2; i++) {
        set->box_deg[i] = first ? box[i] : fmin(set->box_deg[i], box[i]);
        set->box_deg[i + 2] = first ? box[i + 2] : fmax(set->box_deg[i + 2], box[i + 2]);
    }
}

/* Takes `properties`, also when it fails. */
static cim_status
add(const struct reading *reading, const char *name, const uint8_t *wkb, size_t len,
    struct json_object *properties)
{
    struct lpg_feature_set *set = reading->set;
    const struct cim_wkb_visitor visitor = {.self = &set->n_positions, .point = count_position};
    struct lpg_feature *feature = grow(reading);
    double box[4];
    cim_error why = {0};
    cim_status status = feature != NULL ? CIM_OK : (cim_status)reading->err->code;
    const cim_status walked = status == CIM_OK ? cim_wkb_walk(wkb, len, &visitor, &why) : CIM_OK;
    if (walked == CIM_E_CANCELLED) {
        status = refuse(reading, name, CIM_E_INVALID, "应为经度 ±180、纬度 ±60 以内（度）",
                        "expected degrees within ±180 and ±60");
    } else if (walked != CIM_OK) {
        status = refuse(reading, name, CIM_E_INVALID, why.zh, why.en);
    }
    if (status == CIM_OK && set->n_positions > LPG_FEATURE_POSITIONS_MAX) {
        status = too_large(reading, LPG_FEATURE_POSITIONS_MAX, "个坐标点", "positions");
    }
    if (status == CIM_OK && cim_wkb_bbox(wkb, len, box, NULL) != CIM_OK) {
        status = refuse(reading, name, CIM_E_INVALID, "几何是空的", "the geometry is empty");
    }
    if (status != CIM_OK) {
        (void)json_object_put(properties);
        return status;
    }
    feature->properties = properties;
    cim_copy_text(feature->name, sizeof feature->name, name);
    feature->shape = GEOSWKBReader_read_r(set->geos, reading->reader, wkb, len);
    widen(set, box);
    set->n++;
    if (feature->shape == NULL) {
        return refuse(reading, name, CIM_E_INVALID, "环不闭合或点数不足",
                      "a ring is open or has too few points");
    }
    CIM_TRY(check_kind(reading, name, GEOSGeom_getDimensions_r(set->geos, feature->shape)));
    return set->dimension == 2 && (set->take & LPG_FEATURES_INVALID) == 0
               ? mend(reading, name, wkb, len, &feature->shape)
               : CIM_OK;
}

/* ---- a FeatureCollection ---- */

/* Its name, its id, or its place in the list. */
static void
name_given(struct json_object *feature, size_t i, char name[LPG_FEATURE_NAME_BYTES])
{
    struct json_object *properties = lpg_in_member(feature, "properties");
    struct json_object *named = lpg_in_member(properties, "name");
    if (!json_object_is_type(named, json_type_string)) {
        named = lpg_in_member(feature, "id");
    }
    if (named != NULL && json_object_get_string_len(named) > 0) {
        cim_copy_text(name, LPG_FEATURE_NAME_BYTES, json_object_get_string(named));
    } else {
        (void)snprintf(name, LPG_FEATURE_NAME_BYTES, "features[%zu]", i);
    }
}

static cim_status
add_given(const struct reading *reading, struct json_object *feature, size_t i)
{
    struct json_object *properties = lpg_in_member(feature, "properties");
    struct json_object *geometry = lpg_in_member(feature, "geometry");
    char name[LPG_FEATURE_NAME_BYTES];
    cim_error why = {0};
    CIM_AUTO_BUF struct cim_buf wkb;
    cim_buf_init(&wkb, CIM_WKB_BYTES_MAX);
    name_given(feature, i, name);
    if (geometry == NULL) {
        reading->set->n_without++;
        return CIM_OK;
    }
    const cim_status status = cim_geojson_to_wkb(geometry, false, &wkb, &why);
    if (status == CIM_E_INVALID) {
        return cim_fail(reading->err, status, reading->set->input, why.value, "“%.60s”：%s%.0s",
                        "'%.60s': %.0s%s", name, why.zh, why.en);
    }
    if (status != CIM_OK) {
        return too_large(reading, LPG_FEATURE_POSITIONS_MAX, "个坐标点", "positions");
    }
    return add(reading, name, (const uint8_t *)wkb.data, wkb.len,
               json_object_is_type(properties, json_type_object) ? json_object_get(properties)
                                                                 : json_object_new_object());
}

static cim_status
read_given(const struct reading *reading, struct json_object *collection)
{
    struct json_object *list = lpg_in_member(collection, "features");
    const size_t n =
        json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    if (!json_object_is_type(list, json_type_array)) {
        return cim_fail(reading->err, CIM_E_INVALID, reading->set->input,
                        lpg_in_given(lpg_in_member(collection, "type")),
                        "应为图层标识、{\"layer\": …} 或 GeoJSON FeatureCollection",
                        "expected the id of a layer, {\"layer\": …} or a GeoJSON "
                        "FeatureCollection");
    }
    for (size_t i = 0; i < n; i++) {
        CIM_TRY(add_given(reading, json_object_array_get_idx(list, i), i));
    }
    return CIM_OK;
}

/* ---- a layer ---- */

struct asked {
    cim_query query;
    const char *fields[CIM_LAYER_FIELDS_MAX + 1];
};

static cim_status
ask_fields(const struct reading *reading, struct json_object *names,
           const struct cim_definition *def, struct asked *asked)
{
    const size_t n =
        json_object_is_type(names, json_type_array) ? json_object_array_length(names) : 0;
    uint32_t n_fields = 0;
    if (names == NULL) {
        return CIM_OK; /* all of them */
    }
    for (size_t i = 0; i < n && n_fields < CIM_LAYER_FIELDS_MAX; i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(names, i));
        if (cim_definition_field(def, name) == NULL) {
            return cim_fail(reading->err, CIM_E_INVALID, reading->set->input, name,
                            "图层 %s 没有字段 %.60s", "the layer %s has no field %.60s", def->id,
                            name);
        }
        asked->fields[n_fields++] = name;
    }
    if (n_fields == 0) {
        asked->fields[n_fields++] = def->label;
    }
    asked->query.properties = asked->fields;
    asked->query.n_properties = n_fields;
    return CIM_OK;
}

static cim_status
ask_place(const struct reading *reading, struct json_object *wish, struct asked *asked)
{
    struct json_object *box = lpg_in_member(wish, "bbox");
    struct json_object *area = lpg_in_member(wish, "area");
    double *sides[] = {&asked->query.bbox_w_deg, &asked->query.bbox_s_deg, &asked->query.bbox_e_deg,
                       &asked->query.bbox_n_deg};
    asked->query.area = area != NULL ? json_object_get_string(area) : NULL;
    if (box == NULL) {
        return CIM_OK;
    }
    for (size_t i = 0; i < 4; i++) {
        struct json_object *side =
            json_object_is_type(box, json_type_array) && json_object_array_length(box) == 4
                ? json_object_array_get_idx(box, i)
                : NULL;
        if (!lpg_in_is_number(side)) {
            return cim_fail(reading->err, CIM_E_INVALID, reading->set->input, lpg_in_given(box),
                            "bbox 应为 [西, 南, 东, 北]（度）",
                            "bbox: expected [west, south, east, north] in degrees");
        }
        *sides[i] = json_object_get_double(side);
    }
    asked->query.flags |= CIM_QUERY_BBOX;
    return CIM_OK;
}

static cim_status
check_members(const struct reading *reading, struct json_object *wish)
{
    static const char *const members[] = {"layer", "filter", "area", "bbox", "properties"};
    json_object_object_foreach(wish, key, value)
    {
        size_t i = 0;
        (void)value;
        while (i < sizeof members / sizeof members[0] && strcmp(members[i], key) != 0) {
            i++;
        }
        if (i == sizeof members / sizeof members[0]) {
            return cim_fail(reading->err, CIM_E_INVALID, reading->set->input, key,
                            "没有 %.40s 这一项；可用：layer、filter、area、bbox、properties",
                            "there is no member %.40s; there are layer, filter, area, bbox, "
                            "properties",
                            key);
        }
    }
    return CIM_OK;
}

/* As the caller sees it: masked where he sees it masked, null where he does not. */
static struct json_object *
value_of(const cim_column *column, int64_t row)
{
    char text[CIM_TIME_TEXT_MAX];
    size_t len;
    const uint8_t *bytes;
    if (!cim_column_present(column, row)) {
        return NULL;
    }
    switch (column->type) {
    case CIM_COL_INT64:
        return json_object_new_int64(cim_column_i64(column, row));
    case CIM_COL_BOOL:
        return json_object_new_boolean(cim_column_i64(column, row) != 0);
    case CIM_COL_FLOAT64:
        return lpg_number_new(cim_column_f64(column, row));
    case CIM_COL_TIME_MS:
        cim_time_format(cim_column_i64(column, row), text);
        return json_object_new_string(text);
    case CIM_COL_TEXT:
        bytes = cim_column_bytes(column, row, &len);
        return json_object_new_string_len((const char *)bytes, (int)len);
    default:
        return NULL;
    }
}

static cim_status
add_record(const struct reading *reading, const cim_rows *rows, const cim_batch *batch, int64_t row,
           int32_t label)
{
    struct json_object *properties;
    char name[LPG_FEATURE_NAME_BYTES] = "";
    size_t len;
    const uint8_t *wkb;
    if (!cim_column_present(batch->columns[CIM_RECORD_GEOM], row)) {
        reading->set->n_without++;
        return CIM_OK;
    }
    properties = json_object_new_object();
    if (properties == NULL) {
        return cim_fail_nomem(reading->err);
    }
    (void)json_object_object_add(properties, "uid", value_of(batch->columns[CIM_RECORD_UID], row));
    for (uint32_t c = CIM_RECORD_GEOM + 1; c < rows->n_columns; c++) {
        (void)json_object_object_add(properties, rows->names[c], value_of(batch->columns[c], row));
    }
    struct json_object *named = label >= 0 ? lpg_in_member(properties, rows->names[label]) : NULL;
    if (named == NULL) {
        named = lpg_in_member(properties, "uid");
    }
    cim_copy_text(name, sizeof name, named != NULL ? json_object_get_string(named) : "");
    wkb = cim_column_bytes(batch->columns[CIM_RECORD_GEOM], row, &len);
    return add(reading, name, wkb, len, properties);
}

static cim_status
read_rows(const struct reading *reading, struct lpg_layer *layer, const cim_query *query)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    cim_call call = *reading->task->call;
    int32_t label;
    call.scope = NULL; /* the layer's own */
    CIM_TRY(lpg_layer_query(layer, &call, query, &rows, reading->err));
    label = cim_rows_column(rows, lpg_layer_definition(layer)->label);
    CIM_TRY(rows->next(rows, &batch, reading->err));
    while (batch->n_rows > 0) {
        for (int64_t i = 0; i < batch->n_rows; i++) {
            CIM_TRY(add_record(reading, rows, batch, i, label));
        }
        CIM_TRY(
            lpg_task_step(reading->task, 0.02, "正在读取图层", "reading the layer", reading->err));
        CIM_TRY(rows->next(rows, &batch, reading->err));
    }
    return CIM_OK;
}

static cim_status
may_read(const struct reading *reading, const char *id)
{
    const struct lpg_task *task = reading->task;
    const cim_access_v1 *access = task->host->get_service(task->host, CIM_SERVICE_ACCESS);
    const cim_scope *scope = NULL;
    CIM_TRY(access->scope(task->host, task->call, id, CIM_ACT_READ, &scope, reading->err));
    return scope->n_terms > 0
               ? CIM_OK
               : cim_fail(reading->err, CIM_E_DENIED, reading->set->input, id,
                          "没有读取图层 %.60s 的授权", "not granted to read the layer %.60s", id);
}

static cim_status
read_layer(const struct reading *reading, const char *id, struct json_object *wish)
{
    struct lpg_layer *layer = lpg_data_layer(reading->task->data, id);
    struct json_object *filter = lpg_in_member(wish, "filter");
    struct asked asked = {.query = {.struct_size = sizeof asked.query, .flags = CIM_QUERY_CONCEAL}};
    CIM_AUTO_BUF struct cim_buf filter_text;
    cim_buf_init(&filter_text, 1 << 20);
    if (layer == NULL || lpg_layer_definition(layer)->geometry == CIM_GEOMETRY_NONE) {
        return cim_fail(reading->err, CIM_E_INVALID, reading->set->input, id,
                        "没有这个有几何的图层；图层见 /collections",
                        "there is no such layer with geometries: see /collections");
    }
    cim_copy_text(reading->set->layer, sizeof reading->set->layer, id);
    CIM_TRY(may_read(reading, id));
    if (filter != NULL) {
        cim_buf_add_text(&filter_text, lpg_in_given(filter));
        CIM_TRY(cim_buf_status(&filter_text, reading->err));
        asked.query.filter_json = filter_text.data;
    }
    if (wish != NULL) {
        CIM_TRY(check_members(reading, wish));
    }
    CIM_TRY(ask_place(reading, wish, &asked));
    CIM_TRY(ask_fields(reading, lpg_in_member(wish, "properties"), lpg_layer_definition(layer),
                       &asked));
    return read_rows(reading, layer, &asked.query);
}

/* ---- either ---- */

static cim_status
read_input(const struct reading *reading)
{
    struct json_object *given = lpg_in_member(reading->task->inputs, reading->set->input);
    struct json_object *layer = lpg_in_member(given, "layer");
    if (given == NULL) {
        return (reading->set->take & LPG_FEATURES_OPTIONAL) != 0
                   ? CIM_OK
                   : cim_fail(reading->err, CIM_E_INVALID, reading->set->input, NULL,
                              "应给出图层标识或 GeoJSON FeatureCollection",
                              "expected the id of a layer or a GeoJSON FeatureCollection");
    }
    if (json_object_is_type(given, json_type_string)) {
        CIM_TRY(read_layer(reading, json_object_get_string(given), NULL));
    } else if (json_object_is_type(layer, json_type_string)) {
        CIM_TRY(read_layer(reading, json_object_get_string(layer), given));
    } else {
        CIM_TRY(read_given(reading, given));
    }
    return reading->set->n > 0
               ? CIM_OK
               : cim_fail(reading->err, CIM_E_INVALID, reading->set->input, reading->set->layer,
                          "其中没有带几何的对象：请检查图层、filter、area、bbox 与授权范围",
                          "nothing in it has a geometry: check layer, filter, area, bbox and what "
                          "you are granted");
}

cim_status
lpg_feature_set_read(const struct lpg_task *task, const char *input, uint32_t take,
                     struct lpg_feature_set *ret_set, cim_error *err)
{
    struct reading reading = {.task = task, .set = ret_set, .err = err};
    struct json_object *repair = lpg_in_member(task->inputs, "repair");
    cim_error unwanted;
    cim_status status;
    reading.err = err != NULL ? err : &unwanted;
    *ret_set = (struct lpg_feature_set){.geos = task->geos,
                                        .input = input,
                                        .take = take,
                                        .repair = json_object_get_boolean(repair),
                                        .dimension = -1};
    reading.reader = GEOSWKBReader_create_r(task->geos);
    if (reading.reader == NULL) {
        return cim_fail_nomem(err);
    }
    status = read_input(&reading);
    GEOSWKBReader_destroy_r(task->geos, reading.reader);
    return status;
}

void
lpg_feature_set_done(struct lpg_feature_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        GEOSGeom_destroy_r(set->geos, set->features[i].shape);
        (void)json_object_put(set->features[i].properties);
    }
    free(set->features);
    *set = (struct lpg_feature_set){.n = 0};
}

double
lpg_feature_number(const struct lpg_feature *feature, const char *field)
{
    struct json_object *value = lpg_in_member(feature->properties, field);
    return lpg_in_is_number(value) ? json_object_get_double(value) : NAN;
}

GEOSSTRtree *
lpg_feature_set_index(const struct lpg_feature_set *set)
{
    GEOSSTRtree *tree = GEOSSTRtree_create_r(set->geos, 10);
    for (size_t i = 0; tree != NULL && i < set->n; i++) {
        GEOSSTRtree_insert_r(set->geos, tree, set->features[i].shape, &set->features[i]);
    }
    return tree;
}
