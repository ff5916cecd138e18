/* plugin/data/clock_job.c -- the thread that looks whether a class is due. */
#include "data/classes.h"

#include "data/load.h"
#include "data/sealed.h"
#include "data/tally.h"

#include "cim/util.h"

#include <stdlib.h>
#include <time.h>

enum { PERIOD_MS = 1000, TELL_AGAIN_ROUNDS = 600, KEEPING_ROUNDS = 5 };

struct lpg_clock_job {
    struct lpg_data *data;
    const cim_log_v1 *log;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    atomic_bool stop;
};

/* Waits for the period or for the end; false at the end. */
static bool
wait_period(struct lpg_clock_job *job)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until); /* cannot fail for this clock */
    until.tv_sec += PERIOD_MS / 1000;
    (void)pthread_mutex_lock(&job->mutex);
    int code = 0;
    while (!atomic_load(&job->stop) && code == 0) {
        code = pthread_cond_timedwait(&job->wake, &job->mutex, &until);
    }
    const bool goes_on = !atomic_load(&job->stop);
    (void)pthread_mutex_unlock(&job->mutex);
    return goes_on;
}

static void
tell_count(const struct lpg_clock_job *job, const char *event, int64_t n, const char *what)
{
    char text[96];
    if (n > 0 && job->log != NULL) {
        (void)snprintf(text, sizeof text, "%lld %s", (long long)n, what);
        job->log->write(job->data->host, CIM_LOG_INFO, event, text);
    }
}

/* What is due: classes, and tallies that were missed, each second; now and then what has to be
 * sealed anew, and loads whose process is gone. */
static cim_status
work(const struct lpg_clock_job *job, uint32_t round, cim_error *err)
{
    int64_t n = 0;
    CIM_TRY(lpg_classes_run(job->data, &job->stop, &n, err));
    CIM_TRY(lpg_tallies_run(job->data, &job->stop, err));
    if (round % KEEPING_ROUNDS != 0) {
        return CIM_OK;
    }
    CIM_TRY(lpg_loads_sweep(job->data, &job->stop, &n, err));
    tell_count(job, "loads", n, "loads that nobody goes on with were taken back");
    CIM_TRY(lpg_sealed_run(job->data, &job->stop, &n, err));
    tell_count(job, "sealed", n, "values sealed with the newest key");
    return CIM_OK;
}

static void
tell(const struct lpg_clock_job *job, const cim_error *err)
{
    if (job->log != NULL) {
        job->log->write(job->data->host, CIM_LOG_ERROR, "clock", err->en);
    }
}

/* A failure that lasts is told now and then, not once a second. */
static void *
run(void *arg)
{
    struct lpg_clock_job *job = (struct lpg_clock_job *)arg;
    uint32_t quiet_rounds = 0;
    for (uint32_t round = 0; wait_period(job); round++) {
        cim_error err = {.code = 0};
        const cim_status status = work(job, round, &err);
        if (status != CIM_OK && quiet_rounds == 0) {
            tell(job, &err);
            quiet_rounds = TELL_AGAIN_ROUNDS;
        }
        quiet_rounds -= quiet_rounds > 0 ? 1 : 0;
    }
    return NULL;
}

static void
free_job(struct lpg_clock_job *job)
{
    (void)pthread_cond_destroy(&job->wake);
    (void)pthread_mutex_destroy(&job->mutex);
    free(job);
}

cim_status
lpg_clock_job_start(struct lpg_data *data, struct lpg_clock_job **ret_job, cim_error *err)
{
    struct lpg_clock_job *job = calloc(1, sizeof *job);
    pthread_condattr_t monotonic;
    if (job == NULL) {
        return cim_fail_nomem(err);
    }
    job->data = data;
    job->log = (const cim_log_v1 *)data->host->get_service(data->host, CIM_SERVICE_LOG);
    (void)pthread_mutex_init(&job->mutex, NULL); /* these cannot fail for the default kinds */
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&job->wake, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (pthread_create(&job->thread, NULL, run, job) != 0) {
        free_job(job);
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "时钟任务的线程启动失败",
                        "the thread of the clock job cannot be started");
    }
    *ret_job = job;
    return CIM_OK;
}

void
lpg_clock_job_stop(struct lpg_clock_job *job)
{
    if (job == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&job->mutex);
    atomic_store(&job->stop, true);
    (void)pthread_cond_signal(&job->wake);
    (void)pthread_mutex_unlock(&job->mutex);
    (void)pthread_join(job->thread, NULL);
    free_job(job);
}
