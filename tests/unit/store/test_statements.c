/* Every statement of the repository prepares: those of the data on either store, those of the
 * platform on the embedded one. The file of statements is named on the command line, see
 * statements.py. */
#include "fixture.h"

#include "host/store/driver.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { FILE_MAX = 4 << 20, VALUES_MAX = 64, NAME_MAX_BYTES = 64 };

static const char *statements_path;

struct trial {
    const char *sql;
    uint32_t type; /* of all values; 0: absent */
    uint32_t n_values;
    char names[VALUES_MAX][NAME_MAX_BYTES];
    cim_value values[VALUES_MAX];
};

/* ":name" outside of quoted texts, each once. */
static void
find_names(struct trial *trial)
{
    bool quoted = false;
    trial->n_values = 0;
    for (const char *at = trial->sql; *at != '\0'; at++) {
        quoted = quoted != (*at == '\'');
        if (quoted || *at != ':' || !isalpha((unsigned char)at[1])) {
            continue;
        }
        char name[NAME_MAX_BYTES];
        size_t len = 0;
        for (at++; len + 1 < sizeof name && (isalnum((unsigned char)*at) || *at == '_'); at++) {
            name[len++] = *at;
        }
        name[len] = '\0';
        at--;
        bool known = false;
        for (uint32_t i = 0; i < trial->n_values && !known; i++) {
            known = strcmp(trial->names[i], name) == 0;
        }
        if (!known) {
            assert_true(trial->n_values < VALUES_MAX);
            memcpy(trial->names[trial->n_values++], name, len + 1);
        }
    }
}

static void
fill_values(struct trial *trial)
{
    for (uint32_t i = 0; i < trial->n_values; i++) {
        cim_value *value = &trial->values[i];
        *value = (cim_value){.name = trial->names[i], .type = trial->type};
        if (trial->type == CIM_COL_TEXT) {
            value->v.ptr = "2026-01-01";
            value->len = 10;
        } else {
            value->v.i64 = 1;
        }
    }
}

static bool
gives_rows(const char *sql)
{
    return strncmp(sql, "select", 6) == 0 || strncmp(sql, "with", 4) == 0 ||
           strstr(sql, " returning ") != NULL;
}

static cim_status
run(void *arg, cim_tx *tx, cim_error *err)
{
    struct trial *trial = arg;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_TRY(gives_rows(trial->sql)
                ? host_store_query(tx, trial->sql, trial->values, trial->n_values, &rows, err)
                : host_store_exec(tx, trial->sql, trial->values, trial->n_values, NULL, err));
    return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "撤销", "undone by the test");
}

/* What a value of these types does not fit is the caller's; what is no SQL here is not. */
static bool
prepares(struct host_store *store, struct trial *trial, cim_error *err)
{
    static const uint32_t types[] = {0, CIM_COL_TEXT, CIM_COL_INT64};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        trial->type = types[i];
        fill_values(trial);
        const cim_status status = host_store_write(store, run, trial, NULL, err);
        if (status == CIM_E_CANCELLED || host_store_refuses_row(status)) {
            return true;
        }
    }
    return false;
}

static struct host_store *
open_platform(const struct fixture *fixture, char *path, size_t size)
{
    struct host_store_options options = fixture_options(fixture);
    struct host_migration_report report;
    struct host_store *platform = NULL;
    cim_error error = {0};
    (void)snprintf(path, size, "%s/platform.db", fixture->dir);
    options.kind = HOST_STORE_PLATFORM;
    options.path = path;
    options.url = NULL;
    assert_ok(host_store_open(&options, &platform, &error), &error);
    assert_ok(host_store_migrate(platform, "host", CIM_HOST_MIGRATIONS "/platform", NULL, NULL,
                                 &report, &error),
              &error);
    return platform;
}

static char *
read_statements(size_t *ret_len)
{
    char *text = malloc(FILE_MAX);
    FILE *file = fopen(statements_path, "rbe");
    assert_non_null(text);
    assert_non_null(file);
    *ret_len = fread(text, 1, FILE_MAX, file);
    assert_true(*ret_len > 0 && *ret_len < FILE_MAX);
    assert_int_equal(fclose(file), 0);
    return text;
}

static void
test_every_statement_prepares(void **state)
{
    struct fixture *fixture = *state;
    struct host_migration_report report;
    struct trial *trial = calloc(1, sizeof *trial);
    char path[128];
    size_t len = 0;
    int n_data = 0;
    int n_platform = 0;
    int n_failed = 0;
    cim_error error = {0};
    assert_non_null(trial);
    assert_ok(
        host_store_migrate(fixture->store, "lpg", CIM_LPG_MIGRATIONS, NULL, NULL, &report, &error),
        &error);
    struct host_store *platform = open_platform(fixture, path, sizeof path);
    char *text = read_statements(&len);
    for (const char *at = text; at < text + len; at += strlen(at) + 1) {
        cim_error data_error = {0};
        cim_error platform_error = {0};
        trial->sql = strchr(at, '\n') + 1;
        find_names(trial);
        if (prepares(fixture->store, trial, &data_error)) {
            n_data++;
        } else if (prepares(platform, trial, &platform_error)) {
            n_platform++;
        } else {
            n_failed++;
            print_error("%s\n  data: %s\n  platform: %s\n", at, data_error.en, platform_error.en);
        }
    }
    free(text);
    free(trial);
    host_store_close(platform);
    print_message("%d statements of the data, %d of the platform\n", n_data, n_platform);
    assert_int_equal(n_failed, 0);
    assert_true(n_data > 0 && n_platform > 0);
}

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_statement_prepares, fixture_setup,
                                        fixture_teardown),
    };
    statements_path = argv[argc - 1];
    return argc == 2 ? cmocka_run_group_tests_name("store_statements", tests, NULL, NULL) : 2;
}
