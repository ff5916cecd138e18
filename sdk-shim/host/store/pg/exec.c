/* host/store/pg/exec.c -- statements of a transaction.
 *
 * A statement that writes goes out together with its savepoint in one flush, so that a value that
 * is taken undoes that statement alone and costs no further turn. */
#include "host/store/pg/pg.h"

#include "cim/util.h"

#include <stdlib.h>

enum { COMMANDS_MAX = 4 };

static cim_status
given_up(cim_error *err)
{
    return cim_fail(err, CIM_E_STATE, NULL, NULL, "事务已失败，不能继续",
                    "the transaction has failed and cannot go on");
}

/* The results of `n` commands and of the sync behind them; the one at `keep` is handed out. What
 * runs past the deadline is cancelled, and only that. */
static cim_status
collect(struct host_pg_connection *conn, int n, int keep, int64_t deadline_ms,
        PGresult **ret_result, cim_error *err)
{
    PGresult *kept = NULL;
    PGresult *failed = NULL;
    cim_status status = CIM_OK;
    for (int i = 0; i <= n && status == CIM_OK;) {
        PGresult *result = NULL;
        status = host_pg_result(conn, failed == NULL ? deadline_ms : 0, &result, err);
        if (status != CIM_OK || result == NULL) {
            if (status == CIM_OK && PQstatus(conn->pg) != CONNECTION_OK) {
                status = host_pg_fail(conn, NULL, err);
            }
            continue; /* NULL stands between the results of two commands */
        }
        const ExecStatusType state = PQresultStatus(result);
        if (state == PGRES_FATAL_ERROR && failed == NULL) {
            failed = result;
        } else if (i == keep && state != PGRES_PIPELINE_ABORTED) {
            kept = result;
        } else {
            PQclear(result);
        }
        if (PQstatus(conn->pg) != CONNECTION_OK) {
            status = host_pg_fail(conn, failed, err);
        }
        i++;
    }
    if (status != CIM_OK) {
        conn->stale = true;
        PQclear(kept);
        PQclear(failed);
        return status;
    }
    if (failed != NULL) {
        PQclear(kept);
        kept = failed;
    }
    *ret_result = kept;
    return CIM_OK;
}

static bool
send_named(struct host_pg_connection *conn, const char *name, int *n)
{
    ++*n;
    return PQsendQueryPrepared(conn->pg, name, 0, NULL, NULL, NULL, 1) == 1;
}

static bool
send_all(struct host_pg_tx *tx, const char *name, int32_t n_parameters, bool guarded, int *ret_n,
         int *ret_keep)
{
    struct host_pg_connection *conn = tx->conn;
    const struct host_pg_bound *bound = &conn->bound;
    bool sent = PQenterPipelineMode(conn->pg) == 1;
    *ret_n = 0;
    if (sent && !tx->begun) {
        sent = send_named(conn, "cim_begin", ret_n);
    }
    if (sent && guarded) {
        sent = send_named(conn, "cim_savepoint", ret_n);
    }
    *ret_keep = *ret_n;
    sent = sent && PQsendQueryPrepared(conn->pg, name, n_parameters, bound->values, bound->lengths,
                                       bound->formats, 1) == 1;
    ++*ret_n;
    if (sent && guarded) {
        sent = send_named(conn, "cim_release", ret_n);
    }
    return sent && PQpipelineSync(conn->pg) == 1;
}

/* After a failure: only what the savepoint holds is undone, where the transaction can go on. */
static void
settle_failure(struct host_pg_tx *tx, const PGresult *result, bool guarded)
{
    struct host_pg_connection *conn = tx->conn;
    if (host_pg_can_retry(result) || host_pg_is_lost(conn, result)) {
        tx->again = true;
        tx->broken = true;
        conn->stale = conn->stale || !host_pg_can_retry(result);
    } else if (!guarded || host_pg_run(conn, "rollback to savepoint cim", NULL) != CIM_OK ||
               host_pg_run(conn, "release savepoint cim", NULL) != CIM_OK) {
        tx->broken = true;
    }
}

cim_status
host_pg_tx_run(struct host_pg_tx *tx, const char *name, int32_t n_parameters, bool guarded,
               PGresult **ret_result, cim_error *err)
{
    struct host_pg_connection *conn = tx->conn;
    PGresult *result = NULL;
    ExecStatusType state = PGRES_FATAL_ERROR;
    int n = 0;
    int keep = 0;
    cim_status status = CIM_OK;
    if (!send_all(tx, name, n_parameters, guarded, &n, &keep)) {
        status = host_pg_fail(conn, NULL, err);
    } else {
        const int64_t limit_ms = tx->base.timeout_ms;
        status =
            collect(conn, n, keep, limit_ms > 0 ? host_monotonic_ms() + limit_ms : 0, &result, err);
    }
    if (status == CIM_OK && PQexitPipelineMode(conn->pg) != 1) {
        PQclear(result);
        status = host_pg_fail(conn, NULL, err);
    }
    if (status != CIM_OK) {
        conn->stale = true;
        tx->broken = true;
        tx->again = true; /* nothing was committed */
        return status;
    }
    tx->begun = true;
    state = PQresultStatus(result);
    if (state != PGRES_COMMAND_OK && state != PGRES_TUPLES_OK) {
        status = host_pg_fail(conn, result, err);
        settle_failure(tx, result, guarded);
        PQclear(result);
        return status;
    }
    *ret_result = result;
    return CIM_OK;
}

cim_status
host_pg_tx_statement(struct host_pg_tx *tx, const char *sql, const cim_value *values,
                     uint32_t n_values, struct host_pg_statement **ret_statement, cim_error *err)
{
    struct host_pg_connection *conn = tx->conn;
    cim_status status = CIM_OK;
    if (tx->broken) {
        return given_up(err);
    }
    CIM_TRY(host_pg_rows_set_aside(tx, err));
    if (!tx->begun || host_pg_statement_cached(conn, sql, values, n_values)) {
        return host_pg_statement_get(conn, sql, values, n_values, ret_statement, err);
    }
    /* A failure to prepare would end the transaction. */
    CIM_TRY(host_pg_run(conn, "savepoint cim", err));
    status = host_pg_statement_get(conn, sql, values, n_values, ret_statement, err);
    if ((status != CIM_OK && host_pg_run(conn, "rollback to savepoint cim", NULL) != CIM_OK) ||
        host_pg_run(conn, "release savepoint cim", NULL) != CIM_OK) {
        tx->broken = true;
        tx->again = PQstatus(conn->pg) != CONNECTION_OK;
    }
    return status;
}

cim_status
host_pg_exec(cim_tx *base, const char *sql, const cim_value *values, uint32_t n_values,
             int64_t *ret_changes, cim_error *err)
{
    struct host_pg_tx *tx = host_pg_tx_of(base);
    struct host_pg_statement *statement = NULL;
    PGresult *result = NULL;
    CIM_TRY(host_pg_tx_statement(tx, sql, values, n_values, &statement, err));
    CIM_TRY(host_pg_tx_run(tx, statement->name, statement->text.n_parameters, true, &result, err));
    if (ret_changes != NULL) {
        *ret_changes = strtoll(PQcmdTuples(result), NULL, 10);
    }
    PQclear(result);
    return CIM_OK;
}

cim_status
host_pg_query(cim_tx *base, const char *sql, const cim_value *values, uint32_t n_values,
              cim_rows **ret_rows, cim_error *err)
{
    struct host_pg_tx *tx = host_pg_tx_of(base);
    struct host_pg_statement *statement = NULL;
    PGresult *result = NULL;
    CIM_TRY(host_pg_tx_statement(tx, sql, values, n_values, &statement, err));
    if (statement->text.writes) {
        CIM_TRY(
            host_pg_tx_run(tx, statement->name, statement->text.n_parameters, true, &result, err));
        return host_pg_rows_of_result(tx, statement, result, ret_rows, err);
    }
    if (!tx->begun) {
        CIM_TRY(host_pg_run(tx->conn, "begin", err));
        tx->begun = true;
    }
    return host_pg_rows_of_tx(tx, statement, ret_rows, err);
}
