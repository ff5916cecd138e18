/* host/base/ticker.c -- see ticker.h. */
#include "host/base/ticker.h"

#include "cim/util.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct host_ticker {
    int32_t period_s;
    void (*tick)(void *arg, const _Atomic int *stop);
    void *arg;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t awake; /* `woken`, or `stop` */
    bool woken;
    _Atomic int stop;
};

static void
wait_a_while(struct host_ticker *ticker)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ticker->period_s;
    (void)pthread_mutex_lock(&ticker->lock);
    if (atomic_load(&ticker->stop) == 0 && !ticker->woken) {
        (void)pthread_cond_timedwait(&ticker->awake, &ticker->lock, &until);
    }
    ticker->woken = false;
    (void)pthread_mutex_unlock(&ticker->lock);
}

static void *
ticker_main(void *arg)
{
    struct host_ticker *ticker = arg;
    wait_a_while(ticker);
    while (atomic_load(&ticker->stop) == 0) {
        ticker->tick(ticker->arg, &ticker->stop);
        wait_a_while(ticker);
    }
    return NULL;
}

cim_status
host_ticker_start(int32_t period_s, void (*tick)(void *arg, const _Atomic int *stop), void *arg,
                  struct host_ticker **ret_ticker, cim_error *err)
{
    struct host_ticker *ticker = calloc(1, sizeof *ticker);
    pthread_condattr_t monotonic;
    if (ticker == NULL || pthread_condattr_init(&monotonic) != 0) {
        free(ticker);
        return cim_fail_nomem(err);
    }
    *ticker = (struct host_ticker){.period_s = period_s, .tick = tick, .arg = arg};
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* known to every Linux */
    (void)pthread_mutex_init(&ticker->lock, NULL);                /* plain: cannot fail */
    (void)pthread_cond_init(&ticker->awake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&ticker->thread, NULL, ticker_main, ticker) != 0) {
        (void)pthread_mutex_destroy(&ticker->lock);
        (void)pthread_cond_destroy(&ticker->awake);
        free(ticker);
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法启动后台线程",
                        "a background thread cannot be started");
    }
    *ret_ticker = ticker;
    return CIM_OK;
}

void
host_ticker_wake(struct host_ticker *ticker)
{
    (void)pthread_mutex_lock(&ticker->lock);
    ticker->woken = true;
    (void)pthread_cond_signal(&ticker->awake);
    (void)pthread_mutex_unlock(&ticker->lock);
}

void
host_ticker_stop(struct host_ticker *ticker)
{
    if (ticker == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&ticker->lock);
    atomic_store(&ticker->stop, 1);
    (void)pthread_cond_signal(&ticker->awake);
    (void)pthread_mutex_unlock(&ticker->lock);
    (void)pthread_join(ticker->thread, NULL);
    (void)pthread_mutex_destroy(&ticker->lock);
    (void)pthread_cond_destroy(&ticker->awake);
    free(ticker);
}
