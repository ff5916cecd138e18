/* host/base/ticker.h -- a thread that does something now and then for as long as the platform
 * serves. */
#ifndef HOST_TICKER_H
#define HOST_TICKER_H

#include "cim/base.h"

#include <stdatomic.h>

struct host_ticker;

/* Calls `tick` every `period_s` seconds of the machine's own time, the first time after one period.
 * `stop` becomes non-zero when the thread is to end: a long tick looks at it. */
cim_status host_ticker_start(int32_t period_s, void (*tick)(void *arg, const _Atomic int *stop),
                             void *arg, struct host_ticker **ret_ticker, cim_error *err);
/* The next tick begins now, or after the one under way. [any] */
void host_ticker_wake(struct host_ticker *ticker);
/* Waits for the tick under way. NULL-safe. */
void host_ticker_stop(struct host_ticker *ticker);

#endif
