/* host/ogc/record_docs.c -- the metadata of each resource; see records.h.
 *
 * Beside the members of OGC API Records: "catalog" with the core items of a catalogue of government
 * information resources (GB/T 21063.3 and .4), and "iso19115" with those of ISO 19115-1 that the
 * record itself has no member for.
 */
#include "host/ogc/records.h"

#include "cim/util.h"
#include "host/base/config.h"
#include "host/bindings/bindings.h"
#include "host/catalogue/lineage.h"
#include "host/identity/identity.h"
#include "host/store/store.h"
#include "kit/time.h"

#include <stdlib.h>

void
host_record_list_done(struct host_record_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        json_object_put(list->at[i].doc);
    }
    free(list->at);
    *list = (struct host_record_list){.ask = NULL};
}

/* A document takes hundreds of allocations: only what is wanted is made. */
static bool
is_wanted(const struct host_record_list *list, const char *id)
{
    return list->only == NULL || strcmp(list->only, id) == 0;
}

static cim_status
add_record(struct host_record_list *list, const struct host_record *record, cim_error *err)
{
    if (list->n == list->capacity) {
        const size_t capacity = list->capacity == 0 ? 128 : list->capacity * 2;
        struct host_record *grown = capacity <= (size_t)HOST_RECORDS_MAX * 2
                                        ? realloc(list->at, capacity * sizeof *grown)
                                        : NULL;
        if (grown == NULL) {
            json_object_put(record->doc);
            return cim_fail_nomem(err);
        }
        list->at = grown;
        list->capacity = capacity;
    }
    list->at[list->n++] = *record;
    return CIM_OK;
}

/* ---- what all have ---- */

static const char *
provider_of(const struct host_ask *ask)
{
    const struct host_config *config = ask->ogc->app->config;
    const char *provider = host_config_text(config, "catalogue.provider");
    return provider[0] != '\0' ? provider : host_config_text(config, "site.name");
}

static struct json_object *
begin_doc(const struct host_ask *ask, const char *id, const char *type, const char *class_name)
{
    struct json_object *doc = json_object_new_object();
    const char *const core[] = {HOST_RECORD_CORE};
    host_doc_text(doc, "id", id);
    host_doc_text(doc, "type", "Feature");
    host_doc_add(doc, "conformsTo", host_doc_texts(core, 1));
    host_doc_add(doc, "geometry", NULL);
    host_doc_add(doc, "time", NULL);
    struct json_object *properties = host_doc_object_in(doc, "properties");
    host_doc_text(properties, "type", type);
    struct json_object *language = host_doc_object_in(properties, "language");
    host_doc_text(language, "code", ask->chinese ? "zh" : "en");
    struct json_object *contact =
        host_doc_object_in(host_doc_array_in(properties, "contacts"), NULL);
    const char *const roles[] = {"provider", "pointOfContact"};
    host_doc_text(contact, "organization", provider_of(ask));
    host_doc_add(contact, "roles", host_doc_texts(roles, 2));
    if (class_name != NULL) {
        struct json_object *theme =
            host_doc_object_in(host_doc_array_in(properties, "themes"), NULL);
        struct json_object *concept =
            host_doc_object_in(host_doc_array_in(theme, "concepts"), NULL);
        host_doc_text(concept, "id", class_name);
        host_doc_text(theme, "scheme", "CJJ/T 315-2022");
    }
    return doc;
}

static struct json_object *
properties_of(struct json_object *doc)
{
    struct json_object *properties = NULL;
    return json_object_object_get_ex(doc, "properties", &properties) ? properties : NULL;
}

static void
add_titles(const struct host_ask *ask, struct json_object *doc, const struct cim_text2 *title,
           const struct cim_text2 *description)
{
    struct json_object *properties = properties_of(doc);
    host_doc_text(properties, "title", host_title(ask, title));
    host_doc_add(properties, "x-cim-title", host_doc_text2(title->zh, title->en));
    if (description->zh != NULL) {
        host_doc_text(properties, "description", host_title(ask, description));
        host_doc_add(properties, "x-cim-description",
                     host_doc_text2(description->zh, description->en));
    }
}

/* The core items of every resource; returns "catalog". */
static struct json_object *
add_core_items(const struct host_ask *ask, struct json_object *doc, const char *id,
               const struct cim_catalogue *catalogue, const char *format, const char *method)
{
    static const char *const sharing_zh[] = {"有条件共享", "无条件共享", "不予共享"};
    static const char *const sharing_en[] = {"conditional", "unconditional", "none"};
    static const char *const open_zh[] = {"不开放", "有条件开放", "开放"};
    static const char *const open_en[] = {"no", "conditional", "yes"};
    struct json_object *properties = properties_of(doc);
    struct json_object *catalog = host_doc_object_in(properties, "catalog");
    char code[HOST_RECORD_ID_MAX + 64];
    (void)snprintf(code, sizeof code, "%.48s/%s",
                   host_config_text(ask->ogc->app->config, "catalogue.code"), id);
    host_doc_text(catalog, "code", code);
    host_doc_text(catalog, "provider", provider_of(ask));
    host_doc_text(catalog, "class", catalogue->class_name);
    host_doc_text(catalog, "format", format);
    struct json_object *sharing = host_doc_object_in(catalog, "sharing");
    host_doc_text(sharing, "type", sharing_en[catalogue->sharing]);
    host_doc_text(sharing, "title",
                  ask->chinese ? sharing_zh[catalogue->sharing] : sharing_en[catalogue->sharing]);
    host_doc_text(sharing, "condition",
                  catalogue->condition.zh != NULL ? host_title(ask, &catalogue->condition) : NULL);
    host_doc_text(sharing, "method", method);
    struct json_object *open = host_doc_object_in(catalog, "open");
    host_doc_text(open, "type", open_en[catalogue->open]);
    host_doc_text(open, "title",
                  ask->chinese ? open_zh[catalogue->open] : open_en[catalogue->open]);
    host_doc_text(catalog, "update", catalogue->update);
    struct json_object *external =
        host_doc_object_in(host_doc_array_in(properties, "externalIds"), NULL);
    host_doc_text(external, "scheme", "GB/T 21063.4");
    host_doc_text(external, "value", code);
    host_doc_text(properties, "rights",
                  ask->chinese ? sharing_zh[catalogue->sharing] : sharing_en[catalogue->sharing]);
    return catalog;
}

static void
add_format(struct json_object *doc, const char *name, const char *mime)
{
    struct json_object *properties = properties_of(doc);
    struct json_object *formats = NULL;
    if (!json_object_object_get_ex(properties, "formats", &formats)) {
        formats = host_doc_array_in(properties, "formats");
    }
    struct json_object *format = host_doc_object_in(formats, NULL);
    host_doc_text(format, "name", name);
    host_doc_text(format, "mediaType", mime);
}

/* ---- layers ---- */

static void
add_fields(const struct host_ask *ask, struct json_object *catalog,
           const struct cim_definition *def)
{
    static const char *const types[] = {
        [CIM_FIELD_TEXT] = "text",     [CIM_FIELD_INTEGER] = "integer",
        [CIM_FIELD_NUMBER] = "number", [CIM_FIELD_BOOLEAN] = "boolean",
        [CIM_FIELD_DATE] = "date",     [CIM_FIELD_TIME] = "time",
        [CIM_FIELD_CODE] = "code"};
    struct json_object *items = host_doc_array_in(catalog, "items");
    for (size_t i = 0; i < def->n_fields; i++) {
        const struct cim_field *field = &def->fields[i];
        struct json_object *item = host_doc_object_in(items, NULL);
        host_doc_text(item, "name", field->name);
        host_doc_text(item, "title", host_title(ask, &field->title));
        host_doc_text(item, "type", types[field->type]);
        host_doc_bool(item, "required", field->required);
        host_doc_bool(item, "sensitive", field->sensitive != CIM_SENSITIVE_NO);
        if (field->unit != NULL) {
            host_doc_text(item, "unit", field->unit);
        }
    }
}

static void
add_iso(const struct host_ask *ask, struct json_object *doc, const struct cim_definition *def)
{
    struct json_object *iso = host_doc_object_in(properties_of(doc), "iso19115");
    const bool placed = def->geometry != CIM_GEOMETRY_NONE;
    host_doc_text(iso, "metadataStandardName", "ISO 19115-1:2014");
    host_doc_text(iso, "hierarchyLevel", "dataset");
    host_doc_text(iso, "characterSet", "utf8");
    host_doc_text(iso, "topicCategory", "utilitiesCommunication");
    host_doc_text(iso, "spatialRepresentationType", placed ? "vector" : "textTable");
    if (placed) {
        host_doc_text(iso, "geometryType", cim_geometry_name(def->geometry));
        host_doc_text(iso, "referenceSystem", "EPSG:4490");
        host_doc_text(iso, "verticalDatum", "EPSG:5737");
    }
    host_doc_text(iso, "maintenanceFrequency", def->catalogue.update);
    host_doc_text(iso, "retention", def->retention);
    host_doc_text(iso, "useConstraints",
                  def->catalogue.condition.zh != NULL ? host_title(ask, &def->catalogue.condition)
                                                      : NULL);
}

static void
add_keywords(struct json_object *doc, const struct cim_definition *def)
{
    struct json_object *keywords = host_doc_array_in(properties_of(doc), "keywords");
    for (size_t i = 0; i < def->n_clauses; i++) {
        host_doc_append(keywords, json_object_new_string(def->clauses[i]));
    }
}

static struct json_object *
layer_doc(const struct host_ask *ask, const struct cim_definition *def)
{
    struct json_object *doc = begin_doc(ask, def->id, "dataset", def->catalogue.class_name);
    add_titles(ask, doc, &def->title, &def->description);
    add_keywords(doc, def);
    struct json_object *catalog = add_core_items(
        ask, doc, def->id, &def->catalogue, def->geometry != CIM_GEOMETRY_NONE ? "vector" : "table",
        ask->chinese ? "服务接口（OGC API Features）、文件" : "OGC API Features, files");
    add_fields(ask, catalog, def);
    add_iso(ask, doc, def);
    add_format(doc, "GeoJSON", "application/geo+json");
    add_format(doc, "CSV", "text/csv");
    add_format(doc, "GeoPackage", "application/geopackage+sqlite3");
    add_format(doc, "Shapefile, FileGDB (zip)", "application/zip");
    add_format(doc, "XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");
    if (def->geometry != CIM_GEOMETRY_NONE) {
        add_format(doc, "KML", "application/vnd.google-earth.kml+xml");
        add_format(doc, "KMZ", "application/vnd.google-earth.kmz");
        add_format(doc, "GML", "application/gml+xml");
        add_format(doc, "DXF", "image/vnd.dxf");
    }
    return doc;
}

static struct json_object *
tiles_doc(const struct host_ask *ask, const struct cim_definition *def, const char *id)
{
    struct json_object *doc = begin_doc(ask, id, "service", def->catalogue.class_name);
    char zh[300];
    char en[300];
    (void)snprintf(zh, sizeof zh, "%.200s（瓦片与图片）", def->title.zh);
    (void)snprintf(en, sizeof en, "%.200s (tiles and pictures)", def->title.en);
    const struct cim_text2 title = {zh, en};
    add_titles(ask, doc, &title, &def->description);
    (void)add_core_items(ask, doc, id, &def->catalogue, "service",
                         ask->chinese ? "服务接口（OGC API Tiles、Maps，WMS，WMTS）"
                                      : "OGC API Tiles and Maps, WMS, WMTS");
    add_format(doc, "Mapbox Vector Tiles", "application/vnd.mapbox-vector-tile");
    add_format(doc, "PNG", "image/png");
    return doc;
}

static cim_status
take_layer(void *arg, const struct host_layer *layer, bool has_tiles, cim_error *err)
{
    struct host_record_list *list = arg;
    const struct cim_definition *def = layer->definition;
    struct host_record record = {.type = "dataset",
                                 .readable = host_may_read(list->ask, layer->layer.id)};
    if (!record.readable && def->catalogue.sharing == CIM_SHARING_NONE) {
        return CIM_OK;
    }
    cim_copy_text(record.id, sizeof record.id, layer->layer.id);
    cim_copy_text(record.layer, sizeof record.layer, layer->layer.id);
    if (is_wanted(list, record.id)) {
        record.doc = layer_doc(list->ask, def);
        CIM_TRY(add_record(list, &record, err));
    }
    record.type = "service";
    (void)snprintf(record.id, sizeof record.id, "%.100s.tiles", layer->layer.id);
    if (!has_tiles || !is_wanted(list, record.id)) {
        return CIM_OK;
    }
    record.doc = tiles_doc(list->ask, def, record.id);
    return add_record(list, &record, err);
}

/* ---- analyses ---- */

static cim_status
take_analysis(void *arg, const struct host_work *work, cim_error *err)
{
    struct host_record_list *list = arg;
    const struct host_ask *ask = list->ask;
    const cim_job_kind *kind = &work->kind;
    const cim_scope *scope = NULL;
    struct host_record record = {.type = "process"};
    const struct cim_catalogue catalogue = {.sharing = CIM_SHARING_CONDITIONAL};
    if (!is_wanted(list, kind->id)) {
        return CIM_OK;
    }
    CIM_TRY(host_identity_scope(ask->ogc->app->identity, host_http_principal(ask->call), kind->id,
                                CIM_ACT_RUN, ask->call->now_ms, &scope, err));
    record.readable = scope->n_terms > 0;
    cim_copy_text(record.id, sizeof record.id, kind->id);
    record.doc = begin_doc(ask, kind->id, "process", NULL);
    const struct cim_text2 title = {(char *)(uintptr_t)kind->title_zh,
                                    (char *)(uintptr_t)kind->title_en};
    const struct cim_text2 description = {(char *)(uintptr_t)work->description_zh,
                                          (char *)(uintptr_t)work->description_en};
    add_titles(ask, record.doc, &title, &description);
    (void)add_core_items(ask, record.doc, kind->id, &catalogue, "service",
                         ask->chinese ? "服务接口（OGC API Processes）" : "OGC API Processes");
    add_format(record.doc, "JSON", "application/json");
    return add_record(list, &record, err);
}

/* ---- datasets that are bound to inputs ---- */

struct bound {
    struct host_record_list *list;
    cim_status status;
    cim_error *err;
};

static cim_status
add_bound(struct bound *bound, const struct host_binding_role *role)
{
    const struct host_ask *ask = bound->list->ask;
    HOST_AUTO_BINDING struct host_binding binding = {.root = NULL};
    struct host_record record = {.type = "dataset"};
    const struct cim_catalogue catalogue = {.sharing = CIM_SHARING_CONDITIONAL};
    (void)snprintf(record.id, sizeof record.id, "binding.%.100s", role->role);
    if (!is_wanted(bound->list, record.id)) {
        return CIM_OK;
    }
    const cim_status status = host_binding_load(ask->ogc->app, role->role, &binding, NULL);
    if (status != CIM_OK) {
        return status == CIM_E_NOTFOUND ? CIM_OK : status;
    }
    record.readable = role->layer[0] == '\0' || host_may_read(ask, role->layer);
    record.changed_ms = record.readable ? binding.good_ms : 0;
    record.doc = begin_doc(ask, record.id, "dataset", NULL);
    char zh[300];
    char en[300];
    (void)snprintf(zh, sizeof zh, "%.100s（来源：%.100s）", role->zh, binding.name);
    (void)snprintf(en, sizeof en, "%.100s (source: %.100s)", role->en, binding.name);
    const struct cim_text2 title = {zh, en};
    const struct cim_text2 none = {NULL, NULL};
    add_titles(ask, record.doc, &title, &none);
    (void)add_core_items(ask, record.doc, record.id, &catalogue,
                         role->layer[0] != '\0' ? "vector" : "grid",
                         ask->chinese ? "平台数据集的副本" : "copy of a dataset of the platform");
    host_doc_text(properties_of(record.doc), "x-cim-layer",
                  role->layer[0] != '\0' ? role->layer : NULL);
    return add_record(bound->list, &record, bound->err);
}

static void
take_role(void *arg, const struct host_binding_role *role)
{
    struct bound *bound = arg;
    if (bound->status == CIM_OK) {
        bound->status = add_bound(bound, role);
    }
}

/* ---- all of them ---- */

static int
by_id(const void *a, const void *b)
{
    return strcmp(((const struct host_record *)a)->id, ((const struct host_record *)b)->id);
}

static void
note_change(void *arg, const char *layer, int64_t at_ms)
{
    struct host_record_list *list = arg;
    for (size_t i = 0; i < list->n; i++) {
        if (list->at[i].readable && strcmp(list->at[i].layer, layer) == 0) {
            list->at[i].changed_ms = at_ms;
        }
    }
}

static cim_status
fill(struct host_record_list *list, cim_error *err)
{
    struct host_app *app = list->ask->ogc->app;
    struct bound bound = {.list = list, .err = err};
    CIM_TRY(host_plugins_each_layer(app->plugins, take_layer, list, err));
    CIM_TRY(host_plugins_each_analysis(app->plugins, take_analysis, list, err));
    host_binding_each_role(app, take_role, &bound);
    CIM_TRY(bound.status);
    CIM_TRY(host_store_layer_changes(list->ask->ogc->app->store, note_change, list, err));
    if (list->n > 1) {
        qsort(list->at, list->n, sizeof list->at[0], by_id);
    }
    for (size_t i = 0; i < list->n; i++) {
        const struct host_record *record = &list->at[i];
        struct json_object *properties = properties_of(record->doc);
        host_doc_bool(properties, "x-cim-readable", record->readable);
        if (record->changed_ms > 0) {
            char text[CIM_TIME_TEXT_MAX];
            cim_time_format(record->changed_ms, text);
            host_doc_text(properties, "updated", text);
        }
    }
    return CIM_OK;
}

cim_status
host_records_list(const struct host_ask *ask, const char *only, struct host_record_list *ret_list,
                  cim_error *err)
{
    struct host_record_list list = {.ask = ask, .only = only};
    const cim_status status = fill(&list, err);
    if (status != CIM_OK) {
        host_record_list_done(&list);
        return status;
    }
    *ret_list = list;
    return CIM_OK;
}

/* ---- what only records that are sent have ---- */

bool
host_record_extent(const struct host_ask *ask, const struct host_record *record, double ret_bbox[4])
{
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    const cim_query all = {.struct_size = sizeof all};
    if (!record->readable || record->layer[0] == '\0' ||
        host_visit_layer(&visit, ask->ogc, ask->call, record->layer, CIM_ACT_READ, NULL) !=
            CIM_OK) {
        return false;
    }
    const cim_layer *layer = &visit.layer->layer;
    return visit.layer->definition->geometry != CIM_GEOMETRY_NONE &&
           layer->extent(layer->self, &visit.call, &all, ret_bbox, NULL) == CIM_OK;
}

static void
add_geometry(struct json_object *doc, const double bbox[4])
{
    const double ring[5][2] = {{bbox[0], bbox[1]},
                               {bbox[2], bbox[1]},
                               {bbox[2], bbox[3]},
                               {bbox[0], bbox[3]},
                               {bbox[0], bbox[1]}};
    struct json_object *geometry = json_object_new_object();
    host_doc_text(geometry, "type", "Polygon");
    struct json_object *points =
        host_doc_array_in(host_doc_array_in(geometry, "coordinates"), NULL);
    for (size_t i = 0; i < 5; i++) {
        struct json_object *point = host_doc_array_in(points, NULL);
        host_doc_append(point, host_doc_number_new(ring[i][0]));
        host_doc_append(point, host_doc_number_new(ring[i][1]));
    }
    host_doc_add(doc, "geometry", geometry);
}

static void
add_links(const struct host_ask *ask, const struct host_record *record)
{
    static const char json[] = "application/json";
    const bool zh = ask->chinese;
    const char *base = ask->base;
    struct json_object *links = host_doc_array_in(record->doc, "links");
    host_doc_link(links, "self", "application/geo+json", zh ? "本记录" : "This record",
                  "%s" HOST_RECORDS_PATH "/%s?f=json", base, record->id);
    host_doc_link(links, "alternate", "text/html", zh ? "网页" : "As HTML",
                  "%s" HOST_RECORDS_PATH "/%s?f=html", base, record->id);
    host_doc_link(links, "collection", json, zh ? "目录" : "The catalogue",
                  "%s/catalogue/collections/" HOST_CATALOGUE_ID, base);
    if (!record->readable) {
        host_doc_link(links, HOST_RECORD_REQUEST, "text/html", zh ? "申请使用" : "Ask for it",
                      "%s/portal/#/%s", base, record->id);
    } else if (strcmp(record->type, "process") == 0) {
        host_doc_link(links, "item", json, zh ? "分析" : "The process", "%s/processes/%s", base,
                      record->id);
    } else if (record->layer[0] != '\0' && strcmp(record->type, "service") == 0) {
        host_doc_link(links, "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector", json,
                      zh ? "矢量瓦片集" : "Vector tilesets", "%s/collections/%s/tiles", base,
                      record->layer);
        host_doc_link(links, "service", "text/xml", "WMS 1.3.0",
                      "%s/wms?SERVICE=WMS&REQUEST=GetCapabilities", base);
    } else if (record->layer[0] != '\0') {
        host_doc_link(links, "items", "application/geo+json", zh ? "要素" : "Features",
                      "%s/collections/%s/items", base, record->layer);
        host_doc_link(links, "describedby", "application/schema+json",
                      zh ? "字段 (JSON Schema)" : "Schema", "%s/collections/%s/schema", base,
                      record->layer);
        host_doc_link(links, "related", json, zh ? "数据质量" : "Quality",
                      "%s" HOST_RECORDS_PATH "/%s/quality", base, record->id);
    }
}

void
host_record_finish(const struct host_ask *ask, const struct host_record *record)
{
    double bbox[4];
    if (host_record_extent(ask, record, bbox)) {
        add_geometry(record->doc, bbox);
    }
    if (record->changed_ms > 0) {
        char text[CIM_TIME_TEXT_MAX];
        cim_time_format(record->changed_ms, text);
        struct json_object *time = json_object_new_object();
        host_doc_text(time, "timestamp", text);
        host_doc_add(record->doc, "time", time);
    }
    add_links(ask, record);
}
