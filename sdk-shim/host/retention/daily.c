/* host/retention/daily.c -- a run each night. */
#include "host/retention/retention.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/base/ticker.h"
#include "kit/time.h"

#include <stdlib.h>

enum { LOOK_S = 60, NIGHT_MS = 3 * 3600 * 1000 };

struct host_retention {
    struct host_app *app;
    struct host_ticker *ticker;
    int32_t night; /* the last one that was run, or begun in */
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
look(void *arg, const _Atomic int *stop)
{
    struct host_retention *retention = arg;
    const int32_t night = night_of(retention);
    cim_error error = {0};
    if (night == retention->night) {
        return;
    }
    retention->night = night;
    if (host_retention_run(retention->app, false, log_count, NULL, stop, &error) != CIM_OK) {
        host_log_error("retention", "run", &error);
    }
}

cim_status
host_retention_start(struct host_app *app, struct host_retention **ret_retention, cim_error *err)
{
    struct host_retention *retention = calloc(1, sizeof *retention);
    if (retention == NULL) {
        return cim_fail_nomem(err);
    }
    retention->app = app;
    retention->night = night_of(retention);
    const cim_status status = host_ticker_start(LOOK_S, look, retention, &retention->ticker, err);
    if (status != CIM_OK) {
        free(retention);
        return status;
    }
    *ret_retention = retention;
    return CIM_OK;
}

void
host_retention_stop(struct host_retention *retention)
{
    if (retention != NULL) {
        host_ticker_stop(retention->ticker);
        free(retention);
    }
}
