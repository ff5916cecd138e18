/* host/report/gather.c -- a result as blocks: facts, map, tables, then what it was asked with. */
#include "host/report/blocks.h"

#include "cim/util.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

struct gathering {
    const struct host_report_source *source;
    struct host_report_blocks *blocks;
    cim_error *err;
};

void
host_report_blocks_done(struct host_report_blocks *blocks)
{
    for (size_t i = 0; i < blocks->n; i++) {
        free(blocks->blocks[i].text);
        host_report_table_done(&blocks->blocks[i].table);
    }
    blocks->n = 0;
}

/* Past the limit blocks are left out: a document of that length nobody reads. */
static struct host_report_block *
add(struct gathering *gathering, enum host_report_kind kind, const char *text)
{
    struct host_report_blocks *blocks = gathering->blocks;
    struct host_report_block *block = NULL;
    if (blocks->n == HOST_REPORT_BLOCKS_MAX) {
        return NULL;
    }
    block = &blocks->blocks[blocks->n];
    *block = (struct host_report_block){.kind = kind, .text = strdup(text)};
    if (block->text == NULL) {
        return NULL;
    }
    blocks->n++;
    return block;
}

/* ---- facts: a table of two columns ---- */

static bool
is_left_out(struct json_object *schema)
{
    struct json_object *wish = host_report_member(schema, "x-report");
    return wish != NULL && !json_object_get_boolean(wish);
}

struct facts {
    struct host_report_table table;
    size_t capacity;
    bool failed;
};

static void
add_fact(struct facts *facts, const char *name, char *value)
{
    struct host_report_table *table = &facts->table;
    if (table->n_rows + 2 > facts->capacity) {
        const size_t capacity = facts->capacity == 0 ? 16 : facts->capacity * 2;
        char **grown = realloc(table->cells, capacity * 2 * sizeof(char *));
        if (grown == NULL) {
            facts->failed = true;
            free(value);
            return;
        }
        table->cells = grown;
        facts->capacity = capacity;
    }
    table->cells[2 * (table->n_rows + 1)] = strdup(name);
    table->cells[2 * (table->n_rows + 1) + 1] = value;
    table->n_rows++;
}

static void
facts_init(struct facts *facts, bool chinese)
{
    *facts = (struct facts){.capacity = 16};
    facts->table.n_columns = 2;
    facts->table.cells = calloc(32, sizeof(char *));
    if (facts->table.cells != NULL) {
        facts->table.cells[0] = strdup(chinese ? "项目" : "Item");
        facts->table.cells[1] = strdup(chinese ? "值" : "Value");
    } else {
        facts->capacity = 0;
        facts->failed = true;
    }
}

/* Values under their titles; those of objects one level below, called as "x-members" of the schema
 * has them. `schema` may be NULL. */
static void
gather_facts(struct facts *facts, const char *title, struct json_object *value,
             struct json_object *schema, bool chinese)
{
    struct json_object *members = host_report_member(schema, "x-members");
    if (value == NULL || facts->failed) {
        return;
    }
    if (!json_object_is_type(value, json_type_object)) {
        char *text = host_report_named(value, host_report_member(schema, "x-values"), chinese);
        if (text != NULL && text[0] != '\0') {
            add_fact(facts, title, text);
        } else {
            free(text);
        }
        return;
    }
    json_object_object_foreach(value, key, inner)
    {
        char name[256];
        const char *called = host_report_text(members, key, chinese);
        struct json_object *member = host_report_member(members, key);
        if (json_object_is_type(inner, json_type_object) || inner == NULL || is_left_out(member) ||
            (member != NULL && host_report_member(member, chinese ? "zh" : "en") == NULL)) {
            continue; /* what has a name in the other language alone is said in that */
        }
        (void)snprintf(name, sizeof name, "%.120s · %.100s", title, called != NULL ? called : key);
        gather_facts(facts, name, inner, member, chinese);
    }
}

static cim_status
put_facts(struct gathering *gathering, const char *heading, struct facts *facts)
{
    struct host_report_block *block = NULL;
    if (facts->failed) {
        host_report_table_done(&facts->table);
        return cim_fail_nomem(gathering->err);
    }
    if (facts->table.n_rows > 0 && add(gathering, HOST_REPORT_HEADING, heading) != NULL) {
        block = add(gathering, HOST_REPORT_TABLE, "");
    }
    if (block != NULL) {
        block->table = facts->table;
    } else {
        host_report_table_done(&facts->table);
    }
    return CIM_OK;
}

/* ---- layers ---- */

/* A collection without features, or a geometry without positions: nothing to draw. */
static bool
is_empty(struct json_object *geojson)
{
    struct json_object *features = host_report_member(geojson, "features");
    struct json_object *coordinates = host_report_member(geojson, "coordinates");
    struct json_object *list = features != NULL ? features : coordinates;
    return list != NULL && json_object_is_type(list, json_type_array) &&
           json_object_array_length(list) == 0;
}

/* The first column whose values have colours. */
static struct json_object *
painted_by(struct json_object *schema)
{
    struct json_object *columns = host_report_member(schema, "x-columns");
    const size_t n =
        json_object_is_type(columns, json_type_array) ? json_object_array_length(columns) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *column = json_object_array_get_idx(columns, i);
        struct json_object *values = host_report_member(column, "values");
        if (!json_object_is_type(values, json_type_object)) {
            continue;
        }
        json_object_object_foreach(values, value, named)
        {
            (void)value;
            if (host_report_member(named, "colour") != NULL) {
                return column;
            }
        }
    }
    return NULL;
}

static int
compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The values that "x-grade" has on the features; past the limit none. */
static void
take_grades(struct host_report_layer *layer, const char *grade)
{
    struct json_object *features = host_report_member(layer->geojson, "features");
    const size_t n = features != NULL ? json_object_array_length(features) : 0;
    size_t n_grades = 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *properties =
            host_report_member(json_object_array_get_idx(features, i), "properties");
        const double value = json_object_get_double(host_report_member(properties, grade));
        size_t k = 0;
        while (k < n_grades && (layer->grades[k] < value || layer->grades[k] > value)) {
            k++;
        }
        if (k == HOST_REPORT_GRADES_MAX) {
            return;
        }
        layer->grades[k] = value;
        n_grades = k == n_grades ? n_grades + 1 : n_grades;
    }
    qsort(layer->grades, n_grades, sizeof layer->grades[0], compare_numbers);
    layer->n_grades = n_grades;
    layer->grade = n_grades > 0 ? grade : NULL;
}

static void
take_layer(struct gathering *gathering, const char *title, struct json_object *value,
           struct json_object *schema, bool outline)
{
    static const unsigned palette[] = {0x2f9e44, 0x1d5fa8, 0xc62828, 0xf08c00,
                                       0x7048e8, 0x0b7285, 0xa61e4d, 0x495057};
    struct host_report_blocks *blocks = gathering->blocks;
    const char *colour = json_object_get_string(host_report_member(schema, "x-colour"));
    unsigned rgb = palette[blocks->n_layers % (sizeof palette / sizeof palette[0])];
    struct host_report_layer *layer = NULL;
    if (blocks->n_layers == HOST_REPORT_LAYERS_MAX || is_empty(value)) {
        return;
    }
    if (colour != NULL && colour[0] == '#') {
        rgb = (unsigned)strtoul(colour + 1, NULL, 16);
    }
    layer = &blocks->layers[blocks->n_layers++];
    *layer = (struct host_report_layer){
        .geojson = value, .outline = outline, .painted = painted_by(schema)};
    if (host_report_member(schema, "x-grade") != NULL) {
        take_grades(layer, json_object_get_string(host_report_member(schema, "x-grade")));
    }
    cim_copy_text(layer->title, sizeof layer->title, title);
    layer->colour[0] = (rgb >> 16U & 255U) / 255.0;
    layer->colour[1] = (rgb >> 8U & 255U) / 255.0;
    layer->colour[2] = (rgb & 255U) / 255.0;
}

static cim_status
put_table(struct gathering *gathering, const char *title, struct json_object *list,
          struct json_object *schema)
{
    const bool zh = gathering->source->chinese;
    struct host_report_table table;
    struct host_report_block *block = NULL;
    size_t left_out = 0;
    CIM_TRY(
        host_report_table_of(gathering->source, list, schema, &table, &left_out, gathering->err));
    if (table.n_rows > 0 && add(gathering, HOST_REPORT_HEADING, title) != NULL) {
        block = add(gathering, HOST_REPORT_TABLE, "");
    }
    if (block == NULL) {
        host_report_table_done(&table);
        return CIM_OK;
    }
    block->table = table;
    if (left_out > 0) {
        char note[160];
        (void)snprintf(
            note, sizeof note,
            zh ? "共 %zu 行，列出前 %zu 行；全部见成果数据文件。"
               : "%zu rows, the first %zu of them here; all are in the files of the result.",
            table.n_rows + left_out, table.n_rows);
        (void)add(gathering, HOST_REPORT_TEXT, note);
    }
    return CIM_OK;
}

/* ---- the whole ---- */

static cim_status
put_outputs(struct gathering *gathering, bool tables)
{
    const struct host_report_source *source = gathering->source;
    json_object_object_foreach(source->outputs, id, part)
    {
        struct json_object *schema = host_report_member(part, "schema");
        struct json_object *value = host_report_member(source->result, id);
        const char *title = host_report_text(part, "title", source->chinese);
        struct json_object *features = host_report_member(value, "features");
        title = title != NULL ? title : id;
        if (is_left_out(schema) || value == NULL) {
            continue;
        }
        if (host_report_is_geojson(value)) {
            if (!tables) {
                take_layer(gathering, title, value, schema, false);
            } else if (features != NULL) {
                CIM_TRY(put_table(gathering, title, features, schema));
            }
        } else if (tables && json_object_is_type(value, json_type_array) &&
                   json_object_is_type(json_object_array_get_idx(value, 0), json_type_object)) {
            CIM_TRY(put_table(gathering, title, value, schema));
        }
    }
    return CIM_OK;
}

static cim_status
put_results(struct gathering *gathering)
{
    const struct host_report_source *source = gathering->source;
    struct facts facts;
    facts_init(&facts, source->chinese);
    json_object_object_foreach(source->outputs, id, part)
    {
        struct json_object *value = host_report_member(source->result, id);
        const char *title = host_report_text(part, "title", source->chinese);
        if (!is_left_out(host_report_member(part, "schema")) && !host_report_is_geojson(value) &&
            !json_object_is_type(json_object_is_type(value, json_type_array)
                                     ? json_object_array_get_idx(value, 0)
                                     : NULL,
                                 json_type_object)) {
            gather_facts(&facts, title != NULL ? title : id, value,
                         host_report_member(part, "schema"), source->chinese);
        }
    }
    return put_facts(gathering, source->chinese ? "结论" : "Result", &facts);
}

/* Does the input take the id of a layer beside features? */
static bool
is_of_layers(struct json_object *schema)
{
    struct json_object *kinds = host_report_member(schema, "oneOf");
    const size_t n =
        json_object_is_type(kinds, json_type_array) ? json_object_array_length(kinds) : 0;
    for (size_t i = 0; i < n; i++) {
        struct json_object *properties =
            host_report_member(json_object_array_get_idx(kinds, i), "properties");
        if (host_report_member(properties, "layer") != NULL) {
            return true;
        }
    }
    return false;
}

/* An input that is features: by the title of the layer they are of. */
static void
gather_layer(struct facts *facts, const struct host_report_source *source, const char *title,
             struct json_object *value, struct json_object *schema)
{
    const bool whole = json_object_is_type(value, json_type_string);
    struct json_object *layer = whole ? value : host_report_member(value, "layer");
    char name[256];
    cim_copy_text(name, sizeof name, json_object_get_string(layer));
    if (source->title_of != NULL) {
        source->title_of(source->arg, name, NULL, name, sizeof name);
    }
    add_fact(facts, title, strdup(name));
    gather_facts(facts, title, whole ? NULL : value, schema, source->chinese);
}

/* What was asked: enough to run it again. GeoJSON inputs are on the map. */
static cim_status
put_inputs(struct gathering *gathering)
{
    const struct host_report_source *source = gathering->source;
    struct json_object *given = host_report_member(source->run, "inputs");
    struct facts facts;
    facts_init(&facts, source->chinese);
    json_object_object_foreach(source->inputs, id, part)
    {
        struct json_object *value = host_report_member(given, id);
        const char *title = host_report_text(part, "title", source->chinese);
        if (host_report_is_geojson(value)) {
            take_layer(gathering, title != NULL ? title : id, value,
                       host_report_member(part, "schema"), true);
        } else if (value != NULL && is_of_layers(host_report_member(part, "schema"))) {
            gather_layer(&facts, source, title != NULL ? title : id, value,
                         host_report_member(part, "schema"));
        } else {
            gather_facts(&facts, title != NULL ? title : id, value,
                         host_report_member(part, "schema"), source->chinese);
        }
    }
    gather_facts(&facts, source->chinese ? "分析与版本" : "Process and version",
                 host_report_member(source->run, "process"), NULL, source->chinese);
    gather_facts(&facts, source->chinese ? "版本" : "Version",
                 host_report_member(source->run, "version"), NULL, source->chinese);
    gather_facts(&facts, source->chinese ? "数据位置 pos" : "Position of the data",
                 host_report_member(source->run, "pos"), NULL, source->chinese);
    return put_facts(gathering, source->chinese ? "输入与依据" : "Inputs", &facts);
}

cim_status
host_report_gather(const struct host_report_source *source, struct host_report_blocks *ret_blocks,
                   cim_error *err)
{
    struct gathering gathering = {source, ret_blocks, err};
    const bool zh = source->chinese;
    ret_blocks->chinese = zh;
    if (source->description != NULL && source->description[0] != '\0') {
        (void)add(&gathering, HOST_REPORT_TEXT, source->description);
    }
    CIM_TRY(put_outputs(&gathering, false));
    /* the map first: tables go over pages, it does not */
    struct host_report_block *map = add(&gathering, HOST_REPORT_MAP, source->title);
    CIM_TRY(put_results(&gathering));
    CIM_TRY(put_outputs(&gathering, true));
    CIM_TRY(put_inputs(&gathering));
    if (map != NULL && ret_blocks->n_layers == 0) {
        map->kind = HOST_REPORT_TEXT;
        map->text[0] = '\0';
    }
    (void)add(
        &gathering, HOST_REPORT_TEXT,
        zh ? "注：坐标系 "
             "CGCS2000（EPSG:4490），长度单位米、面积单位平方米。标有“待核”的规则或数值须经"
             "具名人员确认后方可作为合规依据；按最不利取值的对象已在上文计数。"
           : "Coordinates are CGCS2000 (EPSG:4490), lengths metres, areas square metres. Rules "
             "and values marked to be confirmed count for compliance once a named person has "
             "confirmed them; what was taken at its worst is counted above.");
    return CIM_OK;
}
