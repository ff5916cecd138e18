/* host/exchange/exchange.h -- records from files and into files, through GDAL.
 *
 * An import reads GeoJSON, GeoJSON text sequences, GeoPackage, Shapefile, FileGDB, KML, KMZ, GML,
 * CSV, XLSX, DXF or 国土 parcels (TXT), plain or zipped, converts to CGCS2000 longitude/latitude
 * and hands the rows to the layer's write path, which checks them. It is all or nothing unless
 * asked row-wise; rows that are refused come back one by one.
 */
#ifndef HOST_EXCHANGE_H
#define HOST_EXCHANGE_H

#include "cim/layers.h"
#include "host/base/table.h"
#include "kit/buf.h"
#include "kit/definition.h"

enum {
    HOST_IMPORT_ROW_WISE = 1,
    HOST_IMPORT_DRY_RUN = 2,
    HOST_IMPORT_REPAIR = 4,      /* areas that are not valid are made so, and told of */
    HOST_IMPORT_ANY_AREA = 8,    /* areas are taken as they are */
    HOST_IMPORT_COMPARE = 16,    /* tells of rows with equal geometries */
    HOST_IMPORT_OVERLAPS = 32,   /* with the above: tells of areas that overlap as well */
    HOST_IMPORT_KEEP_OTHERS = 64 /* with `mirror`: records that are not of the copy stay */
};
enum {
    HOST_IMPORT_REFUSED_MAX = 1000,    /* listed in a report; the total goes on */
    HOST_IMPORT_SKIPPED_MAX = 1 << 20, /* rows refused by the reader; more stop the import */
    HOST_IMPORT_ZIP_ENTRIES_MAX = 1000,
    HOST_IMPORT_FIELDS_MAX = 500,
    HOST_IMPORT_IGNORED_MAX = 100, /* names listed in a report */
    HOST_IMPORT_VALUES_MAX = 500,  /* of `values` */
    HOST_IMPORT_GEOMETRY_BYTES_MAX = 32 << 20,
    HOST_IMPORT_SHEET_BYTES_MAX = 256 << 20, /* of an XLSX, unpacked */
    HOST_IMPORT_WHOLE_BYTES_MAX = 64 << 20   /* of a file that is read whole: KML, XLSX, DXF, TXT */
};
#define HOST_IMPORT_UNZIPPED_MAX (INT64_C(8) << 30) /* bytes of one unpacked file */

/* Reads geometries of other layers, for the topology rules of a definition: WKB in degrees and what
 * people know the record by. */
typedef cim_status (*host_geometry_fn)(void *to, const char *name, const uint8_t *wkb, size_t len,
                                       cim_error *err);
struct host_layer_reader {
    /* `bbox_deg` west, south, east, north: what meets it; NULL: all. */
    cim_status (*read)(void *arg, const char *layer_id, const char *filter_json,
                       const double *bbox_deg, host_geometry_fn take, void *to, cim_error *err);
    void *arg;
};

struct host_import_options {
    uint32_t flags;       /* HOST_IMPORT_… */
    const char *crs;      /* "gcj02", "bd09", "wgs84", "cgcs2000", "EPSG:4546"; NULL: the file's */
    const char *encoding; /* "UTF-8", "GBK", "GB18030"; NULL: what the file says or looks like */
    const char *source_layer; /* of a file with several; NULL: its only one */
    /* Lists of pairs, in which "\\," "\\=" "\\:" and "\\\\" stand for the character; may be NULL.
     */
    const char *map;    /* "column=field,…" beside the names that match; "column=": left out */
    const char *set;    /* "field=value,…" for every row */
    const char *values; /* "field:text=value,…": what stands in the file for a value */
    /* Not NULL: the layer is made equal to the file, in one transaction, as the copy of this name;
     * what did not change since the last time is not touched. */
    const char *mirror;
    const char *work_dir; /* for unpacking; NULL: TMPDIR or /tmp */
    /* NULL: topology rules are not checked. */
    const struct host_layer_reader *reader;
    /* Told now and then; `total` -1: not known. Non-zero cancels. May be NULL. */
    int32_t (*progress)(void *arg, int64_t done, int64_t total);
    /* Told of every row refused, and of every finding that refuses none; row 0: it begins anew,
     * what was told before no longer counts. Rows may come out of order. May be NULL. */
    void (*refused)(void *arg, int64_t row, const cim_error *why);
    void (*warned)(void *arg, int64_t row, const cim_error *what);
    void *arg;
    /* As in cim_edit: in the transaction, with `hook_arg`. Not in a dry run. May be NULL. */
    cim_status (*begun)(void *hook_arg, cim_tx *tx, cim_error *err);
    cim_status (*ending)(void *hook_arg, cim_tx *tx, const cim_edit *edit, cim_error *err);
    void *hook_arg;
};

struct host_import_refusal {
    int64_t row; /* in the file, from 1 */
    cim_error why;
};

/* How many records got a position of this grade; of layers whose definition has `placing`. */
enum { HOST_IMPORT_GRADES_MAX = 24 };
struct host_import_grade {
    char grade[40];
    char zh[64];
    char en[64];
    int64_t n;
    int32_t good; /* 0: without a point, to be placed by hand */
};

struct host_import_report {
    int64_t n_read;
    int64_t n_written;
    int64_t n_refused;
    int64_t n_removed; /* of a mirror: counted in n_written too */
    int64_t n_kept;    /* of a mirror: not touched */
    int64_t pos;
    char batch[40]; /* by which it can be undone (host/batches); or "" */
    int32_t dry_run;
    int32_t n_refusals; /* kept in `refusals` */
    struct host_import_refusal *refusals;
    int64_t n_warned;
    int32_t n_warnings; /* kept in `warnings` */
    struct host_import_refusal *warnings;
    int32_t n_grades;
    struct host_import_grade grades[HOST_IMPORT_GRADES_MAX];
    char format[24];
    char crs[64];
    char encoding[24];
    int32_t n_ignored; /* columns of the file that no field takes */
    char (*ignored)[64];
};

void host_import_report_done(struct host_import_report *report);
/* {"layer","read","written","refused":[{"row","field","value","zh","en"}],"refused_total",
 * "placed"?:[{"grade","zh","en","count","good"}],…}:
 * members without the braces, so that a problem document can take them too. */
void host_import_report_write(const struct host_import_report *report, const char *layer_id,
                              struct cim_buf *out);

/* *ret_report is set also when the import fails, and done by the caller. CIM_E_INVALID: the file or
 * a row is at fault, nothing was written. */
cim_status host_exchange_import(const cim_layer *layer, const struct cim_definition *definition,
                                const cim_call *call, const char *path,
                                const struct host_import_options *options,
                                struct host_import_report *ret_report, cim_error *err);

/* What is in a file, for people who decide how to import it: members without the braces, "format",
 * "layers", "crs", "encoding", "count", "columns" with the field that each would go to, "types",
 * "rows" (the first), "bbox" (of a sample, in degrees), "questions" ({"param","zh","en"}: what must
 * be answered first). `definition` may be NULL. */
enum { HOST_PREVIEW_ROWS = 10, HOST_PREVIEW_SAMPLE = 1000, HOST_PREVIEW_TEXT_MAX = 200 };
cim_status host_exchange_preview(const char *path, const struct host_import_options *options,
                                 const struct cim_definition *definition, struct cim_buf *out,
                                 cim_error *err);
/* A file as a GeoJSON FeatureCollection in degrees, for who works with it and stores nothing: its
 * own columns as properties, and a member "file" with "format", "crs", "encoding", "count" and
 * "without_geometry". CIM_E_INVALID names the feature by its number from 1. */
enum { HOST_FEATURES_MAX = 100000, HOST_FEATURES_BYTES_MAX = 64 << 20 };
cim_status host_exchange_features(const char *path, const struct host_import_options *options,
                                  struct cim_buf *out, cim_error *err);
/* A host_table_read_fn of CSV (in any encoding that an import takes) and XLSX. */
cim_status host_exchange_read_table(const char *path, const char *sheet, host_table_row_fn take,
                                    void *arg, cim_error *err);
/* Refuses a file whose name alone tells a format that is not read. */
cim_status host_exchange_check_name(const char *path, const char *name, cim_error *err);

struct host_import_repair {
    int64_t row; /* in the file, rising */
    const char *field;
    const char *why;
};
/* The rows of `path` that are named, as a new CSV that can be imported again once repaired: the
 * file's own columns, geometries as WKT in the file's system where no column has them, and what was
 * wrong in columns "_row", "_field", "_why". */
cim_status host_exchange_write_repair(const char *path, const struct host_import_options *options,
                                      const struct cim_definition *definition,
                                      const struct host_import_repair *rows, size_t n_rows,
                                      const char *to, cim_error *err);

/* ---- out ---- */

enum host_export_format {
    HOST_EXPORT_GEOJSON = 1,
    HOST_EXPORT_GEOJSONL,
    HOST_EXPORT_CSV,
    HOST_EXPORT_GPKG,
    HOST_EXPORT_SHP,     /* a zip of the parts when the path ends in ".zip" */
    HOST_EXPORT_FILEGDB, /* a folder, or a zip of it likewise */
    HOST_EXPORT_KML,
    HOST_EXPORT_KMZ,
    HOST_EXPORT_GML,
    HOST_EXPORT_DXF, /* geometries alone, without attributes */
    HOST_EXPORT_XLSX,
    HOST_EXPORT_PARCELS /* 国土 TXT (parcels.h): areas alone, with what has a column there */
};

struct host_export_options {
    enum host_export_format format;
    const char *encoding; /* of a Shapefile or TXT: "UTF-8" (default) or "GBK" */
    /* "EPSG:4526", easting before northing; NULL: CGCS2000 longitude, latitude. A TXT needs a zone
     * of CGCS2000; formats that are always in degrees take none. */
    const char *crs;
    /* Of a TXT, as in host_import_options: "地块编号=parcel_no,…" beside the titles that match. */
    const char *map;
    /* Told now and then. Non-zero cancels. May be NULL. */
    int32_t (*progress)(void *arg, int64_t done);
    void *arg;
};

/* "geojson", "geojsonl", "csv", "gpkg", "shp", "gdb", "kml", "kmz", "gml", "dxf", "xlsx", "txt";
 * NULL: by the ending of `path`. */
cim_status host_export_format_of(const char *name, const char *path,
                                 enum host_export_format *ret_format, cim_error *err);
/* Writes what the query finds into a new file, which appears whole or not at all. Sensitive values
 * are as the call's scope has them. CIM_E_EXISTS: there is a file already. */
cim_status host_exchange_export(const cim_layer *layer, const struct cim_definition *definition,
                                const cim_call *call, const cim_query *query, const char *path,
                                const struct host_export_options *options, int64_t *ret_count,
                                cim_error *err);

/* The same in steps, for rows that come from several queries: begin, open with the rows' names and
 * types, add their batches, finish; and free, which takes away what was not finished. Definition
 * and rows are borrowed during the call alone, the texts of the options to the end. Used by one
 * thread at a time. */
struct host_export;
cim_status host_export_begin(const char *path, const struct host_export_options *options,
                             struct host_export **ret_export, cim_error *err);
cim_status host_export_open(struct host_export *export, const struct cim_definition *definition,
                            const cim_rows *rows, cim_error *err);
cim_status host_export_add(struct host_export *export, const cim_batch *batch, cim_error *err);
/* The file appears at `path`, in the folder that begin was told. */
cim_status host_export_finish(struct host_export *export, const char *path, cim_error *err);
void host_export_free(struct host_export *export); /* NULL-safe */
/* A folder of ours with all that is in it; nothing where there is none. */
void host_folder_remove(const char *path);
/* The ending of the one file that is handed out: ".gpkg", ".gdb.zip". */
const char *host_export_ending(enum host_export_format format);

/* ---- over HTTP (routes.c, in host_exchange_app) ---- */

struct host_app;
/* The `read` of a host_layer_reader whose `arg` is a struct host_layer_reading: layers as `call`'s
 * principal may read them (layer_reader.c). */
struct host_layer_reading {
    struct host_app *app;
    const cim_call *call;
    const char
        *changed_layer;  /* the record of this layer that is about to change is left out; or */
    const char *changed; /* NULL. Its fid, or uid */
};
cim_status host_layer_read(void *arg, const char *layer_id, const char *filter_json,
                           const double *bbox_deg, host_geometry_fn take, void *to, cim_error *err);

/* Registers POST /admin/api/imports. Needs http, identity and plugins. */
cim_status host_exchange_add_routes(struct host_app *app, cim_error *err);
/* Registers POST /files/features (features_route.c). */
cim_status host_exchange_add_features_route(struct host_app *app, cim_error *err);

/* Enters a layer for work of a principal: fills `call` (copied from `from`) with scope and worker;
 * CIM_E_DENIED when no term allows `action`. Ends with host_plugins_leave(). */
struct host_layer;
cim_status host_exchange_enter(struct host_app *app, const cim_call *from, const char *layer_id,
                               uint32_t action, cim_call *ret_call,
                               const struct host_layer **ret_layer, cim_error *err);

#endif
