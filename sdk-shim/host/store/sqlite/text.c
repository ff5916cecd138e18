/* host/store/sqlite/text.c -- what people mean by equal and by order, by ICU, as PostgreSQL does
 * it.
 *
 * cim_casei(text), cim_accenti(text), and the collation cim_pinyin. */
#include "host/store/sqlite/sqlite.h"

#include "cim/util.h"

#include <stdlib.h>
#include <string.h>
#include <unicode/ucol.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

enum { FIRST_MARK = 0x0300, LAST_MARK = 0x036F, GROWS_MOST = 3 };

/* Text as UTF-16 with room for what it may grow to; NULL: out of memory. */
static UChar *
to_utf16(sqlite3_value *value, int32_t *ret_len, int32_t *ret_capacity)
{
    const char *text = (const char *)sqlite3_value_text(value);
    const int32_t len = (int32_t)sqlite3_value_bytes(value);
    const int32_t capacity = len * GROWS_MOST + 1;
    UErrorCode code = U_ZERO_ERROR;
    UChar *out = text != NULL ? malloc((size_t)capacity * sizeof *out) : NULL;
    if (out != NULL) {
        u_strFromUTF8WithSub(out, capacity, ret_len, text, len, 0xFFFD, NULL, &code);
    }
    if (out != NULL && U_FAILURE(code)) {
        free(out);
        return NULL;
    }
    *ret_capacity = capacity;
    return out;
}

static void
give_utf16(sqlite3_context *ctx, const UChar *text, int32_t len, UErrorCode code)
{
    if (U_FAILURE(code)) {
        sqlite3_result_error(ctx, u_errorName(code), -1);
        return;
    }
    sqlite3_result_text16(ctx, text, len * (int32_t)sizeof *text, SQLITE_TRANSIENT);
}

/* Two buffers for a step each: from one to the other and back. */
typedef int32_t (*step_fn)(UChar *to, int32_t capacity, const UChar *from, int32_t len,
                           UErrorCode *code);

static int32_t
upper(UChar *to, int32_t capacity, const UChar *from, int32_t len, UErrorCode *code)
{
    return u_strToUpper(to, capacity, from, len, "", code);
}

static int32_t
lower(UChar *to, int32_t capacity, const UChar *from, int32_t len, UErrorCode *code)
{
    return u_strToLower(to, capacity, from, len, "", code);
}

static int32_t
decompose(UChar *to, int32_t capacity, const UChar *from, int32_t len, UErrorCode *code)
{
    return unorm2_normalize(unorm2_getNFDInstance(code), from, len, to, capacity, code);
}

static int32_t
compose_without_marks(UChar *to, int32_t capacity, const UChar *from, int32_t len, UErrorCode *code)
{
    UChar *bare = malloc(((size_t)len + 1) * sizeof *bare);
    int32_t n = 0;
    if (bare == NULL) {
        *code = U_MEMORY_ALLOCATION_ERROR;
        return 0;
    }
    for (int32_t i = 0; i < len; i++) {
        if (from[i] < FIRST_MARK || from[i] > LAST_MARK) {
            bare[n++] = from[i];
        }
    }
    n = unorm2_normalize(unorm2_getNFCInstance(code), bare, n, to, capacity, code);
    free(bare);
    return n;
}

static void
two_steps(sqlite3_context *ctx, sqlite3_value *value, step_fn first, step_fn second)
{
    int32_t len = 0;
    int32_t capacity = 0;
    UErrorCode code = U_ZERO_ERROR;
    if (sqlite3_value_type(value) == SQLITE_NULL) {
        sqlite3_result_null(ctx);
        return;
    }
    UChar *text = to_utf16(value, &len, &capacity);
    UChar *other = text != NULL ? malloc((size_t)capacity * sizeof *other) : NULL;
    if (other == NULL) {
        free(text);
        sqlite3_result_error_nomem(ctx);
        return;
    }
    len = first(other, capacity, text, len, &code);
    if (U_SUCCESS(code)) {
        len = second(text, capacity, other, len, &code);
    }
    give_utf16(ctx, text, len, code);
    free(text);
    free(other);
}

/* Capitals first, so that ß meets SS and the final sigma the others: near to full case folding. */
static void
fn_casei(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc;
    two_steps(ctx, argv[0], upper, lower);
}

static void
fn_accenti(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
    (void)argc;
    two_steps(ctx, argv[0], decompose, compose_without_marks);
}

static int
compare(void *data, int left_len, const void *left, int right_len, const void *right)
{
    UErrorCode code = U_ZERO_ERROR;
    const UCollationResult result =
        ucol_strcollUTF8((const UCollator *)data, left, left_len, right, right_len, &code);
    if (U_SUCCESS(code) && result != UCOL_EQUAL) {
        return result;
    }
    /* What the collation holds for equal is told apart by its bytes, as PostgreSQL does. */
    const int order = memcmp(left, right, (size_t)(left_len < right_len ? left_len : right_len));
    return order != 0 ? order : left_len - right_len;
}

static void
close_collator(void *data)
{
    ucol_close(data);
}

cim_status
host_text_register(struct host_connection *conn, cim_error *err)
{
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    UErrorCode code = U_ZERO_ERROR;
    UCollator *collator = ucol_open("zh", &code);
    if (U_FAILURE(code)) {
        return cim_fail(err, CIM_E_INTERNAL, NULL, NULL, "ICU 没有中文排序规则：%s",
                        "ICU has no Chinese collation: %s", u_errorName(code));
    }
    int failed = sqlite3_create_collation_v2(conn->db, "cim_pinyin", SQLITE_UTF8, collator, compare,
                                             close_collator);
    if (failed != SQLITE_OK) {
        ucol_close(collator); /* SQLite leaves that to us, other than with functions */
        return host_sqlite_fail(conn->db, failed, "cim_pinyin", err);
    }
    failed = sqlite3_create_function_v2(conn->db, "cim_casei", 1, flags, NULL, fn_casei, NULL, NULL,
                                        NULL);
    if (failed == SQLITE_OK) {
        failed = sqlite3_create_function_v2(conn->db, "cim_accenti", 1, flags, NULL, fn_accenti,
                                            NULL, NULL, NULL);
    }
    return failed == SQLITE_OK ? CIM_OK : host_sqlite_fail(conn->db, failed, "cim_casei", err);
}
