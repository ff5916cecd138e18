/* host/identity/explain.c -- see explain.h. */
#include "host/identity/explain.h"

#include "cim/util.h"
#include "host/identity/api.h"
#include "kit/area_tree.h"
#include "kit/scope_eval.h"

cim_status
host_explain_open(struct host_identity *identity, const cim_call *call, const char *username,
                  struct host_principal **ret_principal, cim_error *err)
{
    const struct host_principal *asker = host_http_principal(call);
    struct host_account *account = NULL;
    if (strcmp(username, call->principal) != 0) {
        CIM_TRY(host_account_load(identity, username, &account, err));
        const cim_status status = host_delegate_areas(asker, HOST_ADMIN_GRANTS,
                                                      host_account_home(account), "principal", err);
        host_account_free(account);
        CIM_TRY(status);
    }
    return host_principal_explain(identity, username, ret_principal, err);
}

bool
host_explain_may_tell(const cim_call *call, const char *area_code)
{
    const struct host_principal *asker = host_http_principal(call);
    return host_delegate_areas(asker, HOST_ADMIN_GRANTS, area_code != NULL ? area_code : "*",
                               "area", NULL) == CIM_OK;
}

size_t
host_explain_count(const struct host_principal *principal)
{
    return principal->n_terms;
}

const cim_term *
host_explain_term(const struct host_principal *principal, size_t i)
{
    return &principal->terms[i].term;
}

bool
host_explain_is_about(const struct host_principal *principal, size_t i, const char *resource)
{
    return cim_resource_matches(principal->terms[i].term.resource, resource);
}

uint32_t
host_explain_lacks(const struct host_principal *principal, size_t i,
                   const struct host_question *question)
{
    const struct host_held_term *held = &principal->terms[i];
    cim_term alone = held->term;
    uint32_t lacks = 0;
    lacks |= (alone.actions & question->action) == 0 ? HOST_LACKS_ACTION : 0U;
    lacks |= held->pass_on ? HOST_LACKS_SIGHT : 0U;
    lacks |= question->now_ms < alone.from_ms || question->now_ms >= alone.until_ms
                 ? HOST_LACKS_TIME
                 : 0U;
    /* Each by the function that decides, with the others out of the way. */
    alone.from_ms = INT64_MIN;
    alone.until_ms = INT64_MAX;
    alone.owner_org = NULL;
    lacks |= cim_term_covers(&alone, question->now_ms, question->area_ordinal, NULL, 0)
                 ? 0U
                 : HOST_LACKS_AREA;
    alone.owner_org = held->term.owner_org;
    alone.all_areas = 1;
    lacks |= cim_term_covers(&alone, question->now_ms, -1, question->owner,
                             question->owner != NULL ? strlen(question->owner) : 0)
                 ? 0U
                 : HOST_LACKS_OWNER;
    return lacks;
}

/* ---- writing ---- */

/* Whole subtrees by their top. */
static void
add_areas(const struct cim_area_tree *tree, const uint64_t *bits, uint32_t n_words, bool all,
          struct cim_buf *out)
{
    const int32_t n = tree != NULL && !all ? cim_area_tree_count(tree) : 0;
    bool first = true;
    cim_buf_add_text(out, all ? ",\"areas\":[{\"code\":\"*\"}" : ",\"areas\":[");
    for (int32_t i = 0; i < n;) {
        const cim_area *area = cim_area_tree_at(tree, i);
        int32_t end = i;
        while (end < area->ordinal_end && (uint32_t)end / 64U < n_words &&
               (bits[end / 64] >> (unsigned)(end % 64) & 1U) != 0) {
            end++;
        }
        if (end < area->ordinal_end) {
            i++;
            continue;
        }
        cim_buf_add_text(out, first ? "{\"code\":" : ",{\"code\":");
        cim_buf_add_json_text(out, area->code, SIZE_MAX);
        host_api_add(out, "name", area->name);
        cim_buf_add_char(out, '}');
        first = false;
        i = end;
    }
    cim_buf_add_char(out, ']');
}

static void
add_fields(const cim_term *term, struct cim_buf *out)
{
    static const char *const modes[] = {"absent", "masked", "clear"};
    host_api_add(out, "sensitive", modes[term->sensitive_mode]);
    cim_buf_add_text(out, ",\"fields\":{");
    for (uint32_t i = 0; i < term->n_field_modes; i++) {
        cim_buf_add_text(out, i > 0 ? "," : "");
        cim_buf_add_json_text(out, term->field_names[i], SIZE_MAX);
        cim_buf_addf(out, ":\"%s\"", modes[term->field_modes[i]]);
    }
    cim_buf_add_char(out, '}');
}

void
host_explain_write(const struct host_principal *principal, size_t i, bool own, struct cim_buf *out)
{
    static const char *const actions[] = {"read", "create", "update", "delete", "export", "run"};
    const struct host_held_term *held = &principal->terms[i];
    const cim_term *term = &held->term;
    bool first = true;
    cim_buf_add_text(out, "\"resource\":");
    cim_buf_add_json_text(out, term->resource, SIZE_MAX);
    host_api_add(out, "grant", held->grant);
    host_api_add(out, "role", held->role);
    cim_buf_add_text(out, ",\"actions\":[");
    for (size_t k = 0; k < sizeof actions / sizeof actions[0]; k++) {
        if ((term->actions >> k & 1U) != 0) {
            cim_buf_addf(out, "%s\"%s\"", first ? "" : ",", actions[k]);
            first = false;
        }
    }
    cim_buf_add_char(out, ']');
    add_areas(principal->areas, term->areas, term->n_area_words, term->all_areas != 0, out);
    host_api_add(out, "owner", term->owner_org);
    add_fields(term, out);
    cim_buf_addf(out, ",\"filter\":%s",
                 term->filter_json == NULL ? "null"
                 : own                     ? "true"
                                           : term->filter_json);
    cim_buf_addf(out, ",\"pass_on\":%s", held->pass_on ? "true" : "false");
    host_api_add_time(out, "from", term->from_ms);
    host_api_add_time(out, "until", term->until_ms);
}

void
host_explain_write_functions(const struct host_principal *principal, struct cim_buf *out)
{
    cim_buf_add_char(out, '[');
    for (size_t i = 0; i < principal->n_functions; i++) {
        const struct host_granted_function *function = &principal->functions[i];
        cim_buf_add_text(out, i > 0 ? ",{\"id\":" : "{\"id\":");
        cim_buf_add_json_text(out, function->id, SIZE_MAX);
        add_areas(principal->areas, function->areas.bits, function->areas.n_words,
                  function->areas.all, out);
        cim_buf_addf(out, ",\"pass_on\":%s", function->pass_on ? "true" : "false");
        host_api_add_time(out, "from", function->from_ms);
        host_api_add_time(out, "until", function->until_ms);
        cim_buf_add_char(out, '}');
    }
    cim_buf_add_char(out, ']');
}
