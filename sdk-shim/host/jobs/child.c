/* The other side of isolate.c: one job inside `cim-host run-job`. */
#include "host/jobs/internal.h"

#include "cim/util.h"
#include "kit/buf.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

enum { MESSAGE_BYTES_MAX = 8192 };

static volatile sig_atomic_t told_to_stop; /* of the process: it runs one job */

static void
on_term(int signal_number)
{
    (void)signal_number;
    told_to_stop = 1;
}

static int32_t
should_stop(cim_job *pub)
{
    (void)pub;
    return told_to_stop;
}

static int32_t
cancelled(const cim_call *call)
{
    (void)call;
    return told_to_stop;
}

/* A line at once: shorter than PIPE_BUF or from one thread, so that none is torn. */
static void
say(struct cim_buf *line)
{
    const char *at = line->data;
    size_t left = line->len;
    while (line->failed == CIM_OK && left > 0) {
        const ssize_t n = write(HOST_JOB_FD_MESSAGES, at, left);
        if (n < 0 && errno != EINTR) {
            return; /* nobody listens: the parent is gone, and so are we soon */
        }
        at += n > 0 ? n : 0;
        left -= n > 0 ? (size_t)n : 0;
    }
}

static void
add_text(struct cim_buf *line, const char *key, const char *text)
{
    if (text != NULL && text[0] != '\0') {
        cim_buf_addf(line, ",\"%s\":", key);
        cim_buf_add_json_text(line, text, SIZE_MAX);
    }
}

static void
progress(cim_job *pub, double fraction, const char *zh, const char *en)
{
    CIM_AUTO_BUF struct cim_buf line;
    (void)pub;
    cim_buf_init(&line, MESSAGE_BYTES_MAX);
    cim_buf_add_text(&line, "{\"fraction\":");
    cim_buf_add_double(&line, fraction);
    add_text(&line, "zh", zh);
    add_text(&line, "en", en);
    cim_buf_add_text(&line, "}\n");
    say(&line);
}

static void
answer(const struct host_job_run *run, cim_status status, int64_t bytes, const cim_error *why)
{
    CIM_AUTO_BUF struct cim_buf line;
    cim_buf_init(&line, MESSAGE_BYTES_MAX);
    cim_buf_addf(&line, "{\"status\":%d,\"bytes\":%lld,\"pos\":%lld", (int)status, (long long)bytes,
                 (long long)run->pub.pos);
    if (status != CIM_OK) {
        add_text(&line, "param", why->param);
        add_text(&line, "value", why->value);
        add_text(&line, "zh", why->zh);
        add_text(&line, "en", why->en);
    }
    cim_buf_add_text(&line, "}\n");
    say(&line);
}

cim_status
host_jobs_run_here(struct host_app *app, const char *id, cim_error *err)
{
    const struct sigaction term = {.sa_handler = on_term};
    struct host_jobs *jobs = NULL;
    struct host_job job = {.lang = (char *)"zh"};
    struct host_job_run run = {.job = &job};
    cim_error why = {0};
    int64_t bytes = 0;
    cim_status status = CIM_OK;
    (void)sigaction(SIGTERM, &term, NULL);
    CIM_TRY(host_jobs_open_bare(app, &jobs, err));
    app->jobs = jobs; /* freed with the app */
    run.jobs = jobs;
    status = host_job_row_get(jobs, id, &job.info, &why);
    if (status == CIM_OK) {
        status = host_plugins_start_guest(app->plugins, job.info.kind, &why);
    }
    if (status == CIM_OK) {
        status = host_job_prepare(&run, &why);
    }
    if (status == CIM_OK) {
        run.call.cancelled = cancelled;
        run.pub.progress = progress;
        run.pub.should_stop = should_stop;
        status = host_job_work(&run, &bytes, &why);
    }
    answer(&run, status, bytes, &why);
    host_job_done(&run);
    return CIM_OK; /* what became of the job was said */
}
