/* host/store/pg/error.c -- SQLSTATE as statuses with words for people. */
#include "host/store/pg/pg.h"

#include "cim/util.h"

#include <errno.h>
#include <string.h>

static const char *
state_of(const PGresult *result)
{
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    return state != NULL ? state : "";
}

bool
host_pg_is_state(const PGresult *result, const char *state)
{
    return strcmp(state_of(result), state) == 0;
}

bool
host_pg_can_retry(const PGresult *result)
{
    return host_pg_is_state(result, "40001") || host_pg_is_state(result, "40P01");
}

bool
host_pg_is_lost(const struct host_pg_connection *conn, const PGresult *result)
{
    const char *state = state_of(result);
    /* 0A000 here: a cached plan must not change its result type. */
    return state[0] == '\0' || PQstatus(conn->pg) != CONNECTION_OK || strcmp(state, "0A000") == 0 ||
           strcmp(state, "26000") == 0 || strncmp(state, "57P", 3) == 0 ||
           strncmp(state, "08", 2) == 0;
}

/* "Key (uscc)=(…) already exists." -> "uscc", in whatever language the rest is. */
static void
failed_column(const PGresult *result, char *ret_column, size_t capacity)
{
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *open = detail != NULL ? strchr(detail, '(') : NULL;
    size_t len = 0;
    ret_column[0] = '\0';
    if (open != NULL) {
        len = strcspn(open + 1, ",)");
        len = len < capacity ? len : capacity - 1;
        memcpy(ret_column, open + 1, len);
        ret_column[len] = '\0';
    }
}

static cim_status
constraint_fail(const PGresult *result, const char *message, cim_error *err)
{
    char column[64] = "";
    if (host_pg_is_state(result, "23505")) {
        failed_column(result, column, sizeof column);
        return cim_fail(err, CIM_E_EXISTS, column, NULL, "“%s”的值已存在，不能重复",
                        "the value of '%s' is taken by another record", column);
    }
    if (host_pg_is_state(result, "23502")) {
        const char *name = PQresultErrorField(result, PG_DIAG_COLUMN_NAME);
        cim_copy_text(column, sizeof column, name != NULL ? name : "");
        return cim_fail(err, CIM_E_INVALID, column, NULL, "“%s”不能为空", "'%s' must have a value",
                        column);
    }
    return cim_fail(err, CIM_E_INVALID, NULL, NULL, "数据不满足约束：%s",
                    "a constraint refuses the data: %s", message);
}

static cim_status
resource_fail(const char *state, const char *message, cim_error *err)
{
    if (strcmp(state, "53200") == 0) {
        return cim_fail_nomem(err);
    }
    if (strcmp(state, "53100") == 0) {
        const cim_status status =
            cim_fail(err, CIM_E_IO, NULL, NULL, "数据库磁盘已满", "the database's disk is full");
        if (err != NULL) {
            err->os_errno = ENOSPC; /* 507, and its words reach the client */
        }
        return status;
    }
    return cim_fail(err, CIM_E_BUSY, NULL, NULL, "数据库资源不足，请稍后再试：%s",
                    "the database lacks resources, try again: %s", message);
}

/* It has gone, is going, or is not there yet: 503, and its words reach the client. */
static cim_status
unreachable_fail(const char *message, cim_error *err)
{
    (void)cim_fail(err, CIM_E_IO, NULL, NULL, "暂时无法连接数据库，请稍后再试：%s",
                   "the database cannot be reached, try again later: %s", message);
    if (err != NULL) {
        err->os_errno = ECONNREFUSED;
    }
    return CIM_E_IO;
}

static cim_status
state_fail(const PGresult *result, const char *state, const char *message, cim_error *err)
{
    if (strncmp(state, "23", 2) == 0) {
        return constraint_fail(result, message, err);
    }
    if (strncmp(state, "53", 2) == 0) {
        return resource_fail(state, message, err);
    }
    if (host_pg_can_retry(result) || strcmp(state, "55P03") == 0) {
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "与其他写入冲突，请稍后再试",
                        "another write is in the way, try again");
    }
    if (strcmp(state, "57014") == 0) {
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "语句运行时间过长，已中止",
                        "the statement ran for too long and was stopped");
    }
    if (strcmp(state, "25006") == 0) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "read 只接受查询语句",
                        "read takes a select only");
    }
    if (strcmp(state, "54000") == 0 || strcmp(state, "54001") == 0) {
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "数据过大：%s", "too large: %s", message);
    }
    if (strncmp(state, "22", 2) == 0 || strcmp(state, "XX000") == 0) {
        /* PostGIS tells of geometries that a column does not take in class 22 or as XX000. */
        return cim_fail(err, CIM_E_INVALID, NULL, NULL, "数据库不接受该值：%s",
                        "the database refuses a value: %s", message);
    }
    if (strncmp(state, "08", 2) == 0 || strncmp(state, "57P", 3) == 0) {
        return unreachable_fail(message, err);
    }
    if (strncmp(state, "57", 2) == 0 || strncmp(state, "58", 2) == 0 ||
        strncmp(state, "XX", 2) == 0) {
        return cim_fail(err, CIM_E_IO, NULL, NULL, "数据库出错：%s", "the database failed: %s",
                        message);
    }
    return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "%s", "%s", message);
}

cim_status
host_pg_fail(const struct host_pg_connection *conn, const PGresult *result, cim_error *err)
{
    const char *state = state_of(result);
    const char *primary =
        result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    char message[200];
    cim_copy_text(message, sizeof message, primary != NULL ? primary : PQerrorMessage(conn->pg));
    message[strcspn(message, "\n")] = '\0';
    if (state[0] != '\0') {
        return state_fail(result, state, message, err);
    }
    return unreachable_fail(message, err);
}
