/* tests/support/fail_alloc.c -- see fail_alloc.h. */
#include "fail_alloc.h"

#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);

static long countdown;
static int happened;

void
fail_alloc_at(long nth)
{
    countdown = nth;
    happened = 0;
}

int
fail_alloc_happened(void)
{
    return happened;
}

static int
fails_now(void)
{
    if (countdown > 0 && --countdown == 0) {
        happened = 1;
        return 1;
    }
    return 0;
}

void *
__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *pointer, size_t size)
{
    return fails_now() ? NULL : __real_realloc(pointer, size);
}
