/* host/store/sqlite/number.c -- arithmetic that answers NULL where there is no answer, so that both
 * stores agree: PostgreSQL has functions of these names from pg/store.c. */
#include "host/store/sqlite/sqlite.h"

#include <math.h>

/* e^700 is near the largest double. */
static const double exponent_max = 700.0;

/* False, with NULL given, for an absent operand. */
static bool
operands(sqlite3_context *ctx, sqlite3_value **argv, double *ret_a, double *ret_b)
{
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL || sqlite3_value_type(argv[1]) == SQLITE_NULL) {
        sqlite3_result_null(ctx);
        return false;
    }
    *ret_a = sqlite3_value_double(argv[0]);
    *ret_b = sqlite3_value_double(argv[1]);
    return true;
}

/* SQLite makes NULL of what is no number. */
static void
fn_power(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    double a = 0;
    double b = 0;
    (void)argc;
    if (operands(ctx, argv, &a, &b)) {
        const bool none = (a == 0.0 && b < 0.0) || (a < 0.0 && b != trunc(b)) ||
                          (a != 0.0 && fabs(b * log(fabs(a))) > exponent_max);
        sqlite3_result_double(ctx, none ? (double)NAN : pow(a, b));
    }
}

/* The whole part of a / b, rounded towards zero. */
static void
fn_div(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    double a = 0;
    double b = 0;
    (void)argc;
    if (operands(ctx, argv, &a, &b)) {
        sqlite3_result_double(ctx, b == 0.0 ? (double)NAN : trunc(a / b));
    }
}

/* What cim_div leaves. */
static void
fn_mod(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    double a = 0;
    double b = 0;
    (void)argc;
    if (operands(ctx, argv, &a, &b)) {
        sqlite3_result_double(ctx, b == 0.0 ? (double)NAN : a - b * trunc(a / b));
    }
}

cim_status
host_number_register(struct host_connection *conn, cim_error *err)
{
    const struct {
        const char *name;
        void (*fn)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {{"cim_power", fn_power}, {"cim_div", fn_div}, {"cim_mod", fn_mod}};
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        const int code = sqlite3_create_function_v2(
            conn->db, functions[i].name, 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
            NULL, functions[i].fn, NULL, NULL, NULL);
        if (code != SQLITE_OK) {
            return host_sqlite_fail(conn->db, code, functions[i].name, err);
        }
    }
    return CIM_OK;
}
