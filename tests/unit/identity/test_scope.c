/* Terms of a principal against a brute force over random roles, areas, owners and times. */
#include "fixture.h"

#include "host/identity/explain.h"
#include "kit/cleanup.h"
#include "kit/scope_eval.h"

#include <stdlib.h>

static const char *const codes[] = {"46", "4601", "460105", "460106", "4602", "460202"};
static const int parents[] = {-1, 0, 1, 1, 0, 4};
static const char *const resources[] = {"lpg.stations", "lpg.roads", "lpg.end-users", "gas.pipes"};
static const char *const patterns[] = {"lpg.stations", "lpg.roads", "lpg.*", "*", "gas.*"};
static const char *const owners[] = {"org-a", "org-b", "org-c"};
static const uint32_t actions[] = {CIM_ACT_READ, CIM_ACT_CREATE, CIM_ACT_EXPORT};

enum { N_CODES = 6, N_GRANTS = 4, N_HELD = 3, ROUNDS = 400, RECORDS = 60 };

/* One role of the model: plain data that both sides are made from. */
struct model_role {
    struct host_role role;
    struct host_role_grant grants[N_GRANTS];
    struct host_holding held;
    char areas[64];
    bool in[N_CODES]; /* areas named */
    bool all;
};

struct record {
    int area; /* -1: an area that the tree does not know */
    const char *owner;
    int64_t now_ms;
    const char *resource;
    uint32_t action;
    const char *kind; /* what row filters look at */
};

static void
make_role(struct model_role *model, uint64_t *seed)
{
    memset(model, 0, sizeof *model);
    model->role.grants = model->grants;
    model->role.n_grants = 1 + unit_random_below(seed, N_GRANTS);
    for (size_t i = 0; i < model->role.n_grants; i++) {
        struct host_role_grant *grant = &model->grants[i];
        grant->resource = (char *)(uintptr_t)patterns[unit_random_below(seed, 5)];
        grant->actions = unit_random_below(seed, 8) == 0 ? 0 : actions[unit_random_below(seed, 3)];
        grant->actions |= actions[unit_random_below(seed, 3)];
        grant->sensitive_mode = unit_random_below(seed, 3);
        grant->own_org = unit_random_below(seed, 3) == 0;
        grant->all_areas = unit_random_below(seed, 6) == 0;
    }
    model->all = unit_random_below(seed, 5) == 0;
    if (model->all) {
        (void)snprintf(model->areas, sizeof model->areas, "*");
    } else {
        for (size_t i = 0; i < N_CODES; i++) {
            model->in[i] = unit_random_below(seed, 4) == 0;
            if (model->in[i]) {
                const size_t used = strlen(model->areas);
                (void)snprintf(model->areas + used, sizeof model->areas - used, "%s%s",
                               used > 0 ? "," : "", codes[i]);
            }
        }
    }
    model->held.role = "r";
    model->held.areas = model->areas;
    model->held.org = unit_random_below(seed, 2) == 0 ? owners[unit_random_below(seed, 3)] : NULL;
    model->held.until_ms =
        unit_random_below(seed, 3) == 0 ? INT64_MAX : (int64_t)unit_random_below(seed, 100);
}

static bool
pattern_covers(const char *pattern, const char *resource)
{
    return strcmp(pattern, "*") == 0 || strcmp(pattern, resource) == 0 ||
           (strcmp(pattern, "lpg.*") == 0 && strncmp(resource, "lpg.", 4) == 0) ||
           (strcmp(pattern, "gas.*") == 0 && strncmp(resource, "gas.", 4) == 0);
}

/* The most that any grant shows of a sensitive field of the record; -1: the record is hidden. */
static int
brute_force(const struct model_role *roles, size_t n, const char *own_org, const struct record *rec)
{
    int best = -1;
    for (size_t r = 0; r < n; r++) {
        const char *org = roles[r].held.org != NULL ? roles[r].held.org : own_org;
        bool area_ok = roles[r].all;
        for (int a = rec->area; a >= 0 && !area_ok; a = parents[a]) {
            area_ok = roles[r].in[a];
        }
        for (size_t g = 0; g < roles[r].role.n_grants; g++) {
            const struct host_role_grant *grant = &roles[r].grants[g];
            const bool covered = (grant->actions & rec->action) != 0 &&
                                 pattern_covers(grant->resource, rec->resource) &&
                                 rec->now_ms < roles[r].held.until_ms &&
                                 (area_ok || grant->all_areas) &&
                                 (!grant->own_org || (org != NULL && strcmp(org, rec->owner) == 0));
            if (covered && (int)grant->sensitive_mode > best) {
                best = (int)grant->sensitive_mode;
            }
        }
    }
    return best;
}

static int
by_scope(const cim_scope *scope, const struct cim_area_tree *tree, const struct record *rec)
{
    const struct cim_field field = {.name = (char *)(uintptr_t) "phone",
                                    .sensitive = CIM_SENSITIVE_PHONE};
    const int32_t ordinal = rec->area >= 0 ? cim_area_tree_ordinal(tree, codes[rec->area]) : -1;
    bool visible = false;
    for (uint32_t i = 0; i < scope->n_terms; i++) {
        visible = visible || cim_term_covers(scope->terms[i], rec->now_ms, ordinal, rec->owner,
                                             strlen(rec->owner));
    }
    return visible ? (int)cim_scope_field_mode(scope, &field, rec->now_ms, ordinal, rec->owner,
                                               strlen(rec->owner))
                   : -1;
}

static void
test_terms_random_equal_brute_force(void **state)
{
    struct fixture *fixture = *state;
    const struct cim_area_tree *tree = host_areas_tree(fixture->areas);
    uint64_t seed = 20261122;
    int seen[4] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        struct model_role roles[N_HELD];
        const size_t n = 1 + unit_random_below(&seed, N_HELD);
        const char *org = unit_random_below(&seed, 2) == 0 ? "org-a" : NULL;
        cim_error error = {0};
        struct host_principal *principal = host_principal_new("u", "U", org, fixture->clock, tree);
        assert_non_null(principal);
        for (size_t i = 0; i < n; i++) {
            make_role(&roles[i], &seed);
            assert_ok(host_principal_add_role(principal, &roles[i].role, &roles[i].held, &error),
                      &error);
        }
        if (round % 2 == 0) {
            host_principal_merge(principal);
        }
        for (int k = 0; k < RECORDS; k++) {
            const struct record rec = {.area = (int)unit_random_below(&seed, N_CODES + 1) - 1,
                                       .owner = owners[unit_random_below(&seed, 3)],
                                       .now_ms = (int64_t)unit_random_below(&seed, 100),
                                       .resource = resources[unit_random_below(&seed, 4)],
                                       .action = actions[unit_random_below(&seed, 3)]};
            const cim_scope *scope = NULL;
            const int wanted = brute_force(roles, n, org, &rec);
            assert_ok(host_identity_scope(fixture->identity, principal, rec.resource, rec.action,
                                          rec.now_ms, &scope, &error),
                      &error);
            assert_int_equal(by_scope(scope, tree, &rec), wanted);
            seen[wanted + 1]++;
        }
        host_principal_release(principal);
    }
    for (int i = 0; i < 4; i++) { /* hidden, absent, masked, clear: each was met */
        assert_true(seen[i] > ROUNDS);
    }
}

static void
test_scope_nobody_is_empty(void **state)
{
    struct fixture *fixture = *state;
    const cim_scope *scope = NULL;
    cim_error error = {0};
    assert_ok(host_identity_scope(fixture->identity, NULL, "lpg.stations", CIM_ACT_READ, 0, &scope,
                                  &error),
              &error);
    assert_int_equal(scope->n_terms, 0);
    assert_int_equal(host_principal_has_function(NULL, "lpg.export"), 0);
}

static void
test_scope_until_ends_at_its_millisecond(void **state)
{
    struct fixture *fixture = *state;
    struct host_principal *principal = NULL;
    const cim_scope *scope = NULL;
    cim_error error = {0};
    fixture_put(fixture, "haikou", "regulator", "4601", NULL, FIXTURE_NOW_MS + 1000);
    assert_ok(host_principal_get(fixture->identity, "haikou", &principal, &error), &error);
    assert_ok(host_identity_scope(fixture->identity, principal, "lpg.stations", CIM_ACT_READ,
                                  FIXTURE_NOW_MS + 999, &scope, &error),
              &error);
    assert_int_equal(scope->n_terms, 1);
    assert_ok(host_identity_scope(fixture->identity, principal, "lpg.stations", CIM_ACT_READ,
                                  FIXTURE_NOW_MS + 1000, &scope, &error),
              &error);
    assert_int_equal(scope->n_terms, 0);
    host_clock_set(fixture->clock, FIXTURE_NOW_MS + 999);
    assert_int_equal(host_principal_has_function(principal, "lpg.export"), 1);
    host_clock_set(fixture->clock, FIXTURE_NOW_MS + 1000);
    assert_int_equal(host_principal_has_function(principal, "lpg.export"), 0);
    host_principal_release(principal);
}

static void
test_principal_grant_change_makes_a_new_one(void **state)
{
    struct fixture *fixture = *state;
    struct host_principal *before = NULL;
    struct host_principal *same = NULL;
    struct host_principal *after = NULL;
    cim_error error = {0};
    fixture_put(fixture, "planner", "regulator", "*", NULL, INT64_MAX);
    assert_ok(host_principal_get(fixture->identity, "planner", &before, &error), &error);
    assert_ok(host_principal_get(fixture->identity, "planner", &same, &error), &error);
    assert_ptr_equal(before, same);
    assert_int_equal(before->n_terms, 1);
    fixture_put(fixture, "planner", "", "*", NULL, INT64_MAX);
    assert_ok(host_principal_get(fixture->identity, "planner", &after, &error), &error);
    assert_ptr_not_equal(before, after);
    assert_int_equal(after->n_terms, 0);
    host_principal_release(before);
    host_principal_release(same);
    host_principal_release(after);
}

static void
test_principal_own_org_without_org_grants_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct host_principal *principal = NULL;
    const cim_scope *scope = NULL;
    cim_error error = {0};
    fixture_put(fixture, "firm", "enterprise", "*", NULL, INT64_MAX);
    assert_ok(host_principal_get(fixture->identity, "firm", &principal, &error), &error);
    assert_ok(host_identity_scope(fixture->identity, principal, "lpg.stations", CIM_ACT_READ,
                                  FIXTURE_NOW_MS, &scope, &error),
              &error);
    assert_int_equal(scope->n_terms, 0);
    assert_ok(host_identity_scope(fixture->identity, principal, "lpg.roads", CIM_ACT_READ,
                                  FIXTURE_NOW_MS, &scope, &error),
              &error);
    assert_int_equal(scope->n_terms, 1);
    assert_int_equal(scope->terms[0]->n_field_modes, 1);
    assert_int_equal(scope->terms[0]->field_modes[0], CIM_FIELD_ABSENT);
    host_principal_release(principal);
}

static void
test_roles_of_two_plugins_stay_apart(void **state)
{
    struct fixture *fixture = *state;
    cim_error error = {0};
    assert_int_equal(host_identity_set_roles(fixture->identity, "gas",
                                             "[{\"id\":\"r\",\"title\":{\"zh\":\"a\",\"en\":\"a\"},"
                                             "\"grants\":[{\"resource\":\"lpg.*\",\"actions\":"
                                             "[\"read\"]}]}]",
                                             &error),
                     CIM_E_INVALID);
    assert_string_equal(error.param, "roles[0].grants[0].resource");
    assert_string_equal(error.value, "\"lpg.*\"");
}

static void
test_system_principal_sees_all(void **state)
{
    struct fixture *fixture = *state;
    struct host_principal *principal = host_identity_system_principal(fixture->identity);
    const cim_scope *scope = NULL;
    cim_error error = {0};
    assert_non_null(principal);
    assert_ok(host_identity_scope(fixture->identity, principal, "any.thing", CIM_ACT_DELETE,
                                  FIXTURE_NOW_MS, &scope, &error),
              &error);
    assert_int_equal(scope->n_terms, 1);
    assert_int_equal(scope->terms[0]->all_areas, 1);
    assert_int_equal(host_principal_has_function(principal, "cim.admin.plugins"), 1);
    host_principal_release(principal);
}

/* ---- grants from the store ---- */

enum { N_STORED = 40, N_PEOPLE = 12, N_FIELDS = 2 };

static const char *const modes[] = {"absent", "masked", "clear"};
static const char *const record_kinds[] = {"gas", "oil"};
/* One that is sensitive, and one that grants alone hide. */
static const struct cim_field drawn_fields[N_FIELDS] = {
    {.name = (char *)(uintptr_t) "phone", .sensitive = CIM_SENSITIVE_PHONE},
    {.name = (char *)(uintptr_t) "name"}};

/* A grant of the model, drawn at random; the row and the brute force are made from it. */
struct stored {
    int holder; /* 0 the person, 1 his organisation, 2 the role he holds */
    uint32_t action;
    int pattern;
    int area;  /* -1 all, -2 the holder's */
    int owner; /* -1 any, -2 the holder's organisation */
    uint32_t mode;
    int field_modes[N_FIELDS]; /* -1: none of its own */
    int kind;                  /* of the row filter; -1: there is none */
    int64_t from_ms;
    int64_t until_ms;
};

static const char *
action_name(uint32_t action)
{
    return action == CIM_ACT_READ ? "read" : action == CIM_ACT_CREATE ? "create" : "export";
}

static void
draw_any(struct stored *grant, uint64_t *seed)
{
    grant->holder = (int)unit_random_below(seed, 3);
    grant->action = actions[unit_random_below(seed, 3)];
    grant->pattern = (int)unit_random_below(seed, 5);
    grant->area = (int)unit_random_below(seed, N_CODES + 1) - 1;
    if (grant->holder > 0 && unit_random_below(seed, 3) == 0) {
        grant->area = -2;
    }
    grant->owner = (int)unit_random_below(seed, 5) - 2;
    grant->mode = (uint32_t)unit_random_below(seed, 3);
    for (int i = 0; i < N_FIELDS; i++) {
        grant->field_modes[i] = (int)unit_random_below(seed, 4) - 1;
    }
    grant->kind = (int)unit_random_below(seed, 6) - 4;
    grant->from_ms = FIXTURE_NOW_MS + (int64_t)unit_random_below(seed, 100) - 50;
    grant->until_ms = FIXTURE_NOW_MS + 1 + (int64_t)unit_random_below(seed, 100);
}

/* Those that differ in areas alone become one term: so most are a twin of an earlier one, but for
 * its area or for one thing more that keeps them apart. */
static void
draw(struct stored *grants, int i, uint64_t *seed)
{
    struct stored other;
    draw_any(&other, seed);
    if (i == 0 || unit_random_below(seed, 4) == 0) {
        grants[i] = other;
        return;
    }
    struct stored *grant = &grants[i];
    *grant = grants[unit_random_below(seed, (uint32_t)i)];
    grant->holder = other.holder;
    grant->area = other.area;
    switch (unit_random_below(seed, 10)) {
    case 0:
        grant->action = other.action;
        break;
    case 1:
        grant->pattern = other.pattern;
        break;
    case 2:
        grant->owner = other.owner;
        break;
    case 3:
        grant->mode = other.mode;
        break;
    case 4:
        memcpy(grant->field_modes, other.field_modes, sizeof other.field_modes);
        break;
    case 5:
        grant->kind = other.kind;
        break;
    case 6:
        grant->from_ms = other.from_ms;
        break;
    case 7:
        grant->until_ms = other.until_ms;
        break;
    default:
        break;
    }
}

static void
store(struct fixture *fixture, const struct stored *grant, int person, int number)
{
    static const char *const kinds[] = {"user", "org", "role"};
    static const char *const holders[] = {"", "org-a", "regulator"};
    char holder[16];
    char owner[40] = "";
    char filter[100] = "";
    char fields[64] = "";
    char sql[1200];
    char areas[16] = "null";
    cim_error error = {0};
    (void)snprintf(holder, sizeof holder, "p%d", person);
    if (grant->area >= -1) {
        (void)snprintf(areas, sizeof areas, "'%s'", grant->area == -1 ? "*" : codes[grant->area]);
    }
    if (grant->owner >= 0) {
        (void)snprintf(owner, sizeof owner, ",\"owner\":\"%s\"", owners[grant->owner]);
    } else if (grant->owner == -2) {
        (void)snprintf(owner, sizeof owner, ",\"own_org\":true");
    }
    if (grant->kind >= 0) {
        (void)snprintf(filter, sizeof filter,
                       ",\"filter\":{\"op\":\"=\",\"args\":[{\"property\":\"kind\"},\"%s\"]}",
                       record_kinds[grant->kind]);
    }
    for (int i = 0; i < N_FIELDS; i++) {
        const size_t len = strlen(fields);
        if (grant->field_modes[i] >= 0) {
            (void)snprintf(fields + len, sizeof fields - len, "%s\"%s\":\"%s\"",
                           len > 0 ? "," : ",\"fields\":{", drawn_fields[i].name,
                           modes[grant->field_modes[i]]);
        }
    }
    (void)snprintf(sql, sizeof sql,
                   "insert into cim_grant (uid, holder_kind, holder, kind, name, content, areas, "
                   "from_ms, until_ms, granted_by, granted_ms) values ('g%d-%d', '%s', '%s', "
                   "'resource', '%s', '{\"resource\":\"%s\",\"actions\":[\"%s\"],\"sensitive\":"
                   "\"%s\"%s%s%s%s}', %s, %lld, %lld, 'test', 0)",
                   person, number, kinds[grant->holder],
                   grant->holder == 0 ? holder : holders[grant->holder], patterns[grant->pattern],
                   patterns[grant->pattern], action_name(grant->action), modes[grant->mode], fields,
                   fields[0] != '\0' ? "}" : "", owner, filter, areas, (long long)grant->from_ms,
                   (long long)grant->until_ms);
    assert_ok(host_store_write_one(fixture->platform, sql, NULL, 0, NULL, &error), &error);
}

/* Each grant by itself, against each record by itself: the most that one shows of a field; -1: the
 * record is hidden. The organisation lies in 4602, the role is held in 4601. */
static int
judge(const struct stored *grants, const struct record *rec, int field)
{
    int best = -1;
    for (int i = 0; i < N_STORED; i++) {
        const struct stored *grant = &grants[i];
        const int inherited = grant->holder == 1 ? 4 : 1;
        const int wanted = grant->area == -2 ? inherited : grant->area;
        const int general = field == 0 ? (int)grant->mode : CIM_FIELD_CLEAR;
        const int mode = grant->field_modes[field] >= 0 ? grant->field_modes[field] : general;
        bool area_ok = wanted == -1;
        for (int a = rec->area; a >= 0 && !area_ok; a = parents[a]) {
            area_ok = a == wanted;
        }
        const char *owner = grant->owner >= 0 ? owners[grant->owner] : "org-a";
        if (area_ok && grant->action == rec->action &&
            pattern_covers(patterns[grant->pattern], rec->resource) &&
            grant->from_ms <= rec->now_ms && rec->now_ms < grant->until_ms &&
            (grant->kind < 0 || strcmp(record_kinds[grant->kind], rec->kind) == 0) &&
            (grant->owner == -1 || strcmp(owner, rec->owner) == 0) && mode > best) {
            best = mode;
        }
    }
    return best;
}

/* The same by the terms of a scope, whose row filters are judged here. */
static int
by_terms(const cim_scope *scope, const struct cim_area_tree *tree, const struct record *rec,
         int field)
{
    const int32_t ordinal = rec->area >= 0 ? cim_area_tree_ordinal(tree, codes[rec->area]) : -1;
    int best = -1;
    for (uint32_t i = 0; i < scope->n_terms; i++) {
        const cim_term *term = scope->terms[i];
        const int mode = (int)cim_term_field_mode(term, &drawn_fields[field]);
        if (cim_term_covers(term, rec->now_ms, ordinal, rec->owner, strlen(rec->owner)) &&
            (term->filter_json == NULL || strstr(term->filter_json, rec->kind) != NULL) &&
            mode > best) {
            best = mode;
        }
    }
    return best;
}

static void
test_stored_grants_equal_brute_force(void **state)
{
    struct fixture *fixture = *state;
    const struct cim_area_tree *tree = host_areas_tree(fixture->areas);
    uint64_t seed = 20261127;
    int seen[N_FIELDS][4] = {{0}};
    int merged = 0;
    cim_error error = {0};
    assert_ok(host_store_write_one(fixture->platform,
                                   "insert into cim_org (code, name, kind, area) values ('org-a', "
                                   "'A', 'gas', '4602')",
                                   NULL, 0, NULL, &error),
              &error);
    /* What the template itself grants is in the way here. */
    assert_ok(host_identity_set_roles(fixture->identity, "lpg",
                                      "[{\"id\":\"regulator\",\"title\":{\"zh\":\"r\",\"en\":"
                                      "\"r\"}}]",
                                      &error),
              &error);
    for (int person = 0; person < N_PEOPLE; person++) {
        struct stored grants[N_STORED];
        struct host_principal *principal = NULL;
        char name[16];
        (void)snprintf(name, sizeof name, "p%d", person);
        assert_ok(host_store_write_one(fixture->platform,
                                       "delete from cim_grant where holder_kind <> 'user'", NULL, 0,
                                       NULL, &error),
                  &error);
        fixture_put(fixture, name, "regulator", "4601", "org-a", INT64_MAX);
        for (int i = 0; i < N_STORED; i++) {
            draw(grants, i, &seed);
            store(fixture, &grants[i], person, i);
        }
        assert_ok(host_principal_get(fixture->identity, name, &principal, &error), &error);
        merged += N_STORED - (int)host_explain_count(principal);
        for (int k = 0; k < 400; k++) {
            const struct record rec = {.area = (int)unit_random_below(&seed, N_CODES + 1) - 1,
                                       .owner = owners[unit_random_below(&seed, 3)],
                                       .now_ms =
                                           FIXTURE_NOW_MS + (int64_t)unit_random_below(&seed, 120),
                                       .resource = resources[unit_random_below(&seed, 4)],
                                       .action = actions[unit_random_below(&seed, 3)],
                                       .kind = record_kinds[unit_random_below(&seed, 2)]};
            const cim_scope *scope = NULL;
            assert_ok(host_identity_scope(fixture->identity, principal, rec.resource, rec.action,
                                          rec.now_ms, &scope, &error),
                      &error);
            for (int field = 0; field < N_FIELDS; field++) {
                const int wanted = judge(grants, &rec, field);
                assert_int_equal(by_terms(scope, tree, &rec, field), wanted);
                seen[field][wanted + 1]++;
            }
        }
        host_principal_release(principal);
    }
    for (int field = 0; field < N_FIELDS; field++) {
        for (int i = 0; i < 4; i++) { /* hidden, absent, masked, clear: each was met */
            assert_in_range(seen[field][i], 40, N_PEOPLE * 400);
        }
    }
    assert_true(merged > 3 * N_PEOPLE);
}

static void
test_scope_many_grants_that_differ_in_areas_are_one_term(void **state)
{
    struct fixture *fixture = *state;
    struct host_principal *principal = NULL;
    const cim_scope *scope = NULL;
    cim_error error = {0};
    fixture_put(fixture, "many", "", "", NULL, INT64_MAX);
    for (int i = 0; i < 60; i++) {
        struct stored grant = {.action = CIM_ACT_READ,
                               .pattern = 0,
                               .area = i % N_CODES,
                               .owner = -1,
                               .mode = CIM_FIELD_MASKED,
                               .field_modes = {-1, -1},
                               .kind = -1,
                               .from_ms = 0,
                               .until_ms = INT64_MAX};
        store(fixture, &grant, 0, i);
    }
    assert_ok(host_store_write_one(fixture->platform,
                                   "update cim_grant set holder = 'many' where holder = 'p0'", NULL,
                                   0, NULL, &error),
              &error);
    assert_ok(host_principal_get(fixture->identity, "many", &principal, &error), &error);
    assert_ok(host_identity_scope(fixture->identity, principal, "lpg.stations", CIM_ACT_READ,
                                  FIXTURE_NOW_MS, &scope, &error),
              &error);
    assert_int_equal(scope->n_terms, 1);
    host_principal_release(principal);
}

/* ---- what is kept ---- */

static const struct host_principal *
principal_now(struct fixture *fixture, const char *username)
{
    struct host_principal *principal = NULL;
    cim_error error = {0};
    assert_ok(host_principal_get(fixture->identity, username, &principal, &error), &error);
    host_principal_release(principal); /* the cache keeps it */
    return principal;
}

static void
test_a_grant_makes_its_holder_anew_alone(void **state)
{
    struct fixture *fixture = *state;
    fixture_put(fixture, "kept-a", "regulator", "4601", NULL, INT64_MAX);
    fixture_put(fixture, "kept-b", "regulator", "4601", NULL, INT64_MAX);
    const int64_t a = principal_now(fixture, "kept-a")->generation;
    const struct host_principal *of_b = principal_now(fixture, "kept-b");
    const int64_t b = of_b->generation;
    host_grants_changed(fixture->identity, "user", "kept-a");
    assert_ptr_equal(principal_now(fixture, "kept-b"), of_b);
    assert_true(principal_now(fixture, "kept-a")->generation > a);
    host_grants_changed(fixture->identity, "role", "regulator");
    assert_true(principal_now(fixture, "kept-b")->generation > b);
}

/* Grants that begin and end go on making new scopes for as long as a principal is kept. */
static void
test_scopes_without_end_are_answered(void **state)
{
    struct fixture *fixture = *state;
    fixture_put(fixture, "asker", "regulator", "4601", NULL, INT64_MAX);
    for (int i = 0; i < 3 * HOST_PRINCIPAL_SCOPES_MAX / 2; i++) {
        struct host_principal *principal = NULL;
        const cim_scope *scope = NULL;
        char resource[32];
        cim_error error = {0};
        (void)snprintf(resource, sizeof resource, "lpg.layer-%d", i);
        assert_ok(host_principal_get(fixture->identity, "asker", &principal, &error), &error);
        assert_ok(host_identity_scope(fixture->identity, principal, resource, CIM_ACT_READ,
                                      FIXTURE_NOW_MS, &scope, &error),
                  &error);
        assert_int_equal(scope->n_terms, 1);
        host_principal_release(principal);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_terms_random_equal_brute_force),
        TEST(test_scope_nobody_is_empty),
        TEST(test_scope_until_ends_at_its_millisecond),
        TEST(test_principal_grant_change_makes_a_new_one),
        TEST(test_principal_own_org_without_org_grants_nothing),
        TEST(test_roles_of_two_plugins_stay_apart),
        TEST(test_system_principal_sees_all),
        TEST(test_stored_grants_equal_brute_force),
        TEST(test_scope_many_grants_that_differ_in_areas_are_one_term),
        TEST(test_a_grant_makes_its_holder_anew_alone),
        TEST(test_scopes_without_end_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
