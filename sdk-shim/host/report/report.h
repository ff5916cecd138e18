/* host/report/report.h -- what an analysis answered, as a document that is signed and filed: PDF by
 * Cairo and Pango, .docx, or its layers as files.
 *
 * The renderer knows no analysis. What it prints is made of the process description: an output is
 * called by its title; a GeoJSON one is a layer of the map and a table of its properties; a list of
 * objects is a table; numbers, texts and objects are facts. An output's schema may say more:
 *   "x-report": false             it is left out; of members, too
 *   "x-columns": [{"path": "rule.clause", "zh": "条款", "en": "Clause"}, …]
 *                                 the columns of its table, those with a title in the other
 *                                 language alone left out; "true": {"zh", "en"} is what is printed
 *                                 for true, "values": {value: {"zh", "en"}} for values,
 *                                 "codes": "layer/field" has them called as that field's codes are
 *   "x-members": {"complies": {"zh": "合规", "en": "complies", "x-values": …}, …}
 *                                 how the members of an object are called
 *   "x-values": {value: {"zh", "en"}}
 *                                 how its texts are called; of inputs, too
 *   "x-properties-of": {input: "b_"}
 *                                 attributes beginning so are those of the layer that the input
 * names "x-colour": "#2f9e44"         of its layer on the map "x-grade": "range"            the
 * number by which its features are coloured
 */
#ifndef HOST_REPORT_H
#define HOST_REPORT_H

#include "kit/buf.h"

#include <stdbool.h>

struct json_object;

enum {
    HOST_REPORT_ROWS_MAX = 200,  /* of a table; more are counted */
    HOST_REPORT_COLUMNS_MAX = 9, /* of a table */
    HOST_REPORT_LAYERS_MAX = 12, /* of the map */
    HOST_REPORT_GRADES_MAX = 50, /* of a layer */
    HOST_REPORT_BLOCKS_MAX = 120,
    HOST_REPORT_BYTES_MAX = 64 << 20
};

/* What to print. Texts and objects are borrowed until the end. */
struct host_report_source {
    const char *title;
    const char *description;
    const char *number;          /* of the document */
    const char *office;          /* its heading; "": none */
    const char *date;            /* "2026-11-27" */
    struct json_object *inputs;  /* descriptions, as cim/analyses.h has them */
    struct json_object *outputs; /* likewise */
    struct json_object *run;     /* {"process","version","inputs","pos"} */
    struct json_object *result;  /* output -> value */
    bool chinese;
    /* The title of a value of a code field ("lpg.stations", "kind", "supply") into `out`, which
     * holds the value; leaves it where there is none. NULL: nobody knows any. */
    void (*name)(void *arg, const char *layer, const char *field, char *out, size_t out_size);
    /* Likewise what a field is called, or with NULL the layer. */
    void (*title_of)(void *arg, const char *layer, const char *field, char *out, size_t out_size);
    void *arg;
};

/* A whole document. CIM_E_TOO_LARGE past HOST_REPORT_BYTES_MAX. [worker] */
cim_status host_report_pdf(const struct host_report_source *source, struct cim_buf *out,
                           cim_error *err);
cim_status host_report_docx(const struct host_report_source *source, const char *work_dir,
                            struct cim_buf *out, cim_error *err);

/* The GeoJSON outputs, `only` that one (NULL: all): one FeatureCollection whose features say in
 * "output" which they are of. CIM_E_NOTFOUND: there is none. */
cim_status host_report_geojson(const struct host_report_source *source, const char *only,
                               struct cim_buf *out, cim_error *err);
/* The same as a file of `format` ("shp": a zip, "dxf"), through the exports; one output and one
 * kind of geometry to a Shapefile, so `only` is asked for where there are several (CIM_E_INVALID
 * names them). */
cim_status host_report_file(const struct host_report_source *source, const char *only,
                            const char *format, const char *work_dir, struct cim_buf *out,
                            cim_error *err);

#endif
