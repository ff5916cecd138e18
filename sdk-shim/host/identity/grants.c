/* host/identity/grants.c -- see grants.h. */
#include "host/identity/internal.h"
#include "host/store/row.h"
#include "host/store/store.h"

void
host_grant_done(struct host_grant *grant)
{
    free(grant->uid);
    free(grant->holder_kind);
    free(grant->holder);
    free(grant->kind);
    free(grant->name);
    free(grant->content);
    free(grant->areas);
    free(grant->org);
    free(grant->granted_by);
    free(grant->why);
    free(grant->ended_by);
}

void
host_grants_free(struct host_grants *grants)
{
    if (grants == NULL) {
        return;
    }
    for (size_t i = 0; i < grants->n; i++) {
        host_grant_done(&grants->grants[i]);
    }
    free(grants->grants);
    *grants = (struct host_grants){0};
}

cim_status
host_grant_read(const struct host_row *row, struct host_grant *ret_grant, cim_error *err)
{
    struct host_grant grant = {0};
    char **const texts[] = {&grant.uid,  &grant.holder_kind, &grant.holder, &grant.kind,
                            &grant.name, &grant.content,     &grant.areas,  &grant.org};
    for (uint32_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!host_row_text_or_null(row, i, texts[i])) {
            host_grant_done(&grant);
            return cim_fail_nomem(err);
        }
    }
    grant.from_ms = host_row_i64(row, 8);
    grant.until_ms = host_row_i64(row, 9);
    grant.granted_ms = host_row_i64(row, 11);
    grant.ended_ms = host_row_i64(row, 14);
    if (!host_row_text_or_null(row, 10, &grant.granted_by) ||
        !host_row_text_or_null(row, 12, &grant.why) ||
        !host_row_text_or_null(row, 13, &grant.ended_by)) {
        host_grant_done(&grant);
        return cim_fail_nomem(err);
    }
    *ret_grant = grant;
    return CIM_OK;
}

cim_status
host_grants_add(struct host_grants *grants, const struct host_row *row, size_t max, cim_error *err)
{
    if (grants->n >= max) {
        return cim_fail(err, CIM_E_TOO_LARGE, "grants", NULL, "授权超过 %zu 项",
                        "more than %zu grants", max);
    }
    if (grants->n == grants->capacity) {
        const size_t capacity = grants->capacity > 0 ? 2 * grants->capacity : 16;
        struct host_grant *more = realloc(grants->grants, capacity * sizeof *more);
        if (more == NULL) {
            return cim_fail_nomem(err);
        }
        grants->grants = more;
        grants->capacity = capacity;
    }
    CIM_TRY(host_grant_read(row, &grants->grants[grants->n], err));
    grants->n++;
    return CIM_OK;
}

cim_status
host_grant_insert(cim_tx *tx, const struct host_grant *grant, cim_error *err)
{
    const cim_value values[] = {
        host_value_text("uid", grant->uid),
        host_value_text("holder_kind", grant->holder_kind),
        host_value_text("holder", grant->holder),
        host_value_text("kind", grant->kind),
        host_value_text("name", grant->name),
        host_value_text("content", grant->content),
        host_value_text("areas", grant->areas),
        host_value_text("org", grant->org),
        host_value_i64("from", grant->from_ms),
        host_value_i64("until", grant->until_ms),
        host_value_text("by", grant->granted_by),
        host_value_i64("now", grant->granted_ms),
        host_value_text("why", grant->why),
    };
    return host_store_exec(tx,
                           "insert into cim_grant (uid, holder_kind, holder, kind, name, content, "
                           "areas, org, from_ms, until_ms, granted_by, granted_ms, why) values "
                           "(:uid, :holder_kind, :holder, :kind, :name, :content, :areas, :org, "
                           ":from, :until, :by, :now, :why)",
                           values, 13, NULL, err);
}

static cim_status
load_of(struct host_identity *identity, const char *holder_kind, const char *holder, int64_t now_ms,
        struct host_grants *grants, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    const cim_value values[] = {host_value_text("kind", holder_kind),
                                host_value_text("holder", holder), host_value_i64("now", now_ms)};
    CIM_TRY(host_store_read(identity->options.platform,
                            "select " HOST_GRANT_COLUMNS " from cim_grant where holder_kind = "
                            ":kind and holder = :holder and ended_ms is null and until_ms > :now "
                            "order by granted_ms, uid",
                            values, 3, &rows, err));
    row.rows = rows;
    for (;;) {
        CIM_TRY(host_row_next(&row, &there, err));
        if (!there) {
            return CIM_OK;
        }
        CIM_TRY(host_grants_add(grants, &row, HOST_PRINCIPAL_GRANTS_MAX, err));
    }
}

/* True if a grant before `at` gives the same role: its own grants are loaded once. */
static bool
seen(const struct host_grants *grants, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(grants->grants[i].kind, "role") == 0 &&
            strcmp(grants->grants[i].name, grants->grants[at].name) == 0) {
            return true;
        }
    }
    return false;
}

cim_status
host_grants_of(struct host_identity *identity, const struct host_account *account, int64_t now_ms,
               struct host_grants *ret_grants, cim_error *err)
{
    struct host_grants grants = {0};
    cim_status status = load_of(identity, "user", account->username, now_ms, &grants, err);
    if (status == CIM_OK && account->org != NULL) {
        status = load_of(identity, "org", account->org, now_ms, &grants, err);
    }
    /* No role gives a role, so what is appended here needs no look. */
    const size_t n = grants.n;
    for (size_t i = 0; i < n && status == CIM_OK; i++) {
        if (strcmp(grants.grants[i].kind, "role") == 0 && !seen(&grants, i)) {
            status = load_of(identity, "role", grants.grants[i].name, now_ms, &grants, err);
        }
    }
    if (status != CIM_OK) {
        host_grants_free(&grants);
        return status;
    }
    *ret_grants = grants;
    return CIM_OK;
}
