/* host/store/sqlite/geometry.c -- GeoPackage binary geometries, and the SQL functions over them.
 *
 * The five ST_ functions are those that GeoPackage's R-tree triggers call. cim_writer() is what the
 * guard triggers ask for: a program without it cannot write.
 */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"
#include "kit/cleanup.h"
#include "kit/time.h"
#include "kit/wkb.h"

#include <math.h>
#include <string.h>

enum { HEADER_BYTES = 8, ENVELOPE_BYTES = 32, FLAG_EMPTY = 0x10 };

static size_t
envelope_bytes(uint8_t flags)
{
    static const uint8_t bytes[8] = {0, 32, 48, 48, 64, 255, 255, 255};
    return bytes[(flags >> 1U) & 7U];
}

static bool
parse_header(const void *blob, size_t len, uint8_t *ret_flags, size_t *ret_envelope_bytes)
{
    const uint8_t *bytes = blob;
    size_t envelope = 0;
    if (blob == NULL || len < HEADER_BYTES || bytes[0] != 'G' || bytes[1] != 'P' || bytes[2] != 0) {
        return false;
    }
    envelope = envelope_bytes(bytes[3]);
    if (envelope == 255 || len < HEADER_BYTES + envelope) {
        return false;
    }
    *ret_flags = bytes[3];
    *ret_envelope_bytes = envelope;
    return true;
}

bool
host_geometry_wkb(const void *blob, size_t len, const uint8_t **ret_wkb, size_t *ret_len)
{
    uint8_t flags = 0;
    size_t envelope = 0;
    if (!parse_header(blob, len, &flags, &envelope)) {
        return false;
    }
    *ret_wkb = (const uint8_t *)blob + HEADER_BYTES + envelope;
    *ret_len = len - HEADER_BYTES - envelope;
    return true;
}

static double
read_double(const uint8_t *bytes, bool little)
{
    uint64_t bits = 0;
    double value = 0;
    for (unsigned i = 0; i < 8; i++) {
        bits |= (uint64_t)bytes[i] << (8U * (little ? i : 7U - i));
    }
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool
host_geometry_envelope(const void *blob, size_t len, double ret_envelope[4])
{
    uint8_t flags = 0;
    size_t bytes = 0;
    const uint8_t *wkb = NULL;
    double x = 0;
    double y = 0;
    double bbox[4] = {0};
    if (!parse_header(blob, len, &flags, &bytes) || (flags & FLAG_EMPTY) != 0) {
        return false;
    }
    wkb = (const uint8_t *)blob + HEADER_BYTES + bytes;
    if (bytes != 0) {
        const bool little = (flags & 1U) != 0;
        for (size_t i = 0; i < 4; i++) {
            ret_envelope[i] = read_double((const uint8_t *)blob + HEADER_BYTES + 8 * i, little);
        }
        return !isnan(ret_envelope[0]);
    }
    if (cim_wkb_point(wkb, len - HEADER_BYTES, &x, &y)) {
        ret_envelope[0] = ret_envelope[1] = x;
        ret_envelope[2] = ret_envelope[3] = y;
        return !isnan(x) && !isnan(y);
    }
    if (cim_wkb_bbox(wkb, len - HEADER_BYTES, bbox, NULL) != CIM_OK) {
        return false;
    }
    ret_envelope[0] = bbox[0];
    ret_envelope[1] = bbox[2];
    ret_envelope[2] = bbox[1];
    ret_envelope[3] = bbox[3];
    return true;
}

static void
put_double(uint8_t *to, double value)
{
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    for (unsigned i = 0; i < 8; i++) {
        to[i] = (uint8_t)(bits >> (8U * i));
    }
}

cim_status
host_geometry_from_wkb(const void *wkb, size_t len, uint8_t **ret_blob, size_t *ret_len,
                       cim_error *err)
{
    double bbox[4] = {0};
    size_t at = HEADER_BYTES;
    uint8_t flags = 1; /* little-endian header */
    uint8_t *blob = NULL;
    enum host_wkb_extent extent = HOST_WKB_EMPTY;
    CIM_TRY(host_wkb_check(wkb, len, bbox, &extent, err));
    flags |= extent == HOST_WKB_BOX ? 1U << 1U : extent == HOST_WKB_EMPTY ? FLAG_EMPTY : 0;
    blob = malloc(HEADER_BYTES + ENVELOPE_BYTES + len);
    if (blob == NULL) {
        return cim_fail_nomem(err);
    }
    memcpy(blob, (const uint8_t[]){'G', 'P', 0, flags}, 4);
    for (unsigned i = 0; i < 4; i++) {
        blob[4 + i] = (uint8_t)((uint32_t)HOST_STORE_SRS >> (8U * i));
    }
    if ((flags & 0x0eU) != 0) {
        put_double(blob + at, bbox[0]);
        put_double(blob + at + 8, bbox[2]);
        put_double(blob + at + 16, bbox[1]);
        put_double(blob + at + 24, bbox[3]);
        at += ENVELOPE_BYTES;
    }
    memcpy(blob + at, wkb, len);
    *ret_blob = blob;
    *ret_len = at + len;
    return CIM_OK;
}

/* ---- SQL functions ---- */

static void
fn_is_empty(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    double envelope[4];
    (void)argc;
    if (sqlite3_value_type(argv[0]) != SQLITE_BLOB) {
        sqlite3_result_null(ctx);
        return;
    }
    sqlite3_result_int(ctx,
                       !host_geometry_envelope(sqlite3_value_blob(argv[0]),
                                               (size_t)sqlite3_value_bytes(argv[0]), envelope));
}

/* ST_MinX, ST_MaxX, ST_MinY, ST_MaxY: the user data tells which. */
static void
fn_bound(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    const int *index = sqlite3_user_data(ctx);
    double envelope[4];
    (void)argc;
    if (sqlite3_value_type(argv[0]) == SQLITE_BLOB &&
        host_geometry_envelope(sqlite3_value_blob(argv[0]), (size_t)sqlite3_value_bytes(argv[0]),
                               envelope)) {
        sqlite3_result_double(ctx, envelope[*index]);
    } else {
        sqlite3_result_null(ctx);
    }
}

/* cim_meets(geom, w, s, e, n): the R-tree holds floats, so the index alone is not exact. */
static void
fn_meets(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    double envelope[4];
    double box[4];
    bool in_x = false;
    (void)argc;
    if (sqlite3_value_type(argv[0]) != SQLITE_BLOB ||
        !host_geometry_envelope(sqlite3_value_blob(argv[0]), (size_t)sqlite3_value_bytes(argv[0]),
                                envelope)) {
        sqlite3_result_int(ctx, 0);
        return;
    }
    for (int i = 0; i < 4; i++) {
        box[i] = sqlite3_value_double(argv[i + 1]);
    }
    in_x = box[0] <= box[2] ? envelope[1] >= box[0] && envelope[0] <= box[2]
                            : envelope[1] >= box[0] || envelope[0] <= box[2];
    sqlite3_result_int(ctx, in_x && envelope[3] >= box[1] && envelope[2] <= box[3]);
}

static void
fn_ms(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    int64_t ms = 0;
    (void)argc;
    switch (sqlite3_value_type(argv[0])) {
    case SQLITE_INTEGER:
        sqlite3_result_int64(ctx, sqlite3_value_int64(argv[0]));
        return;
    case SQLITE_TEXT:
        if (cim_time_parse((const char *)sqlite3_value_text(argv[0]),
                           (size_t)sqlite3_value_bytes(argv[0]), &ms) == CIM_OK) {
            sqlite3_result_int64(ctx, ms);
            return;
        }
        break;
    default:
        break;
    }
    sqlite3_result_null(ctx);
}

/* Interleaves the low 16 bits of two numbers. */
static uint64_t
interleave(uint32_t x, uint32_t y)
{
    uint64_t cell = 0;
    for (unsigned bit = 0; bit < 16; bit++) {
        cell |= (uint64_t)((x >> bit) & 1U) << (2U * bit);
        cell |= (uint64_t)((y >> bit) & 1U) << (2U * bit + 1U);
    }
    return cell;
}

/* cim_cell(geom): sorts what lies near together; for building indexes. */
static void
fn_cell(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    double envelope[4];
    double x = 0;
    double y = 0;
    (void)argc;
    if (sqlite3_value_type(argv[0]) == SQLITE_BLOB &&
        host_geometry_envelope(sqlite3_value_blob(argv[0]), (size_t)sqlite3_value_bytes(argv[0]),
                               envelope)) {
        /* A cell is a thousandth of a degree; beyond a world of 65 degrees they repeat. */
        x = floor((envelope[0] + envelope[1]) * 500.0);
        y = floor((envelope[2] + envelope[3]) * 500.0);
    }
    sqlite3_result_int64(ctx, (int64_t)interleave((uint32_t)(int64_t)fmod(x, 65536.0) & 0xffffU,
                                                  (uint32_t)(int64_t)fmod(y, 65536.0) & 0xffffU));
}

static void
fn_writer(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc;
    (void)argv;
    sqlite3_result_int(ctx, 1);
}

cim_status
host_functions_register(struct host_connection *conn, cim_error *err)
{
    static int bounds[4] = {0, 1, 2, 3}; /* never written: SQLite wants a plain pointer */
    const struct {
        const char *name;
        int n_args;
        void *data;
        void (*fn)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {
        {"ST_IsEmpty", 1, NULL, fn_is_empty}, {"ST_MinX", 1, &bounds[0], fn_bound},
        {"ST_MaxX", 1, &bounds[1], fn_bound}, {"ST_MinY", 1, &bounds[2], fn_bound},
        {"ST_MaxY", 1, &bounds[3], fn_bound}, {"cim_meets", 5, NULL, fn_meets},
        {"cim_cell", 1, NULL, fn_cell},       {"cim_ms", 1, NULL, fn_ms},
        {"cim_writer", 0, NULL, fn_writer},
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        const int code =
            sqlite3_create_function_v2(conn->db, functions[i].name, functions[i].n_args,
                                       SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
                                       functions[i].data, functions[i].fn, NULL, NULL, NULL);
        if (code != SQLITE_OK) {
            return host_sqlite_fail(conn->db, code, functions[i].name, err);
        }
    }
    return CIM_OK;
}
