/* kit/cleanup.h -- scope cleanup for host and plugin code; never used in SDK headers. */
#ifndef CIM_KIT_CLEANUP_H
#define CIM_KIT_CLEANUP_H

#include "cim/rows.h"

#include <stdlib.h>

struct json_object;

static inline void
cim_cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void
cim_cleanup_rows(cim_rows **rows)
{
    if (*rows != NULL) {
        (*rows)->release(*rows);
    }
}

/* Freed at the end of the scope, in whichever way it is left. */
#define CIM_AUTO_FREE __attribute__((cleanup(cim_cleanup_free)))
#define CIM_AUTO_ROWS __attribute__((cleanup(cim_cleanup_rows)))

/* Hands a pointer out of a cleanup scope: its value, and NULL stays behind. */
#define CIM_TAKE(pointer)                                                                          \
    __extension__({                                                                                \
        __typeof__(pointer) cim_taken = (pointer);                                                 \
        (pointer) = NULL;                                                                          \
        cim_taken;                                                                                 \
    })

#endif
