/* plugin/analysis/sites.c -- see sites.h. */
#include "analysis/sites.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/scope_eval.h"
#include "kit/time.h"
#include "kit/wkb.h"

#include <math.h>
#include <stdlib.h>

/* ---- texts and their numbers ---- */

struct loader {
    const struct lpg_sites_spec *spec;
    struct lpg_sites *sites;
    size_t capacity; /* of positions or segments */
    size_t records_capacity;
    size_t text_capacity;
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
    size_t edges_capacity;
    bool has_last; /* of a line being read */
    double last[2];
    bool failed;
};

static cim_status
keep_text(struct loader *loader, const uint8_t *bytes, size_t len, uint32_t *ret_place,
          cim_error *err)
{
    struct lpg_sites *sites = loader->sites;
    const size_t needed = sites->text_len + len + 1;
    if (needed > LPG_SITES_TEXT_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "图层文字超过 %d 字节",
                        "the layer's texts are more than %d bytes", LPG_SITES_TEXT_MAX);
    }
    if (needed > loader->text_capacity) {
        const size_t capacity = needed * 2 + 1024;
        char *grown = realloc(sites->text, capacity);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        sites->text = grown;
        loader->text_capacity = capacity;
    }
    *ret_place = (uint32_t)sites->text_len;
    memcpy(sites->text + sites->text_len, bytes, len);
    sites->text[sites->text_len + len] = '\0';
    sites->text_len = needed;
    return CIM_OK;
}

static uint32_t
hash_bytes(const uint8_t *bytes, size_t len)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ bytes[i]) * 16777619U;
    }
    return hash;
}

static uint32_t
find_slot(const struct lpg_sites *sites, const uint8_t *bytes, size_t len)
{
    const struct lpg_names *names = &sites->names;
    uint32_t slot = hash_bytes(bytes, len) & (names->n_slots - 1);
    while (names->slots[slot] != 0) {
        const char *name = sites->text + names->places[names->slots[slot] - 1];
        if (strlen(name) == len && memcmp(name, bytes, len) == 0) {
            break;
        }
        slot = (slot + 1) & (names->n_slots - 1);
    }
    return slot;
}

static cim_status
grow_names(struct lpg_sites *sites, cim_error *err)
{
    struct lpg_names *names = &sites->names;
    const uint32_t n_slots = names->n_slots == 0 ? 256 : names->n_slots * 2;
    uint32_t *slots = calloc(n_slots, sizeof *slots);
    uint32_t *places = realloc(names->places, n_slots / 2 * sizeof *places);
    if (places != NULL) {
        names->places = places;
    }
    if (slots == NULL || places == NULL) {
        free(slots);
        return cim_fail_nomem(err);
    }
    free(names->slots);
    names->slots = slots;
    names->n_slots = n_slots;
    for (uint32_t i = 0; i < names->n; i++) {
        const char *name = sites->text + names->places[i];
        slots[find_slot(sites, (const uint8_t *)name, strlen(name))] = i + 1;
    }
    return CIM_OK;
}

static cim_status
put_name(struct loader *loader, const cim_column *column, int64_t row, uint32_t *ret_number,
         cim_error *err)
{
    struct lpg_names *names = &loader->sites->names;
    size_t len = 0;
    const uint8_t *bytes =
        cim_column_present(column, row) ? cim_column_bytes(column, row, &len) : (const uint8_t *)"";
    uint32_t slot;
    if (names->n >= names->n_slots / 2) {
        CIM_TRY(grow_names(loader->sites, err));
    }
    slot = find_slot(loader->sites, bytes, len);
    if (names->slots[slot] == 0) {
        CIM_TRY(keep_text(loader, bytes, len, &names->places[names->n], err));
        names->slots[slot] = ++names->n;
    }
    *ret_number = names->slots[slot] - 1;
    return CIM_OK;
}

/* ---- positions ---- */

static bool
grow(void **array, size_t size, size_t capacity)
{
    void *grown = realloc(*array, size * capacity);
    if (grown == NULL) {
        return false;
    }
    *array = grown;
    return true;
}

static bool
add_item(struct loader *loader, const double *from, const double *to)
{
    struct lpg_sites *sites = loader->sites;
    const size_t width = sites->lines ? 4 : 2;
    if (sites->n == loader->capacity) {
        const size_t capacity = loader->capacity == 0 ? 1024 : loader->capacity * 2;
        if (sites->n >= LPG_SITES_MAX ||
            !grow((void **)&sites->lonlat, width * sizeof(double), capacity) ||
            (sites->lines && !grow((void **)&sites->record, sizeof(uint32_t), capacity))) {
            loader->failed = true;
            return false;
        }
        loader->capacity = capacity;
    }
    memcpy(sites->lonlat + width * sites->n, from, 2 * sizeof(double));
    if (sites->lines) {
        memcpy(sites->lonlat + width * sites->n + 2, to, 2 * sizeof(double));
        sites->record[sites->n] = sites->n_records;
    }
    sites->n++;
    return true;
}

static bool
add_edge(struct loader *loader, const double *from, const double *to)
{
    struct lpg_sites *sites = loader->sites;
    if (sites->n_edges == loader->edges_capacity) {
        const size_t capacity = loader->edges_capacity == 0 ? 1024 : loader->edges_capacity * 2;
        if (sites->n_edges >= LPG_SITES_MAX ||
            !grow((void **)&sites->edges, 4 * sizeof(double), capacity)) {
            loader->failed = true;
            return false;
        }
        loader->edges_capacity = capacity;
    }
    memcpy(sites->edges + 4 * sites->n_edges, from, 2 * sizeof(double));
    memcpy(sites->edges + 4 * sites->n_edges + 2, to, 2 * sizeof(double));
    sites->n_edges++;
    return true;
}

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
    if (loader->has_last && !(loader->sites->areas ? add_edge(loader, loader->last, at)
                                                   : add_item(loader, loader->last, at))) {
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
    size_t len;
    const uint8_t *wkb = cim_column_bytes(geom, row, &len);
    double at[2];
    if (loader->sites->lines) {
        double box[4];
        (void)cim_wkb_walk(wkb, len, &visitor, err); /* stored geometries are whole */
        if (loader->sites->areas && cim_wkb_bbox(wkb, len, box, err) == CIM_OK) {
            (void)add_item(loader, box, box + 2);
        }
    } else if (cim_wkb_point(wkb, len, &at[0], &at[1])) {
        (void)add_item(loader, at, at);
    }
    if (!loader->failed) {
        return CIM_OK;
    }
    return loader->sites->n >= LPG_SITES_MAX
               ? cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "图层 %s 超过 %d 个位置",
                          "layer %s has more than %d positions", loader->spec->layer, LPG_SITES_MAX)
               : cim_fail_nomem(err);
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
    return keep_text(loader, text, len, &facts->basis, err);
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
        CIM_TRY(keep_text(loader, bytes, len, places[i], err));
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
reserve_record(struct loader *loader, cim_error *err)
{
    struct lpg_sites *sites = loader->sites;
    const size_t capacity = loader->records_capacity == 0 ? 1024 : loader->records_capacity * 2;
    if (sites->n_records < loader->records_capacity) {
        return CIM_OK;
    }
    if (!grow((void **)&sites->code, sizeof *sites->code, capacity) ||
        !grow((void **)&sites->area, sizeof *sites->area, capacity) ||
        !grow((void **)&sites->owner, sizeof *sites->owner, capacity) ||
        (loader->spec->name_field != NULL &&
         !grow((void **)&sites->facts, sizeof *sites->facts, capacity)) ||
        (loader->spec->values[0].field != NULL &&
         !grow((void **)&sites->values, LPG_SITES_VALUES_MAX * sizeof *sites->values, capacity)) ||
        (sites->areas && !grow((void **)&sites->edge_end, sizeof *sites->edge_end, capacity))) {
        return cim_fail_nomem(err);
    }
    loader->records_capacity = capacity;
    return CIM_OK;
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
    CIM_TRY(reserve_record(loader, err));
    CIM_TRY(add_geometry(loader, geom, row, err));
    if (sites->n == n_before) {
        return CIM_OK;
    }
    if (sites->areas) {
        sites->edge_end[sites->n_records] = sites->n_edges;
    }
    sites->code[sites->n_records] = (int16_t)code;
    CIM_TRY(put_name(loader, batch->columns[CIM_RECORD_AREA_CODE], row,
                     &sites->area[sites->n_records], err));
    CIM_TRY(put_name(loader, batch->columns[CIM_RECORD_OWNER_ORG], row,
                     &sites->owner[sites->n_records], err));
    if (sites->facts != NULL) {
        CIM_TRY(read_facts(loader, batch, row, err));
    }
    for (int k = 0; sites->values != NULL && k < LPG_SITES_VALUES_MAX; k++) {
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
        if (call->cancelled != NULL && call->cancelled(call) != 0) {
            return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "请求已取消", "cancelled");
        }
        for (int64_t row = 0; row < batch->n_rows; row++) {
            CIM_TRY(load_row(loader, batch, row, err));
        }
    }
}

static void
item_box(void *arg, uint32_t i, double ret_box[4])
{
    const struct lpg_sites *sites = arg;
    const double *p = sites->lonlat + (size_t)i * (sites->lines ? 4 : 2);
    const double *q = sites->lines ? p + 2 : p;
    ret_box[0] = fmin(p[0], q[0]);
    ret_box[1] = fmin(p[1], q[1]);
    ret_box[2] = fmax(p[0], q[0]);
    ret_box[3] = fmax(p[1], q[1]);
}

static void
take_extent(struct lpg_sites *sites)
{
    double *extent = sites->extent_deg;
    extent[0] = extent[1] = HUGE_VAL;
    extent[2] = extent[3] = -HUGE_VAL;
    for (uint32_t i = 0; i < sites->n; i++) {
        double box[4];
        item_box(sites, i, box);
        extent[0] = fmin(extent[0], box[0]);
        extent[1] = fmin(extent[1], box[1]);
        extent[2] = fmax(extent[2], box[2]);
        extent[3] = fmax(extent[3], box[3]);
    }
}

static void
sites_unref(struct lpg_sites *sites)
{
    if (sites == NULL || atomic_fetch_sub(&sites->references, 1) != 1) {
        return;
    }
    free(sites->lonlat);
    free(sites->record);
    free(sites->code);
    free(sites->area);
    free(sites->owner);
    free(sites->facts);
    free(sites->values);
    free(sites->edges);
    free(sites->edge_end);
    free(sites->text);
    free(sites->names.slots);
    free(sites->names.places);
    lpg_rtree_free(sites->tree);
    free(sites);
}

/* Through the layer's own query: with call->scope as given there, in `bbox_deg` (NULL: anywhere).
 */
static cim_status
load(struct lpg_sites_cache *cache, const cim_call *call, const double *bbox_deg, int64_t pos,
     struct lpg_sites **ret_sites, cim_error *err)
{
    const struct lpg_sites_spec *spec = &cache->spec;
    const char *properties[16 + LPG_SITES_VALUES_MAX];
    cim_query query = {.struct_size = sizeof query, .properties = properties};
    struct lpg_sites *sites = calloc(1, sizeof *sites);
    struct loader loader = {.spec = spec, .sites = sites};
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const char *const fields[] = {
        spec->code_field,    spec->name_field,       spec->persons_field,  spec->distance_field,
        spec->from_field,    spec->to_field,         spec->pending_field,  spec->basis_field,
        spec->all_day_field, spec->hours_from_field, spec->hours_to_field, spec->weekdays_field};
    cim_status status;
    if (sites == NULL) {
        return cim_fail_nomem(err);
    }
    atomic_init(&sites->references, 1);
    sites->pos = pos;
    sites->lines = lpg_layer_definition(cache->layer)->geometry != CIM_GEOMETRY_POINT;
    sites->areas = lpg_layer_definition(cache->layer)->geometry == CIM_GEOMETRY_POLYGON ||
                   lpg_layer_definition(cache->layer)->geometry == CIM_GEOMETRY_MULTI_POLYGON;
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
    status = lpg_layer_query(cache->layer, call, &query, &rows, err);
    if (status == CIM_OK) {
        status = load_rows(&loader, rows, call, err);
    }
    if (status == CIM_OK) {
        take_extent(sites);
        status = lpg_rtree_build(sites->n, item_box, sites, &sites->tree, err);
    }
    if (status != CIM_OK) {
        sites_unref(sites);
        return status;
    }
    *ret_sites = sites;
    return CIM_OK;
}

/* ---- cache ---- */

cim_status
lpg_sites_cache_init(struct lpg_sites_cache *cache, const cim_host *host, struct lpg_data *data,
                     const struct lpg_sites_spec *spec, cim_error *err)
{
    cache->layer = lpg_data_layer(data, spec->layer);
    if (cache->layer == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "layer", spec->layer, "没有图层 %s",
                        "there is no layer %s", spec->layer);
    }
    cache->host = host;
    cache->store = host->get_service(host, CIM_SERVICE_STORE);
    cache->access = host->get_service(host, CIM_SERVICE_ACCESS);
    cache->spec = *spec;
    (void)pthread_mutex_init(&cache->lock, NULL);
    (void)pthread_mutex_init(&cache->build, NULL);
    return CIM_OK;
}

void
lpg_sites_cache_done(struct lpg_sites_cache *cache)
{
    if (cache->layer != NULL) {
        sites_unref(cache->current);
        (void)pthread_mutex_destroy(&cache->lock);
        (void)pthread_mutex_destroy(&cache->build);
        *cache = (struct lpg_sites_cache){0};
    }
}

static struct lpg_sites *
take_current(struct lpg_sites_cache *cache, int64_t pos)
{
    struct lpg_sites *sites = NULL;
    (void)pthread_mutex_lock(&cache->lock);
    if (cache->current != NULL && cache->current->pos >= pos) {
        sites = cache->current;
        (void)atomic_fetch_add(&sites->references, 1);
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return sites;
}

/* The shared index as of the layer's position now, or later. */
static cim_status
take_shared(struct lpg_sites_cache *cache, const cim_call *call, struct lpg_sites **ret_sites,
            cim_error *err)
{
    /* All records: views cut to the caller's scope. No field that is marked sensitive. */
    static const cim_term everything = {.struct_size = sizeof everything,
                                        .actions = CIM_ACT_READ,
                                        .resource = "*",
                                        .all_areas = 1,
                                        .sensitive_mode = CIM_FIELD_ABSENT,
                                        .from_ms = INT64_MIN,
                                        .until_ms = INT64_MAX};
    static const cim_term *const terms[] = {&everything};
    static const cim_scope scope = {.struct_size = sizeof scope, .n_terms = 1, .terms = terms};
    const int64_t pos = cache->store->layer_pos(cache->host, cache->spec.layer);
    struct lpg_sites *sites = take_current(cache, pos);
    struct lpg_sites *old = NULL;
    cim_call own = *call;
    cim_status status = CIM_OK;
    own.scope = &scope;
    if (sites != NULL) {
        *ret_sites = sites;
        return CIM_OK;
    }
    (void)pthread_mutex_lock(&cache->build);
    sites = take_current(cache, pos); /* somebody may have been faster */
    if (sites == NULL) {
        status = load(cache, &own, NULL, pos, &sites, err);
        if (status == CIM_OK) {
            (void)atomic_fetch_add(&sites->references, 1);
            (void)pthread_mutex_lock(&cache->lock);
            old = cache->current;
            cache->current = sites;
            (void)pthread_mutex_unlock(&cache->lock);
            sites_unref(old);
        }
    }
    (void)pthread_mutex_unlock(&cache->build);
    CIM_TRY(status);
    *ret_sites = sites;
    return CIM_OK;
}

/* ---- views ---- */

static bool
in_force(const cim_term *term, int64_t now_ms)
{
    return term->from_ms <= now_ms && now_ms < term->until_ms;
}

/* Whether areas and owners decide, so that the shared index will do. */
static bool
is_plain(const cim_scope *scope, int64_t now_ms, bool *ret_all)
{
    bool plain = true;
    *ret_all = false;
    for (uint32_t i = 0; i < scope->n_terms; i++) {
        const cim_term *term = scope->terms[i];
        if (in_force(term, now_ms)) {
            plain = plain && term->filter_json == NULL && term->n_field_modes == 0;
            *ret_all = *ret_all || (term->all_areas != 0 && term->owner_org == NULL);
        }
    }
    *ret_all = *ret_all && plain;
    return plain;
}

static cim_status
open_shared(struct lpg_sites_cache *cache, const cim_call *call, struct lpg_sites_view *view,
            cim_error *err)
{
    CIM_TRY(take_shared(cache, call, &view->sites, err));
    if (view->all) {
        return CIM_OK;
    }
    if (view->scope->areas_version != cache->access->areas_version(cache->host)) {
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "区划刚刚更新，请重试",
                        "the area tree has just changed, try again");
    }
    view->ordinals = malloc((view->sites->names.n + 1) * sizeof *view->ordinals);
    if (view->ordinals == NULL) {
        return cim_fail_nomem(err);
    }
    for (uint32_t i = 0; i < view->sites->names.n; i++) {
        view->ordinals[i] = -2;
    }
    return CIM_OK;
}

cim_status
lpg_sites_view_open(struct lpg_sites_cache *cache, const cim_call *call, const double bbox_deg[4],
                    struct lpg_sites_view *ret_view, cim_error *err)
{
    struct lpg_sites_view view = {
        .host = cache->host, .access = cache->access, .now_ms = call->now_ms};
    cim_status status;
    CIM_TRY(
        cache->access->scope(cache->host, call, cache->spec.layer, CIM_ACT_READ, &view.scope, err));
    if (view.scope->n_terms == 0) {
        *ret_view = view;
        return CIM_OK;
    }
    if (is_plain(view.scope, view.now_ms, &view.all)) {
        status = open_shared(cache, call, &view, err);
    } else {
        cim_call scoped = *call;
        scoped.scope = view.scope;
        view.all = true;
        status = load(cache, &scoped, bbox_deg, 0, &view.sites, err);
    }
    if (status != CIM_OK) {
        lpg_sites_view_done(&view);
        return status;
    }
    *ret_view = view;
    return CIM_OK;
}

void
lpg_sites_view_done(struct lpg_sites_view *view)
{
    sites_unref(view->sites);
    free(view->ordinals);
    *view = (struct lpg_sites_view){0};
}

bool
lpg_sites_visible(struct lpg_sites_view *view, uint32_t record)
{
    const struct lpg_sites *sites = view->sites;
    const char *owner;
    uint32_t area;
    if (view->all) {
        return true;
    }
    area = sites->area[record];
    owner = sites->text + sites->names.places[sites->owner[record]];
    if (view->ordinals[area] == -2) {
        view->ordinals[area] =
            view->access->area_ordinal(view->host, sites->text + sites->names.places[area]);
    }
    for (uint32_t i = 0; i < view->scope->n_terms; i++) {
        if (cim_term_covers(view->scope->terms[i], view->now_ms, view->ordinals[area], owner,
                            strlen(owner))) {
            return true;
        }
    }
    return false;
}
