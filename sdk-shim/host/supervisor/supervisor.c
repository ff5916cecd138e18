/* host/supervisor/supervisor.c -- see supervisor.h. */
#include "host/supervisor/supervisor.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/base/note.h"
#include "host/supervisor/spawn.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK_MS = 200,
    QUICK_MAX = 10, /* replacements a minute without a pause */
    QUICK_WINDOW_MS = 60000,
    STOP_SLACK_MS = 20000, /* beyond http.stop_grace_ms, then it is killed */
};

struct supervisor {
    const struct host_supervisor_options *options;
    int signal_fd;
    int64_t hang_ms;
    int64_t start_ms;
    int64_t memory_mib;
    struct host_worker worker;
    bool announced; /* some worker has served */
    bool stopping;
    int64_t stop_until_ms;
    int64_t next_start_ms; /* no worker before */
    int32_t n_recent;
    int64_t recent_ms[QUICK_MAX]; /* of the last replacements, oldest first */
    int32_t n_endings;
    struct host_ending endings[HOST_NOTE_ENDINGS_MAX];
};

static int64_t
utc_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- why it ended, for the next worker to write down ---- */

static void
forget_taken(struct supervisor *sup)
{
    if (atomic_load(&sup->worker.note->endings_taken) != 0) {
        sup->n_endings = 0;
    }
}

static void
remember(struct supervisor *sup, int32_t end, int32_t number)
{
    struct host_ending ending = {.end = end, .number = number, .at_ms = utc_ms()};
    host_note_blame(sup->worker.note, ending.plugin);
    forget_taken(sup);
    if (sup->n_endings == HOST_NOTE_ENDINGS_MAX) {
        memmove(sup->endings, sup->endings + 1, sizeof sup->endings - sizeof sup->endings[0]);
        sup->n_endings--;
    }
    sup->endings[sup->n_endings++] = ending;
    host_log(CIM_LOG_ERROR, "supervisor", "worker %d: %s %d%s%s", (int)sup->worker.pid,
             end == HOST_END_CRASH    ? "ended by signal"
             : end == HOST_END_HANG   ? "stands still, killed after ms"
             : end == HOST_END_MEMORY ? "killed at MiB of memory"
                                      : "left with",
             (int)number, ending.plugin[0] != '\0' ? ", inside plugin " : "", ending.plugin);
}

/* A worker that keeps dying for no plugin's fault is started at most so often; a plugin is put out
 * of service before that. */
static void
plan_next(struct supervisor *sup)
{
    const int64_t now_ms = host_monotonic_ms();
    int32_t n = 0;
    if (sup->n_recent == QUICK_MAX) {
        memmove(sup->recent_ms, sup->recent_ms + 1, sizeof sup->recent_ms - sizeof(int64_t));
        sup->n_recent--;
    }
    sup->recent_ms[sup->n_recent++] = now_ms;
    for (int32_t i = 0; i < sup->n_recent; i++) {
        n += now_ms - sup->recent_ms[i] < QUICK_WINDOW_MS;
    }
    const bool blamed = sup->n_endings > 0 && sup->endings[sup->n_endings - 1].plugin[0] != '\0';
    sup->next_start_ms = now_ms;
    if (n == QUICK_MAX && !blamed) {
        sup->next_start_ms += QUICK_WINDOW_MS / QUICK_MAX;
        host_log(CIM_LOG_WARNING, "supervisor",
                 "the worker ended %d times in a minute: waiting %lld ms", (int)n,
                 (long long)(sup->next_start_ms - now_ms));
    }
}

static cim_status
start(struct supervisor *sup, cim_error *err)
{
    CIM_TRY(host_worker_start(sup->options, sup->endings, sup->n_endings, &sup->worker, err));
    host_log(CIM_LOG_INFO, "supervisor", "worker %d started", (int)sup->worker.pid);
    return CIM_OK;
}

/* ---- looking after it ---- */

static void
kill_worker(struct supervisor *sup, int32_t end, int32_t number)
{
    remember(sup, end, number);
    sup->worker.cause = end;
    (void)kill(sup->worker.pid, SIGKILL);
}

static void
look(struct supervisor *sup)
{
    struct host_worker *worker = &sup->worker;
    const struct host_note *note = worker->note;
    const int64_t now_ms = host_monotonic_ms();
    const bool serving = atomic_load(&note->serving) != 0;
    if (worker->cause != 0) {
        return; /* killed already */
    }
    if (serving && !sup->announced) {
        sup->announced = true;
        sup->options->serving(sup->options->arg);
    }
    if (sup->stopping) {
        if (now_ms > sup->stop_until_ms) {
            kill_worker(sup, HOST_END_HANG, (int32_t)(now_ms - sup->stop_until_ms));
        }
    } else if (!serving && now_ms - worker->started_ms > sup->start_ms) {
        kill_worker(sup, HOST_END_HANG, (int32_t)sup->start_ms);
    } else if (serving && host_note_hangs(note, now_ms, sup->hang_ms)) {
        kill_worker(sup, HOST_END_HANG, (int32_t)sup->hang_ms);
    } else {
        const int64_t used_mib = host_worker_memory_mib(worker);
        if (used_mib > sup->memory_mib) {
            kill_worker(sup, HOST_END_MEMORY, (int32_t)used_mib);
        }
    }
}

/* ---- signals ---- */

static void
stop(struct supervisor *sup, int number)
{
    host_log(CIM_LOG_INFO, "supervisor", "signal %d: stopping", number);
    if (sup->stopping) { /* whoever asks twice does not want to wait */
        (void)kill(sup->worker.pid, SIGKILL);
    } else if (sup->worker.pid > 0) {
        (void)kill(sup->worker.pid, SIGTERM);
    }
    sup->stopping = true;
    sup->stop_until_ms = host_monotonic_ms() + STOP_SLACK_MS +
                         host_config_int(sup->options->config, "http.stop_grace_ms");
}

static bool
reap(struct supervisor *sup, int *ret_code)
{
    struct host_worker *worker = &sup->worker;
    int state = 0;
    if (worker->pid <= 0 || waitpid(worker->pid, &state, WNOHANG) != worker->pid) {
        return false;
    }
    *ret_code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
    const bool over = sup->stopping || (!sup->announced && WIFEXITED(state));
    if (!over && worker->cause == 0) {
        remember(sup, WIFSIGNALED(state) ? HOST_END_CRASH : HOST_END_EXIT,
                 WIFSIGNALED(state) ? WTERMSIG(state) : WEXITSTATUS(state));
    }
    host_worker_done(worker);
    if (!over) {
        plan_next(sup);
    }
    return over;
}

static int
read_signal(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

static cim_status
run(struct supervisor *sup, int *ret_code, cim_error *err)
{
    bool over = false;
    while (!over) {
        struct pollfd wait = {.fd = sup->signal_fd, .events = POLLIN};
        if (sup->worker.pid == 0 && sup->stopping) {
            return CIM_OK;
        }
        if (sup->worker.pid == 0 && host_monotonic_ms() >= sup->next_start_ms) {
            CIM_TRY(start(sup, err));
        }
        const int number = poll(&wait, 1, TICK_MS) > 0 ? read_signal(sup->signal_fd) : 0;
        if (number == SIGTERM || number == SIGINT) {
            stop(sup, number);
        }
        over = reap(sup, ret_code);
        if (sup->worker.pid != 0) {
            look(sup);
        }
    }
    return CIM_OK;
}

cim_status
host_supervise(const struct host_supervisor_options *options, int *ret_code, cim_error *err)
{
    struct supervisor sup = {
        .options = options,
        .hang_ms = host_config_int(options->config, "supervisor.hang_ms"),
        .start_ms = host_config_int(options->config, "supervisor.start_ms"),
        .memory_mib = host_config_int(options->config, "supervisor.memory_mib"),
    };
    sigset_t signals;
    cim_status status = CIM_OK;
    if (sup.memory_mib == 0) {
        /* Four fifths of the machine: past it everything else suffers. */
        sup.memory_mib = (sysconf(_SC_PHYS_PAGES) / 5 * 4) / ((1 << 20) / sysconf(_SC_PAGESIZE));
    }
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGHUP);
    (void)sigaddset(&signals, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    sup.signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (sup.signal_fd < 0) {
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法接收信号：%s", "cannot take signals: %s",
                        strerrorname_np(errno));
    }
    *ret_code = 0;
    status = run(&sup, ret_code, err);
    host_worker_done(&sup.worker);
    (void)close(sup.signal_fd);
    return status;
}
