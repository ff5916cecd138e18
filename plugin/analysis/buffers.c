/* plugin/analysis/buffers.c -- lpg.buffer: all places within so many metres, of each or of all. */
#include "analysis/feature_set.h"
#include "analysis/json_io.h"
#include "cim/util.h"
#include "geo/buffer.h"
#include "kit/cleanup.h"

#include <math.h>
#include <stdlib.h>

struct buffers {
    struct lpg_task *task;
    struct lpg_feature_set features;
    double distance_m; /* NaN: by field alone */
    const char *field; /* NULL: the same for all */
    double excess_m;
    bool dissolve;
    GEOSGeometry **shapes; /* one a feature, until they are written or dissolved */
    double *radius_m;
    cim_error *err;
};

static cim_status
read_question(struct buffers *buffers)
{
    struct json_object *inputs = buffers->task->inputs;
    struct json_object *field = lpg_in_member(inputs, "distance_field");
    buffers->distance_m = NAN;
    buffers->excess_m = 0.5;
    buffers->field = field != NULL ? json_object_get_string(field) : NULL;
    buffers->dissolve = json_object_get_boolean(lpg_in_member(inputs, "dissolve"));
    CIM_TRY(lpg_in_number(inputs, "distance_m", 0.001, LPG_BUFFER_RADIUS_MAX_M,
                          &buffers->distance_m, buffers->err));
    CIM_TRY(lpg_in_number(inputs, "excess_m", 0.01, 1000.0, &buffers->excess_m, buffers->err));
    if (isnan(buffers->distance_m) && buffers->field == NULL) {
        return cim_fail(buffers->err, CIM_E_INVALID, "distance_m", NULL,
                        "应给出距离 distance_m（米）或取距离的字段 distance_field",
                        "expected distance_m in metres, or distance_field, the field that has it");
    }
    return CIM_OK;
}

/* The field's where it has a number, else that of the run. */
static cim_status
radius_of(const struct buffers *buffers, const struct lpg_feature *feature, double *ret_radius_m)
{
    const double own =
        buffers->field != NULL ? lpg_feature_number(feature, buffers->field) : (double)NAN;
    const double radius_m = isnan(own) ? buffers->distance_m : own;
    if (!(radius_m >= 0.001 && radius_m <= LPG_BUFFER_RADIUS_MAX_M)) {
        char value[160];
        (void)snprintf(value, sizeof value, "%.100s: %g", feature->name, radius_m);
        return cim_fail(buffers->err, CIM_E_INVALID, "distance_field", value,
                        "“%.60s”的 %.40s 应为 0.001 到 %d 的米数；没有值的用 distance_m",
                        "'%.60s': %.40s is to be metres from 0.001 to %d; distance_m stands in "
                        "where it has none",
                        feature->name, buffers->field != NULL ? buffers->field : "distance_m",
                        LPG_BUFFER_RADIUS_MAX_M);
    }
    *ret_radius_m = radius_m;
    return CIM_OK;
}

static cim_status
buffer_one(const struct buffers *buffers, size_t i, GEOSWKBReader *reader, GEOSWKBWriter *writer)
{
    const GEOSContextHandle_t geos = buffers->task->geos;
    const struct lpg_feature *feature = &buffers->features.features[i];
    CIM_AUTO_BUF struct cim_buf out;
    cim_error why = {0};
    size_t len = 0;
    unsigned char *wkb = NULL;
    cim_status status;
    cim_buf_init(&out, (size_t)LPG_BUFFER_BYTES_MAX * 4);
    CIM_TRY(radius_of(buffers, feature, &buffers->radius_m[i]));
    wkb = GEOSWKBWriter_write_r(geos, writer, feature->shape, &len);
    status = wkb == NULL
                 ? cim_fail_nomem(&why)
                 : lpg_buffer(wkb, len, buffers->radius_m[i], buffers->excess_m, &out, &why);
    GEOSFree_r(geos, wkb);
    if (status != CIM_OK) {
        return cim_fail(buffers->err, status, "features", feature->name, "“%.60s”：%s%.0s",
                        "'%.60s': %.0s%s", feature->name, why.zh, why.en);
    }
    buffers->shapes[i] =
        GEOSWKBReader_read_r(geos, reader, (const unsigned char *)out.data, out.len);
    return buffers->shapes[i] != NULL ? CIM_OK : lpg_task_fail_geos("features", buffers->err);
}

static cim_status
buffer_all(struct buffers *buffers)
{
    const GEOSContextHandle_t geos = buffers->task->geos;
    const size_t n = buffers->features.n;
    GEOSWKBReader *reader = GEOSWKBReader_create_r(geos);
    GEOSWKBWriter *writer = GEOSWKBWriter_create_r(geos);
    cim_status status = CIM_OK;
    buffers->shapes = calloc(n, sizeof(GEOSGeometry *));
    buffers->radius_m = calloc(n, sizeof *buffers->radius_m);
    if (reader == NULL || writer == NULL || buffers->shapes == NULL || buffers->radius_m == NULL) {
        status = cim_fail_nomem(buffers->err);
    }
    for (size_t i = 0; status == CIM_OK && i < n; i++) {
        status = buffer_one(buffers, i, reader, writer);
        if (status == CIM_OK && i % 64 == 0) {
            status = lpg_task_step(buffers->task, 0.05 + 0.65 * (double)i / (double)n,
                                   "正在生成缓冲区", "making the buffers", buffers->err);
        }
    }
    GEOSWKBReader_destroy_r(geos, reader);
    GEOSWKBWriter_destroy_r(geos, writer);
    return status;
}

/* One area of all of them; the list gives its shapes away. */
static cim_status
dissolve(struct buffers *buffers, GEOSGeometry **ret_all)
{
    const GEOSContextHandle_t geos = buffers->task->geos;
    GEOSGeometry **copies = calloc(buffers->features.n, sizeof(GEOSGeometry *));
    GEOSGeometry *all = NULL;
    GEOSGeometry *collection;
    CIM_TRY(lpg_task_step(buffers->task, 0.75, "正在合并", "dissolving", buffers->err));
    if (copies == NULL) {
        return cim_fail_nomem(buffers->err);
    }
    memcpy(copies, buffers->shapes, buffers->features.n * sizeof(GEOSGeometry *));
    memset(buffers->shapes, 0, buffers->features.n * sizeof(GEOSGeometry *));
    collection = GEOSGeom_createCollection_r(geos, GEOS_GEOMETRYCOLLECTION, copies,
                                             (unsigned)buffers->features.n);
    free(copies);
    if (collection != NULL) {
        all = GEOSUnaryUnion_r(geos, collection);
        GEOSGeom_destroy_r(geos, collection);
    }
    if (all == NULL) {
        return lpg_task_fail_geos("features", buffers->err);
    }
    *ret_all = all;
    return CIM_OK;
}

static cim_status
write_dissolved(struct buffers *buffers, double *ret_m2)
{
    GEOSGeometry *all = NULL;
    struct json_object *properties = json_object_new_object();
    cim_status status = dissolve(buffers, &all);
    if (status == CIM_OK) {
        *ret_m2 = lpg_shape_m2(buffers->task->geos, all);
        (void)json_object_object_add(properties, "of",
                                     json_object_new_int64((int64_t)buffers->features.n));
        (void)json_object_object_add(properties, "area_m2", lpg_metres_new(*ret_m2));
        status = lpg_feature_write(buffers->task, all, properties, buffers->err);
    }
    (void)json_object_put(properties);
    GEOSGeom_destroy_r(buffers->task->geos, all);
    return status;
}

static cim_status
write_each(struct buffers *buffers, double *ret_m2)
{
    for (size_t i = 0; i < buffers->features.n; i++) {
        struct json_object *properties = buffers->features.features[i].properties;
        const double m2 = lpg_shape_m2(buffers->task->geos, buffers->shapes[i]);
        *ret_m2 += m2;
        (void)json_object_object_add(properties, "buffer_m", lpg_number_new(buffers->radius_m[i]));
        (void)json_object_object_add(properties, "area_m2", lpg_metres_new(m2));
        CIM_TRY(lpg_feature_write(buffers->task, buffers->shapes[i], properties, buffers->err));
    }
    return CIM_OK;
}

static cim_status
answer(struct buffers *buffers)
{
    struct cim_buf *out = &buffers->task->out;
    const struct lpg_feature_set *sets[] = {&buffers->features};
    double m2 = 0.0;
    CIM_TRY(read_question(buffers));
    CIM_TRY(lpg_feature_set_read(buffers->task, "features", LPG_FEATURES_ANY, &buffers->features,
                                 buffers->err));
    CIM_TRY(buffer_all(buffers));
    cim_buf_add_text(out, "{\"buffers\":{\"type\":\"FeatureCollection\",\"features\":[");
    CIM_TRY(buffers->dissolve ? write_dissolved(buffers, &m2) : write_each(buffers, &m2));
    cim_buf_add_text(out, "]}");
    lpg_out_m(out, "area_m2", m2);
    lpg_out_int(out, "n_features", (int64_t)buffers->features.n);
    lpg_out_int(out, "n_repaired", buffers->features.n_repaired);
    lpg_out_int(out, "n_without_geometry", buffers->features.n_without);
    CIM_TRY(lpg_feature_sources_write(buffers->task, sets, 1, buffers->err));
    cim_buf_add_char(out, '}');
    return CIM_OK;
}

cim_status
lpg_buffer_task(struct lpg_task *task, cim_error *err)
{
    struct buffers buffers = {.task = task, .err = err};
    const cim_status status = answer(&buffers);
    for (size_t i = 0; buffers.shapes != NULL && i < buffers.features.n; i++) {
        GEOSGeom_destroy_r(task->geos, buffers.shapes[i]);
    }
    free(buffers.shapes);
    free(buffers.radius_m);
    lpg_feature_set_done(&buffers.features);
    return status;
}
