/* plugin/analysis/sites_load.c -- the records of a layer read into the columns of an index; see
 * sites_index.h. */
#include "analysis/sites_index.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/time.h"
#include "kit/wkb.h"

#include <math.h>
#include <stdlib.h>

struct loader {
    const struct lpg_sites_spec *spec;
    struct lpg_sites *sites;
    int32_t code;
    int32_t name;
    int32_t persons;
    int32_t distance;
    int32_t from;
    int32_t to;
    int32_t pending;
    int32_t basis;
    int32_t all_day;
    int32_t hours_from;
    int32_t hours_to;
    int32_t weekdays;
    int32_t values[LPG_SITES_VALUES_MAX];
    bool has_last; /* of a line being read */
    double last[2];
    cim_status status;
    cim_error *err;
};

static cim_status
put_name(struct lpg_sites *sites, const cim_column *column, int64_t row, uint32_t *ret_number,
         cim_error *err)
{
    size_t len = 0;
    const uint8_t *bytes =
        cim_column_present(column, row) ? cim_column_bytes(column, row, &len) : (const uint8_t *)"";
    return lpg_sites_add_name(sites, bytes, len, ret_number, err);
}

/* ---- positions ---- */

static int
begin_part(void *self, uint32_t type, uint32_t count)
{
    (void)type;
    (void)count;
    ((struct loader *)self)->has_last = false;
    return 0;
}

static int
add_vertex(void *self, double x, double y)
{
    struct loader *loader = self;
    const double at[2] = {x, y};
    if (loader->has_last) {
        loader->status = loader->sites->areas
                             ? lpg_sites_add_edge(loader->sites, loader->last, at, loader->err)
                             : lpg_sites_add_item(loader->sites, loader->last, at, loader->err);
    }
    if (loader->status != CIM_OK) {
        return 1;
    }
    memcpy(loader->last, at, sizeof at);
    loader->has_last = true;
    return 0;
}

static int
begin_ring(void *self, uint32_t n_points)
{
    return begin_part(self, 0, n_points);
}

static cim_status
add_geometry(struct loader *loader, const cim_column *geom, int64_t row, cim_error *err)
{
    const struct cim_wkb_visitor visitor = {
        .self = loader, .begin = begin_part, .begin_ring = begin_ring, .point = add_vertex};
    struct lpg_sites *sites = loader->sites;
    size_t len;
    const uint8_t *wkb = cim_column_bytes(geom, row, &len);
    double at[2];
    double box[4];
    if (!sites->lines) {
        return cim_wkb_point(wkb, len, &at[0], &at[1]) ? lpg_sites_add_item(sites, at, at, err)
                                                       : CIM_OK;
    }
    loader->status = CIM_OK;
    loader->err = err;
    (void)cim_wkb_walk(wkb, len, &visitor, NULL); /* stored geometries are whole */
    CIM_TRY(loader->status);
    if (sites->areas && cim_wkb_bbox(wkb, len, box, NULL) == CIM_OK) {
        return lpg_sites_add_item(sites, box, box + 2, err);
    }
    return CIM_OK;
}

/* ---- records ---- */

static double
number_of(const cim_batch *batch, int32_t column, int64_t row)
{
    const cim_column *c = column >= 0 ? batch->columns[column] : NULL;
    if (c == NULL || !cim_column_present(c, row)) {
        return NAN;
    }
    return c->type == CIM_COL_FLOAT64 ? cim_column_f64(c, row) : (double)cim_column_i64(c, row);
}

static int32_t
day_of(const cim_batch *batch, int32_t column, int64_t row, int32_t open)
{
    const cim_column *c = column >= 0 ? batch->columns[column] : NULL;
    int32_t day = open;
    if (c != NULL && cim_column_present(c, row)) {
        size_t len;
        const uint8_t *text = cim_column_bytes(c, row, &len);
        if (cim_date_parse((const char *)text, len, &day) != CIM_OK) {
            day = open;
        }
    }
    return day;
}

static bool
text_is(const cim_batch *batch, int32_t column, int64_t row, const char *wanted)
{
    const cim_column *c = column >= 0 ? batch->columns[column] : NULL;
    size_t len;
    const uint8_t *text;
    if (c == NULL || !cim_column_present(c, row)) {
        return false;
    }
    text = cim_column_bytes(c, row, &len);
    return len == strlen(wanted) && memcmp(text, wanted, len) == 0;
}

static double
value_of(const struct loader *loader, int k, const cim_batch *batch, int64_t row)
{
    const char *const *codes = loader->spec->values[k].codes;
    if (codes == NULL) {
        return number_of(batch, loader->values[k], row);
    }
    for (int i = 0; codes[i] != NULL; i++) {
        if (text_is(batch, loader->values[k], row, codes[i])) {
            return i;
        }
    }
    return NAN;
}

/* "07:30" in minutes; -1 for anything else. */
static int16_t
minute_of(const cim_batch *batch, int32_t column, int64_t row)
{
    const cim_column *c = column >= 0 ? batch->columns[column] : NULL;
    size_t len;
    const uint8_t *text;
    if (c == NULL || !cim_column_present(c, row)) {
        return -1;
    }
    text = cim_column_bytes(c, row, &len);
    if (len != 5 || text[2] != ':') {
        return -1;
    }
    return (int16_t)((text[0] - '0') * 600 + (text[1] - '0') * 60 + (text[3] - '0') * 10 +
                     (text[4] - '0'));
}

static uint8_t
weekdays_of(const cim_batch *batch, int32_t column, int64_t row)
{
    const cim_column *c = column >= 0 ? batch->columns[column] : NULL;
    const uint8_t every = 0x7F;
    unsigned days = 0;
    if (c != NULL && cim_column_present(c, row)) {
        size_t len;
        const uint8_t *text = cim_column_bytes(c, row, &len);
        for (size_t i = 0; i < len; i++) {
            if (text[i] >= '1' && text[i] <= '7') {
                days |= 1U << (unsigned)(text[i] - '1');
            }
        }
    }
    return days == 0 ? every : (uint8_t)days;
}

static cim_status
read_hours(struct loader *loader, const cim_batch *batch, int64_t row, struct lpg_site_facts *facts,
           cim_error *err)
{
    const cim_column *basis = loader->basis >= 0 ? batch->columns[loader->basis] : NULL;
    size_t len = 0;
    const uint8_t *text = (const uint8_t *)"";
    if (basis != NULL && cim_column_present(basis, row)) {
        text = cim_column_bytes(basis, row, &len);
    }
    facts->from_minute = minute_of(batch, loader->hours_from, row);
    facts->to_minute = minute_of(batch, loader->hours_to, row);
    if (facts->to_minute < 0 || number_of(batch, loader->all_day, row) > 0.0) {
        facts->from_minute = -1;
    }
    facts->weekdays = weekdays_of(batch, loader->weekdays, row);
    return lpg_sites_add_text(loader->sites, text, len, &facts->basis, err);
}

static cim_status
read_facts(struct loader *loader, const cim_batch *batch, int64_t row, cim_error *err)
{
    struct lpg_site_facts *facts = &loader->sites->facts[loader->sites->n_records];
    const cim_column *columns[2] = {batch->columns[CIM_RECORD_UID], batch->columns[loader->name]};
    uint32_t *places[2] = {&facts->uid, &facts->name};
    for (int i = 0; i < 2; i++) {
        size_t len = 0;
        const uint8_t *bytes = cim_column_present(columns[i], row)
                                   ? cim_column_bytes(columns[i], row, &len)
                                   : (const uint8_t *)"";
        CIM_TRY(lpg_sites_add_text(loader->sites, bytes, len, places[i], err));
    }
    facts->persons = number_of(batch, loader->persons, row);
    facts->distance_m = number_of(batch, loader->distance, row);
    loader->sites->distance_max_m = fmax(loader->sites->distance_max_m, facts->distance_m);
    facts->from_day = day_of(batch, loader->from, row, INT32_MIN);
    facts->to_day = day_of(batch, loader->to, row, INT32_MAX);
    facts->pending = text_is(batch, loader->pending, row, "pending");
    return read_hours(loader, batch, row, facts, err);
}

static cim_status
load_row(struct loader *loader, const cim_batch *batch, int64_t row, cim_error *err)
{
    struct lpg_sites *sites = loader->sites;
    const cim_column *geom = batch->columns[CIM_RECORD_GEOM];
    const cim_column *codes = batch->columns[loader->code];
    const uint32_t n_before = sites->n;
    size_t len;
    const uint8_t *text;
    int code;
    if (!cim_column_present(geom, row) || !cim_column_present(codes, row)) {
        return CIM_OK;
    }
    text = cim_column_bytes(codes, row, &len);
    code = loader->spec->code(loader->spec->arg, (const char *)text, len);
    if (code < 0) {
        return CIM_OK;
    }
    CIM_TRY(lpg_sites_reserve_record(sites, err));
    CIM_TRY(add_geometry(loader, geom, row, err));
    if (sites->n == n_before) {
        return CIM_OK;
    }
    if (sites->areas) {
        sites->edge_end[sites->n_records] = sites->n_edges;
    }
    sites->fid[sites->n_records] = cim_column_i64(batch->columns[CIM_RECORD_FID], row);
    sites->code[sites->n_records] = (int16_t)code;
    CIM_TRY(put_name(sites, batch->columns[CIM_RECORD_AREA_CODE], row,
                     &sites->area[sites->n_records], err));
    CIM_TRY(put_name(sites, batch->columns[CIM_RECORD_OWNER_ORG], row,
                     &sites->owner[sites->n_records], err));
    if (sites->has_facts) {
        CIM_TRY(read_facts(loader, batch, row, err));
    }
    for (int k = 0; sites->has_values && k < LPG_SITES_VALUES_MAX; k++) {
        sites->values[LPG_SITES_VALUES_MAX * (size_t)sites->n_records + (size_t)k] =
            value_of(loader, k, batch, row);
    }
    sites->n_records++;
    return CIM_OK;
}

static int32_t
column_of(const cim_rows *rows, const char *field)
{
    return field != NULL ? cim_rows_column(rows, field) : -1;
}

static cim_status
load_rows(struct loader *loader, cim_rows *rows, const cim_call *call, cim_error *err)
{
    const struct lpg_sites_spec *spec = loader->spec;
    loader->code = column_of(rows, spec->code_field);
    loader->name = column_of(rows, spec->name_field);
    loader->persons = column_of(rows, spec->persons_field);
    loader->distance = column_of(rows, spec->distance_field);
    loader->from = column_of(rows, spec->from_field);
    loader->to = column_of(rows, spec->to_field);
    loader->pending = column_of(rows, spec->pending_field);
    loader->basis = column_of(rows, spec->basis_field);
    loader->all_day = column_of(rows, spec->all_day_field);
    loader->hours_from = column_of(rows, spec->hours_from_field);
    loader->hours_to = column_of(rows, spec->hours_to_field);
    loader->weekdays = column_of(rows, spec->weekdays_field);
    for (int k = 0; k < LPG_SITES_VALUES_MAX; k++) {
        loader->values[k] = column_of(rows, spec->values[k].field);
    }
    for (;;) {
        const cim_batch *batch;
        CIM_TRY(rows->next(rows, &batch, err));
        if (batch->n_rows == 0) {
            return CIM_OK;
        }
        CIM_TRY(cim_heed_cancel(call, err));
        for (int64_t row = 0; row < batch->n_rows; row++) {
            CIM_TRY(load_row(loader, batch, row, err));
        }
    }
}

cim_status
lpg_sites_read(struct lpg_sites *sites, const struct lpg_sites_spec *spec, struct lpg_layer *layer,
               const cim_call *call, const double *bbox_deg, const char *filter_json,
               cim_error *err)
{
    const char *properties[16 + LPG_SITES_VALUES_MAX];
    cim_query query = {
        .struct_size = sizeof query, .properties = properties, .filter_json = filter_json};
    struct loader loader = {.spec = spec, .sites = sites};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const char *const fields[] = {
        spec->code_field,    spec->name_field,       spec->persons_field,  spec->distance_field,
        spec->from_field,    spec->to_field,         spec->pending_field,  spec->basis_field,
        spec->all_day_field, spec->hours_from_field, spec->hours_to_field, spec->weekdays_field};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (fields[i] != NULL) {
            properties[query.n_properties++] = fields[i];
        }
    }
    for (size_t k = 0; k < LPG_SITES_VALUES_MAX; k++) {
        if (spec->values[k].field != NULL) {
            properties[query.n_properties++] = spec->values[k].field;
        }
    }
    if (bbox_deg != NULL) {
        query.flags = CIM_QUERY_BBOX;
        query.bbox_w_deg = bbox_deg[0];
        query.bbox_s_deg = bbox_deg[1];
        query.bbox_e_deg = bbox_deg[2];
        query.bbox_n_deg = bbox_deg[3];
    }
    CIM_TRY(lpg_layer_query(layer, call, &query, &rows, err));
    return load_rows(&loader, rows, call, err);
}
