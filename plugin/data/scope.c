/* plugin/data/scope.c -- the caller's scope as a condition. */
#include "data/internal.h"

#include "cim/util.h"

/* TERMS_MAX: as deep as the stores read a chain of or, and far more than anybody needs. */
enum { RANGES_MAX = 200, TERMS_MAX = 200 };

static cim_status
check_version(const struct lpg_data *data, const cim_scope *scope, cim_error *err)
{
    for (uint32_t i = 0; i < scope->n_terms; i++) {
        if (scope->terms[i]->all_areas == 0 &&
            scope->areas_version != data->access->areas_version(data->host)) {
            return cim_fail(err, CIM_E_BUSY, NULL, NULL, "区划刚刚更新，请重试",
                            "the area tree has just changed, try again");
        }
    }
    return CIM_OK;
}

cim_status
lpg_scope_of(const struct lpg_layer *layer, const cim_call *call, uint32_t action,
             const cim_scope **ret_scope, cim_error *err)
{
    const struct lpg_data *data = layer->data;
    const cim_scope *scope = call->scope;
    if (scope == NULL) {
        CIM_TRY(data->access->scope(data->host, call, layer->def->id, action, &scope, err));
    }
    CIM_TRY(check_version(data, scope, err));
    *ret_scope = scope;
    return CIM_OK;
}

static bool
in_force(const cim_term *term, int64_t now_ms)
{
    return term->from_ms <= now_ms && now_ms < term->until_ms;
}

bool
lpg_scope_is_open(const cim_scope *scope, int64_t now_ms)
{
    for (uint32_t i = 0; i < scope->n_terms; i++) {
        const cim_term *term = scope->terms[i];
        if (in_force(term, now_ms) && term->all_areas != 0 && term->owner_org == NULL &&
            term->filter_json == NULL) {
            return true;
        }
    }
    return false;
}

static bool
has_area(const cim_term *term, uint32_t ordinal)
{
    return ordinal / 64U < term->n_area_words &&
           (term->areas[ordinal / 64U] >> (ordinal % 64U) & 1U) != 0;
}

/* The bitset as its maximal runs, which are few: grants name whole subtrees. From `at` on the next
 * one; false at the end. */
static bool
next_run(const cim_term *term, uint32_t at, uint32_t *ret_first, uint32_t *ret_end)
{
    const uint32_t n_bits = term->areas != NULL ? term->n_area_words * 64U : 0;
    while (at < n_bits && !has_area(term, at)) {
        at = at % 64U == 0 && term->areas[at / 64U] == 0 ? at + 64U : at + 1U;
    }
    if (at >= n_bits) {
        return false;
    }
    *ret_first = at;
    while (at < n_bits && has_area(term, at)) {
        at++;
    }
    *ret_end = at;
    return true;
}

static cim_status
estimate(const struct lpg_layer *layer, const cim_term *term, int64_t *ret_rows, cim_error *err)
{
    struct lpg_layer *open = (struct lpg_layer *)(uintptr_t)layer; /* for what it remembers */
    uint32_t first = 0;
    uint32_t end = 0;
    int64_t total = 0;
    while (next_run(term, end, &first, &end)) {
        int64_t n_rows = 0;
        CIM_TRY(lpg_area_rows(open, (int32_t)first, (int32_t)end, &n_rows, err));
        total += n_rows;
    }
    *ret_rows = total;
    return CIM_OK;
}

static cim_status
sql_areas(struct lpg_statement *statement, const struct lpg_layer *layer, const cim_term *term,
          cim_error *err)
{
    uint32_t n_runs = 0;
    uint32_t first = 0;
    uint32_t end = 0;
    int64_t n_rows = 0;
    if (statement->in_fid_order) {
        CIM_TRY(estimate(layer, term, &n_rows, err));
    }
    while (next_run(term, end, &first, &end)) {
        if (n_runs++ == 0) {
            lpg_sql_area_begin(statement, layer, n_rows);
            lpg_sql(statement, "select code from cim_area where (ord >= ");
        } else {
            lpg_sql(statement, " or (ord >= ");
        }
        lpg_sql_int(statement, first);
        lpg_sql(statement, " and ord < ");
        lpg_sql_int(statement, end);
        lpg_sql(statement, ")");
        if (n_runs > RANGES_MAX) {
            return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "授权的区划过于零散（超过 %d 段）",
                            "the granted areas are too scattered (over %d runs)", RANGES_MAX);
        }
    }
    lpg_sql(statement, n_runs > 0 ? ")" : "1 = 0");
    return CIM_OK;
}

cim_status
lpg_sql_term(struct lpg_statement *statement, const struct lpg_layer *layer, const cim_term *term,
             cim_error *err)
{
    const char *joint = "";
    lpg_sql(statement, "(");
    if (term->all_areas == 0) {
        CIM_TRY(sql_areas(statement, layer, term, err));
        joint = " and ";
    }
    if (term->owner_org != NULL) {
        lpg_sql(statement, "%sowner_org = ", joint);
        lpg_sql_text(statement, term->owner_org, strlen(term->owner_org));
        joint = " and ";
    }
    if (term->filter_json != NULL) {
        lpg_sql(statement, "%s", joint);
        CIM_TRY(lpg_sql_filter(statement, layer, term->filter_json, NULL, err));
        joint = " and ";
    }
    lpg_sql(statement, joint[0] == '\0' ? "1 = 1)" : ")");
    return CIM_OK;
}

cim_status
lpg_sql_scope(struct lpg_statement *statement, const struct lpg_layer *layer,
              const cim_scope *scope, int64_t now_ms, cim_error *err)
{
    const bool fitted = statement->failed == CIM_OK;
    uint32_t n_terms = 0;
    for (uint32_t i = 0; i < scope->n_terms && n_terms <= TERMS_MAX; i++) {
        if (in_force(scope->terms[i], now_ms)) {
            lpg_sql(statement, n_terms++ == 0 ? "(" : " or ");
            CIM_TRY(lpg_sql_term(statement, layer, scope->terms[i], err));
        }
    }
    lpg_sql(statement, n_terms > 0 ? ")" : "1 = 0");
    if (n_terms > TERMS_MAX || (fitted && statement->failed == CIM_E_TOO_LARGE)) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, layer->def->id,
                        "您对此图层的授权过于零散（条款至多 %d 条，条件值至多 %d "
                        "个），请由管理员合并授权",
                        "your grants on this layer are too scattered (at most %d terms and %d "
                        "values): an administrator has to merge them",
                        TERMS_MAX, LPG_STATEMENT_VALUES_MAX);
    }
    return CIM_OK;
}
