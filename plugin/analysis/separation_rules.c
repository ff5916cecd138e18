/* plugin/analysis/separation_rules.c -- see separation_rules.h. */
#include "analysis/separation_rules.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/rows.h"
#include "kit/time.h"

#include <math.h>
#include <stdlib.h>

#define RULES "lpg.separation-rules"

const char *const lpg_separation_bands[LPG_BANDS + 1] = {"volume", "tank", "mass", NULL};

/* ---- reading one record ---- */

enum column {
    RULE_NO,
    STATION,
    RECEPTOR,
    TEST,
    METRES,
    TIMES_HEIGHT,
    BAND,
    BAND_OVER,
    BAND_UPTO,
    STATION_DATUM,
    RECEPTOR_DATUM,
    CLAUSE,
    EDITION,
    EFFECTIVE_FROM,
    EFFECTIVE_TO,
    CONFIDENCE,
    CONFIRM_STATE,
    CONFIRMED_BY,
    CONFIRMED_METRES,
    COLUMNS
};

static const char *const column_names[COLUMNS] = {"rule_no",
                                                  "station",
                                                  "receptor",
                                                  "test",
                                                  "metres",
                                                  "times_height",
                                                  "band",
                                                  "band_over",
                                                  "band_upto",
                                                  "station_datum",
                                                  "receptor_datum",
                                                  "clause",
                                                  "edition",
                                                  "effective_from",
                                                  "effective_to",
                                                  "confidence",
                                                  "confirm_state",
                                                  "confirmed_by",
                                                  "confirmed_metres"};

struct row {
    const cim_batch *batch;
    const int32_t *columns;
    int64_t at;
};

static void
text_of(const struct row *row, enum column column, char *ret_text, size_t size)
{
    const cim_column *c = row->batch->columns[row->columns[column]];
    size_t len = 0;
    const uint8_t *bytes = NULL;
    if (cim_column_present(c, row->at)) {
        bytes = cim_column_bytes(c, row->at, &len);
    }
    len = len < size ? len : size - 1;
    if (len > 0) {
        memcpy(ret_text, bytes, len);
    }
    ret_text[len] = '\0';
}

static double
number_of(const struct row *row, enum column column, double absent)
{
    const cim_column *c = row->batch->columns[row->columns[column]];
    return cim_column_present(c, row->at) ? cim_column_f64(c, row->at) : absent;
}

static int32_t
day_of(const struct row *row, enum column column, int32_t open)
{
    char text[32];
    int32_t day = open;
    text_of(row, column, text, sizeof text);
    return text[0] != '\0' && cim_date_parse(text, SIZE_MAX, &day) == CIM_OK ? day : open;
}

/* Place in `names`, -1: not there. */
static int
code_of(const struct row *row, enum column column, const char *const *names)
{
    char text[64];
    text_of(row, column, text, sizeof text);
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], text) == 0) {
            return i;
        }
    }
    return -1;
}

static cim_status
refuse(const struct lpg_separation_rule *rule, const char *field, const char *zh, const char *en,
       cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, field, rule->rule_no,
                    "间距规则 %s 的 %s %s%.0s，请在图层 " RULES " 中改正",
                    "separation rule %s: %s: %.0s%s: mend it in the layer " RULES, rule->rule_no,
                    field, zh, en);
}

static cim_status
read_rule(const struct row *row, struct lpg_separation_rule *rule, cim_error *err)
{
    const cim_column *uid = row->batch->columns[CIM_RECORD_UID];
    const cim_column *version = row->batch->columns[CIM_RECORD_VERSION];
    char text[64];
    size_t len;
    const uint8_t *bytes = cim_column_bytes(uid, row->at, &len);
    memset(rule, 0, sizeof *rule);
    memcpy(rule->uid, bytes, len < sizeof rule->uid ? len : sizeof rule->uid - 1);
    rule->version = cim_column_i64(version, row->at);
    text_of(row, RULE_NO, rule->rule_no, sizeof rule->rule_no);
    rule->station = code_of(row, STATION, lpg_separation_stations);
    rule->receptor = code_of(row, RECEPTOR, lpg_receptor_names);
    text_of(row, TEST, text, sizeof text);
    rule->not_inside = strcmp(text, "not_inside") == 0;
    rule->metres = number_of(row, METRES, 0.0);
    rule->times_height = number_of(row, TIMES_HEIGHT, 0.0);
    rule->band = code_of(row, BAND, lpg_separation_bands);
    rule->over = number_of(row, BAND_OVER, -HUGE_VAL);
    rule->upto = number_of(row, BAND_UPTO, HUGE_VAL);
    rule->from_day = day_of(row, EFFECTIVE_FROM, INT32_MIN);
    rule->to_day = day_of(row, EFFECTIVE_TO, INT32_MAX);
    text_of(row, CLAUSE, rule->clause, sizeof rule->clause);
    text_of(row, EDITION, rule->edition, sizeof rule->edition);
    text_of(row, STATION_DATUM, rule->station_datum, sizeof rule->station_datum);
    text_of(row, RECEPTOR_DATUM, rule->receptor_datum, sizeof rule->receptor_datum);
    text_of(row, CONFIDENCE, text, sizeof text);
    rule->confidence = text[0];
    text_of(row, CONFIRM_STATE, text, sizeof text);
    rule->confirmed =
        strcmp(text, "confirmed") == 0 && number_of(row, CONFIRMED_METRES, -1.0) == rule->metres;
    text_of(row, CONFIRMED_BY, text, sizeof text);
    rule->confirmed = rule->confirmed && text[0] != '\0';
    if (rule->station < 0 || rule->receptor < 0) {
        return refuse(rule, rule->station < 0 ? "station" : "receptor", "没有这个代码",
                      "there is no such code", err);
    }
    if (rule->band >= 0 && !(rule->over < rule->upto)) {
        return refuse(rule, "band_upto", "应大于 band_over", "expected more than band_over", err);
    }
    return CIM_OK;
}

/* ---- reading all of them ---- */

static cim_status
find_columns(const cim_rows *rows, int32_t columns[COLUMNS], cim_error *err)
{
    for (int i = 0; i < COLUMNS; i++) {
        columns[i] = cim_rows_column(rows, column_names[i]);
        if (columns[i] < 0) {
            return cim_fail(err, CIM_E_DENIED, "layer", RULES, "无权读取间距规则的 %s",
                            "not granted to read %s of the separation rules", column_names[i]);
        }
    }
    return CIM_OK;
}

static cim_status
read_rows(struct lpg_separation_rules *rules, cim_rows *rows, cim_error *err)
{
    int32_t columns[COLUMNS];
    size_t capacity = 0;
    CIM_TRY(find_columns(rows, columns, err));
    for (;;) {
        struct row row = {.columns = columns};
        CIM_TRY(rows->next(rows, &row.batch, err));
        if (row.batch->n_rows == 0) {
            return CIM_OK;
        }
        if (rules->n + (size_t)row.batch->n_rows > LPG_SEPARATION_RULES_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, "layer", RULES, "间距规则最多 %d 条",
                            "at most %d separation rules", LPG_SEPARATION_RULES_MAX);
        }
        while (rules->n + (size_t)row.batch->n_rows > capacity) {
            capacity = capacity == 0 ? 512 : capacity * 2;
        }
        struct lpg_separation_rule *grown = realloc(rules->rules, capacity * sizeof *grown);
        if (grown == NULL) {
            return cim_fail_nomem(err);
        }
        rules->rules = grown;
        for (row.at = 0; row.at < row.batch->n_rows; row.at++) {
            CIM_TRY(read_rule(&row, &rules->rules[rules->n], err));
            rules->n++;
        }
    }
}

static int
by_rule_no(const void *a, const void *b)
{
    return strcmp(((const struct lpg_separation_rule *)a)->rule_no,
                  ((const struct lpg_separation_rule *)b)->rule_no);
}

/* As the plugin itself: who may have them was judged before. */
static cim_status
load(struct lpg_separation_rules_cache *cache, const cim_call *call, int64_t pos,
     struct lpg_separation_rules **ret_rules, cim_error *err)
{
    static const cim_term everything = {.struct_size = sizeof everything,
                                        .actions = CIM_ACT_READ,
                                        .resource = "*",
                                        .all_areas = 1,
                                        .sensitive_mode = CIM_FIELD_ABSENT,
                                        .from_ms = INT64_MIN,
                                        .until_ms = INT64_MAX};
    static const cim_term *const terms[] = {&everything};
    static const cim_scope scope = {.struct_size = sizeof scope, .n_terms = 1, .terms = terms};
    const cim_query query = {
        .struct_size = sizeof query, .properties = column_names, .n_properties = COLUMNS};
    struct lpg_separation_rules *rules = calloc(1, sizeof *rules);
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    cim_call own = *call;
    cim_status status;
    if (rules == NULL) {
        return cim_fail_nomem(err);
    }
    own.scope = &scope;
    atomic_init(&rules->references, 1);
    rules->pos = pos;
    status = lpg_layer_query(cache->layer, &own, &query, &rows, err);
    if (status == CIM_OK) {
        status = read_rows(rules, rows, err);
    }
    if (status == CIM_OK && rules->n == 0) {
        status = cim_fail(err, CIM_E_STATE, "layer", RULES,
                          "图层 " RULES " 没有记录，请先录入或导入间距规则",
                          "the layer " RULES " has no records: enter or import the rules first");
    }
    if (status != CIM_OK) {
        lpg_separation_rules_unref(rules);
        return status;
    }
    qsort(rules->rules, rules->n, sizeof *rules->rules, by_rule_no);
    *ret_rules = rules;
    return CIM_OK;
}

/* ---- cache ---- */

cim_status
lpg_separation_rules_init(struct lpg_separation_rules_cache *cache, const cim_host *host,
                          struct lpg_data *data, cim_error *err)
{
    cache->layer = lpg_data_layer(data, RULES);
    if (cache->layer == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "layer", RULES, "没有图层 " RULES,
                        "there is no layer " RULES);
    }
    cache->host = host;
    cache->store = host->get_service(host, CIM_SERVICE_STORE);
    cache->access = host->get_service(host, CIM_SERVICE_ACCESS);
    (void)pthread_mutex_init(&cache->lock, NULL);
    return CIM_OK;
}

void
lpg_separation_rules_done(struct lpg_separation_rules_cache *cache)
{
    if (cache->layer != NULL) {
        lpg_separation_rules_unref(cache->current);
        (void)pthread_mutex_destroy(&cache->lock);
        *cache = (struct lpg_separation_rules_cache){0};
    }
}

void
lpg_separation_rules_unref(struct lpg_separation_rules *rules)
{
    if (rules != NULL && atomic_fetch_sub(&rules->references, 1) == 1) {
        free(rules->rules);
        free(rules);
    }
}

/* Some term in force shows every record with every field. */
static bool
sees_all(const cim_scope *scope, int64_t now_ms)
{
    for (uint32_t i = 0; i < scope->n_terms; i++) {
        const cim_term *term = scope->terms[i];
        if (term->from_ms <= now_ms && now_ms < term->until_ms && term->all_areas != 0 &&
            term->owner_org == NULL && term->filter_json == NULL && term->n_field_modes == 0) {
            return true;
        }
    }
    return false;
}

cim_status
lpg_separation_rules_take(struct lpg_separation_rules_cache *cache, const cim_call *call,
                          struct lpg_separation_rules **ret_rules, cim_error *err)
{
    const cim_scope *scope = NULL;
    const int64_t pos = cache->store->layer_pos(cache->host, RULES);
    cim_status status = CIM_OK;
    CIM_TRY(cache->access->scope(cache->host, call, RULES, CIM_ACT_READ, &scope, err));
    if (!sees_all(scope, call->now_ms)) {
        return cim_fail(err, CIM_E_DENIED, "layer", RULES,
                        "须有读取全部间距规则的授权（" RULES "，全部区域）",
                        "needs a grant to read all separation rules (" RULES ", all areas)");
    }
    (void)pthread_mutex_lock(&cache->lock);
    if (cache->current == NULL || cache->current->pos < pos) {
        struct lpg_separation_rules *fresh = NULL;
        status = load(cache, call, pos, &fresh, err);
        if (status == CIM_OK) {
            lpg_separation_rules_unref(cache->current);
            cache->current = fresh;
        }
    }
    if (status == CIM_OK) {
        (void)atomic_fetch_add(&cache->current->references, 1);
        *ret_rules = cache->current;
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return status;
}
