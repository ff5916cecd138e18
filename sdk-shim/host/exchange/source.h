/* host/exchange/source.h -- a file as rows of a layer; inside of the exchange module.
 *
 * GDAL's datasets are used by one thread at a time, not necessarily the one that opened them. */
#ifndef HOST_SOURCE_H
#define HOST_SOURCE_H

#include "host/exchange/exchange.h"
#include "host/exchange/rules.h"
#include "host/exchange/topology.h"
#include "cim/rows.h"

#include <gdal.h>
#include <iconv.h>
#include <ogr_api.h>
#include <ogr_srs_api.h>
#include <stdbool.h>
#include <stdio.h>

/* ---- errors of GDAL (gdal_error.c) ---- */

struct host_gdal_errors {
    int n_failures;
    char first[256];
};
/* Failures of GDAL on this thread go to *errors until the matching leave. */
void host_gdal_enter(struct host_gdal_errors *errors);
void host_gdal_leave(void);
/* Registers the drivers once. */
void host_gdal_init(void);

/* ---- which file it is (formats.c, identify.c, workdir.c, shapefile.c) ---- */

enum host_file_kind {
    HOST_FILE_UNKNOWN,
    HOST_FILE_GEOJSON,
    HOST_FILE_GEOJSONSEQ,
    HOST_FILE_GPKG,
    HOST_FILE_SHAPEFILE,
    HOST_FILE_CSV,
    HOST_FILE_FILEGDB,
    HOST_FILE_KML,
    HOST_FILE_KMZ,
    HOST_FILE_GML,
    HOST_FILE_XLSX,
    HOST_FILE_DXF,
    HOST_FILE_PARCELS,
    HOST_FILE_ZIP
};

enum {
    HOST_FORMAT_LAYERS = 1,       /* one file may hold several layers */
    HOST_FORMAT_ANY_ENCODING = 2, /* its text may be written in anything */
    HOST_FORMAT_TABLE = 4,        /* geometries are columns: longitude and latitude, or WKT */
    HOST_FORMAT_WHOLE = 8         /* read whole into memory, so its size has a limit */
};

struct host_format {
    const char *name;
    const char *extension;
    const char *driver; /* of GDAL; NULL: read by ourselves */
    const char *const *open_options;
    uint32_t flags; /* HOST_FORMAT_… */
};
const struct host_format *host_format_of(enum host_file_kind kind);
/* CIM_E_UNSUPPORTED with the reason and the way out for a format that is known and not read. */
cim_status host_format_refuse(const char *path, const unsigned char *bytes, size_t n,
                              cim_error *err);

/* By content, not by name. */
cim_status host_file_identify(const char *path, enum host_file_kind *ret_kind, cim_error *err);
/* A regular file that is no symbolic link, or the folder of a file geodatabase. */
cim_status host_file_check(const char *path, cim_error *err);

enum { HOST_PATH_MAX = 1024 };

/* A private folder that holds the file under a name of ours ("layer.shp" and what belongs to it),
 * so that no name out of an archive or a request ever reaches the file system. */
struct host_workdir {
    char dir[HOST_PATH_MAX];       /* "" when there is none */
    char file[HOST_PATH_MAX + 32]; /* what GDAL opens */
    enum host_file_kind kind;
    bool unpacked; /* out of an archive */
};
cim_status host_workdir_open(const char *path, const char *source_layer, const char *parent,
                             struct host_workdir *ret_work, cim_error *err);
void host_workdir_done(struct host_workdir *work);
/* "DIR/layer.EXTENSION" */
void host_workdir_path(const struct host_workdir *work, const char *extension, char *out,
                       size_t capacity);
/* CIM_E_IO with errno: `what` cannot be made. */
cim_status host_workdir_fail(const char *what, cim_error *err);
/* Takes the one data file, or the one whose name is `wanted`, out of a zip archive and sets `kind`.
 * Archives that are a format of their own (XLSX, KMZ) stay as they are. */
cim_status host_archive_open(struct host_workdir *work, const char *path, const char *wanted,
                             cim_error *err);

enum { HOST_SHAPEFILE_PARTS = 5, HOST_GEODATABASE_NAME_MAX = 64 };
extern const char *const host_shapefile_parts[HOST_SHAPEFILE_PARTS]; /* endings */
/* True for names of files that a geodatabase is made of. */
bool host_geodatabase_part(const char *name);

/* Holds the headers of .shp, .shx and .dbf against each other and against the files' sizes. */
cim_status host_shapefile_check(const char *shp_path, cim_error *err);

/* ---- GeoJSON (geojson.c) ---- */

/* The geometry of one Feature given as text: positions of finite numbers, nested as its type asks.
 * CIM_E_INVALID names "geom" and what stands there. */
cim_status host_geojson_check(const char *text, size_t len, cim_error *err);

/* The records of a GeoJSON text sequence, in step with GDAL, which keeps no text of them. */
struct host_geojson_lines {
    FILE *file; /* NULL: not in use */
    int separator;
    char *text;
    size_t capacity;
};
cim_status host_geojson_lines_open(const char *path, struct host_geojson_lines *ret_lines,
                                   cim_error *err);
void host_geojson_lines_done(struct host_geojson_lines *lines);
/* Takes the next record and checks its geometry. */
cim_status host_geojson_lines_check(struct host_geojson_lines *lines, cim_error *err);

/* ---- 国土 parcels (parcels.c, parcels_read.c) ---- */

/* A dataset in memory, of one layer of polygons in the reference system that the file names. */
struct host_text_in;
cim_status host_parcels_open(const char *path, struct host_text_in *text, GDALDatasetH *ret_dataset,
                             cim_error *err);

/* ---- text (encoding.c) ---- */

struct host_text_in {
    char label[24];
    bool convert; /* `from` is in use; otherwise the text is UTF-8 and only checked */
    iconv_t from;
};
/* Of a file whose text may be anything: `path` .dbf or .csv; `declared` by the caller, `hint` by
 * the file itself (may be NULL). Refuses with the question when it cannot be told. */
cim_status host_text_in_open(const char *path, enum host_file_kind kind, const char *declared,
                             const char *hint, struct host_text_in *ret_text, cim_error *err);
void host_text_in_utf8(struct host_text_in *ret_text);
void host_text_in_done(struct host_text_in *text);
/* Appends `raw` as UTF-8. A character cut at the end is dropped; anything else that is wrong:
 * CIM_E_INVALID. */
cim_status host_text_in_convert(struct host_text_in *text, const char *raw, struct cim_buf *out,
                                cim_error *err);

/* ---- reference systems (crs.c, shift.c) ---- */

enum host_crs_kind { HOST_CRS_SAME, HOST_CRS_PROJ, HOST_CRS_GCJ02, HOST_CRS_BD09 };

/* What takes coordinates of a town onto a plane: E = dx + scale (e cos a - n sin a), N = dy + scale
 * (e sin a + n cos a). scale 0: nothing does. */
struct host_crs_turn {
    double dx_m;
    double dy_m;
    double angle_rad;
    double scale;
};
struct host_crs_in {
    enum host_crs_kind kind;
    struct host_crs_turn turn;
    char label[64];
    OGRCoordinateTransformationH transform;
    bool is_projected;
    double use_w_deg; /* where the system is meant to be used; both 0: not known */
    double use_e_deg;
};
/* `declared` may be NULL; `of_file` is what the file says, or NULL. */
cim_status host_crs_in_open(const char *declared, OGRSpatialReferenceH of_file,
                            struct host_crs_in *ret_crs, cim_error *err);
void host_crs_in_done(struct host_crs_in *crs);
/* "lon_0=110.35,x_0=500000,…" into the system and the turn before it (crs_local.c). */
cim_status host_crs_local(const char *text, OGRSpatialReferenceH srs,
                          struct host_crs_turn *ret_turn, cim_error *err);
void host_crs_turn_apply(const struct host_crs_turn *turn, OGRGeometryH geometry);
/* In place, to CGCS2000 longitude, latitude. CIM_E_INVALID also for numbers that the system cannot
 * have meant: degrees in a projected one, or a place far from where it is used. */
cim_status host_crs_in_apply(struct host_crs_in *crs, OGRGeometryH geometry, cim_error *err);

/* The way back, for exports. */
struct host_crs_out {
    struct host_crs_in in;
    int32_t epsg; /* 0: not open */
    OGRSpatialReferenceH srs;
    OGRCoordinateTransformationH transform; /* NULL: coordinates stay */
};
/* `declared` is "EPSG:code", easting before northing whatever its registry entry says. */
cim_status host_crs_out_open(const char *declared, struct host_crs_out *ret_crs, cim_error *err);
void host_crs_out_done(struct host_crs_out *crs);
/* In place, from CGCS2000 longitude, latitude. */
cim_status host_crs_out_apply(const struct host_crs_out *crs, OGRGeometryH geometry,
                              cim_error *err);

/* The offsets of Chinese map services and their inverses; degrees. */
void host_shift_to_gcj02(double lon_deg, double lat_deg, double ret[2]);
void host_shift_to_bd09(double lon_deg, double lat_deg, double ret[2]);
void host_shift_from_gcj02(double lon_deg, double lat_deg, double ret[2]);
void host_shift_from_bd09(double lon_deg, double lat_deg, double ret[2]);

/* ---- lists of pairs (pairs.c) ---- */

/* Cuts the first pair off *text, which it changes; *ret_name NULL at the end. A backslash hides the
 * character after it. `option` is named in refusals. */
cim_status host_pairs_next(char **text, const char *option, char **ret_name, char **ret_value,
                           cim_error *err);
/* The same of "field:text=value". */
cim_status host_pairs_next_value(char **text, char **ret_field, char **ret_from, char **ret_to,
                                 cim_error *err);

/* ---- columns (fields.c) ---- */

struct host_source_column {
    const char *name; /* of the definition */
    uint32_t type;    /* CIM_COL_… */
    int ogr_index;    /* -1: a constant */
    OGRFieldType ogr_type;
    bool mapped; /* by the caller's list, not by its name */
    const char *constant;
    const struct cim_field *field; /* NULL: a record column */
};
/* It goes to a date or a moment. */
bool host_column_is_time(const struct host_source_column *column);

struct host_value_map {
    const char *field; /* of the definition */
    const char *from;
    const char *to;
};

struct host_columns {
    uint32_t n;
    struct host_source_column columns[HOST_IMPORT_FIELDS_MAX];
    char *set_text; /* what the constants point into */
    uint32_t n_values;
    struct host_value_map *values;
    char *values_text; /* likewise */
};
struct host_import_report;
cim_status host_columns_match(OGRFeatureDefnH file, struct host_text_in *text,
                              enum host_file_kind kind, const struct cim_definition *definition,
                              const struct host_import_options *options,
                              struct host_columns *ret_columns, struct host_import_report *report,
                              cim_error *err);
void host_columns_done(struct host_columns *columns);
/* The field that a column goes to by its name alone, or NULL: by name, title, or the start of
 * either that dBASE keeps. `raw` as the file has it, `name` in UTF-8. */
const char *host_column_field(const struct cim_definition *definition, enum host_file_kind kind,
                              const char *raw, const char *name);
/* What a text of the file means for a field: by the caller's list, or the value of a code whose
 * title it is; else itself. */
const char *host_columns_value(const struct host_columns *columns,
                               const struct host_source_column *column, const char *text);
/* Longitude and latitude (or easting and northing), or WKT, of a table without geometries; -1:
 * none. */
void host_columns_find_position(OGRFeatureDefnH file, int *ret_x, int *ret_y, int *ret_wkt);

/* ---- the rows (source.c, convert.c) ---- */

struct cim_batch_builder;

/* What of the file is under way; set up by host_source_open(). */
struct host_source {
    struct host_workdir work;
    GDALDatasetH dataset;
    OGRLayerH layer;
    struct host_text_in text;
    char encoding[24]; /* of the file, where `text` is what was made of it */
    struct host_crs_in crs;
    struct host_columns columns;
    struct host_geojson_lines lines; /* of a sequence */
    enum cim_geometry_type geometry;
    bool is_placed; /* records may come without one: the definition has `placing` */
    int x_index;    /* columns that points are made of, or -1 */
    int y_index;
    int wkt_index; /* column of geometries as text, or -1 */
    int64_t total; /* -1: not known */
    int64_t n_read;
    int64_t n_delivered;
    bool ended;
    /* For each row refused here: how many rows were delivered before it. */
    int64_t *skipped;
    int32_t n_skipped;
    int32_t skipped_capacity;
    /* Told of rows refused here, and of what does not refuse a row. */
    void (*refused)(void *arg, int64_t row, const cim_error *why);
    void (*warned)(void *arg, int64_t row, const cim_error *what);
    void *told_arg;
    uint32_t flags;                 /* HOST_IMPORT_… */
    GEOSContextHandle_t geos;       /* of layers of areas */
    struct host_topology *topology; /* NULL: rows are not compared */
    struct host_rules *rules;       /* of the definition; NULL: none are checked */
    struct cim_buf scratch;
    uint8_t *wkb;
    size_t wkb_capacity;
};

cim_status host_source_open(const char *path, const struct host_import_options *options,
                            const struct cim_definition *definition,
                            struct host_import_report *report, struct host_source **ret_source,
                            cim_error *err);
void host_source_free(struct host_source *source);
/* The steps of it, for who wants to go on after a failure: the file, then a layer of it, then what
 * its text is and where its geometries are. GDAL's errors are caught by the caller. */
cim_status host_source_open_file(const char *path, const struct host_import_options *options,
                                 struct host_source *source, cim_error *err);
cim_status host_source_choose_layer(struct host_source *source, const char *wanted, cim_error *err);
cim_status host_source_open_text(struct host_source *source, const char *declared, cim_error *err);
cim_status host_source_open_geometry(struct host_source *source,
                                     const struct host_import_options *options, cim_error *err);
/* The topology rules of the definition, once `warned` is set. */
cim_status host_source_open_rules(struct host_source *source,
                                  const struct host_import_options *options,
                                  const struct cim_definition *definition, cim_error *err);
/* Rows of the source, which stays the caller's and must outlive them. */
cim_status host_source_rows(struct host_source *source, cim_rows **ret_rows, cim_error *err);
/* The row in the file of the i-th row delivered, both from 1. */
int64_t host_source_row_of(const struct host_source *source, int64_t delivered);
/* DXF (drawing.c): that the file is whole; and its entities, or those of the layer `wanted`. */
cim_status host_drawing_check(const char *path, cim_error *err);
/* Quotes, names of columns and the number of values of each row (csv_shape.c). */
cim_status host_csv_check(const char *path, cim_error *err);
cim_status host_drawing_choose(struct host_source *source, const char *wanted, cim_error *err);
/* The geometry of a feature in the file's own system, owned by the caller; NULL: it has none. */
cim_status host_source_geometry(struct host_source *source, OGRFeatureH feature,
                                OGRGeometryH *ret_geometry, cim_error *err);
/* Refuses a GeoJSON geometry that GDAL did not read as it stands (geojson.c); nothing for other
 * formats. Once per feature, in order. */
cim_status host_source_check_geojson(struct host_source *source, OGRFeatureH feature,
                                     cim_error *err);
/* Appends the geometry as the column after the fields. */
cim_status host_source_convert_geometry(struct host_source *source, OGRFeatureH feature,
                                        struct cim_batch_builder *builder, cim_error *err);
/* The geometry of a feature as WKB in degrees, in source->wkb, whatever it is; closed lines of a
 * drawing as areas. *ret_len 0: it has none. For sources that were opened without a definition. */
cim_status host_source_any_geometry(struct host_source *source, OGRFeatureH feature,
                                    size_t *ret_len, cim_error *err);
/* A field of a feature as UTF-8 text; empty: it has none. */
cim_status host_source_text(struct host_source *source, OGRFeatureH feature, int index,
                            struct cim_buf *out, cim_error *err);
/* Appends one feature; CIM_E_INVALID: the row is refused. */
cim_status host_source_convert(struct host_source *source, OGRFeatureH feature,
                               struct cim_batch_builder *builder, cim_error *err);

#endif
