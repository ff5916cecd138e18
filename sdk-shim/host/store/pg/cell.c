/* host/store/pg/cell.c -- one value of a result, out of PostgreSQL's binary form. */
#include "host/store/pg/pg.h"

#include "cim/util.h"
#include "kit/rows.h"
#include "kit/time.h"

#include <math.h>
#include <string.h>

enum {
    DAYS_TO_2000 = 10957,
    MS_TO_2000 = 946684800, /* times 1000 */
    EWKB_SRID = 0x20000000,
    EWKB_HEAD = 9, /* order, type, SRID */
    NUMERIC_HEAD = 8,
    NUMERIC_NEGATIVE = 0x4000,
    NUMERIC_FINITE_LAST = 0x4000
};

static uint64_t
get_int(const char *from, unsigned n_bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < n_bytes; i++) {
        value = value << 8U | (uint8_t)from[i];
    }
    return value;
}

static double
get_double(const char *from)
{
    const uint64_t bits = get_int(from, 8);
    double value = 0;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- numeric: digits to base 10000 ---- */

static double
get_numeric(const char *from, int len)
{
    const int n_digits = len >= NUMERIC_HEAD ? (int)(int16_t)get_int(from, 2) : 0;
    const int weight = len >= NUMERIC_HEAD ? (int)(int16_t)get_int(from + 2, 2) : 0;
    const uint64_t sign = len >= NUMERIC_HEAD ? get_int(from + 4, 2) : 0;
    long double value = 0;
    if (sign > NUMERIC_FINITE_LAST) {
        return NAN;
    }
    for (int i = 0; i < n_digits && NUMERIC_HEAD + 2 * i + 2 <= len; i++) {
        value = value * 10000.0L + (long double)get_int(from + NUMERIC_HEAD + 2 * i, 2);
    }
    value *= powl(10000.0L, (long double)(weight - n_digits + 1));
    return (double)(sign == NUMERIC_NEGATIVE ? -value : value);
}

static bool
numeric_to_int(const char *from, int len, int64_t *ret_value)
{
    const int n_digits = len >= NUMERIC_HEAD ? (int)(int16_t)get_int(from, 2) : 0;
    const int weight = len >= NUMERIC_HEAD ? (int)(int16_t)get_int(from + 2, 2) : 0;
    const uint64_t sign = len >= NUMERIC_HEAD ? get_int(from + 4, 2) : 0;
    int64_t value = 0;
    if (sign > NUMERIC_FINITE_LAST || n_digits > weight + 1 || weight > 4) {
        return false;
    }
    for (int i = 0; i <= weight; i++) {
        const bool given = i < n_digits && NUMERIC_HEAD + 2 * i + 2 <= len;
        const int64_t digit = given ? (int64_t)get_int(from + NUMERIC_HEAD + 2 * i, 2) : 0;
        if (__builtin_mul_overflow(value, 10000, &value) ||
            __builtin_sub_overflow(value, digit, &value)) {
            return false; /* built up below zero, where there is room for one more */
        }
    }
    if (sign != NUMERIC_NEGATIVE && value == INT64_MIN) {
        return false;
    }
    *ret_value = sign == NUMERIC_NEGATIVE ? value : -value;
    return true;
}

uint32_t
host_pg_numeric_type(const PGresult *result, int row, int column)
{
    int64_t value = 0;
    if (PQgetisnull(result, row, column) != 0) {
        return CIM_COL_FLOAT64;
    }
    /* The scale that it shows: sum() of integers has none, 1.50 has two. */
    return PQgetlength(result, row, column) >= NUMERIC_HEAD &&
                   get_int(PQgetvalue(result, row, column) + 6, 2) == 0 &&
                   numeric_to_int(PQgetvalue(result, row, column), PQgetlength(result, row, column),
                                  &value)
               ? CIM_COL_INT64
               : CIM_COL_FLOAT64;
}

/* ---- types ---- */

bool
host_pg_type_known(const struct host_pg_connection *conn, Oid type)
{
    bool sure = false;
    return type == HOST_PG_NUMERIC || host_pg_column_type(conn, type, HOST_PLAN_AUTO, &sure) != 0;
}

uint32_t
host_pg_column_type(const struct host_pg_connection *conn, Oid type, enum host_column_plan mark,
                    bool *ret_sure)
{
    *ret_sure = true;
    if (conn->geometry_type != 0 && type == conn->geometry_type) {
        return CIM_COL_WKB;
    }
    switch (type) {
    case HOST_PG_INT8:
    case HOST_PG_INT4:
    case HOST_PG_OID:
        return mark == HOST_PLAN_TIME      ? CIM_COL_TIME_MS
               : mark == HOST_PLAN_FLOAT64 ? CIM_COL_FLOAT64
                                           : CIM_COL_INT64;
    case HOST_PG_INT2:
        return mark == HOST_PLAN_INT64 ? CIM_COL_INT64 : CIM_COL_BOOL;
    case HOST_PG_BOOL:
        return CIM_COL_BOOL;
    case HOST_PG_FLOAT4:
    case HOST_PG_FLOAT8:
        return CIM_COL_FLOAT64;
    case HOST_PG_TEXT:
    case HOST_PG_VARCHAR:
    case HOST_PG_BPCHAR:
    case HOST_PG_NAME:
    case HOST_PG_UNKNOWN:
    case HOST_PG_DATE:
        return CIM_COL_TEXT;
    case HOST_PG_BYTEA:
        return CIM_COL_WKB;
    case HOST_PG_TIMESTAMPTZ:
        return CIM_COL_TIME_MS;
    case HOST_PG_NUMERIC:
        *ret_sure = mark == HOST_PLAN_FLOAT64 || mark == HOST_PLAN_INT64;
        return mark == HOST_PLAN_INT64 ? CIM_COL_INT64 : CIM_COL_FLOAT64;
    default:
        return 0;
    }
}

/* ---- values ---- */

/* EWKB as PostGIS keeps it: ISO WKB but for the SRID after the type. */
static void
append_geometry(const char *from, size_t len, uint32_t column, struct cim_batch_builder *builder)
{
    uint32_t type = 0;
    char head[5];
    struct cim_buf wkb;
    if (len < EWKB_HEAD || from[0] != 1) {
        cim_batch_append_bytes(builder, column, from, len);
        return;
    }
    memcpy(&type, from + 1, sizeof type);
    if ((type & EWKB_SRID) == 0) {
        cim_batch_append_bytes(builder, column, from, len);
        return;
    }
    type &= ~(uint32_t)EWKB_SRID;
    head[0] = from[0];
    memcpy(head + 1, &type, sizeof type);
    cim_buf_init(&wkb, len);
    cim_buf_add(&wkb, head, sizeof head);
    cim_buf_add(&wkb, from + EWKB_HEAD, len - EWKB_HEAD);
    if (wkb.failed == CIM_OK) {
        cim_batch_append_bytes(builder, column, wkb.data, wkb.len);
    }
    cim_buf_done(&wkb); /* a value that is missing fails the row */
}

static int64_t
floor_div(int64_t value, int64_t by)
{
    return value / by - (value % by < 0 ? 1 : 0);
}

static cim_status
mixed(const char *name, cim_error *err)
{
    return cim_fail(err, CIM_E_INTERNAL, name, NULL,
                    "列“%s”的值类型不一致（应为 integer），请在语句中使用 cast",
                    "column '%s' mixes types (expected integer): use cast in the statement", name);
}

static cim_status
append_number(Oid oid, uint32_t type, const char *name, const char *from, int len, uint32_t column,
              struct cim_batch_builder *builder, cim_error *err)
{
    int64_t number = 0;
    if (oid == HOST_PG_NUMERIC) {
        if (type == CIM_COL_FLOAT64) {
            cim_batch_append_f64(builder, column, get_numeric(from, len));
            return CIM_OK;
        }
        if (!numeric_to_int(from, len, &number)) {
            return mixed(name, err);
        }
    } else {
        number = len == 8   ? (int64_t)get_int(from, 8)
                 : len == 4 ? (int64_t)(int32_t)get_int(from, 4)
                            : (int64_t)(int16_t)get_int(from, 2);
    }
    if (type == CIM_COL_FLOAT64) {
        cim_batch_append_f64(builder, column, (double)number);
    } else {
        cim_batch_append_i64(builder, column, number);
    }
    return CIM_OK;
}

cim_status
host_pg_append(const struct host_pg_connection *conn, Oid oid, uint32_t type, const char *name,
               const PGresult *result, int row, uint32_t column, struct cim_batch_builder *builder,
               cim_error *err)
{
    const char *from = PQgetvalue(result, row, (int)column);
    const int len = PQgetlength(result, row, (int)column);
    char text[CIM_TIME_TEXT_MAX];
    float single = 0;
    uint32_t bits = 0;
    if (PQgetisnull(result, row, (int)column) != 0) {
        cim_batch_append_null(builder, column);
        return CIM_OK;
    }
    if (conn->geometry_type != 0 && oid == conn->geometry_type) {
        append_geometry(from, (size_t)len, column, builder);
        return CIM_OK;
    }
    switch (oid) {
    case HOST_PG_INT8:
    case HOST_PG_INT4:
    case HOST_PG_INT2:
    case HOST_PG_NUMERIC:
        return append_number(oid, type, name, from, len, column, builder, err);
    case HOST_PG_OID:
        cim_batch_append_i64(builder, column, (int64_t)get_int(from, 4));
        return CIM_OK;
    case HOST_PG_BOOL:
        cim_batch_append_i64(builder, column, from[0] != 0);
        return CIM_OK;
    case HOST_PG_FLOAT8:
        cim_batch_append_f64(builder, column, get_double(from));
        return CIM_OK;
    case HOST_PG_FLOAT4:
        bits = (uint32_t)get_int(from, 4);
        memcpy(&single, &bits, sizeof single);
        cim_batch_append_f64(builder, column, (double)single);
        return CIM_OK;
    case HOST_PG_TIMESTAMPTZ:
        cim_batch_append_i64(builder, column,
                             floor_div((int64_t)get_int(from, 8), 1000) +
                                 (int64_t)MS_TO_2000 * 1000);
        return CIM_OK;
    case HOST_PG_DATE:
        cim_date_format((int32_t)get_int(from, 4) + DAYS_TO_2000, text);
        cim_batch_append_bytes(builder, column, text, strlen(text));
        return CIM_OK;
    default:
        cim_batch_append_bytes(builder, column, from, (size_t)len);
        return CIM_OK;
    }
}
