/* host/retention/daily.c -- a run each night. */
#include "host/retention/retention.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "kit/time.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { LOOK_S = 60, NIGHT_MS = 3 * 3600 * 1000 };

struct host_retention {
    struct host_app *app;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopping;
    _Atomic int stop;
};

static void
log_count(void *arg, const struct host_retention_count *count)
{
    (void)arg;
    if (count->n > 0) {
        host_log(CIM_LOG_INFO, "retention", "%s: %lld gone", count->what, (long long)count->n);
    }
}

/* The day in Beijing, which begins at three. */
static int32_t
night_of(const struct host_retention *retention)
{
    return cim_time_local_day(host_clock_now_ms(retention->app->clock) - NIGHT_MS);
}

static void
wait_a_while(struct host_retention *retention)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_S;
    (void)pthread_mutex_lock(&retention->lock);
    if (atomic_load(&retention->stop) == 0) {
        (void)pthread_cond_timedwait(&retention->stopping, &retention->lock, &until);
    }
    (void)pthread_mutex_unlock(&retention->lock);
}

static void *
daily_main(void *arg)
{
    struct host_retention *retention = arg;
    int32_t night = night_of(retention);
    while (atomic_load(&retention->stop) == 0) {
        cim_error error = {0};
        wait_a_while(retention);
        if (atomic_load(&retention->stop) != 0 || night_of(retention) == night) {
            continue;
        }
        night = night_of(retention);
        if (host_retention_run(retention->app, false, log_count, NULL, &retention->stop, &error) !=
            CIM_OK) {
            host_log_error("retention", "run", &error);
        }
    }
    return NULL;
}

cim_status
host_retention_start(struct host_app *app, struct host_retention **ret_retention, cim_error *err)
{
    struct host_retention *retention = calloc(1, sizeof *retention);
    pthread_condattr_t monotonic;
    if (retention == NULL || pthread_condattr_init(&monotonic) != 0) {
        free(retention);
        return cim_fail_nomem(err);
    }
    retention->app = app;
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* known to every Linux */
    (void)pthread_mutex_init(&retention->lock, NULL);             /* plain: cannot fail */
    (void)pthread_cond_init(&retention->stopping, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&retention->thread, NULL, daily_main, retention) != 0) {
        free(retention);
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法启动保留期线程",
                        "the retention thread cannot be started");
    }
    *ret_retention = retention;
    return CIM_OK;
}

void
host_retention_stop(struct host_retention *retention)
{
    if (retention == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&retention->lock);
    atomic_store(&retention->stop, 1);
    (void)pthread_cond_signal(&retention->stopping);
    (void)pthread_mutex_unlock(&retention->lock);
    (void)pthread_join(retention->thread, NULL);
    (void)pthread_mutex_destroy(&retention->lock);
    (void)pthread_cond_destroy(&retention->stopping);
    free(retention);
}
