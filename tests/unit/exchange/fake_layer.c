#include "fake_layer.h"

#include "host/exchange/source.h"
#include "kit/cleanup.h"
#include "kit/definition.h"

#include <cpl_string.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TEXT_MAX = 1 << 20 };

static const char definition_format[] =
    "{\"id\":\"t.things\",\"title\":{\"zh\":\"物\",\"en\":\"Things\"},"
    "\"description\":{\"zh\":\"物\",\"en\":\"Things\"},\"clauses\":[],\"table\":\"thing\","
    "\"geometry\":\"%s\",\"area\":\"area_code\",\"owner\":\"owner_org\",\"label\":\"name\","
    "\"time\":\"updated_at\",\"retention\":\"10y\",\"fields\":["
    "{\"name\":\"name\",\"type\":\"text\",\"title\":{\"zh\":\"名称\",\"en\":\"Name\"}},"
    "{\"name\":\"code\",\"type\":\"text\",\"title\":{\"zh\":\"代码\",\"en\":\"Code of it\"}},"
    "{\"name\":\"count\",\"type\":\"integer\",\"title\":{\"zh\":\"个数\",\"en\":\"Count\"}},"
    "{\"name\":\"size_in_metres\",\"type\":\"number\",\"title\":{\"zh\":\"大小\",\"en\":\"Size\"}},"
    "{\"name\":\"day\",\"type\":\"date\",\"title\":{\"zh\":\"日期\",\"en\":\"Day\"}}],"
    "\"tiles\":{\"attributes\":[\"name\"],\"count_by\":[],\"min_zoom\":0,\"max_zoom\":18},"
    "\"popup\":[\"name\"],\"style\":\"things\",\"catalogue\":{\"class\":\"x\",\"update\":\"daily\"}"
    "}";

struct measure {
    struct fake_layer *fake;
    double ring;
    double last[2];
    bool open;
    bool outer;
};

static int
on_ring(void *self, uint32_t n)
{
    struct measure *measure = self;
    (void)n;
    measure->ring = 0;
    measure->open = false;
    return 0;
}

static int
on_point(void *self, double x, double y)
{
    struct measure *measure = self;
    struct fake_layer *fake = measure->fake;
    if (!fake->has_geom) {
        fake->has_geom = true;
        fake->first[0] = fake->box[0] = fake->box[2] = x;
        fake->first[1] = fake->box[1] = fake->box[3] = y;
    }
    fake->box[0] = x < fake->box[0] ? x : fake->box[0];
    fake->box[1] = y < fake->box[1] ? y : fake->box[1];
    fake->box[2] = x > fake->box[2] ? x : fake->box[2];
    fake->box[3] = y > fake->box[3] ? y : fake->box[3];
    if (measure->open) {
        measure->ring += measure->last[0] * y - x * measure->last[1];
    }
    measure->open = true;
    measure->last[0] = x;
    measure->last[1] = y;
    return 0;
}

static int
on_begin(void *self, uint32_t type, uint32_t count)
{
    struct measure *measure = self;
    (void)type;
    (void)count;
    measure->outer = true;
    return 0;
}

static int
on_end_ring(void *self)
{
    struct measure *measure = self;
    const double area = measure->ring < 0 ? -measure->ring / 2 : measure->ring / 2;
    measure->fake->area_deg2 += measure->outer ? area : -area;
    measure->outer = false;
    return 0;
}

static void
keep_text(struct fake_layer *fake, const cim_batch *batch, int64_t row, const char *name, char end)
{
    for (uint32_t c = 0; c < batch->n_columns; c++) {
        const cim_column *column = batch->columns[c];
        size_t len = 0;
        if (strcmp(column->name, name) != 0 || !cim_column_present(column, row)) {
            continue;
        }
        if (column->type == CIM_COL_TEXT) {
            const uint8_t *bytes = cim_column_bytes(column, row, &len);
            memcpy(fake->text + fake->text_len, bytes, len);
            fake->text_len += len;
        } else if (column->type == CIM_COL_FLOAT64) {
            fake->text_len += (size_t)snprintf(fake->text + fake->text_len, 40, "%.4f",
                                               cim_column_f64(column, row));
        } else {
            fake->text_len += (size_t)snprintf(fake->text + fake->text_len, 40, "%lld",
                                               (long long)cim_column_i64(column, row));
        }
    }
    fake->text[fake->text_len++] = end;
    fake->text[fake->text_len] = '\0';
}

static bool
keep_row(struct fake_layer *fake, const cim_batch *batch, int64_t row)
{
    const size_t before = fake->text_len;
    const cim_column *geom = batch->columns[batch->n_columns - 1];
    struct measure measure = {.fake = fake};
    const struct cim_wkb_visitor visitor = {.self = &measure,
                                            .begin = on_begin,
                                            .begin_ring = on_ring,
                                            .point = on_point,
                                            .end_ring = on_end_ring};
    assert_true(fake->text_len < TEXT_MAX - 4096);
    keep_text(fake, batch, row, "name", '|');
    keep_text(fake, batch, row, "code", '|');
    keep_text(fake, batch, row, "count", '|');
    keep_text(fake, batch, row, "size_in_metres", '|');
    keep_text(fake, batch, row, "day", ';');
    if (strncmp(fake->text + before, "bad|", 4) == 0) {
        fake->text_len = before;
        fake->text[before] = '\0';
        return false;
    }
    if (geom->type == CIM_COL_WKB && cim_column_present(geom, row)) {
        size_t len = 0;
        const uint8_t *wkb = cim_column_bytes(geom, row, &len);
        assert_int_equal(cim_wkb_walk(wkb, len, &visitor, NULL), CIM_OK);
    }
    fake->n_rows++;
    return true;
}

/* Refuses rows named "bad", like a layer would: all or nothing unless row-wise. */
static cim_status
fake_edit(void *self, const cim_call *call, cim_edit *edit, cim_error *err)
{
    struct fake_layer *fake = self;
    const cim_batch *batch = NULL;
    (void)call;
    fake->flags = edit->flags;
    for (;;) {
        CIM_TRY(edit->rows->next(edit->rows, &batch, err));
        if (batch->n_rows == 0) {
            break;
        }
        for (int64_t i = 0; i < batch->n_rows; i++) {
            cim_error why = {0};
            edit->n_read++;
            if (keep_row(fake, batch, i)) {
                edit->n_written++;
            } else {
                (void)cim_fail(&why, CIM_E_INVALID, "name", "bad", "坏", "bad");
                edit->refused(edit, edit->n_read, &why);
                edit->n_refused++;
            }
        }
        if (edit->progress(edit, edit->n_read) != 0) {
            return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "停", "stopped");
        }
    }
    if (edit->n_refused > 0 && (edit->flags & CIM_EDIT_ROW_WISE) == 0) {
        return cim_fail(err, CIM_E_INVALID, NULL, NULL, "拒", "refused");
    }
    return CIM_OK;
}

struct fake_layer *
fake_layer_new(const char *geometry)
{
    struct fake_layer *fake = calloc(1, sizeof *fake);
    char json[4096];
    cim_error error = {0};
    assert_non_null(fake);
    fake->text = calloc(1, TEXT_MAX);
    assert_non_null(fake->text);
    (void)snprintf(json, sizeof json, definition_format, geometry);
    assert_ok(cim_definition_parse("test", json, strlen(json), NULL, &fake->definition, &error),
              &error);
    (void)snprintf(fake->dir, sizeof fake->dir, "/tmp/cim-exchange-XXXXXX");
    assert_non_null(mkdtemp(fake->dir));
    fake->layer = (cim_layer){
        .struct_size = sizeof fake->layer, .id = "t.things", .write = fake_edit, .self = fake};
    return fake;
}

void
fake_layer_clear(struct fake_layer *fake)
{
    fake->text[0] = '\0';
    fake->text_len = 0;
    fake->n_rows = 0;
    fake->has_geom = false;
    fake->area_deg2 = 0;
}

void
fake_layer_free(struct fake_layer *fake)
{
    DIR *dir = opendir(fake->dir);
    const struct dirent *entry = NULL;
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        (void)unlink(fake_path(fake, entry->d_name));
    }
    (void)closedir(dir);
    assert_int_equal(rmdir(fake->dir), 0); /* an import that left its folder behind fails here */
    cim_definition_free(fake->definition);
    free(fake->text);
    free(fake);
}

const char *
fake_path(const struct fake_layer *fake, const char *name)
{
    static char paths[4][512];
    static int at;
    at = (at + 1) % 4;
    (void)snprintf(paths[at], sizeof paths[at], "%s/%s", fake->dir, name);
    return paths[at];
}

void
fake_write(const struct fake_layer *fake, const char *name, const void *data, size_t len)
{
    FILE *file = fopen(fake_path(fake, name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

cim_status
fake_import(struct fake_layer *fake, const char *path, const struct host_import_options *options,
            struct host_import_report *ret_report, cim_error *err)
{
    struct host_import_options own = options != NULL ? *options : (struct host_import_options){0};
    const cim_call call = {.struct_size = sizeof call, .principal = "test", .lang = "zh"};
    own.work_dir = fake->dir;
    fake_layer_clear(fake);
    return host_exchange_import(&fake->layer, fake->definition, &call, path, &own, ret_report, err);
}

void
fake_shapefile(const struct fake_layer *fake, const char *stem, int n, const char *name_bytes,
               bool with_prj)
{
    static const char *const extra[] = {"cpg"};
    char name[64];
    char *create[] = {(char *)(uintptr_t) "ENCODING=", NULL};
    OGRSpatialReferenceH srs = NULL;
    GDALDatasetH dataset = NULL;
    OGRLayerH layer = NULL;
    OGRFieldDefnH field = OGR_Fld_Create("NAME", OFTString);
    host_gdal_init();
    (void)snprintf(name, sizeof name, "%s.shp", stem);
    dataset = GDALCreate(GDALGetDriverByName("ESRI Shapefile"), fake_path(fake, name), 0, 0, 0,
                         GDT_Unknown, NULL);
    assert_non_null(dataset);
    if (with_prj) {
        srs = OSRNewSpatialReference(NULL);
        assert_int_equal(OSRImportFromEPSG(srs, 4490), OGRERR_NONE);
        OSRSetAxisMappingStrategy(srs, OAMS_TRADITIONAL_GIS_ORDER);
    }
    layer = GDALDatasetCreateLayer(dataset, stem, srs, wkbPoint, create);
    assert_non_null(layer);
    OGR_Fld_SetWidth(field, 40);
    assert_int_equal(OGR_L_CreateField(layer, field, TRUE), OGRERR_NONE);
    for (int i = 0; i < n; i++) {
        OGRFeatureH feature = OGR_F_Create(OGR_L_GetLayerDefn(layer));
        OGRGeometryH point = OGR_G_CreateGeometry(wkbPoint);
        OGR_G_SetPoint_2D(point, 0, 110.0 + i * 0.001, 20.0);
        OGR_F_SetFieldString(feature, 0, name_bytes);
        assert_int_equal(OGR_F_SetGeometryDirectly(feature, point), OGRERR_NONE);
        assert_int_equal(OGR_L_CreateFeature(layer, feature), OGRERR_NONE);
        OGR_F_Destroy(feature);
    }
    OGR_Fld_Destroy(field);
    GDALClose(dataset);
    if (srs != NULL) {
        OSRDestroySpatialReference(srs);
    }
    for (size_t i = 0; i < sizeof extra / sizeof extra[0]; i++) {
        (void)snprintf(name, sizeof name, "%s.%s", stem, extra[i]);
        (void)unlink(fake_path(fake, name));
    }
}
