/* cim/base.h -- status codes, errors, owned bytes and the few macros every SDK header needs.
 *
 * Rules of the whole SDK:
 *  - C11 that also compiles as C++11; only <stddef.h> and <stdint.h>; no object is defined here.
 *  - Strings are UTF-8 and NUL-terminated. Times are UTC milliseconds since 1970 (`_ms`).
 *    Coordinates are CGCS2000 longitude, latitude in degrees (`_deg`), in that order, always.
 *  - Arguments are borrowed for the call unless the comment says "copies" or "takes".
 *  - `ret_` parameters are set only on CIM_OK. `err` is last, may be NULL, and its content is
 *    defined only after a failure.
 *  - Every struct that may grow starts with `struct_size`; fields are only appended.
 *    Structs marked "frozen" never grow and may be used in arrays.
 *  - Thread tags: [lifecycle] one thread, never concurrent with itself; [worker] a host worker
 *    thread; [any] any thread, concurrently.
 */
#ifndef CIM_BASE_H
#define CIM_BASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CIM_ABI_MAJOR 1
#define CIM_ABI_MINOR 0

#if defined(__GNUC__)
#define CIM_EXPORT __attribute__((visibility("default")))
#else
#define CIM_EXPORT
#endif

/* True if `p` is present, new enough to have member `f`, and `f` is set. */
#define CIM_HAS(type, p, f)                                                                        \
    ((p) != NULL && (p)->struct_size >= offsetof(type, f) + sizeof((p)->f) && (p)->f)

/* Numbers are never reused; treat an unknown one as CIM_E_INTERNAL. */
typedef int32_t cim_status;
enum {
    CIM_OK = 0,
    CIM_E_INTERNAL = -1,    /* a fault of ours: 500 */
    CIM_E_INVALID = -2,     /* an input is wrong: 400 */
    CIM_E_NOMEM = -3,       /* out of memory: 503 */
    CIM_E_DENIED = -4,      /* not allowed: 403 (401 when nobody is signed in) */
    CIM_E_EXISTS = -5,      /* already there: 409 */
    CIM_E_NOTFOUND = -6,    /* 404 */
    CIM_E_STATE = -7,       /* not in this state: 409 */
    CIM_E_UNSUPPORTED = -8, /* a thing we do not do: 501, or 406/415 for formats */
    CIM_E_TOO_LARGE = -9,   /* over a named limit: 413 */
    CIM_E_BUSY = -10,       /* try again: 503 with Retry-After */
    CIM_E_CANCELLED = -11,  /* the caller has gone or asked to stop */
    CIM_E_VERSION = -12,    /* the expected version is stale: 412 */
    CIM_E_IO = -13          /* disk or network: 500 */
};

/* What went wrong, for a person. Caller-owned, frozen at 1024 bytes. `param` and `value` name the
 * input at fault ("" when none); `zh` and `en` say what was expected, in Chinese and English. */
typedef struct cim_error {
    int32_t code;
    int32_t os_errno;
    char param[64];
    char value[152];
    char zh[400];
    char en[400];
} cim_error;

/* Bytes that own themselves. release == NULL: empty or moved, or memory that somebody else keeps
 * for long enough. To move: copy the struct, then clear the source. release() may run on any thread
 * and after its plugin was stopped (its library stays loaded): it frees memory and does no more.
 * Frozen. */
typedef struct cim_blob cim_blob;
struct cim_blob {
    const void *data;
    uint64_t len;
    void (*release)(cim_blob *blob);
    void *owner;
};

typedef struct cim_host cim_host;

#ifdef __cplusplus
}
#endif
#endif
