/* host/store/pg/bind.c -- values as they travel to PostgreSQL: binary, of the type it expects. */
#include "host/store/pg/pg.h"

#include "cim/util.h"
#include "kit/time.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void
host_pg_put_int(uint8_t *to, uint64_t value, unsigned n_bytes)
{
    for (unsigned i = 0; i < n_bytes; i++) {
        to[i] = (uint8_t)(value >> (8U * (n_bytes - 1 - i)));
    }
}

int64_t
host_pg_time(int64_t ms)
{
    enum {
        YEAR_0_DAYS = 719528,
        YEAR_10000_DAYS = 2932897,
        DAYS_TO_2000 = 10957,
        DAY_MS = 86400000
    };
    const int64_t least = -(int64_t)YEAR_0_DAYS * DAY_MS;
    const int64_t most = (int64_t)YEAR_10000_DAYS * DAY_MS - 1;
    /* Open ends of intervals come as the least and the greatest number. */
    const int64_t bounded = ms < least ? least : ms > most ? most : ms;
    return (bounded - (int64_t)DAYS_TO_2000 * DAY_MS) * 1000;
}

Oid
host_pg_type_of(const struct host_pg_parameter *parameter, const cim_value *value)
{
    if (parameter->kind == HOST_PG_TIME || parameter->kind == HOST_PG_NOW) {
        return HOST_PG_TIMESTAMPTZ;
    }
    if (parameter->kind == HOST_PG_GEOMETRY) {
        return HOST_PG_BYTEA;
    }
    switch (value != NULL ? value->type : 0) {
    case CIM_COL_INT64:
    case CIM_COL_BOOL:
    case CIM_COL_TIME_MS:
        return HOST_PG_INT8;
    case CIM_COL_FLOAT64:
        return HOST_PG_FLOAT8;
    case CIM_COL_WKB:
        return HOST_PG_BYTEA;
    default:
        return 0; /* a text may be a date, and nothing anything */
    }
}

static void
set_bytes(struct host_pg_bound *bound, int32_t i, const void *bytes, size_t len)
{
    bound->values[i] = bytes != NULL ? bytes : "";
    bound->lengths[i] = (int)len;
    bound->formats[i] = 1;
}

static void
set_number(struct host_pg_bound *bound, int32_t i, uint64_t value, unsigned n_bytes)
{
    host_pg_put_int(bound->numbers[i], value, n_bytes);
    set_bytes(bound, i, bound->numbers[i], n_bytes);
}

static void
set_double(struct host_pg_bound *bound, int32_t i, double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    set_number(bound, i, bits, 8);
}

/* As the server reads it from text. It may move while others are added: bind() sets the pointer. */
static void
set_text(struct host_pg_bound *bound, int32_t i, const void *text, size_t len)
{
    bound->offsets[i] = bound->texts.len;
    cim_buf_add(&bound->texts, text, len);
    cim_buf_add(&bound->texts, "", 1); /* the NUL */
    bound->formats[i] = 0;
    bound->lengths[i] = 0;
}

static cim_status
bind_int(struct host_pg_bound *bound, int32_t i, Oid type, int64_t number)
{
    char text[24];
    switch (type) {
    case HOST_PG_INT8:
        set_number(bound, i, (uint64_t)number, 8);
        return CIM_OK;
    case HOST_PG_INT4:
        if (number < INT32_MIN || number > INT32_MAX) {
            return CIM_E_UNSUPPORTED;
        }
        set_number(bound, i, (uint64_t)number, 4);
        return CIM_OK;
    case HOST_PG_INT2:
        if (number < INT16_MIN || number > INT16_MAX) {
            return CIM_E_UNSUPPORTED;
        }
        set_number(bound, i, (uint64_t)number, 2);
        return CIM_OK;
    case HOST_PG_FLOAT8:
        if (number > (INT64_C(1) << 53) || number < -(INT64_C(1) << 53)) {
            return CIM_E_UNSUPPORTED;
        }
        set_double(bound, i, (double)number);
        return CIM_OK;
    case HOST_PG_BOOL:
        set_number(bound, i, number != 0, 1);
        return CIM_OK;
    case HOST_PG_NUMERIC:
        (void)snprintf(text, sizeof text, "%" PRId64, number);
        set_text(bound, i, text, strlen(text));
        return CIM_OK;
    default:
        return CIM_E_UNSUPPORTED;
    }
}

static cim_status
bind_double(struct host_pg_bound *bound, int32_t i, Oid type, double number)
{
    char text[40];
    if (type == HOST_PG_FLOAT8) {
        set_double(bound, i, number);
        return CIM_OK;
    }
    if (type == HOST_PG_NUMERIC && isfinite(number)) {
        (void)snprintf(text, sizeof text, "%.17g", number);
        set_text(bound, i, text, strlen(text));
        return CIM_OK;
    }
    return CIM_E_UNSUPPORTED;
}

static cim_status
bind_text(struct host_pg_bound *bound, int32_t i, Oid type, const cim_value *value, cim_error *err)
{
    if (type == HOST_PG_BYTEA) {
        return CIM_E_UNSUPPORTED;
    }
    if (value->len > 0 && memchr(value->v.ptr, '\0', value->len) != NULL) {
        return cim_fail(err, CIM_E_INVALID, value->name, NULL, "文本含有 NUL 字符",
                        "the text holds a NUL character");
    }
    if (type == HOST_PG_TEXT || type == HOST_PG_VARCHAR || type == HOST_PG_BPCHAR ||
        type == HOST_PG_UNKNOWN) {
        set_bytes(bound, i, value->v.ptr, value->len);
    } else {
        set_text(bound, i, value->v.ptr, value->len);
    }
    return CIM_OK;
}

static cim_status
bind_time(struct host_pg_bound *bound, int32_t i, const cim_value *value, cim_error *err)
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
    set_number(bound, i, (uint64_t)host_pg_time(ms), 8);
    return CIM_OK;
}

/* Refused here in the words of the embedded store: PostGIS takes more dialects and more types. */
static cim_status
bind_geometry(struct host_pg_bound *bound, int32_t i, const cim_value *value, cim_error *err)
{
    double bbox[4];
    enum host_wkb_extent extent = HOST_WKB_EMPTY;
    if (value->type != CIM_COL_WKB) {
        return cim_fail(err, CIM_E_INTERNAL, value->name, NULL, "参数“%s”须为几何",
                        "parameter '%s': expected a geometry", value->name);
    }
    CIM_TRY(host_wkb_check(value->v.ptr, value->len, bbox, &extent, err));
    set_bytes(bound, i, value->v.ptr, value->len);
    return CIM_OK;
}

static cim_status
bind_one(struct host_pg_bound *bound, int32_t i, const struct host_pg_parameter *parameter,
         Oid type, const cim_value *value, cim_error *err)
{
    if (value->type > CIM_COL_BOOL) {
        return cim_fail(err, CIM_E_INTERNAL, parameter->name, NULL, "参数“%s”的类型 %u 未知",
                        "parameter '%s' has the unknown type %u", parameter->name, value->type);
    }
    if (value->type == 0) {
        bound->values[i] = NULL;
        bound->lengths[i] = 0;
        bound->formats[i] = 1;
        return CIM_OK;
    }
    if (parameter->kind == HOST_PG_GEOMETRY) {
        return bind_geometry(bound, i, value, err);
    }
    if (parameter->kind == HOST_PG_TIME) {
        return bind_time(bound, i, value, err);
    }
    switch (value->type) {
    case CIM_COL_FLOAT64:
        return bind_double(bound, i, type, value->v.f64);
    case CIM_COL_TEXT:
        return bind_text(bound, i, type, value, err);
    case CIM_COL_WKB:
        if (type != HOST_PG_BYTEA) {
            return CIM_E_UNSUPPORTED;
        }
        set_bytes(bound, i, value->v.ptr, value->len);
        return CIM_OK;
    default:
        return bind_int(bound, i, type, value->v.i64);
    }
}

/* Callers list values mostly in the order of the statement, so the search starts at `hint`. */
const cim_value *
host_pg_find_value(const cim_value *values, uint32_t n_values, uint32_t hint, const char *name)
{
    for (uint32_t i = 0; i < n_values; i++) {
        const cim_value *value = &values[(hint + i) % n_values];
        if (value->name != NULL && strcmp(value->name, name) == 0) {
            return value;
        }
    }
    return NULL;
}

cim_status
host_pg_bind(struct host_pg_connection *conn, const struct host_pg_statement *statement,
             const cim_value *values, uint32_t n_values, cim_error *err)
{
    struct host_pg_bound *bound = &conn->bound;
    cim_buf_clear(&bound->texts);
    for (int32_t i = 0; i < statement->text.n_parameters; i++) {
        const struct host_pg_parameter *parameter = &statement->text.parameters[i];
        const cim_value *value = NULL;
        bound->offsets[i] = SIZE_MAX;
        if (parameter->kind == HOST_PG_NOW) {
            const int64_t now_ms = host_store_now_ms(&conn->store->base);
            set_number(bound, i, (uint64_t)host_pg_time(now_ms), 8);
            continue;
        }
        value = host_pg_find_value(values, n_values, (uint32_t)i, parameter->name);
        if (value == NULL) {
            return cim_fail(err, CIM_E_INTERNAL, parameter->name, NULL, "参数“:%s”没有值",
                            "parameter ':%s' has no value", parameter->name);
        }
        CIM_TRY(bind_one(bound, i, parameter, statement->types[i], value, err));
    }
    CIM_TRY(cim_buf_status(&bound->texts, err));
    for (int32_t i = 0; i < statement->text.n_parameters; i++) {
        if (bound->offsets[i] != SIZE_MAX) {
            bound->values[i] = bound->texts.data + bound->offsets[i];
        }
    }
    return CIM_OK;
}
