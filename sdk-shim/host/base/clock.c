/* host/base/clock.c -- see clock.h. */
#include "clock.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct host_clock {
    _Atomic int64_t fixed_ms; /* -1: follow the system */
};

static int64_t
read_ms(clockid_t id)
{
    struct timespec now = {0};
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct host_clock *
host_clock_new(int64_t fixed_ms)
{
    struct host_clock *clock = malloc(sizeof *clock);
    if (clock != NULL) {
        atomic_init(&clock->fixed_ms, fixed_ms);
    }
    return clock;
}

void
host_clock_free(struct host_clock *clock)
{
    free(clock);
}

int64_t
host_clock_now_ms(const struct host_clock *clock)
{
    const int64_t fixed_ms = atomic_load_explicit(&clock->fixed_ms, memory_order_relaxed);
    return fixed_ms >= 0 ? fixed_ms : read_ms(CLOCK_REALTIME);
}

void
host_clock_set(struct host_clock *clock, int64_t now_ms)
{
    atomic_store_explicit(&clock->fixed_ms, now_ms, memory_order_relaxed);
}

int64_t
host_monotonic_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}
