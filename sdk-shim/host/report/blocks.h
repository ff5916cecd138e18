/* host/report/blocks.h -- a document as a list of blocks, before it is PDF or Word; inside of the
 * module. */
#ifndef HOST_REPORT_BLOCKS_H
#define HOST_REPORT_BLOCKS_H

#include "host/report/report.h"

#include <cairo.h>

enum host_report_kind { HOST_REPORT_HEADING, HOST_REPORT_TEXT, HOST_REPORT_TABLE, HOST_REPORT_MAP };

struct host_report_table {
    size_t n_columns;
    size_t n_rows;
    char **cells; /* the heads first; owned */
};

struct host_report_block {
    enum host_report_kind kind;
    char *text; /* owned */
    struct host_report_table table;
};

struct host_report_layer {
    char title[128];
    struct json_object *geojson; /* borrowed */
    double colour[3];
    struct json_object *painted; /* the column whose values have colours; borrowed; NULL: none */
    const char *grade;           /* the number by which features are coloured; NULL: none */
    size_t n_grades;
    double grades[HOST_REPORT_GRADES_MAX]; /* rising */
    bool outline;                          /* what was asked about: edged, hardly filled */
};

struct host_report_blocks {
    size_t n;
    struct host_report_block blocks[HOST_REPORT_BLOCKS_MAX];
    size_t n_layers;
    struct host_report_layer layers[HOST_REPORT_LAYERS_MAX];
    bool chinese;
};

/* gather.c. Ends with host_report_blocks_done(), also after a failure; starts from {0}. */
cim_status host_report_gather(const struct host_report_source *source,
                              struct host_report_blocks *ret_blocks, cim_error *err);
void host_report_blocks_done(struct host_report_blocks *blocks);

/* table.c: a table of objects (or Features) by the schema's x-columns, or by what they hold. */
cim_status host_report_table_of(const struct host_report_source *source, struct json_object *list,
                                struct json_object *schema, struct host_report_table *ret_table,
                                size_t *ret_left_out, cim_error *err);
void host_report_table_done(struct host_report_table *table);
/* `widths` are those that the columns would like. What fits has its own, what does not shares what
 * is left evenly: no column is narrow because another is wide. Room that nobody needs goes to all
 * in proportion. */
void host_report_share_width(size_t n_columns, double whole, double *widths);
/* A value as people read it; owned. Objects and lists: "". NULL: no memory. */
char *host_report_value(struct json_object *value, bool chinese);
/* The same where `values` has names for texts, one or a list of them (NULL: none); of an object its
 * text in the language, where it has one. */
char *host_report_named(struct json_object *value, struct json_object *values, bool chinese);
/* report.c: title or description of a part, in the language. */
const char *host_report_text(struct json_object *part, const char *key, bool chinese);
struct json_object *host_report_member(struct json_object *object, const char *key);
/* Is it a FeatureCollection, a Feature or a geometry? */
bool host_report_is_geojson(struct json_object *value);

/* map.c: the layers in a box of so many units, with scale, north arrow, legend and graticule.
 * `unit_m` is how long a unit is on paper, for the scale that is printed. */
void host_report_draw_map(const struct host_report_blocks *blocks, cairo_t *cr, double width,
                          double height, double unit_m);
/* A line of text at a place, by Pango. Returns its height. */
double host_report_draw_text(cairo_t *cr, const char *text, double x, double y, double width,
                             double size, bool bold);
/* On one line. */
double host_report_text_width(cairo_t *cr, const char *text, double size, bool bold);
double host_report_text_height(cairo_t *cr, const char *text, double width, double size, bool bold);

#endif
