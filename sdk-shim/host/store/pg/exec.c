/* host/store/pg/exec.c -- statements of a transaction.
 *
 * A statement that writes goes out together with its savepoint in one flush, so that a value that
 * is taken undoes that statement alone and costs no further turn. What is not to fail is sent ahead
 * of the next flush: a small edit costs two turns, its record and what goes with the commit. */
#include "host/store/pg/pg.h"

#include "cim/util.h"

#include <stdlib.h>

static cim_status
given_up(cim_error *err)
{
    return cim_fail(err, CIM_E_STATE, NULL, NULL, "事务已失败，不能继续",
                    "the transaction has failed and cannot go on");
}

/* What travels in one flush, with the sync behind it. */
struct turn {
    int n;       /* commands */
    int n_ahead; /* of them: those that were sent before */
    int keep;    /* the one whose result is handed out, or -1 */
    int xact;    /* the one that tells the transaction's number, or -1 */
    int failed;  /* the first that failed, or -1 */
    bool first;  /* nothing of the transaction came before */
    bool saved;  /* a savepoint holds what is run */
};

static struct turn
turn_of(const struct host_pg_tx *tx)
{
    return (struct turn){.n = tx->n_ahead,
                         .n_ahead = tx->n_ahead,
                         .keep = -1,
                         .xact = -1,
                         .failed = -1,
                         .first = !tx->begun};
}

static int64_t
int_of(const PGresult *result)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) {
        value = value << 8U | (uint8_t)PQgetvalue(result, 0, 0)[i];
    }
    return (int64_t)value;
}

/* The results of a turn; one that failed is handed out instead of the one that was asked for. What
 * runs past the deadline is cancelled, and only that. */
static cim_status
collect(struct host_pg_tx *tx, struct turn *turn, struct host_pg_limit limit, PGresult **ret_result,
        cim_error *err)
{
    struct host_pg_connection *conn = tx->conn;
    PGresult *kept = NULL;
    cim_status status = CIM_OK;
    for (int i = 0; i <= turn->n && status == CIM_OK;) {
        PGresult *result = NULL;
        limit.told = limit.told || turn->failed >= 0;
        status = host_pg_result(conn, &limit, &result, err);
        if (status != CIM_OK || result == NULL) {
            if (status == CIM_OK && PQstatus(conn->pg) != CONNECTION_OK) {
                status = host_pg_fail(conn, NULL, err);
            }
            continue; /* NULL stands between the results of two commands */
        }
        const ExecStatusType state = PQresultStatus(result);
        if (state == PGRES_TUPLES_OK && i == turn->xact) {
            tx->xact = int_of(result);
        }
        if ((state == PGRES_FATAL_ERROR && turn->failed < 0) ||
            (i == turn->keep && state != PGRES_PIPELINE_ABORTED && turn->failed < 0)) {
            turn->failed = state == PGRES_FATAL_ERROR ? i : -1;
            PQclear(kept);
            kept = result;
        } else {
            PQclear(result);
        }
        if (PQstatus(conn->pg) != CONNECTION_OK) {
            status = host_pg_fail(conn, turn->failed >= 0 ? kept : NULL, err);
        }
        i++;
    }
    if (status != CIM_OK) {
        PQclear(kept);
        return status;
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
enter_pipeline(struct host_pg_tx *tx)
{
    return tx->n_ahead > 0 || PQenterPipelineMode(tx->conn->pg) == 1;
}

static bool
send_bound(struct host_pg_connection *conn, const char *name, int32_t n_parameters, int *n)
{
    const struct host_pg_bound *bound = &conn->bound;
    ++*n;
    return PQsendQueryPrepared(conn->pg, name, n_parameters, bound->values, bound->lengths,
                               bound->formats, 1) == 1;
}

static bool
send_all(struct host_pg_tx *tx, const char *name, int32_t n_parameters, bool guarded,
         struct turn *turn)
{
    struct host_pg_connection *conn = tx->conn;
    bool sent = enter_pipeline(tx);
    if (sent && !tx->begun) {
        sent = send_named(conn, "cim_begin", &turn->n);
    }
    turn->saved = guarded && !turn->first;
    if (sent && turn->saved) {
        sent = send_named(conn, "cim_savepoint", &turn->n);
    }
    /* What writes will want it for its commit. Never in front: the first command of a pipeline may
     * still be answered row by row, as the query before it was. */
    if (sent && guarded && tx->xact == 0) {
        turn->xact = turn->n;
        sent = send_named(conn, "cim_xact", &turn->n);
    }
    turn->keep = turn->n;
    sent = sent && send_bound(conn, name, n_parameters, &turn->n);
    if (sent && turn->saved) {
        sent = send_named(conn, "cim_release", &turn->n);
    }
    return sent;
}

/* The sync behind what was sent, and the results. Only a lost connection fails here. */
static cim_status
end_turn(struct host_pg_tx *tx, struct turn *turn, bool sent, PGresult **ret_result, cim_error *err)
{
    struct host_pg_connection *conn = tx->conn;
    PGresult *result = NULL;
    cim_status status = CIM_OK;
    if (!sent || PQpipelineSync(conn->pg) != 1) {
        status = host_pg_fail(conn, NULL, err);
    } else {
        status = collect(tx, turn, host_pg_limit_of(tx->base.timeout_ms), &result, err);
    }
    if (status == CIM_OK && PQexitPipelineMode(conn->pg) != 1) {
        PQclear(result);
        status = host_pg_fail(conn, NULL, err);
    }
    tx->n_ahead = 0;
    if (status != CIM_OK) {
        conn->stale = true;
        tx->broken = true;
        tx->lost = true;
        tx->again = !conn->silent; /* nothing was committed */
        return status;
    }
    tx->begun = true;
    *ret_result = result;
    return CIM_OK;
}

/* Undoes what failed and no more; false: the transaction cannot go on. The first statement needs no
 * savepoint, which costs the server a transaction of its own: it begins anew. */
static bool
undo(struct host_pg_tx *tx, const struct turn *turn)
{
    if (turn->failed < turn->n_ahead) {
        return false; /* nothing guards what was sent ahead */
    }
    if (turn->saved) {
        return host_pg_run(tx->conn, "rollback to savepoint cim", NULL) == CIM_OK &&
               host_pg_run(tx->conn, "release savepoint cim", NULL) == CIM_OK;
    }
    tx->begun = !turn->first || host_pg_run(tx->conn, "rollback", NULL) != CIM_OK;
    tx->xact = tx->begun ? tx->xact : 0;
    return !tx->begun;
}

static cim_status
fail_turn(struct host_pg_tx *tx, const struct turn *turn, PGresult *result, cim_error *err)
{
    struct host_pg_connection *conn = tx->conn;
    const cim_status status = host_pg_fail(conn, result, err);
    if (host_pg_can_retry(result) || host_pg_is_lost(conn, result)) {
        tx->again = true;
        tx->broken = true;
        tx->lost = turn->failed == turn->keep && host_pg_is_lost(conn, result);
        conn->stale = conn->stale || !host_pg_can_retry(result);
    } else if (!undo(tx, turn)) {
        tx->broken = true;
    }
    PQclear(result);
    return status;
}

cim_status
host_pg_tx_run(struct host_pg_tx *tx, const char *name, int32_t n_parameters, bool guarded,
               PGresult **ret_result, cim_error *err)
{
    struct turn turn = turn_of(tx);
    PGresult *result = NULL;
    const bool sent = send_all(tx, name, n_parameters, guarded, &turn);
    CIM_TRY(end_turn(tx, &turn, sent, &result, err));
    if (turn.failed >= 0) {
        return fail_turn(tx, &turn, result, err);
    }
    *ret_result = result;
    return CIM_OK;
}

/* ---- sent ahead ---- */

cim_status
host_pg_tx_send(struct host_pg_tx *tx, const char *name, int32_t n_parameters, cim_error *err)
{
    PGresult *result = NULL;
    struct turn turn = turn_of(tx);
    if (!tx->begun) {
        CIM_TRY(host_pg_tx_run(tx, name, n_parameters, false, &result, err));
        PQclear(result);
        return CIM_OK;
    }
    if (!enter_pipeline(tx) || !send_bound(tx->conn, name, n_parameters, &turn.n)) {
        tx->n_ahead = turn.n;
        return end_turn(tx, &turn, false, &result, err);
    }
    tx->n_ahead = turn.n;
    return CIM_OK;
}

cim_status
host_pg_tx_settle(struct host_pg_tx *tx, cim_error *err)
{
    struct turn turn = turn_of(tx);
    PGresult *result = NULL;
    if (tx->n_ahead == 0) {
        return CIM_OK;
    }
    CIM_TRY(end_turn(tx, &turn, true, &result, err));
    return turn.failed >= 0 ? fail_turn(tx, &turn, result, err) : CIM_OK;
}

/* ---- statements ---- */

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
    status = host_pg_statement_find(conn, sql, values, n_values, ret_statement, err);
    if (status != CIM_E_NOTFOUND) {
        return status;
    }
    CIM_TRY(host_pg_tx_settle(tx, err));
    if (!tx->begun) {
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
host_pg_exec_late(cim_tx *base, const char *sql, const cim_value *values, uint32_t n_values,
                  cim_error *err)
{
    struct host_pg_tx *tx = host_pg_tx_of(base);
    struct host_pg_statement *statement = NULL;
    CIM_TRY(host_pg_tx_statement(tx, sql, values, n_values, &statement, err));
    return host_pg_tx_send(tx, statement->name, statement->text.n_parameters, err);
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
    /* The values stay bound. */
    CIM_TRY(host_pg_tx_settle(tx, err));
    if (!tx->begun) {
        CIM_TRY(host_pg_run(tx->conn, "begin", err));
        tx->begun = true;
    }
    return host_pg_rows_of_tx(tx, statement, ret_rows, err);
}
