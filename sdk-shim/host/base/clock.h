/* host/base/clock.h -- the only source of "now" and of deadlines; tests move it. */
#ifndef HOST_CLOCK_H
#define HOST_CLOCK_H

#include "cim/base.h"

struct host_clock;

/* fixed_ms >= 0: stands still there until host_clock_set(); -1: the system's clock. */
struct host_clock *host_clock_new(int64_t fixed_ms);
void host_clock_free(struct host_clock *clock);
int64_t host_clock_now_ms(const struct host_clock *clock); /* UTC */
void host_clock_set(struct host_clock *clock, int64_t now_ms);
int64_t host_monotonic_ms(void);

#endif
