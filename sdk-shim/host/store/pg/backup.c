/* host/store/pg/backup.c -- backups by PostgreSQL's own tools: pg_dump and pg_restore. */
#include "host/store/pg/pg.h"

#include "cim/util.h"
#include "host/base/note.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { ENTRIES_MAX = 512, ARGUMENTS_MAX = 16, TOLD_MAX = 1024, LOOK_MS = 200 };

/* ---- running one of the tools ---- */

/* The parts of the address go by environment, so that no password shows in a list of processes. */
static cim_status
make_environment(const char *url, char *entries[ENTRIES_MAX], cim_error *err)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    size_t n = 0;
    bool failed = options == NULL;
    for (PQconninfoOption *o = options; o != NULL && o->keyword != NULL && n < ENTRIES_MAX - 1;
         o++) {
        if (o->val != NULL && o->envvar != NULL) {
            failed = asprintf(&entries[n], "%s=%s", o->envvar, o->val) < 0 || failed;
            n++;
        }
    }
    PQconninfoFree(options);
    /* getenv() and so the tools take the first of two. */
    for (char **inherited = environ; *inherited != NULL && n < ENTRIES_MAX - 1; inherited++) {
        entries[n] = strdup(*inherited);
        failed = entries[n] == NULL || failed;
        n++;
    }
    return failed ? cim_fail_nomem(err) : CIM_OK;
}

static cim_status
spawn(const char *const *words, char *const *environment, int output, pid_t *ret_pid,
      cim_error *err)
{
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return cim_fail_nomem(err);
    }
    (void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    (void)posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    const int code =
        posix_spawnp(ret_pid, words[0], &actions, NULL, (char *const *)words, environment);
    posix_spawn_file_actions_destroy(&actions);
    return code == 0 ? CIM_OK
                     : cim_fail(err, CIM_E_STATE, "program", words[0],
                                "无法运行 %s（%s），请安装 postgresql-client",
                                "%s cannot be run (%s): install postgresql-client", words[0],
                                strerrordesc_np(code));
}

/* The beginning of what it prints, until it ends; `progress` may end it. */
static bool
listen_to(int input, pid_t pid, host_store_progress progress, void *arg, char told[TOLD_MAX])
{
    size_t len = 0;
    bool cancelled = false;
    for (;;) {
        char piece[512];
        struct pollfd wait = {.fd = input, .events = POLLIN};
        const int n_ready = poll(&wait, 1, LOOK_MS);
        const ssize_t n = n_ready > 0 ? read(input, piece, sizeof piece) : -1;
        host_note_progress();
        if (n_ready > 0 && n <= 0) {
            break;
        }
        for (ssize_t i = 0; i < n && len < TOLD_MAX - 1; i++) {
            told[len++] = piece[i] == '\n' ? ' ' : piece[i];
        }
        if (!cancelled && progress != NULL && progress(arg, 0, 0) != 0) {
            cancelled = true;
            (void)kill(pid, SIGTERM); /* it is a child that was not waited for */
        }
    }
    told[len] = '\0';
    return cancelled;
}

static cim_status
run_tool(const char *const *words, const char *url, host_store_progress progress, void *arg,
         cim_error *err)
{
    char *environment[ENTRIES_MAX] = {NULL};
    char told[TOLD_MAX] = "";
    int ends[2] = {-1, -1};
    pid_t pid = 0;
    int code = -1;
    bool cancelled = false;
    cim_status status = make_environment(url, environment, err);
    if (status == CIM_OK && pipe2(ends, O_CLOEXEC) != 0) {
        status = cim_fail_nomem(err);
    }
    if (status == CIM_OK) {
        status = spawn(words, environment, ends[1], &pid, err);
        (void)close(ends[1]);
    }
    if (status == CIM_OK) {
        cancelled = listen_to(ends[0], pid, progress, arg, told);
        while (waitpid(pid, &code, 0) < 0 && errno == EINTR) {
        }
    }
    if (ends[0] >= 0) {
        (void)close(ends[0]);
    }
    for (size_t i = 0; environment[i] != NULL; i++) {
        free(environment[i]);
    }
    if (status != CIM_OK || code == 0) {
        return status;
    }
    return cancelled ? cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "已取消", "cancelled")
                     : cim_fail(err, CIM_E_IO, "program", words[0], "%s 未成功：%s",
                                "%s failed: %s", words[0], told);
}

/* ---- making one ---- */

struct dump {
    const char *path;
    char snapshot[HOST_PG_SNAPSHOT_MAX];
    host_store_progress progress;
    host_store_look look;
    void *arg;
};

/* The connection keeps the transaction open that the snapshot lives in. */
static cim_status
export_snapshot(struct host_pg_connection *conn, struct dump *dump, cim_error *err)
{
    CIM_TRY(host_pg_run(conn, "begin isolation level repeatable read read only", err));
    PGresult *result = NULL;
    CIM_TRY(host_pg_ask(conn, "select pg_export_snapshot()", &result, err));
    cim_copy_text(dump->snapshot, sizeof dump->snapshot, PQgetvalue(result, 0, 0));
    PQclear(result);
    return CIM_OK;
}

static cim_status
look_at(const struct host_pg *store, const struct dump *dump, cim_error *err)
{
    const struct host_store_options options = {.kind = store->base.kind,
                                               .url = store->url,
                                               .snapshot = dump->snapshot,
                                               .clock = store->base.clock,
                                               .max_readers = 2,
                                               .read_only = true};
    struct host_store *frozen = NULL;
    CIM_TRY(host_pg_open(&options, &frozen, err));
    const cim_status status = dump->look(dump->arg, frozen, err);
    host_store_close(frozen);
    return status;
}

static cim_status
dump_and_look(struct host_pg *store, struct host_pg_connection *conn, struct dump *dump,
              cim_error *err)
{
    char snapshot[HOST_PG_SNAPSHOT_MAX + 16];
    CIM_TRY(export_snapshot(conn, dump, err));
    (void)snprintf(snapshot, sizeof snapshot, "--snapshot=%s", dump->snapshot);
    const char *const words[] = {"pg_dump",         "--format=custom", "--no-owner",
                                 "--no-privileges", "--no-password",   snapshot,
                                 "--file",          dump->path,        NULL};
    CIM_TRY(run_tool(words, store->url, dump->progress, dump->arg, err));
    return look_at(store, dump, err);
}

cim_status
host_pg_backup(struct host_store *base, const char *path, host_store_progress progress,
               host_store_look look, void *arg, cim_error *err)
{
    struct host_pg *store = host_pg_of(base);
    struct dump dump = {.path = path, .progress = progress, .look = look, .arg = arg};
    struct host_pg_connection *conn = NULL;
    CIM_TRY(host_pg_connect(store, false, &conn, err));
    const cim_status status = dump_and_look(store, conn, &dump, err);
    host_pg_disconnect(conn);
    return status;
}

/* ---- putting one back ---- */

/* Numbers of transactions mean nothing in another cluster: changes that waited for a position are
 * those of a transaction of now. */
static cim_status
renumber_pending(const char *url, cim_error *err)
{
    PGconn *pg = PQconnectdb(url);
    PGresult *result = PQstatus(pg) == CONNECTION_OK
                           ? PQexec(pg, "update cim_change_pending set tx = pg_current_xact_id()")
                           : NULL;
    const cim_status status =
        PQresultStatus(result) == PGRES_COMMAND_OK
            ? CIM_OK
            : cim_fail(err, CIM_E_IO, "store.url", NULL, "%s", "%s", PQerrorMessage(pg));
    PQclear(result);
    PQfinish(pg);
    return status;
}

cim_status
host_pg_restore(const char *url, const char *path, cim_error *err)
{
    const char *const words[] = {"pg_restore",
                                 "--no-owner",
                                 "--no-privileges",
                                 "--no-comments",
                                 "--single-transaction",
                                 "--exit-on-error",
                                 "--no-password",
                                 "--dbname=",
                                 path,
                                 NULL};
    CIM_TRY(run_tool(words, url, NULL, NULL, err));
    return renumber_pending(url, err);
}
