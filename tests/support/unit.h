/* tests/support/unit.h -- what every CMocka test includes, and assertions on cim_status. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

/* CMocka wants these four before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cim/util.h"

/* Fails with the English message of `err`. */
#define assert_ok(expr, err)                                                                       \
    do {                                                                                           \
        const cim_status unit_status = (expr);                                                     \
        if (unit_status != CIM_OK) {                                                               \
            fail_msg("%s: %d %s [%s=%s]", #expr, unit_status, (err)->en, (err)->param,             \
                     (err)->value);                                                                \
        }                                                                                          \
    } while (0)

/* `part` occurs in `whole`. */
#define assert_contains(whole, part)                                                               \
    do {                                                                                           \
        if (strstr((whole), (part)) == NULL) {                                                     \
            fail_msg("\"%s\" does not contain \"%s\"", (whole), (part));                           \
        }                                                                                          \
    } while (0)

/* A generator for property tests: the same numbers everywhere. */
static inline uint64_t
unit_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
}

/* Below `bound`. */
static inline uint32_t
unit_random_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)((unit_random(state) >> 32U) * bound >> 32U);
}

#endif
