/* host/main/move_store.c -- see move_store.h. */
#include "move_store.h"

#include "assemble.h"
#include "bar.h"
#include "lock.h"
#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/plugins/plugins.h"
#include "host/store/copy.h"
#include "host/store/row.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { READERS = 4 };

static volatile sig_atomic_t s_interrupted;

static void
interrupt(int number)
{
    (void)number;
    s_interrupted = 1;
}

static int32_t
draw(void *arg, int64_t done, int64_t total)
{
    host_bar_count(arg, done, total);
    return s_interrupted != 0;
}

/* ---- the target ---- */

static bool
is_url(const char *target)
{
    return strstr(target, "://") != NULL;
}

static cim_status
open_target(const struct host_app *app, const char *target, bool read_only,
            struct host_store **ret_store, cim_error *err)
{
    const struct host_store_options options = {
        .kind = HOST_STORE_DATA,
        .path = target,
        .url = is_url(target) ? target : NULL,
        .clock = app->clock,
        .max_readers = READERS,
        .read_only = read_only,
    };
    return host_store_open(&options, ret_store, err);
}

/* Looks without making anything. */
static cim_status
check_empty(const struct host_app *app, const char *target, cim_error *err)
{
    struct host_store *store = NULL;
    bool empty = false;
    if (!is_url(target)) {
        return access(target, F_OK) != 0
                   ? CIM_OK
                   : cim_fail(err, CIM_E_EXISTS, "to", target, "文件已存在，目标须为新文件",
                              "the file is there already: the target must be a new one");
    }
    CIM_TRY(open_target(app, target, true, &store, err));
    const cim_status status = host_store_is_empty(store, &empty, err);
    host_store_close(store);
    return status != CIM_OK || empty
               ? status
               : cim_fail(err, CIM_E_EXISTS, "to", NULL, "目标数据库中已有本平台的表，须为空库",
                          "the target database has tables of this platform already: it must be "
                          "empty");
}

/* ---- migrations: the same on both sides ---- */

static cim_status
migrations_of(const struct host_app *app, const char *owner, char *out, size_t out_size,
              cim_error *err)
{
    return strcmp(owner, "host") == 0
               ? host_share_path("migrations/store", out, out_size, err)
               : host_plugins_migrations(app->plugins, owner, out, out_size, err);
}

static cim_status
migrate_owner(const struct host_app *app, struct host_store *target, const char *owner,
              cim_error *err)
{
    char dir[PATH_MAX];
    int32_t n_pending = 0;
    CIM_TRY(migrations_of(app, owner, dir, sizeof dir, err));
    CIM_TRY(host_store_migrations_pending(app->store, owner, dir, &n_pending, err));
    if (n_pending > 0) {
        return cim_fail(err, CIM_E_STATE, "migrations", owner,
                        "源库还有 %d 个迁移未应用（%s），请先运行 cim-host migrate",
                        "%d migrations of the source are due (%s): run cim-host migrate first",
                        (int)n_pending, owner);
    }
    return target == NULL ? CIM_OK : host_store_migrate(target, owner, dir, NULL, NULL, NULL, err);
}

/* All who have migrations in the source, the host first; without a target they are only checked. */
static cim_status
migrate(const struct host_app *app, struct host_store *target, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(app->store,
                            "select owner, min(fid) from cim_migration group by owner order by "
                            "min(fid)",
                            NULL, 0, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    while (there) {
        CIM_AUTO_FREE char *owner = host_row_text(&row, 0);
        if (owner == NULL) {
            return cim_fail_nomem(err);
        }
        CIM_TRY(migrate_owner(app, target, owner, err));
        CIM_TRY(host_row_next(&row, &there, err));
    }
    return CIM_OK;
}

/* ---- the move ---- */

static void
print_report(const struct host_copy_report *report)
{
    int64_t n_rows = 0;
    printf("%-32s %12s  %12s  %s\n", "表 / table", "源 / source", "目标 / target", "SHA-256");
    for (int32_t i = 0; i < report->n_tables; i++) {
        const struct host_copy_table *table = &report->tables[i];
        const bool same = strcmp(table->source.hash, table->target.hash) == 0;
        if (table->source.hash[0] == '\0') {
            break; /* not reached */
        }
        printf("%-32s %12lld  %12lld  %s%s%s\n", table->name, (long long)table->source.n_rows,
               (long long)table->target.n_rows, table->source.hash,
               same ? "" : " != ", same ? "" : table->target.hash);
        n_rows += table->target.n_rows;
    }
    printf("%d 个表，%lld 行 / %d tables, %lld rows\n", (int)report->n_tables, (long long)n_rows,
           (int)report->n_tables, (long long)n_rows);
}

static cim_status
copy(const struct host_app *app, struct host_store *target, cim_error *err)
{
    struct host_bar bar = host_bar_begin();
    struct host_copy_report report = {0};
    const struct host_copy_options options = {
        .source = app->store, .target = target, .progress = draw, .arg = &bar};
    const cim_status status = host_store_copy(&options, &report, err);
    host_bar_end(&bar);
    if (report.n_tables > 0) {
        print_report(&report);
    }
    host_copy_report_done(&report);
    return status;
}

static void
print_next(const char *target)
{
    if (is_url(target)) {
        printf("已搬移并核对。配置未改动：把 store.url 设为刚才 --to 的地址后即使用新库。\n"
               "moved and compared. The configuration is as it was: set store.url to the address "
               "that --to had.\n");
        return;
    }
    printf(
        "已搬移并核对。配置未改动：把 %s 放到数据目录中、名为 cim.gpkg，并清空 store.url 后即使用"
        "新库。\n"
        "moved and compared. The configuration is as it was: put %s into the data directory as "
        "cim.gpkg and leave store.url empty.\n",
        target, target);
}

static void
print_cleaning(const char *target)
{
    if (is_url(target)) {
        (void)fprintf(stderr,
                      "源库未改动。再试之前请删除并重建目标数据库（dropdb、createdb）。\n"
                      "the source is as it was. Before trying again drop the target database and "
                      "create it anew (dropdb, createdb).\n");
        return;
    }
    (void)fprintf(stderr,
                  "源库未改动。再试之前请删除 %s（以及 %s-wal、%s-shm）。\n"
                  "the source is as it was. Before trying again remove %s (and %s-wal, %s-shm).\n",
                  target, target, target, target, target, target);
}

static cim_status
move(const struct host_app *app, const char *target, cim_error *err)
{
    struct host_store *store = NULL;
    cim_status status = CIM_OK;
    CIM_TRY(check_empty(app, target, err));
    CIM_TRY(migrate(app, NULL, err));
    status = open_target(app, target, false, &store, err);
    if (status == CIM_OK) {
        status = migrate(app, store, err);
    }
    if (status == CIM_OK) {
        status = copy(app, store, err);
    }
    host_store_close(store);
    if (status != CIM_OK) {
        print_cleaning(target);
        return status;
    }
    print_next(target);
    return CIM_OK;
}

cim_status
host_move_store(struct host_config *config, const char *target, cim_error *err)
{
    const struct sigaction action = {.sa_handler = interrupt};
    struct host_assembly assembly;
    int lock_fd = -1;
    cim_status status = CIM_OK;
    CIM_TRY(host_lock_take(host_config_text(config, "var"), "migrate", &lock_fd, err));
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    status = host_assemble(config, NULL, HOST_LEVEL_JOB, &assembly, err);
    if (status == CIM_OK) {
        status = move(&assembly.app, target, err);
        host_disassemble(&assembly);
    }
    (void)close(lock_fd);
    return status;
}
