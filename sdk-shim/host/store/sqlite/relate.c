/* host/store/sqlite/relate.c -- exact spatial predicates by GEOS, as SQL functions.
 *
 * A GEOS context belongs to one thread at a time; so does a connection, which therefore has one.
 * The constant side of a predicate is prepared once per statement. */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"

#include <geos_c.h>
#include <stdlib.h>
#include <string.h>

struct geos {
    GEOSContextHandle_t handle;
    GEOSWKBReader *reader;
    char message[160];
};

/* A geometry that stays with its statement. */
struct constant {
    struct geos *geos;
    GEOSGeometry *geometry;
    const GEOSPreparedGeometry *prepared;
    bool has_envelope;
    double envelope[4]; /* min x, max x, min y, max y */
};

enum { OP, LEFT, RIGHT, RIGHT_IS_CONSTANT };

static void
keep_message(const char *message, void *data)
{
    struct geos *geos = data;
    cim_copy_text(geos->message, sizeof geos->message, message);
}

static void
free_geos(void *data)
{
    struct geos *geos = data;
    if (geos != NULL && geos->handle != NULL) {
        if (geos->reader != NULL) {
            GEOSWKBReader_destroy_r(geos->handle, geos->reader);
        }
        GEOS_finish_r(geos->handle);
    }
    free(geos);
}

static void
free_constant(void *data)
{
    struct constant *constant = data;
    GEOSPreparedGeom_destroy_r(constant->geos->handle, constant->prepared);
    GEOSGeom_destroy_r(constant->geos->handle, constant->geometry);
    free(constant);
}

static GEOSGeometry *
read_value(struct geos *geos, sqlite3_value *value)
{
    const uint8_t *wkb = NULL;
    size_t len = 0;
    geos->message[0] = '\0';
    if (!host_geometry_wkb(sqlite3_value_blob(value), (size_t)sqlite3_value_bytes(value), &wkb,
                           &len)) {
        return NULL;
    }
    return GEOSWKBReader_read_r(geos->handle, geos->reader, wkb, len);
}

/* The statement's own copy; NULL: there is none, and none could be made. */
static struct constant *
find_constant(struct geos *geos, sqlite3_context *ctx, sqlite3_value *value)
{
    struct constant *constant = sqlite3_get_auxdata(ctx, RIGHT);
    if (constant != NULL) {
        return constant;
    }
    constant = calloc(1, sizeof *constant);
    if (constant == NULL) {
        return NULL;
    }
    constant->geos = geos;
    constant->geometry = read_value(geos, value);
    constant->has_envelope = host_geometry_envelope(
        sqlite3_value_blob(value), (size_t)sqlite3_value_bytes(value), constant->envelope);
    if (constant->geometry != NULL) {
        constant->prepared = GEOSPrepare_r(geos->handle, constant->geometry);
    }
    if (constant->prepared == NULL) {
        GEOSGeom_destroy_r(geos->handle, constant->geometry);
        free(constant);
        return NULL;
    }
    sqlite3_set_auxdata(ctx, RIGHT, constant, free_constant);
    return sqlite3_get_auxdata(ctx, RIGHT); /* it may be gone already, when memory is short */
}

/* `right` is the constant: within() and contains() change sides. */
static char
relate_prepared(struct geos *geos, enum host_relation op, const GEOSGeometry *left,
                const struct constant *right)
{
    GEOSContextHandle_t handle = geos->handle;
    const GEOSPreparedGeometry *prepared = right->prepared;
    switch (op) {
    case HOST_INTERSECTS:
        return GEOSPreparedIntersects_r(handle, prepared, left);
    case HOST_DISJOINT:
        return GEOSPreparedDisjoint_r(handle, prepared, left);
    case HOST_TOUCHES:
        return GEOSPreparedTouches_r(handle, prepared, left);
    case HOST_CROSSES:
        return GEOSPreparedCrosses_r(handle, prepared, left);
    case HOST_OVERLAPS:
        return GEOSPreparedOverlaps_r(handle, prepared, left);
    case HOST_WITHIN:
        return GEOSPreparedContains_r(handle, prepared, left);
    case HOST_CONTAINS:
        return GEOSPreparedWithin_r(handle, prepared, left);
    case HOST_EQUALS:
    default:
        return GEOSEquals_r(handle, left, right->geometry);
    }
}

static char
relate(struct geos *geos, enum host_relation op, const GEOSGeometry *left,
       const GEOSGeometry *right)
{
    GEOSContextHandle_t handle = geos->handle;
    switch (op) {
    case HOST_INTERSECTS:
        return GEOSIntersects_r(handle, left, right);
    case HOST_DISJOINT:
        return GEOSDisjoint_r(handle, left, right);
    case HOST_TOUCHES:
        return GEOSTouches_r(handle, left, right);
    case HOST_CROSSES:
        return GEOSCrosses_r(handle, left, right);
    case HOST_OVERLAPS:
        return GEOSOverlaps_r(handle, left, right);
    case HOST_WITHIN:
        return GEOSWithin_r(handle, left, right);
    case HOST_CONTAINS:
        return GEOSContains_r(handle, left, right);
    case HOST_EQUALS:
    default:
        return GEOSEquals_r(handle, left, right);
    }
}

/* Most rows lie apart from the constant: their envelopes tell. */
static bool
lies_apart(const struct constant *constant, sqlite3_value *value)
{
    double at[4];
    const double *envelope = constant->envelope;
    return constant->has_envelope &&
           host_geometry_envelope(sqlite3_value_blob(value), (size_t)sqlite3_value_bytes(value),
                                  at) &&
           (at[0] > envelope[1] || at[1] < envelope[0] || at[2] > envelope[3] ||
            at[3] < envelope[2]);
}

static void
give_result(struct geos *geos, sqlite3_context *ctx, char result)
{
    if (result == 0 || result == 1) {
        sqlite3_result_int(ctx, result);
        return;
    }
    sqlite3_result_error(ctx, geos->message[0] != '\0' ? geos->message : "broken geometry", -1);
    sqlite3_result_error_code(ctx, SQLITE_MISMATCH);
}

/* cim_relate(op, left, right, is right constant): NULL when one of them is absent. */
static void
fn_relate(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    struct geos *geos = sqlite3_user_data(ctx);
    const enum host_relation op = (enum host_relation)sqlite3_value_int(argv[OP]);
    char result = 2;
    (void)argc;
    if (sqlite3_value_type(argv[LEFT]) != SQLITE_BLOB ||
        sqlite3_value_type(argv[RIGHT]) != SQLITE_BLOB) {
        sqlite3_result_null(ctx);
        return;
    }
    const struct constant *constant = sqlite3_value_int(argv[RIGHT_IS_CONSTANT]) != 0
                                          ? find_constant(geos, ctx, argv[RIGHT])
                                          : NULL;
    if (constant != NULL && lies_apart(constant, argv[LEFT])) {
        sqlite3_result_int(ctx, op == HOST_DISJOINT);
        return;
    }
    GEOSGeometry *left = read_value(geos, argv[LEFT]);
    if (left != NULL && constant != NULL) {
        result = relate_prepared(geos, op, left, constant);
    } else if (left != NULL) {
        GEOSGeometry *right = read_value(geos, argv[RIGHT]);
        result = right != NULL ? relate(geos, op, left, right) : (char)2;
        GEOSGeom_destroy_r(geos->handle, right);
    }
    GEOSGeom_destroy_r(geos->handle, left);
    give_result(geos, ctx, result);
}

cim_status
host_relate_register(struct host_connection *conn, cim_error *err)
{
    struct geos *geos = calloc(1, sizeof *geos);
    if (geos == NULL) {
        return cim_fail_nomem(err);
    }
    geos->handle = GEOS_init_r();
    if (geos->handle != NULL) {
        (void)GEOSContext_setErrorMessageHandler_r(geos->handle, keep_message, geos);
        geos->reader = GEOSWKBReader_create_r(geos->handle);
    }
    if (geos->reader == NULL) {
        free_geos(geos);
        return cim_fail_nomem(err);
    }
    /* On failure, too, SQLite calls free_geos. */
    const int code = sqlite3_create_function_v2(
        conn->db, "cim_relate", 4, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, geos,
        fn_relate, NULL, NULL, free_geos);
    return code == SQLITE_OK ? CIM_OK : host_sqlite_fail(conn->db, code, "cim_relate", err);
}
