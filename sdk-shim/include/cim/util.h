/* cim/util.h -- small inline helpers for C code on either side; nothing here crosses the boundary.
 */
#ifndef CIM_UTIL_H
#define CIM_UTIL_H

#include "cim/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CIM_UTIL_FORMAT2 __attribute__((format(printf, 5, 7), format(printf, 6, 7), unused))
#else
#define CIM_UTIL_FORMAT2
#endif

/* Copies as much of `text` as fits, never cutting a UTF-8 sequence; always terminates. */
static inline void
cim_copy_text(char *to, size_t capacity, const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;
    if (capacity == 0) {
        return;
    }
    if (len >= capacity) {
        len = capacity - 1;
        while (len > 0 && ((unsigned char)text[len] & 0xC0U) == 0x80U) {
            len--;
        }
    }
    if (len > 0) {
        memcpy(to, text, len);
    }
    to[len] = '\0';
}

/* Fills *err (which may be NULL) and returns `code`. `param` and `value` name the input at fault
 * and may be NULL; both formats take the same arguments in the same order. */
CIM_UTIL_FORMAT2 static inline cim_status
cim_fail(cim_error *err, cim_status code, const char *param, const char *value, const char *zh,
         const char *en, ...)
{
    char text[512]; /* longer than the fields, so that only whole characters are cut */
    va_list args;
    va_list again;
    if (err == NULL) {
        return code;
    }
    va_start(args, en);
    va_copy(again, args);
    err->code = code;
    err->os_errno = 0;
    cim_copy_text(err->param, sizeof err->param, param);
    cim_copy_text(err->value, sizeof err->value, value);
    (void)vsnprintf(text, sizeof text, zh, args);
    cim_copy_text(err->zh, sizeof err->zh, text);
    (void)vsnprintf(text, sizeof text, en, again);
    cim_copy_text(err->en, sizeof err->en, text);
    va_end(again);
    va_end(args);
    return code;
}

/* Out of memory, said without allocating. */
static inline cim_status
cim_fail_nomem(cim_error *err)
{
    (void)cim_fail(err, CIM_E_NOMEM, NULL, NULL, "内存不足", "out of memory");
    return CIM_E_NOMEM;
}

/* CIM_E_CANCELLED once nobody waits for the answer any more. Cheap: call it as often as is natural.
 */
static inline cim_status
cim_heed_cancel(const cim_call *call, cim_error *err)
{
    if (call == NULL || call->cancelled == NULL || call->cancelled(call) == 0) {
        return CIM_OK;
    }
    (void)cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "已取消", "cancelled");
    return CIM_E_CANCELLED;
}

/* Returns the failure of a fallible call to the caller. */
#define CIM_TRY(expr)                                                                              \
    do {                                                                                           \
        const cim_status cim_try_status = (expr);                                                  \
        if (cim_try_status != CIM_OK) {                                                            \
            return cim_try_status;                                                                 \
        }                                                                                          \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
