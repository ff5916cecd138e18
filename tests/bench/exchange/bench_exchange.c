/* Prints how many records a second come out of files and into the store, beside GDAL doing the same
 * without us. usage: bench_exchange [RECORDS] */
#include "cim/util.h"
#include "host/base/clock.h"
#include "host/exchange/source.h"
#include "host/store/store.h"
#include "kit/cleanup.h"
#include "kit/definition.h"
#include "kit/rows.h"

#include <gdal_utils.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char definition_text[] =
    "{\"id\":\"t.things\",\"title\":{\"zh\":\"物\",\"en\":\"Things\"},\"description\":{\"zh\":"
    "\"物\","
    "\"en\":\"Things\"},\"clauses\":[],\"table\":\"thing\",\"geometry\":\"Point\",\"area\":"
    "\"area_code\",\"owner\":\"owner_org\",\"label\":\"name\",\"time\":\"updated_at\","
    "\"retention\":"
    "\"10y\",\"fields\":[{\"name\":\"name\",\"type\":\"text\",\"title\":{\"zh\":\"名称\",\"en\":"
    "\"Name\"}},{\"name\":\"number\",\"type\":\"integer\",\"title\":{\"zh\":\"数\",\"en\":\"No.\"}}"
    "],"
    "\"tiles\":{\"attributes\":[\"name\"],\"count_by\":[],\"min_zoom\":0,\"max_zoom\":18},"
    "\"popup\":"
    "[\"name\"],\"style\":\"x\",\"catalogue\":{\"class\":\"x\",\"update\":\"daily\"}}";
static const char migration[] = "create table thing ({record}, {geom Point}, name {text}, number "
                                "{int});\n{layer thing Point};\n";

struct bench {
    char dir[64];
    struct host_clock *clock;
    struct host_store *store;
    struct cim_definition *definition;
    cim_layer layer;
    int64_t serial;
    bool discard; /* rows are looked at, not stored */
};

static double
seconds(clockid_t clock)
{
    struct timespec at;
    (void)clock_gettime(clock, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void
must(cim_status status, const cim_error *error)
{
    if (status != CIM_OK) {
        (void)fprintf(stderr, "bench_exchange: %s\n", error->en);
        exit(1);
    }
}

/* ---- a layer of the simplest kind ---- */

static cim_status
store_row(struct bench *bench, cim_tx *tx, const cim_batch *batch, int64_t row, cim_error *err)
{
    static const char sql[] = "insert into thing (uid, updated_at, geom, name, number) values "
                              "(:uid, {now}, {geom :geom}, :name, :number)";
    char uid[40];
    cim_value values[4] = {{.name = "uid", .type = CIM_COL_TEXT},
                           {.name = "geom"},
                           {.name = "name"},
                           {.name = "number"}};
    values[0].len =
        (uint32_t)snprintf(uid, sizeof uid, "0193-%032llx", (unsigned long long)bench->serial++);
    values[0].v.ptr = uid;
    for (uint32_t c = 0; c < batch->n_columns; c++) {
        const cim_column *column = batch->columns[c];
        for (int v = 1; v < 4; v++) {
            size_t len = 0;
            if (strcmp(column->name, values[v].name) != 0 || !cim_column_present(column, row)) {
                continue;
            }
            values[v].type = column->type;
            if (column->type == CIM_COL_INT64) {
                values[v].v.i64 = cim_column_i64(column, row);
            } else {
                values[v].v.ptr = cim_column_bytes(column, row, &len);
                values[v].len = (uint32_t)len;
            }
        }
    }
    return host_store_exec(tx, sql, values, 4, NULL, err);
}

struct edit_run {
    struct bench *bench;
    cim_edit *edit;
};

static cim_status
run_edit(void *arg, cim_tx *tx, cim_error *err)
{
    struct edit_run *run = arg;
    const cim_batch *batch = NULL;
    for (;;) {
        CIM_TRY(run->edit->rows->next(run->edit->rows, &batch, err));
        if (batch->n_rows == 0) {
            return tx != NULL
                       ? host_store_change(tx, "t.things", 0, CIM_CHANGE_BULK, NULL, NULL, err)
                       : CIM_OK;
        }
        for (int64_t i = 0; tx != NULL && i < batch->n_rows; i++) {
            CIM_TRY(store_row(run->bench, tx, batch, i, err));
        }
        run->edit->n_written += batch->n_rows;
    }
}

static cim_status
write_layer(void *self, const cim_call *call, cim_edit *edit, cim_error *err)
{
    struct edit_run run = {.bench = self, .edit = edit};
    (void)call;
    return run.bench->discard ? run_edit(&run, NULL, err)
                              : host_store_write(run.bench->store, run_edit, &run, NULL, err);
}

/* ---- the work ---- */

static void
ours(struct bench *bench, const char *path)
{
    const struct host_import_options options = {.crs = "cgcs2000"};
    const cim_call call = {.struct_size = sizeof call, .principal = "", .lang = "zh"};
    struct host_import_report report;
    cim_error error = {0};
    must(host_exchange_import(&bench->layer, bench->definition, &call, path, &options, &report,
                              &error),
         &error);
    host_import_report_done(&report);
}

static GDALDatasetH
open_plain(const char *path)
{
    static const char *const options[] = {"X_POSSIBLE_NAMES=lon", "Y_POSSIBLE_NAMES=lat", NULL};
    GDALDatasetH dataset = GDALOpenEx(path, GDAL_OF_VECTOR, NULL, options, NULL);
    if (dataset == NULL) {
        exit(1);
    }
    return dataset;
}

static void
plain_read(struct bench *bench, const char *path)
{
    GDALDatasetH dataset = open_plain(path);
    OGRLayerH layer = GDALDatasetGetLayer(dataset, 0);
    OGRFeatureH feature = NULL;
    unsigned char wkb[64];
    (void)bench;
    while ((feature = OGR_L_GetNextFeature(layer)) != NULL) {
        OGRGeometryH geometry = OGR_F_GetGeometryRef(feature);
        (void)OGR_F_GetFieldAsString(feature, 0);
        (void)OGR_F_GetFieldAsInteger64(feature, 1);
        if (geometry != NULL && OGR_G_ExportToIsoWkb(geometry, wkbNDR, wkb) != OGRERR_NONE) {
            exit(1);
        }
        OGR_F_Destroy(feature);
    }
    GDALClose(dataset);
}

static void
plain_import(struct bench *bench, const char *path)
{
    char target[128];
    char *words[] = {(char *)(uintptr_t) "-f", (char *)(uintptr_t) "GPKG", NULL};
    GDALVectorTranslateOptions *options = GDALVectorTranslateOptionsNew(words, NULL);
    GDALDatasetH source = open_plain(path);
    GDALDatasetH result = NULL;
    int wrong = 0;
    (void)snprintf(target, sizeof target, "%s/plain.gpkg", bench->dir);
    (void)unlink(target);
    result = GDALVectorTranslate(target, NULL, 1, &source, options, &wrong);
    GDALVectorTranslateOptionsFree(options);
    GDALClose(source);
    if (result == NULL || wrong != 0) {
        exit(1);
    }
    GDALClose(result);
}

static double
measure(struct bench *bench, const char *path, void (*work)(struct bench *, const char *),
        double *ret_cpu)
{
    const double wall = seconds(CLOCK_MONOTONIC);
    const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    work(bench, path);
    *ret_cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    return seconds(CLOCK_MONOTONIC) - wall;
}

static void
compare(struct bench *bench, const char *what, const char *file, int64_t n,
        void (*peer)(struct bench *, const char *))
{
    char path[128];
    double cpu[2];
    double wall[2];
    struct rusage usage;
    (void)snprintf(path, sizeof path, "%s/%s", bench->dir, file);
    wall[0] = measure(bench, path, ours, &cpu[0]);
    (void)getrusage(RUSAGE_SELF, &usage);
    wall[1] = measure(bench, path, peer, &cpu[1]);
    printf("%-34s %10.0f/s %7.1f us   %10.0f/s %7.1f us   %6.2f   %6ld MB\n", what,
           (double)n / wall[0], cpu[0] * 1e6 / (double)n, (double)n / wall[1],
           cpu[1] * 1e6 / (double)n, wall[1] / wall[0], usage.ru_maxrss / 1024);
    (void)fflush(stdout);
}

/* ---- files ---- */

static FILE *
create(const struct bench *bench, const char *name)
{
    char path[128];
    FILE *file = NULL;
    (void)snprintf(path, sizeof path, "%s/%s", bench->dir, name);
    file = fopen(path, "w");
    if (file == NULL) {
        exit(1);
    }
    return file;
}

static void
make_files(struct bench *bench, int64_t n)
{
    FILE *json = create(bench, "a.geojsonl");
    FILE *csv = create(bench, "b.csv");
    char from[128];
    (void)fputs("name,number,lon,lat\n", csv);
    for (int64_t i = 0; i < n; i++) {
        const double lon = 108.6 + (double)(i * 7919 % 250000) / 1e5;
        const double lat = 18.2 + (double)(i * 104729 % 190000) / 1e5;
        (void)fprintf(
            json,
            "{\"type\":\"Feature\",\"properties\":{\"name\":\"瓶装液化石油气用户%lld\","
            "\"number\":%lld},\"geometry\":{\"type\":\"Point\",\"coordinates\":[%.6f,%.6f]}}"
            "\n",
            (long long)i, (long long)i, lon, lat);
        (void)fprintf(csv, "瓶装液化石油气用户%lld,%lld,%.6f,%.6f\n", (long long)i, (long long)i,
                      lon, lat);
    }
    if (fclose(json) != 0 || fclose(csv) != 0) {
        exit(1);
    }
    (void)snprintf(from, sizeof from, "%s/a.geojsonl", bench->dir);
    plain_import(bench, from);
    {
        char to[128];
        (void)snprintf(from, sizeof from, "%s/plain.gpkg", bench->dir);
        (void)snprintf(to, sizeof to, "%s/c.gpkg", bench->dir);
        if (rename(from, to) != 0) {
            exit(1);
        }
    }
}

static void
open_all(struct bench *bench)
{
    char path[128];
    char migrations[128];
    struct host_migration_report report;
    cim_error error = {0};
    FILE *file = NULL;
    (void)snprintf(path, sizeof path, "%s/cim.gpkg", bench->dir);
    (void)snprintf(migrations, sizeof migrations, "%s/migrations", bench->dir);
    (void)mkdir(migrations, 0700);
    file = create(bench, "migrations/0001_thing.sql");
    if (fputs(migration, file) < 0 || fclose(file) != 0) {
        exit(1);
    }
    bench->clock = host_clock_new(-1);
    const struct host_store_options options = {
        .kind = HOST_STORE_DATA, .path = path, .clock = bench->clock, .max_readers = 4};
    must(host_store_open(&options, &bench->store, &error), &error);
    must(host_store_migrate(bench->store, "host", CIM_HOST_MIGRATIONS "/store", NULL, NULL, &report,
                            &error),
         &error);
    must(host_store_migrate(bench->store, "bench", migrations, NULL, NULL, &report, &error),
         &error);
    must(cim_definition_parse("bench", definition_text, sizeof definition_text - 1, NULL,
                              &bench->definition, &error),
         &error);
    bench->layer = (cim_layer){
        .struct_size = sizeof bench->layer, .id = "t.things", .write = write_layer, .self = bench};
}

static void
remove_all(struct bench *bench)
{
    static const char *const names[] = {
        "a.geojsonl", "b.csv",        "c.gpkg",       "plain.gpkg",
        "cim.gpkg",   "cim.gpkg-wal", "cim.gpkg-shm", "migrations/0001_thing.sql"};
    char path[160];
    host_store_close(bench->store);
    host_clock_free(bench->clock);
    cim_definition_free(bench->definition);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", bench->dir, names[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/migrations", bench->dir);
    (void)rmdir(path);
    (void)rmdir(bench->dir);
}

int
main(int argc, char **argv)
{
    const int64_t n = argc > 1 ? strtoll(argv[1], NULL, 10) : 200000;
    struct bench bench = {.dir = "/tmp/cim-bench-import-XXXXXX"};
    if (mkdtemp(bench.dir) == NULL) {
        return 1;
    }
    host_gdal_init();
    open_all(&bench);
    make_files(&bench, n);
    printf("%-34s %12s %10s   %12s %10s   %6s   %9s\n", "records of a file", "ours", "CPU each",
           "GDAL alone", "CPU each", "ratio", "peak");
    bench.discard = true;
    compare(&bench, "GeoJSONSeq, read and checked", "a.geojsonl", n, plain_read);
    compare(&bench, "CSV, read and checked", "b.csv", n, plain_read);
    compare(&bench, "GeoPackage, read and checked", "c.gpkg", n, plain_read);
    bench.discard = false;
    compare(&bench, "GeoJSONSeq into a GeoPackage", "a.geojsonl", n, plain_import);
    compare(&bench, "GeoPackage into a GeoPackage", "c.gpkg", n, plain_import);
    remove_all(&bench);
    return 0;
}
