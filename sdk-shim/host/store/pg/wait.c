/* host/store/pg/wait.c -- waiting for the server, which has an end.
 *
 * A server that is slow is told to stop; one that does not answer that either (its disk or its
 * machine stands still, the network is cut) is given up, and the connection with it. Whoever waits
 * is not stuck: it ends by itself. */
#include "host/store/pg/pg.h"

#include "cim/util.h"
#include "host/base/note.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <stdlib.h>
#include <time.h>

enum { SLICE_MS = 500 };

struct host_pg_limit
host_pg_limit_of(int64_t ms)
{
    return (struct host_pg_limit){.until_ms = ms > 0 ? host_monotonic_ms() + ms : 0};
}

static int64_t
slice_ms(const struct host_pg_limit *limit)
{
    const int64_t left =
        limit->until_ms != 0 ? limit->until_ms - host_monotonic_ms() : (int64_t)SLICE_MS;
    return left < 0 ? 0 : left > SLICE_MS ? SLICE_MS : left;
}

static bool
is_over(const struct host_pg_limit *limit)
{
    return limit->until_ms != 0 && host_monotonic_ms() >= limit->until_ms;
}

static struct timespec
slice_end(const struct host_pg_limit *limit)
{
    const int64_t ms = slice_ms(limit);
    struct timespec at;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += ms * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

bool
host_pg_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct host_pg_limit *limit)
{
    const struct timespec until = slice_end(limit);
    host_note_progress();
    (void)pthread_cond_timedwait(cond, mutex, &until);
    return !is_over(limit);
}

/* ---- telling the server to stop ---- */

/* libpq asks by a connection of its own and waits for the answer, for as long as it takes. The last
 * of the two who know of it frees it. */
struct request {
    PGcancel *cancel;
    sem_t answered;
    _Atomic int n_users;
};

static void
leave(struct request *request)
{
    if (atomic_fetch_sub(&request->n_users, 1) == 1) {
        PQfreeCancel(request->cancel);
        (void)sem_destroy(&request->answered);
        free(request);
    }
}

static void *
ask(void *arg)
{
    struct request *request = arg;
    char reason[256];
    (void)PQcancel(request->cancel, reason, sizeof reason); /* refused: it runs to its end */
    (void)sem_post(&request->answered);
    leave(request);
    return NULL;
}

void
host_pg_cancel(struct host_pg_connection *conn)
{
    const struct host_pg_limit limit = host_pg_limit_of(HOST_PG_GRACE_MS);
    struct request *request = calloc(1, sizeof *request);
    pthread_t thread;
    bool answered = false;
    if (request == NULL) {
        conn->stale = true;
        return;
    }
    request->cancel = PQgetCancel(conn->pg);
    request->n_users = 2;
    (void)sem_init(&request->answered, 0, 0); /* cannot fail for 0 */
    if (request->cancel == NULL || pthread_create(&thread, NULL, ask, request) != 0) {
        conn->stale = true;
        request->n_users = 1;
        leave(request);
        return;
    }
    (void)pthread_detach(thread);
    while (!answered && !is_over(&limit)) {
        const struct timespec until = slice_end(&limit);
        host_note_progress();
        answered = sem_clockwait(&request->answered, CLOCK_MONOTONIC, &until) == 0;
    }
    /* What stops the statement at some later time must not find another one on the connection. */
    conn->stale = conn->stale || !answered;
    leave(request);
}

/* ---- results ---- */

static cim_status
give_up(struct host_pg_connection *conn, cim_error *err)
{
    conn->stale = true;
    conn->silent = true;
    (void)cim_fail(err, CIM_E_IO, NULL, NULL, "数据库没有响应，请稍后再试",
                   "the database does not answer, try again later");
    if (err != NULL) {
        err->os_errno = ETIMEDOUT;
    }
    return CIM_E_IO;
}

static cim_status
wait_readable(struct host_pg_connection *conn, struct host_pg_limit *limit, cim_error *err)
{
    struct pollfd fd = {.fd = PQsocket(conn->pg), .events = POLLIN};
    const int n = poll(&fd, 1, (int)slice_ms(limit));
    host_note_progress();
    if (n == 0 && is_over(limit)) {
        if (limit->told) {
            return give_up(conn, err);
        }
        host_pg_cancel(conn);
        *limit = host_pg_limit_of(HOST_PG_GRACE_MS);
        limit->told = true;
        return conn->stale ? give_up(conn, err) : CIM_OK;
    }
    if ((n < 0 && errno != EINTR) || (n > 0 && PQconsumeInput(conn->pg) == 0)) {
        conn->stale = true;
        return host_pg_fail(conn, NULL, err);
    }
    return CIM_OK;
}

cim_status
host_pg_result(struct host_pg_connection *conn, struct host_pg_limit *limit, PGresult **ret_result,
               cim_error *err)
{
    while (PQisBusy(conn->pg) != 0) {
        CIM_TRY(wait_readable(conn, limit, err));
    }
    *ret_result = PQgetResult(conn->pg);
    return CIM_OK;
}

void
host_pg_drain(struct host_pg_connection *conn, struct host_pg_limit limit)
{
    PGresult *result = NULL;
    while (!conn->stale && host_pg_result(conn, &limit, &result, NULL) == CIM_OK &&
           result != NULL) {
        PQclear(result);
        conn->stale = conn->stale || PQstatus(conn->pg) != CONNECTION_OK;
    }
}

/* ---- one command at a time ---- */

cim_status
host_pg_answer(struct host_pg_connection *conn, int sent, int64_t limit_ms, PGresult **ret_result,
               cim_error *err)
{
    struct host_pg_limit limit = host_pg_limit_of(limit_ms);
    PGresult *last = NULL;
    PGresult *result = NULL;
    cim_status status = sent == 1 ? CIM_OK : host_pg_fail(conn, NULL, err);
    while (status == CIM_OK && (status = host_pg_result(conn, &limit, &result, err)) == CIM_OK &&
           result != NULL) {
        PQclear(last);
        last = result;
    }
    const ExecStatusType state = PQresultStatus(last);
    if (status == CIM_OK && state != PGRES_COMMAND_OK && state != PGRES_TUPLES_OK) {
        status = host_pg_fail(conn, last, err);
    }
    if (status != CIM_OK || ret_result == NULL) {
        PQclear(last);
        return status;
    }
    *ret_result = last;
    return CIM_OK;
}

int64_t
host_pg_statement_ms(const struct host_pg_connection *conn)
{
    const struct host_store *store = &conn->store->base;
    return conn->is_writer ? store->write_timeout_ms : store->read_timeout_ms;
}

cim_status
host_pg_ask(struct host_pg_connection *conn, const char *sql, PGresult **ret_result, cim_error *err)
{
    return host_pg_answer(conn, PQsendQuery(conn->pg, sql), host_pg_statement_ms(conn), ret_result,
                          err);
}

cim_status
host_pg_run(struct host_pg_connection *conn, const char *sql, cim_error *err)
{
    return host_pg_ask(conn, sql, NULL, err);
}

cim_status
host_pg_int(struct host_pg_connection *conn, const char *sql, int64_t *ret_value, cim_error *err)
{
    PGresult *result = NULL;
    CIM_TRY(host_pg_ask(conn, sql, &result, err));
    *ret_value = PQntuples(result) > 0 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    return CIM_OK;
}

cim_status
host_pg_prepare(struct host_pg_connection *conn, const char *name, const char *sql, int n_types,
                const Oid *types, cim_error *err)
{
    return host_pg_answer(conn, PQsendPrepare(conn->pg, name, sql, n_types, types),
                          host_pg_statement_ms(conn), NULL, err);
}
