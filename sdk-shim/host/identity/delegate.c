/* host/identity/delegate.c -- see delegate.h. */
#include "host/identity/delegate.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/identity/internal.h"
#include "kit/area_tree.h"
#include "kit/cleanup.h"
#include "kit/scope_eval.h"

static bool
has_bit(const uint64_t *bits, uint32_t n_words, uint32_t at)
{
    return at / 64U < n_words && (bits[at / 64U] >> (at % 64U) & 1U) != 0;
}

/* The first area of `wanted` that is not in `held`; NULL when all are. */
static const cim_area *
first_outside(const struct cim_area_tree *tree, const uint64_t *wanted, uint32_t n_words,
              const struct host_area_set *held)
{
    for (uint32_t i = 0; i < n_words * 64U; i++) {
        if (has_bit(wanted, n_words, i) && !has_bit(held->bits, held->n_words, i)) {
            return cim_area_tree_at(tree, (int32_t)i);
        }
    }
    return NULL;
}

static void
unite(struct host_area_set *into, const uint64_t *bits, uint32_t n_words, bool all)
{
    into->all = into->all || all;
    for (uint32_t i = 0; i < into->n_words && i < n_words && bits != NULL; i++) {
        into->bits[i] |= bits[i];
    }
}

static cim_status
refuse_area(const cim_area *area, cim_error *err)
{
    return area == NULL
               ? cim_fail(err, CIM_E_DENIED, "areas", "*", "您管不到全部区划",
                          "you do not hold this for all areas")
               : cim_fail(err, CIM_E_DENIED, "areas", area->code, "“%s %s”不在您管理的区划内",
                          "%s %s lies outside your areas", area->code, area->name);
}

/* ---- areas of a function point ---- */

static cim_status
check_codes(const struct host_principal *giver, const char *areas, const char *param,
            cim_error *err)
{
    const struct cim_area_tree *tree = giver->areas;
    CIM_AUTO_FREE char *list = strdup(areas);
    char *rest = list;
    if (list == NULL) {
        return cim_fail_nomem(err);
    }
    while (rest != NULL && strcmp(areas, "*") != 0) {
        const char *code = strsep(&rest, ",");
        const cim_area *area =
            tree != NULL ? cim_area_tree_at(tree, cim_area_tree_ordinal(tree, code)) : NULL;
        if (area == NULL) {
            return cim_fail(err, CIM_E_INVALID, param, code,
                            "没有此区划代码，如 460100 为海口市；多个以逗号分隔，* 为全部",
                            "no such area code; 460100, for example, is Haikou; several are "
                            "separated by commas, * is all");
        }
        if (giver->areas_ms < area->from_ms || giver->areas_ms >= area->until_ms) {
            return cim_fail(err, CIM_E_INVALID, param, code, "区划“%s”现已停用或尚未启用",
                            "the area %s is not in force today", area->name);
        }
    }
    return CIM_OK;
}

static cim_status
covered(const struct cim_area_tree *tree, const struct host_area_set *wanted,
        const struct host_area_set *held, cim_error *err)
{
    const cim_area *outside = NULL;
    if (held->all) {
        return CIM_OK;
    }
    if (wanted->all) {
        return refuse_area(NULL, err);
    }
    outside = first_outside(tree, wanted->bits, wanted->n_words, held);
    return outside == NULL ? CIM_OK : refuse_area(outside, err);
}

static cim_status
empty_set(const struct host_principal *giver, struct host_area_set *ret_set, cim_error *err)
{
    return host_area_set_of(giver->areas, "", giver->areas_ms, ret_set, err);
}

cim_status
host_delegate_held(const struct host_principal *giver, const char *function_id,
                   struct host_area_set *ret_set, cim_error *err)
{
    const int64_t now_ms = host_clock_now_ms(giver->clock);
    struct host_area_set held = {0};
    CIM_TRY(empty_set(giver, &held, err));
    for (size_t i = 0; i < giver->n_functions; i++) {
        const struct host_granted_function *own = &giver->functions[i];
        if (!own->pass_on && own->from_ms <= now_ms && now_ms < own->until_ms &&
            host_function_matches(own->id, function_id)) {
            unite(&held, own->areas.bits, own->areas.n_words, own->areas.all);
        }
    }
    *ret_set = held;
    return CIM_OK;
}

static cim_status
check_inside(const struct host_principal *giver, const struct host_area_set *set, const char *areas,
             const char *param, cim_error *err)
{
    struct host_area_set wanted = {0};
    CIM_TRY(check_codes(giver, areas, param, err));
    CIM_TRY(host_area_set_of(giver->areas, areas, giver->areas_ms, &wanted, err));
    const cim_status status = covered(giver->areas, &wanted, set, err);
    free(wanted.bits);
    if (status == CIM_E_DENIED && err != NULL) {
        cim_copy_text(err->param, sizeof err->param, param);
    }
    return status;
}

bool
host_delegate_inside(const struct host_principal *giver, const struct host_area_set *set,
                     const char *areas)
{
    return set->all || check_inside(giver, set, areas, "areas", NULL) == CIM_OK;
}

cim_status
host_delegate_areas(const struct host_principal *giver, const char *function_id, const char *areas,
                    const char *param, cim_error *err)
{
    struct host_area_set held = {0};
    CIM_TRY(host_delegate_held(giver, function_id, &held, err));
    const cim_status status = check_inside(giver, &held, areas, param, err);
    free(held.bits);
    return status;
}

/* ---- terms ---- */

/* How far a held term goes towards covering another; areas are judged over all that go to the end.
 */
enum stage {
    STAGE_RESOURCE,
    STAGE_ACTION,
    STAGE_OWNER,
    STAGE_FILTER,
    STAGE_FIELDS,
    STAGE_UNTIL,
    STAGE_AREAS
};

static bool
pattern_covers(const char *held, const char *wanted)
{
    const size_t len = strlen(held);
    if (len >= 2 && strcmp(held + len - 2, ".*") == 0) {
        return strncmp(held, wanted, len - 1) == 0 && wanted[len - 1] != '\0';
    }
    return strcmp(held, "*") == 0 || strcmp(held, wanted) == 0;
}

static bool
same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The listed mode of a field; -1: not listed. */
static int
listed_mode(const cim_term *term, const char *name)
{
    for (uint32_t i = 0; i < term->n_field_modes; i++) {
        if (strcmp(term->field_names[i], name) == 0) {
            return term->field_modes[i];
        }
    }
    return -1;
}

/* No field shows more than held. Which fields are sensitive the definition knows, not we: a field
 * that only one side lists is taken at its worst. */
static bool
fields_covered(const cim_term *held, const cim_term *wanted)
{
    if (wanted->sensitive_mode > held->sensitive_mode) {
        return false;
    }
    for (uint32_t i = 0; i < wanted->n_field_modes; i++) {
        const int mode = listed_mode(held, wanted->field_names[i]);
        if ((int)wanted->field_modes[i] > (mode >= 0 ? mode : (int)held->sensitive_mode)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < held->n_field_modes; i++) {
        if (held->field_modes[i] < CIM_FIELD_CLEAR &&
            listed_mode(wanted, held->field_names[i]) < 0) {
            return false;
        }
    }
    return true;
}

static enum stage
reach_of(const cim_term *held, const cim_term *wanted, uint32_t action, int64_t now_ms)
{
    const int64_t from_ms = wanted->from_ms > now_ms ? wanted->from_ms : now_ms;
    if (!pattern_covers(held->resource, wanted->resource)) {
        return STAGE_RESOURCE;
    }
    if ((held->actions & action) == 0) {
        return STAGE_ACTION;
    }
    if (held->owner_org != NULL && !same_text(held->owner_org, wanted->owner_org)) {
        return STAGE_OWNER;
    }
    if (held->filter_json != NULL && !same_text(held->filter_json, wanted->filter_json)) {
        return STAGE_FILTER;
    }
    if (!fields_covered(held, wanted)) {
        return STAGE_FIELDS;
    }
    return held->from_ms <= from_ms && wanted->until_ms <= held->until_ms ? STAGE_AREAS
                                                                          : STAGE_UNTIL;
}

static cim_status
refuse_stage(enum stage stage, const cim_term *wanted, cim_error *err)
{
    static const struct {
        const char *param;
        const char *zh;
        const char *en;
    } texts[] = {
        [STAGE_RESOURCE] = {"resource", "您没有此资源的权限", "you hold nothing for it"},
        [STAGE_ACTION] = {"actions", "您没有其中全部操作", "you do not hold all its actions"},
        [STAGE_OWNER] = {"owner", "您只有一个组织的记录的权限",
                         "you hold it for the records of one organisation only"},
        [STAGE_FILTER] = {"filter", "您的权限带有行条件", "you hold it under a row filter only"},
        [STAGE_FIELDS] = {"fields", "您看不到这些字段到此程度",
                          "you do not see its fields that far"},
        [STAGE_UNTIL] = {"until", "您的权限更早到期", "what you hold ends earlier"},
    };
    if (err != NULL) {
        (void)cim_fail(err, CIM_E_DENIED, texts[stage].param, wanted->resource, "%s", "%s",
                       wanted->resource);
        (void)snprintf(err->zh, sizeof err->zh, "%s：%s", wanted->resource, texts[stage].zh);
        (void)snprintf(err->en, sizeof err->en, "%s: %s", wanted->resource, texts[stage].en);
    }
    return CIM_E_DENIED;
}

static cim_status
check_action(const struct host_principal *giver, const struct host_held_term *wanted,
             uint32_t action, int64_t now_ms, cim_error *err)
{
    const cim_term *term = &wanted->term;
    enum stage farthest = STAGE_RESOURCE;
    struct host_area_set held = {0};
    CIM_TRY(empty_set(giver, &held, err));
    for (size_t i = 0; i < giver->n_terms; i++) {
        const cim_term *own = &giver->terms[i].term;
        const enum stage stage = reach_of(own, term, action, now_ms);
        farthest = stage > farthest ? stage : farthest;
        if (stage == STAGE_AREAS) {
            /* What a plugin shares with everybody is shared by who may give any of it. */
            unite(&held, own->areas, own->n_area_words, own->all_areas != 0 || wanted->shared);
        }
    }
    const struct host_area_set areas = {.bits = (uint64_t *)(uintptr_t)term->areas,
                                        .n_words = term->n_area_words,
                                        .all = term->all_areas != 0};
    const cim_status status = farthest == STAGE_AREAS ? covered(giver->areas, &areas, &held, err)
                                                      : refuse_stage(farthest, term, err);
    free(held.bits);
    return status;
}

cim_status
host_delegate_term(const struct host_principal *giver, const struct host_held_term *held,
                   cim_error *err)
{
    const int64_t now_ms = host_clock_now_ms(giver->clock);
    for (uint32_t action = 1; action <= held->term.actions; action <<= 1U) {
        if ((held->term.actions & action) != 0) {
            CIM_TRY(check_action(giver, held, action, now_ms, err));
        }
    }
    return CIM_OK;
}

/* Function points of the platform itself are given only by who holds them. */
static bool
may_give(const struct host_granted_function *own, const struct host_granted_function *wanted,
         int64_t now_ms)
{
    const int64_t from_ms = wanted->from_ms > now_ms ? wanted->from_ms : now_ms;
    if (own->pass_on && !wanted->pass_on && strncmp(wanted->id, "cim.", 4) == 0) {
        return false;
    }
    return host_function_matches(own->id, wanted->id) && own->from_ms <= from_ms &&
           wanted->until_ms <= own->until_ms;
}

cim_status
host_delegate_function(const struct host_principal *giver,
                       const struct host_granted_function *function, cim_error *err)
{
    const int64_t now_ms = host_clock_now_ms(giver->clock);
    struct host_area_set held = {0};
    bool any = false;
    cim_status status = empty_set(giver, &held, err);
    CIM_TRY(status);
    for (size_t i = 0; i < giver->n_functions; i++) {
        const struct host_granted_function *own = &giver->functions[i];
        if (may_give(own, function, now_ms)) {
            any = true;
            unite(&held, own->areas.bits, own->areas.n_words, own->areas.all);
        }
    }
    status =
        any ? covered(giver->areas, &function->areas, &held, err)
            : cim_fail(err, CIM_E_DENIED, "function", function->id, "您没有功能点 %s，或它更早到期",
                       "you do not hold the function point %s that long", function->id);
    free(held.bits);
    return status;
}

cim_status
host_delegate_all(const struct host_principal *giver, const struct host_principal *subject,
                  cim_error *err)
{
    for (size_t i = 0; i < subject->n_terms; i++) {
        CIM_TRY(host_delegate_term(giver, &subject->terms[i], err));
    }
    for (size_t i = 0; i < subject->n_functions; i++) {
        CIM_TRY(host_delegate_function(giver, &subject->functions[i], err));
    }
    return CIM_OK;
}
