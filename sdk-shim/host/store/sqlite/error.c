/* host/store/sqlite/error.c -- SQLite's result codes as statuses with words for people. */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"

#include <errno.h>
#include <string.h>

/* "UNIQUE constraint failed: lpg_enterprise.uscc" -> "uscc". */
static void
failed_column(const char *message, char *ret_column, size_t capacity)
{
    const char *at = strrchr(message, ':');
    const char *dot = at != NULL ? strchr(at, '.') : NULL;
    const char *from = dot != NULL ? dot + 1 : at;
    size_t len = 0;
    ret_column[0] = '\0';
    if (from == NULL) {
        return;
    }
    if (dot == NULL) {
        from += strspn(from, ": ");
    }
    len = strcspn(from, ", ");
    if (len >= capacity) {
        len = capacity - 1;
    }
    memcpy(ret_column, from, len);
    ret_column[len] = '\0';
}

static cim_status
constraint_fail(int extended, const char *message, cim_error *err)
{
    char column[64] = "";
    failed_column(message, column, sizeof column);
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return cim_fail(err, CIM_E_EXISTS, column, NULL, "“%s”的值已存在，不能重复",
                        "the value of '%s' is taken by another record", column);
    case SQLITE_CONSTRAINT_NOTNULL:
        return cim_fail(err, CIM_E_INVALID, column, NULL, "“%s”不能为空", "'%s' must have a value",
                        column);
    default:
        return cim_fail(err, CIM_E_INVALID, NULL, NULL, "数据不满足约束：%s",
                        "a constraint refuses the data: %s", message);
    }
}

static cim_status
io_fail(sqlite3 *db, const char *what, const char *message, cim_error *err)
{
    const int os = db != NULL ? sqlite3_system_errno(db) : 0;
    const cim_status status =
        cim_fail(err, CIM_E_IO, NULL, NULL, "%s：读写数据库文件失败（%s）",
                 "%s: the database file cannot be read or written (%s)", what, message);
    if (err != NULL) {
        err->os_errno = os;
    }
    return status;
}

/* 507, and its words reach the client: only the operator can help, and the client shall know. */
static cim_status
full_fail(const char *what, cim_error *err)
{
    const cim_status status =
        cim_fail(err, CIM_E_IO, NULL, NULL, "%s：磁盘已满", "%s: the disk is full", what);
    if (err != NULL) {
        err->os_errno = ENOSPC;
    }
    return status;
}

cim_status
host_sqlite_fail(sqlite3 *db, int code, const char *what, cim_error *err)
{
    const int extended = db != NULL ? sqlite3_extended_errcode(db) : code;
    const char *message = db != NULL ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    if ((extended & 0xff) != (code & 0xff)) {
        /* The handle remembers another failure than the one at hand. */
        message = sqlite3_errstr(code);
    }
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return constraint_fail(extended, message, err);
    case SQLITE_NOMEM:
        return cim_fail_nomem(err);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "%s：数据库正被其他进程写入，请稍后再试",
                        "%s: another process is writing to the database, try again", what);
    case SQLITE_INTERRUPT:
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "%s：语句运行时间过长，已中止",
                        "%s: the statement ran for too long and was stopped", what);
    case SQLITE_FULL:
        return full_fail(what, err);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return cim_fail(err, CIM_E_IO, NULL, NULL, "%s：数据库文件不可写（%s）",
                        "%s: the database file cannot be written (%s)", what, message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return cim_fail(err, CIM_E_IO, NULL, NULL, "%s：数据库文件已损坏或不是数据库（%s）",
                        "%s: the file is damaged or no database (%s)", what, message);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return io_fail(db, what, message, err);
    case SQLITE_MISMATCH:
        return cim_fail(err, CIM_E_INVALID, NULL, NULL, "数据库不接受该值：%s",
                        "the database refuses a value: %s", message);
    case SQLITE_TOOBIG:
        return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "%s：数据过大", "%s: too large", what);
    default:
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "%s：%s", "%s: %s", what, message);
    }
}
