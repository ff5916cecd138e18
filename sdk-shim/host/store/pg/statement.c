/* host/store/pg/statement.c -- prepared statements of a connection.
 *
 * One text may be prepared several times, for values of different types; a value that is absent
 * fits any of them. */
#include "host/store/pg/pg.h"

#include "cim/util.h"
#include "kit/sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t
hash_text(const char *text)
{
    uint64_t hash = 1469598103934665603U;
    for (; *text != '\0'; text++) {
        hash = (hash ^ (uint8_t)*text) * 1099511628211U;
    }
    return hash;
}

static void
statement_free(struct host_pg_statement *statement)
{
    if (statement != NULL) {
        host_pg_text_done(&statement->text);
        free(statement->sql);
        free(statement->types);
        free(statement->column_types);
        free(statement->marks);
        free(statement);
    }
}

void
host_pg_statements_free(struct host_pg_connection *conn)
{
    for (int32_t i = 0; i < conn->n_statements; i++) {
        statement_free(conn->statements[i]);
    }
    conn->n_statements = 0;
}

void
host_pg_statement_drop(struct host_pg_connection *conn, struct host_pg_statement *statement)
{
    char sql[64];
    for (int32_t i = 0; i < conn->n_statements; i++) {
        if (conn->statements[i] == statement) {
            conn->statements[i] = conn->statements[--conn->n_statements];
            break;
        }
    }
    (void)snprintf(sql, sizeof sql, "deallocate %s", statement->name);
    (void)host_pg_run(conn, sql, NULL); /* at worst the server keeps it as long as the connection */
    if (statement->many[0] != '\0') {
        (void)snprintf(sql, sizeof sql, "deallocate %s", statement->many);
        (void)host_pg_run(conn, sql, NULL); /* likewise */
    }
    statement_free(statement);
}

static cim_status
refuse_unknown_values(const struct host_pg_text *text, const cim_value *values, uint32_t n_values,
                      cim_error *err)
{
    for (uint32_t i = 0; i < n_values; i++) {
        const char *name = values[i].name != NULL ? values[i].name : "";
        bool known = false;
        for (int32_t p = 0; p < text->n_parameters && !known; p++) {
            known = strcmp(text->parameters[p].name, name) == 0;
        }
        if (!known) {
            return cim_fail(err, CIM_E_INTERNAL, name, NULL, "语句没有参数“:%s”",
                            "the statement has no parameter ':%s'", name);
        }
    }
    return CIM_OK;
}

static cim_status
check_values(const struct host_pg_text *text, const cim_value *values, uint32_t n_values,
             cim_error *err)
{
    CIM_TRY(refuse_unknown_values(text, values, n_values, err));
    for (int32_t i = 0; i < text->n_parameters; i++) {
        const struct host_pg_parameter *parameter = &text->parameters[i];
        const cim_value *value = host_pg_find_value(values, n_values, (uint32_t)i, parameter->name);
        if (value == NULL && parameter->kind != HOST_PG_NOW) {
            return cim_fail(err, CIM_E_INTERNAL, parameter->name, NULL, "参数“:%s”没有值",
                            "parameter ':%s' has no value", parameter->name);
        }
        if (parameter->kind == HOST_PG_GEOMETRY && value->type != CIM_COL_WKB && value->type != 0) {
            return cim_fail(err, CIM_E_INTERNAL, value->name, NULL, "参数“%s”须为几何",
                            "parameter '%s': expected a geometry", value->name);
        }
    }
    return CIM_OK;
}

static cim_status
describe(struct host_pg_connection *conn, struct host_pg_statement *statement,
         const PGresult *result, cim_error *err)
{
    struct host_column_mark *marks = NULL;
    int32_t star = -1;
    int32_t n_marks = 0;
    const int n = PQnfields(result);
    if (PQnparams(result) != statement->text.n_parameters || n > HOST_STORE_COLUMNS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "结果列数 %d 超过上限 %d",
                        "%d result columns: at most %d", n, HOST_STORE_COLUMNS_MAX);
    }
    for (int i = 0; i < PQnparams(result); i++) {
        statement->types[i] = PQparamtype(result, i);
    }
    statement->n_columns = n;
    statement->column_types = calloc((size_t)n + 1, sizeof *statement->column_types);
    statement->marks = calloc((size_t)n + 1, sizeof *statement->marks);
    marks = calloc(HOST_STORE_COLUMNS_MAX, sizeof *marks);
    if (statement->column_types == NULL || statement->marks == NULL || marks == NULL) {
        free(marks);
        return cim_fail_nomem(err);
    }
    n_marks = host_select_list(statement->sql, marks, HOST_STORE_COLUMNS_MAX, &star);
    for (int i = 0; i < n; i++) {
        const struct host_column_mark *mark = host_select_mark(marks, n_marks, star, n, i);
        const char *name = PQfname(result, i);
        statement->column_types[i] = PQftype(result, i);
        if (mark != NULL) {
            statement->marks[i] = *mark;
        }
        if (statement->marks[i].name[0] == '\0') {
            cim_copy_text(statement->marks[i].name, sizeof statement->marks[i].name, name);
        }
    }
    free(marks);
    for (int i = 0; i < n; i++) {
        if (!host_pg_type_known(conn, statement->column_types[i])) {
            return cim_fail(err, CIM_E_INTERNAL, statement->marks[i].name, NULL,
                            "列“%s”的类型 %u 不受支持，请在语句中使用 cast",
                            "column '%s' has the type %u that is not served: use cast in the "
                            "statement",
                            statement->marks[i].name, (unsigned)statement->column_types[i]);
        }
    }
    return CIM_OK;
}

static cim_status
send_prepare(struct host_pg_connection *conn, struct host_pg_statement *statement, cim_error *err)
{
    PGresult *result = NULL;
    CIM_TRY(host_pg_prepare(conn, statement->name, statement->text.sql,
                            statement->text.n_parameters, statement->types, err));
    CIM_TRY(host_pg_answer(conn, PQsendDescribePrepared(conn->pg, statement->name),
                           host_pg_statement_ms(conn), &result, err));
    const cim_status status = describe(conn, statement, result, err);
    PQclear(result);
    return status;
}

static cim_status
prepare(struct host_pg_connection *conn, struct host_pg_statement *statement,
        const cim_value *values, uint32_t n_values, cim_error *err)
{
#ifndef NDEBUG
    CIM_TRY(cim_sql_lint(statement->sql, err));
#endif
    CIM_TRY(host_pg_translate(statement->sql, &statement->text, err));
    CIM_TRY(check_values(&statement->text, values, n_values, err));
    statement->types = calloc((size_t)statement->text.n_parameters + 1, sizeof *statement->types);
    if (statement->types == NULL) {
        return cim_fail_nomem(err);
    }
    for (int32_t i = 0; i < statement->text.n_parameters; i++) {
        const struct host_pg_parameter *parameter = &statement->text.parameters[i];
        statement->types[i] = host_pg_type_of(
            parameter, host_pg_find_value(values, n_values, (uint32_t)i, parameter->name));
    }
    (void)snprintf(statement->name, sizeof statement->name, "cim_%" PRIu64, ++conn->tick);
    return send_prepare(conn, statement, err);
}

static cim_status
statement_new(struct host_pg_connection *conn, const char *sql, uint64_t hash,
              const cim_value *values, uint32_t n_values, struct host_pg_statement **ret_statement,
              cim_error *err)
{
    struct host_pg_statement *statement = calloc(1, sizeof *statement);
    cim_status status = CIM_OK;
    if (statement == NULL) {
        return cim_fail_nomem(err);
    }
    statement->hash = hash;
    statement->sql = strdup(sql);
    status = statement->sql != NULL ? prepare(conn, statement, values, n_values, err)
                                    : cim_fail_nomem(err);
    if (status != CIM_OK) {
        statement_free(statement);
        return status;
    }
    *ret_statement = statement;
    return CIM_OK;
}

static void
keep(struct host_pg_connection *conn, struct host_pg_statement *statement)
{
    if (conn->n_statements == HOST_STORE_STATEMENTS_MAX) {
        struct host_pg_statement *oldest = conn->statements[0];
        for (int32_t i = 1; i < conn->n_statements; i++) {
            oldest = conn->statements[i]->used < oldest->used ? conn->statements[i] : oldest;
        }
        host_pg_statement_drop(conn, oldest);
    }
    conn->statements[conn->n_statements++] = statement;
}

/* A cached one that takes the values; they are bound then. Another failure than "does not fit" is
 * the caller's to tell. */
static cim_status
find(struct host_pg_connection *conn, const char *sql, uint64_t hash, const cim_value *values,
     uint32_t n_values, struct host_pg_statement **ret_statement, cim_error *err)
{
    for (int32_t i = 0; i < conn->n_statements; i++) {
        struct host_pg_statement *candidate = conn->statements[i];
        if (candidate->hash != hash || strcmp(candidate->sql, sql) != 0) {
            continue;
        }
        CIM_TRY(refuse_unknown_values(&candidate->text, values, n_values, err));
        const cim_status status = host_pg_bind(conn, candidate, values, n_values, err);
        if (status != CIM_E_UNSUPPORTED) {
            *ret_statement = candidate;
            return status;
        }
    }
    return CIM_E_NOTFOUND;
}

cim_status
host_pg_statement_find(struct host_pg_connection *conn, const char *sql, const cim_value *values,
                       uint32_t n_values, struct host_pg_statement **ret_statement, cim_error *err)
{
    struct host_pg_statement *statement = NULL;
    CIM_TRY(find(conn, sql, hash_text(sql), values, n_values, &statement, err));
    statement->used = ++conn->tick;
    *ret_statement = statement;
    return CIM_OK;
}

cim_status
host_pg_statement_get(struct host_pg_connection *conn, const char *sql, const cim_value *values,
                      uint32_t n_values, struct host_pg_statement **ret_statement, cim_error *err)
{
    struct host_pg_statement *statement = NULL;
    cim_status status = host_pg_statement_find(conn, sql, values, n_values, ret_statement, err);
    if (status != CIM_E_NOTFOUND) {
        return status;
    }
    CIM_TRY(statement_new(conn, sql, hash_text(sql), values, n_values, &statement, err));
    keep(conn, statement);
    status = host_pg_bind(conn, statement, values, n_values, err);
    if (status == CIM_E_UNSUPPORTED) {
        status = cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "参数的类型与语句不符",
                          "a value has another type than the statement expects");
    }
    CIM_TRY(status);
    statement->used = ++conn->tick;
    *ret_statement = statement;
    return CIM_OK;
}
