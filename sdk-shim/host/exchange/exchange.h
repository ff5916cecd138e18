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
#include "kit/buf.h"
#include "kit/definition.h"

enum { HOST_IMPORT_ROW_WISE = 1, HOST_IMPORT_DRY_RUN = 2 };
enum {
    HOST_IMPORT_REFUSED_MAX = 1000,    /* listed in a report; the total goes on */
    HOST_IMPORT_SKIPPED_MAX = 1 << 20, /* rows refused by the reader; more stop the import */
    HOST_IMPORT_ZIP_ENTRIES_MAX = 1000,
    HOST_IMPORT_FIELDS_MAX = 500,
    HOST_IMPORT_IGNORED_MAX = 100, /* names listed in a report */
    HOST_IMPORT_GEOMETRY_BYTES_MAX = 32 << 20,
    HOST_IMPORT_SHEET_BYTES_MAX = 256 << 20, /* of an XLSX, unpacked */
    HOST_IMPORT_WHOLE_BYTES_MAX = 64 << 20   /* of a file that is read whole: KML, XLSX, DXF, TXT */
};
#define HOST_IMPORT_UNZIPPED_MAX (INT64_C(8) << 30) /* bytes of one unpacked file */

struct host_import_options {
    uint32_t flags;       /* HOST_IMPORT_… */
    const char *crs;      /* "gcj02", "bd09", "wgs84", "cgcs2000", "EPSG:4546"; NULL: the file's */
    const char *encoding; /* "UTF-8", "GBK", "GB18030"; NULL: what the file says or looks like */
    const char *source_layer; /* of a file with several; NULL: its only one */
    const char *map;          /* "column=field,…" beside the names that match; may be NULL */
    const char *set;          /* "field=value,…" for every row; may be NULL */
    const char *work_dir;     /* for unpacking; NULL: TMPDIR or /tmp */
    /* Told now and then; `total` -1: not known. Non-zero cancels. May be NULL. */
    int32_t (*progress)(void *arg, int64_t done, int64_t total);
    void *arg;
};

struct host_import_refusal {
    int64_t row; /* in the file, from 1 */
    cim_error why;
};

struct host_import_report {
    int64_t n_read;
    int64_t n_written;
    int64_t n_refused;
    int64_t pos;
    int32_t dry_run;
    int32_t n_refusals; /* kept in `refusals` */
    struct host_import_refusal *refusals;
    char format[24];
    char crs[64];
    char encoding[24];
    int32_t n_ignored; /* columns of the file that no field takes */
    char (*ignored)[64];
};

void host_import_report_done(struct host_import_report *report);
/* {"layer","read","written","refused":[{"row","field","value","zh","en"}],"refused_total",…}:
 * members without the braces, so that a problem document can take them too. */
void host_import_report_write(const struct host_import_report *report, const char *layer_id,
                              struct cim_buf *out);

/* *ret_report is set also when the import fails, and done by the caller. CIM_E_INVALID: the file or
 * a row is at fault, nothing was written. */
cim_status host_exchange_import(const cim_layer *layer, const struct cim_definition *definition,
                                const cim_call *call, const char *path,
                                const struct host_import_options *options,
                                struct host_import_report *ret_report, cim_error *err);

/* ---- out ---- */

enum host_export_format {
    HOST_EXPORT_GEOJSON = 1,
    HOST_EXPORT_GEOJSONL,
    HOST_EXPORT_CSV,
    HOST_EXPORT_GPKG,
    HOST_EXPORT_SHP, /* a zip of the parts when the path ends in ".zip" */
    HOST_EXPORT_KML,
    HOST_EXPORT_GML,
    HOST_EXPORT_DXF, /* geometries alone, without attributes */
    HOST_EXPORT_XLSX
};

struct host_export_options {
    enum host_export_format format;
    const char *encoding; /* of a Shapefile: "UTF-8" (default) or "GBK" */
    /* Told now and then. Non-zero cancels. May be NULL. */
    int32_t (*progress)(void *arg, int64_t done);
    void *arg;
};

/* "geojson", "geojsonl", "csv", "gpkg", "shp", "kml", "gml", "dxf", "xlsx"; NULL: by the ending of
 * `path`. */
cim_status host_export_format_of(const char *name, const char *path,
                                 enum host_export_format *ret_format, cim_error *err);
/* Writes what the query finds into a new file, which appears whole or not at all. Sensitive values
 * are as the call's scope has them. CIM_E_EXISTS: there is a file already. */
cim_status host_exchange_export(const cim_layer *layer, const struct cim_definition *definition,
                                const cim_call *call, const cim_query *query, const char *path,
                                const struct host_export_options *options, int64_t *ret_count,
                                cim_error *err);

/* ---- over HTTP (routes.c, in host_exchange_app) ---- */

struct host_app;
/* Registers POST /admin/api/imports. Needs http, identity and plugins. */
cim_status host_exchange_add_routes(struct host_app *app, cim_error *err);

/* Enters a layer for work of a principal: fills `call` (copied from `from`) with scope and worker;
 * CIM_E_DENIED when no term allows `action`. Ends with host_plugins_leave(). */
struct host_layer;
cim_status host_exchange_enter(struct host_app *app, const cim_call *from, const char *layer_id,
                               uint32_t action, cim_call *ret_call,
                               const struct host_layer **ret_layer, cim_error *err);

#endif
