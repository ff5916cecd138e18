/* host/store/sqlite/statement.c -- prepared statements of a connection: cache, column types,
 * binding. */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/sql.h"
#include "kit/time.h"

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
names_free(struct host_statement *statement)
{
    for (int32_t i = 0; statement->names != NULL && i < statement->n_columns; i++) {
        free(statement->names[i]);
    }
    free(statement->names);
    statement->names = NULL;
}

static void
statement_free(struct host_statement *statement)
{
    if (statement != NULL) {
        (void)sqlite3_finalize(statement->stmt); /* repeats an error that was told already */
        free(statement->sql);
        free(statement->plans);
        names_free(statement);
        for (int32_t i = 0; statement->parameters != NULL && i < statement->n_parameters; i++) {
            free(statement->parameters[i].name);
        }
        free(statement->parameters);
        free(statement);
    }
}

void
host_statements_free(struct host_connection *conn)
{
    for (int32_t i = 0; i < conn->n_statements; i++) {
        statement_free(conn->statements[i]);
    }
    conn->n_statements = 0;
}

/* ---- types of result columns ---- */

static enum host_column_plan
declared_plan(const char *type)
{
    static const struct {
        const char *type;
        enum host_column_plan plan;
    } types[] = {
        {"INTEGER", HOST_PLAN_INT64},
        {"INT", HOST_PLAN_INT64},
        {"BIGINT", HOST_PLAN_INT64},
        {"SMALLINT", HOST_PLAN_INT64},
        {"MEDIUMINT", HOST_PLAN_INT64},
        {"TINYINT", HOST_PLAN_INT64},
        {"REAL", HOST_PLAN_FLOAT64},
        {"DOUBLE", HOST_PLAN_FLOAT64},
        {"FLOAT", HOST_PLAN_FLOAT64},
        {"BOOLEAN", HOST_PLAN_BOOL},
        {"DATETIME", HOST_PLAN_TIME},
        {"DATE", HOST_PLAN_TEXT},
        {"BLOB", HOST_PLAN_BLOB},
        {"GEOMETRY", HOST_PLAN_GEOMETRY},
        {"POINT", HOST_PLAN_GEOMETRY},
        {"LINESTRING", HOST_PLAN_GEOMETRY},
        {"POLYGON", HOST_PLAN_GEOMETRY},
        {"MULTIPOINT", HOST_PLAN_GEOMETRY},
        {"MULTIPOLYGON", HOST_PLAN_GEOMETRY},
        {"MULTILINESTRING", HOST_PLAN_GEOMETRY},
    };
    if (type == NULL) {
        return HOST_PLAN_AUTO;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (sqlite3_stricmp(types[i].type, type) == 0) {
            return types[i].plan;
        }
    }
    return sqlite3_strnicmp(type, "TEXT", 4) == 0 ? HOST_PLAN_TEXT : HOST_PLAN_AUTO;
}

static void
apply_marks(const struct host_statement *statement, uint8_t *plans)
{
    struct host_column_mark marks[HOST_STORE_COLUMNS_MAX];
    int32_t star = -1;
    const int32_t n = statement->n_columns;
    const int32_t n_marks = host_select_list(statement->sql, marks, HOST_STORE_COLUMNS_MAX, &star);
    for (int32_t i = 0; i < n; i++) {
        const struct host_column_mark *mark = host_select_mark(marks, n_marks, star, n, i);
        if (mark != NULL && mark->plan != HOST_PLAN_AUTO) {
            plans[i] = (uint8_t)mark->plan;
        }
    }
}

/* The name of a bare {ms c} is that of its column. */
static char *
copy_name(const char *name)
{
    const size_t len = name != NULL ? strlen(name) : 0;
    if (len > 8 && strncmp(name, "cim_ms(", 7) == 0 && name[len - 1] == ')') {
        const char *dot = strchr(name, '.');
        const char *from = dot != NULL ? dot + 1 : name + 7;
        return strndup(from, (size_t)(name + len - 1 - from));
    }
    return strdup(name != NULL ? name : "");
}

cim_status
host_statement_replan(struct host_statement *statement, cim_error *err)
{
    const int n = sqlite3_column_count(statement->stmt);
    uint8_t *plans = NULL;
    if (n > HOST_STORE_COLUMNS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "结果列数 %d 超过上限 %d",
                        "%d result columns: at most %d", n, HOST_STORE_COLUMNS_MAX);
    }
    names_free(statement);
    plans = calloc((size_t)n + 1, 1);
    statement->names = calloc((size_t)n + 1, sizeof *statement->names);
    if (plans == NULL || statement->names == NULL) {
        free(plans);
        return cim_fail_nomem(err);
    }
    free(statement->plans);
    statement->plans = plans;
    statement->n_columns = n;
    for (int i = 0; i < n; i++) {
        statement->names[i] = copy_name(sqlite3_column_name(statement->stmt, i));
        if (statement->names[i] == NULL) {
            return cim_fail_nomem(err);
        }
        plans[i] = (uint8_t)declared_plan(sqlite3_column_decltype(statement->stmt, i));
    }
    apply_marks(statement, plans);
    return CIM_OK;
}

/* ---- parameters ---- */

static cim_status
plan_parameters(struct host_statement *statement, cim_error *err)
{
    const int n = sqlite3_bind_parameter_count(statement->stmt);
    if (n > HOST_STORE_PARAMETERS_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "参数个数 %d 超过上限 %d",
                        "%d parameters: at most %d", n, HOST_STORE_PARAMETERS_MAX);
    }
    statement->parameters = calloc((size_t)n + 1, sizeof *statement->parameters);
    if (statement->parameters == NULL) {
        return cim_fail_nomem(err);
    }
    statement->n_parameters = n;
    for (int i = 0; i < n; i++) {
        struct host_parameter *parameter = &statement->parameters[i];
        const char *name = sqlite3_bind_parameter_name(statement->stmt, i + 1);
        if (name == NULL || name[0] != ':') {
            return cim_fail(err, CIM_E_INTERNAL, NULL, name, "SQL 参数须写作 :name",
                            "SQL parameters are written :name");
        }
        name++;
        if (strncmp(name, "cim_geom_", 9) == 0) {
            parameter->kind = HOST_PARAMETER_GEOMETRY;
            name += 9;
        } else if (strncmp(name, "cim_time_", 9) == 0) {
            parameter->kind = HOST_PARAMETER_TIME;
            name += 9;
        } else if (strcmp(name, "cim_now") == 0) {
            parameter->kind = HOST_PARAMETER_NOW;
        }
        parameter->name = strdup(name); /* SQLite's copy goes when it prepares again */
        if (parameter->name == NULL) {
            return cim_fail_nomem(err);
        }
    }
    return CIM_OK;
}

static void
free_bytes(void *bytes)
{
    free(bytes);
}

static int
bind_time_ms(sqlite3_stmt *stmt, int index, int64_t ms)
{
    enum { YEAR_0_DAYS = 719528, YEAR_10000_DAYS = 2932897, DAY_MS = 86400000 };
    const int64_t least = -(int64_t)YEAR_0_DAYS * DAY_MS;
    const int64_t most = (int64_t)YEAR_10000_DAYS * DAY_MS - 1;
    char text[CIM_TIME_TEXT_MAX];
    /* Open ends of intervals come as the least and the greatest number. */
    cim_time_format(ms < least ? least : ms > most ? most : ms, text);
    return sqlite3_bind_text(stmt, index, text, -1, SQLITE_TRANSIENT);
}

static cim_status
bind_as_time(struct host_statement *statement, int index, const cim_value *value, int *ret_code,
             cim_error *err)
{
    int64_t ms = 0;
    if (value->type == CIM_COL_TEXT) {
        if (cim_time_parse(value->v.ptr, value->len, &ms) != CIM_OK) {
            return cim_fail(err, CIM_E_INVALID, value->name, NULL, "“%s”不是有效的时间",
                            "'%s': expected an RFC 3339 time", value->name);
        }
    } else if (value->type == CIM_COL_TIME_MS || value->type == CIM_COL_INT64) {
        ms = value->v.i64;
    } else {
        return cim_fail(err, CIM_E_INTERNAL, value->name, NULL, "参数“%s”须为时间",
                        "parameter '%s': expected a time", value->name);
    }
    *ret_code = bind_time_ms(statement->stmt, index, ms);
    return CIM_OK;
}

static cim_status
bind_as_geometry(struct host_connection *conn, struct host_statement *statement, int index,
                 const cim_value *value, int *ret_code, cim_error *err)
{
    uint8_t *blob = NULL;
    size_t len = 0;
    if (value->type != CIM_COL_WKB) {
        return cim_fail(err, CIM_E_INTERNAL, value->name, NULL, "参数“%s”须为几何",
                        "parameter '%s': expected a geometry", value->name);
    }
    if (conn->store->base.kind != HOST_STORE_DATA) {
        return cim_fail(err, CIM_E_UNSUPPORTED, value->name, NULL, "此库不存储几何",
                        "this store holds no geometries");
    }
    CIM_TRY(host_geometry_from_wkb(value->v.ptr, value->len, &blob, &len, err));
    *ret_code = sqlite3_bind_blob64(statement->stmt, index, blob, len, free_bytes);
    return CIM_OK;
}

static int
bind_plain(sqlite3_stmt *stmt, int index, const cim_value *value, bool copy)
{
    const sqlite3_destructor_type keep = copy ? SQLITE_TRANSIENT : SQLITE_STATIC;
    const void *bytes = value->v.ptr != NULL ? value->v.ptr : "";
    switch (value->type) {
    case CIM_COL_FLOAT64:
        return sqlite3_bind_double(stmt, index, value->v.f64);
    case CIM_COL_TEXT:
        return sqlite3_bind_text64(stmt, index, bytes, value->len, keep, SQLITE_UTF8);
    case CIM_COL_WKB:
        return sqlite3_bind_blob64(stmt, index, bytes, value->len, keep);
    default:
        return sqlite3_bind_int64(stmt, index, value->v.i64);
    }
}

static cim_status
bind_one(struct host_connection *conn, struct host_statement *statement, int index,
         const struct host_parameter *parameter, const cim_value *value, bool copy, cim_error *err)
{
    int code = SQLITE_OK;
    if (value->type > CIM_COL_BOOL) {
        return cim_fail(err, CIM_E_INTERNAL, parameter->name, NULL, "参数“%s”的类型 %u 未知",
                        "parameter '%s' has the unknown type %u", parameter->name, value->type);
    }
    if (value->type == 0) {
        code = sqlite3_bind_null(statement->stmt, index);
    } else if (parameter->kind == HOST_PARAMETER_GEOMETRY) {
        CIM_TRY(bind_as_geometry(conn, statement, index, value, &code, err));
    } else if (parameter->kind == HOST_PARAMETER_TIME) {
        CIM_TRY(bind_as_time(statement, index, value, &code, err));
    } else {
        code = bind_plain(statement->stmt, index, value, copy);
    }
    return code == SQLITE_OK ? CIM_OK : host_sqlite_fail(conn->db, code, "bind", err);
}

/* Callers list values mostly in the order of the statement, so the search starts at `hint`. */
static const cim_value *
find_value(const cim_value *values, uint32_t n_values, uint32_t hint, const char *name)
{
    for (uint32_t i = 0; i < n_values; i++) {
        const cim_value *value = &values[(hint + i) % n_values];
        if (value->name != NULL && strcmp(value->name, name) == 0) {
            return value;
        }
    }
    return NULL;
}

static cim_status
refuse_unknown_values(const struct host_statement *statement, const cim_value *values,
                      uint32_t n_values, cim_error *err)
{
    for (uint32_t i = 0; i < n_values; i++) {
        const char *name = values[i].name != NULL ? values[i].name : "";
        bool known = false;
        /* In the order of the statement mostly: begin there. */
        for (int32_t p = 0; p < statement->n_parameters && !known; p++) {
            const int32_t at = (int32_t)(((int64_t)i + p) % statement->n_parameters);
            known = strcmp(statement->parameters[at].name, name) == 0;
        }
        if (!known) {
            return cim_fail(err, CIM_E_INTERNAL, name, NULL, "语句没有参数“:%s”",
                            "the statement has no parameter ':%s'", name);
        }
    }
    return CIM_OK;
}

cim_status
host_statement_bind(struct host_connection *conn, struct host_statement *statement,
                    const cim_value *values, uint32_t n_values, bool copy, cim_error *err)
{
    CIM_TRY(refuse_unknown_values(statement, values, n_values, err));
    for (int32_t i = 0; i < statement->n_parameters; i++) {
        const struct host_parameter *parameter = &statement->parameters[i];
        const cim_value *value = NULL;
        if (parameter->kind == HOST_PARAMETER_NOW) {
            const int code =
                bind_time_ms(statement->stmt, i + 1, host_store_now_ms(&conn->store->base));
            if (code != SQLITE_OK) {
                return host_sqlite_fail(conn->db, code, "bind", err);
            }
            continue;
        }
        value = find_value(values, n_values, (uint32_t)i, parameter->name);
        if (value == NULL) {
            return cim_fail(err, CIM_E_INTERNAL, parameter->name, NULL, "参数“:%s”没有值",
                            "parameter ':%s' has no value", parameter->name);
        }
        CIM_TRY(bind_one(conn, statement, i + 1, parameter, value, copy, err));
    }
    return CIM_OK;
}

/* ---- preparing and caching ---- */

static cim_status
prepare(struct host_connection *conn, struct host_statement *statement, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf text;
    const char *tail = NULL;
    int code = SQLITE_OK;
    cim_buf_init(&text, CIM_SQL_TEXT_MAX);
#ifndef NDEBUG
    CIM_TRY(cim_sql_lint(statement->sql, err));
#endif
    CIM_TRY(host_sql_expand_query(statement->sql, &text, err));
    CIM_TRY(cim_buf_status(&text, err));
    code = sqlite3_prepare_v3(conn->db, text.data != NULL ? text.data : "", (int)text.len + 1,
                              SQLITE_PREPARE_PERSISTENT, &statement->stmt, &tail);
    if (code != SQLITE_OK) {
        return host_sqlite_fail(conn->db, code, "prepare", err);
    }
    if (statement->stmt == NULL || tail[strspn(tail, " \t\r\n;")] != '\0') {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "须为恰好一条 SQL 语句",
                        "expected exactly one SQL statement");
    }
    CIM_TRY(plan_parameters(statement, err));
    return host_statement_replan(statement, err);
}

static cim_status
statement_new(struct host_connection *conn, const char *sql, uint64_t hash,
              struct host_statement **ret_statement, cim_error *err)
{
    struct host_statement *statement = calloc(1, sizeof *statement);
    cim_status status = CIM_OK;
    if (statement == NULL) {
        return cim_fail_nomem(err);
    }
    statement->hash = hash;
    statement->sql = strdup(sql);
    status = statement->sql != NULL ? prepare(conn, statement, err) : cim_fail_nomem(err);
    if (status != CIM_OK) {
        statement_free(statement);
        return status;
    }
    *ret_statement = statement;
    return CIM_OK;
}

static void
cache(struct host_connection *conn, struct host_statement *statement)
{
    int32_t oldest = -1;
    if (conn->n_statements < HOST_STORE_STATEMENTS_MAX) {
        oldest = conn->n_statements++;
    } else {
        for (int32_t i = 0; i < conn->n_statements; i++) {
            if (!conn->statements[i]->busy &&
                (oldest < 0 || conn->statements[i]->used < conn->statements[oldest]->used)) {
                oldest = i;
            }
        }
        if (oldest < 0) {
            return; /* every cached one is at work; this one is freed after use */
        }
        statement_free(conn->statements[oldest]);
    }
    conn->statements[oldest] = statement;
    statement->cached = true;
}

cim_status
host_statement_get(struct host_connection *conn, const char *sql,
                   struct host_statement **ret_statement, cim_error *err)
{
    const uint64_t hash = hash_text(sql);
    struct host_statement *statement = NULL;
    bool taken = false;
    for (int32_t i = 0; i < conn->n_statements; i++) {
        struct host_statement *candidate = conn->statements[i];
        if (candidate->hash == hash && strcmp(candidate->sql, sql) == 0) {
            taken = candidate->busy;
            statement = taken ? NULL : candidate;
            break;
        }
    }
    if (statement == NULL) {
        CIM_TRY(statement_new(conn, sql, hash, &statement, err));
        if (!taken) {
            cache(conn, statement);
        }
    }
    statement->busy = true;
    statement->used = ++conn->tick;
    *ret_statement = statement;
    return CIM_OK;
}

void
host_statement_put(struct host_connection *conn, struct host_statement *statement)
{
    (void)conn;
    (void)sqlite3_reset(statement->stmt); /* repeats an error that was told already */
    (void)sqlite3_clear_bindings(statement->stmt);
    statement->busy = false;
    if (!statement->cached) {
        statement_free(statement);
    }
}
