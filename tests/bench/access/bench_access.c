/* Prints what a request pays to know what its caller may do, with 10 000 grants in platform.db and
 * a tree of some 3000 areas: warm (token, principal and scope are kept), after a change of grants
 * (the principal is made from the store), and for one record of an answer. usage: bench_access */
#include "cim/util.h"
#include "host/base/clock.h"
#include "host/identity/areas.h"
#include "host/identity/internal.h"
#include "host/store/row.h"
#include "host/store/store.h"
#include "kit/cleanup.h"
#include "kit/scope_eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    N_GRANTS = 10000,
    N_CITIES = 18,
    N_COUNTIES = 12, /* of a city */
    N_TOWNS = 14,    /* of a county */
    WARM_ROUNDS = 100000,
    COLD_ROUNDS = 20,
    TOKEN_LIFE_MS = 3600000
};

static struct host_clock *the_clock;
static struct host_store *platform;
static struct host_identity *identity;
static char dir[64];

static void
check(cim_status status, const cim_error *error)
{
    if (status != CIM_OK) {
        (void)fprintf(stderr, "bench_access: %s\n", error->en);
        exit(1);
    }
}

static double
now_us(void)
{
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e6 + (double)at.tv_nsec / 1e3;
}

static struct host_store *
open_store(enum host_store_kind kind, const char *name, const char *migrations)
{
    char path[128];
    const struct host_store_options options = {
        .kind = kind, .path = path, .clock = the_clock, .max_readers = 4, .read_timeout_ms = 20000};
    struct host_store *store = NULL;
    struct host_migration_report report;
    cim_error error = {0};
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    check(host_store_open(&options, &store, &error), &error);
    check(host_store_migrate(store, "host", migrations, NULL, NULL, &report, &error), &error);
    return store;
}

/* Codes: 46, 46CC, 46CCXX, 46CCXXTTT. */
static void
write_areas(const char *path)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        exit(1);
    }
    (void)fprintf(file, "code,name,level,parent,aliases\n46,province,province,,\n");
    for (int c = 1; c <= N_CITIES; c++) {
        (void)fprintf(file, "46%02d,city,city,46,\n", c);
        for (int x = 1; x <= N_COUNTIES; x++) {
            (void)fprintf(file, "46%02d%02d,county,county,46%02d,\n", c, x, c);
            for (int t = 1; t <= N_TOWNS; t++) {
                (void)fprintf(file, "46%02d%02d%03d,town,town,46%02d%02d,\n", c, x, t, c, x);
            }
        }
    }
    (void)fclose(file);
}

/* ---- holders ---- */

/* What makes a holder's grants differ. */
enum kind { FEW, BY_AREA, BY_LAYER, BY_OWNER };

struct holder {
    const char *name;
    const char *what;
    enum kind kind;
    int n_grants;
};

static const struct holder holders[] = {
    {"few", "5 grants", FEW, 5},
    {"areas", "10 000 grants that differ in areas", BY_AREA, N_GRANTS},
    {"layers", "10 000 grants of 60 layers by area", BY_LAYER, N_GRANTS},
    {"owners", "10 000 grants, an owner each", BY_OWNER, N_GRANTS},
};

struct giving {
    const char *username;
    enum kind kind;
    int first;
    int n;
};

static void
name_grant(const struct giving *giving, int i, struct host_grant *grant, char texts[5][96])
{
    (void)snprintf(texts[0], sizeof texts[0], "%s:%d", giving->username, i);
    (void)snprintf(texts[1], sizeof texts[1],
                   giving->kind == BY_LAYER ? "lpg.layer-%d" : "lpg.layer-1", i % 60);
    (void)snprintf(texts[2], sizeof texts[2], "46%02d%02d%03d", 1 + i % N_CITIES,
                   1 + i / 18 % N_COUNTIES, 1 + i / 216 % N_TOWNS);
    (void)snprintf(texts[3], sizeof texts[3], "%s", giving->username);
    (void)snprintf(texts[4], sizeof texts[4],
                   giving->kind == BY_OWNER
                       ? "{\"resource\":\"%s\",\"actions\":[\"read\"],\"owner\":\"E%05d\"}"
                       : "{\"resource\":\"%s\",\"actions\":[\"read\"]}",
                   texts[1], i);
    *grant = (struct host_grant){.uid = texts[0],
                                 .holder_kind = (char *)(uintptr_t) "user",
                                 .holder = texts[3],
                                 .kind = (char *)(uintptr_t) "resource",
                                 .name = texts[1],
                                 .content = texts[4],
                                 .areas = texts[2],
                                 .granted_by = (char *)(uintptr_t) "bench",
                                 .until_ms = INT64_MAX};
}

static cim_status
insert_grants(void *arg, cim_tx *tx, cim_error *err)
{
    const struct giving *giving = arg;
    for (int i = giving->first; i < giving->first + giving->n; i++) {
        char texts[5][96];
        struct host_grant grant;
        name_grant(giving, i, &grant, texts);
        CIM_TRY(host_grant_insert(tx, &grant, err));
    }
    return CIM_OK;
}

static void
give(const char *username, enum kind kind, int n)
{
    struct giving giving = {.username = username, .kind = kind, .n = n};
    cim_error error = {0};
    check(host_store_write(platform, insert_grants, &giving, NULL, &error), &error);
}

static void
end_grants_of(const char *username)
{
    const cim_value values[] = {host_value_text("holder", username)};
    cim_error error = {0};
    check(host_store_write_one(platform, "delete from cim_grant where holder = :holder", values, 1,
                               NULL, &error),
          &error);
}

static void
add_account(const char *username)
{
    const struct host_account_input input = {.username = username,
                                             .display_name = username,
                                             .password = "Gas-bottle-1",
                                             .roles = "",
                                             .areas = "",
                                             .until_ms = INT64_MAX};
    cim_error error = {0};
    check(host_identity_put_account(identity, &input, &error), &error);
}

/* ---- measuring ---- */

static int
compare(const void *left, const void *right)
{
    const double a = *(const double *)left;
    const double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* A request's share: who is it, what may he do; `layer` differs from round to round. */
static size_t
ask(const char *token, int layer)
{
    char username[HOST_USERNAME_MAX + 1];
    char resource[32];
    struct host_principal *principal = NULL;
    const cim_scope *scope = NULL;
    const int64_t now_ms = host_clock_now_ms(the_clock);
    cim_error error = {0};
    (void)snprintf(resource, sizeof resource, "lpg.layer-%d", layer);
    check(host_sessions_find(&identity->sessions, HOST_SESSION_BEARER, token, now_ms, username,
                             &error),
          &error);
    check(host_principal_get(identity, username, &principal, &error), &error);
    check(host_identity_scope(identity, principal, resource, CIM_ACT_READ, now_ms, &scope, &error),
          &error);
    const size_t n_terms = scope->n_terms;
    host_principal_release(principal);
    return n_terms;
}

static double
record_us(const char *username)
{
    struct host_principal *principal = NULL;
    const cim_scope *scope = NULL;
    const int64_t now_ms = host_clock_now_ms(the_clock);
    volatile uint32_t covered = 0;
    cim_error error = {0};
    check(host_principal_get(identity, username, &principal, &error), &error);
    check(host_identity_scope(identity, principal, "lpg.layer-1", CIM_ACT_READ, now_ms, &scope,
                              &error),
          &error);
    const double begun = now_us();
    for (int i = 0; i < 1000; i++) {
        for (uint32_t t = 0; t < scope->n_terms; t++) {
            covered += cim_term_covers(scope->terms[t], now_ms, i, "E00001", 6) ? 1U : 0U;
        }
    }
    host_principal_release(principal);
    return (now_us() - begun) / 1000;
}

static void
measure(const struct holder *holder, bool *ret_within)
{
    static double warm[WARM_ROUNDS];
    double cold[COLD_ROUNDS];
    char token[HOST_TOKEN_TEXT];
    size_t n_terms = 0;
    cim_error error = {0};
    add_account(holder->name);
    give(holder->name, holder->kind, holder->n_grants);
    give("others", BY_AREA, N_GRANTS - holder->n_grants);
    check(host_identity_issue_token(identity, holder->name, TOKEN_LIFE_MS, token, &error), &error);
    for (int i = 0; i < COLD_ROUNDS; i++) {
        (void)atomic_fetch_add(&identity->generation, 1); /* as any change of grants does */
        const double begun = now_us();
        n_terms = ask(token, 1);
        cold[i] = now_us() - begun;
    }
    for (int layer = 0; layer < 60; layer++) {
        (void)ask(token, layer);
    }
    for (int i = 0; i < WARM_ROUNDS; i++) {
        const double begun = now_us();
        (void)ask(token, i % 60);
        warm[i] = now_us() - begun;
    }
    qsort(warm, WARM_ROUNDS, sizeof warm[0], compare);
    qsort(cold, COLD_ROUNDS, sizeof cold[0], compare);
    (void)printf("%-40s %6zu %9.2f %9.2f %12.0f %12.3f\n", holder->what, n_terms,
                 warm[WARM_ROUNDS / 2], warm[WARM_ROUNDS / 100 * 99], cold[COLD_ROUNDS / 2],
                 record_us(holder->name));
    *ret_within = *ret_within && warm[WARM_ROUNDS / 100 * 99] < 20;
    end_grants_of("others");
    end_grants_of(holder->name);
}

static void
clear_up(void)
{
    static const char *const names[] = {"platform.db", "platform.db-wal", "platform.db-shm",
                                        "cim.gpkg",    "cim.gpkg-wal",    "cim.gpkg-shm",
                                        "areas.csv"};
    char path[128];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

int
main(void)
{
    struct host_identity_options options = {
        .session_idle_ms = 1800000, .session_absolute_ms = 43200000, .token_ms = TOKEN_LIFE_MS};
    struct host_areas *areas = NULL;
    char path[128];
    int64_t n_areas = 0;
    bool within = true;
    cim_error error = {0};
    (void)snprintf(dir, sizeof dir, "/tmp/bench-access-XXXXXX");
    the_clock = host_clock_new(INT64_C(1800000000000));
    if (mkdtemp(dir) == NULL || the_clock == NULL) {
        return 1;
    }
    platform = open_store(HOST_STORE_PLATFORM, "platform.db", CIM_HOST_MIGRATIONS "/platform");
    struct host_store *data = open_store(HOST_STORE_DATA, "cim.gpkg", CIM_HOST_MIGRATIONS "/store");
    check(host_areas_open(data, &areas, &error), &error);
    (void)snprintf(path, sizeof path, "%s/areas.csv", dir);
    write_areas(path);
    check(host_areas_import(areas, path, &n_areas, &error), &error);
    options.platform = platform;
    options.areas = areas;
    options.clock = the_clock;
    check(host_identity_open(&options, &identity, &error), &error);
    (void)printf("%d grants in platform.db, %lld areas\n\n", N_GRANTS, (long long)n_areas);
    (void)printf("%-40s %6s %9s %9s %12s %12s\n", "holder of", "terms", "warm p50", "warm p99",
                 "anew p50", "a record");
    (void)printf("%-40s %6s %9s %9s %12s %12s\n", "", "", "us", "us", "us", "us");
    for (size_t i = 0; i < sizeof holders / sizeof holders[0]; i++) {
        measure(&holders[i], &within);
    }
    host_identity_free(identity);
    host_areas_free(areas);
    host_store_close(data);
    host_store_close(platform);
    host_clock_free(the_clock);
    clear_up();
    if (!within) {
        (void)printf("\nover 20 us\n");
        return 1;
    }
    return 0;
}
