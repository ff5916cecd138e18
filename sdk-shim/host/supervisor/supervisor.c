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
    RETRY_MS = 1000, /* when no process could be started */
    QUICK_MAX = 10,  /* replacements a minute without a pause */
    QUICK_WINDOW_MS = 60000,
    STOP_SLACK_MS = 20000,    /* beyond the time that a worker has to stop, then it is killed */
    YIELD_SAY_MS = 30000,     /* an upgrade that waits for jobs says so that often */
    HARD_MEMORY_PERCENT = 125 /* of the limit: no time to let requests finish */
};

struct supervisor {
    const struct host_supervisor_options *options;
    int signal_fd;
    int64_t hang_ms;
    int64_t start_ms;
    int64_t drain_ms;
    int64_t memory_mib;
    struct host_worker worker; /* serves; pid 0: it ended, the next one is planned */
    struct host_worker fresh;  /* of an upgrade, not ready yet */
    struct host_worker old;    /* of an upgrade, drains */
    bool upgrading;            /* until `fresh` serves: jobs yield, then it starts */
    const char *upgrade_why;   /* one is wanted; NULL: none is */
    int64_t said_ms;
    bool announced; /* some worker has served */
    bool stopping;
    int64_t stop_until_ms;
    int64_t next_start_ms;
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

/* ---- why a worker ended, for the next one to write down ---- */

static void
forget_taken(struct supervisor *sup, const struct host_worker *by)
{
    if (atomic_load(&by->note->endings_taken) != 0) {
        sup->n_endings = 0;
    }
}

static void
remember(struct supervisor *sup, const struct host_worker *worker, int32_t end, int32_t number)
{
    static const char *const words[] = {"", "ended by signal", "stands still, killed after ms",
                                        "takes MiB of memory", "left with"};
    struct host_ending ending = {.end = end, .number = number, .at_ms = utc_ms()};
    host_note_blame(worker->note, ending.plugin);
    forget_taken(sup, worker);
    if (sup->n_endings == HOST_NOTE_ENDINGS_MAX) {
        memmove(sup->endings, sup->endings + 1, sizeof sup->endings - sizeof sup->endings[0]);
        sup->n_endings--;
    }
    sup->endings[sup->n_endings++] = ending;
    host_log(CIM_LOG_ERROR, "supervisor", "worker %d: %s %d%s%s", (int)worker->pid, words[end],
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

static bool
start(struct supervisor *sup, struct host_worker *ret_worker)
{
    const struct host_worker_start how = {
        .endings = sup->endings,
        .n_endings = sup->n_endings,
        .takes_over = sup->announced,
    };
    cim_error err = {.code = CIM_OK};
    if (host_worker_start(sup->options, &how, ret_worker, &err) != CIM_OK) {
        host_log_error("supervisor", "start", &err);
        return false;
    }
    host_log(CIM_LOG_INFO, "supervisor", "worker %d started", (int)ret_worker->pid);
    return true;
}

static void
kill_worker(struct supervisor *sup, struct host_worker *worker, int32_t end, int32_t number)
{
    remember(sup, worker, end, number);
    worker->cause = end;
    (void)kill(worker->pid, SIGKILL);
}

/* ---- upgrades: a second worker on the same socket, ready before the first one drains ---- */

/* Asked for while another change is under way, it follows that one: who asked has changed files
 * that the worker of that one may not have seen. */
static void
begin_upgrade(struct supervisor *sup)
{
    if (sup->upgrade_why == NULL || sup->stopping || sup->upgrading || sup->old.pid != 0 ||
        sup->worker.pid == 0 || atomic_load(&sup->worker.note->ready) == 0) {
        return;
    }
    host_log(CIM_LOG_INFO, "supervisor", "%s: a new worker takes over from %d", sup->upgrade_why,
             (int)sup->worker.pid);
    sup->upgrade_why = NULL;
    sup->upgrading = true;
    sup->said_ms = host_monotonic_ms();
    atomic_store(&sup->worker.note->yield_jobs, 1);
}

/* What served goes on as if nothing had been. */
static void
give_up_upgrade(struct supervisor *sup)
{
    host_log(CIM_LOG_ERROR, "supervisor", "the new worker did not get ready: %d goes on",
             (int)sup->worker.pid);
    sup->upgrading = false;
    if (sup->worker.pid != 0) {
        atomic_store(&sup->worker.note->yield_jobs, 0);
    }
}

static void
hand_over(struct supervisor *sup)
{
    sup->old = sup->worker;
    sup->worker = sup->fresh;
    sup->fresh = (struct host_worker){.pid = 0};
    sup->upgrading = false;
    sup->old.stop_until_ms = host_monotonic_ms() + sup->drain_ms + STOP_SLACK_MS;
    atomic_store(&sup->old.note->drain, 1);
    (void)kill(sup->old.pid, SIGTERM);
    host_log(CIM_LOG_INFO, "supervisor", "worker %d serves, %d drains", (int)sup->worker.pid,
             (int)sup->old.pid);
}

static void
look_at_upgrade(struct supervisor *sup, int64_t now_ms)
{
    if (sup->old.pid != 0 && sup->old.cause == 0 && now_ms > sup->old.stop_until_ms) {
        kill_worker(sup, &sup->old, HOST_END_HANG, (int32_t)sup->drain_ms);
    }
    if (!sup->upgrading || sup->stopping || sup->worker.pid == 0) {
        return;
    }
    if (sup->fresh.pid == 0) {
        if (atomic_load(&sup->worker.note->jobs_yielded) != 0) {
            if (!start(sup, &sup->fresh)) {
                give_up_upgrade(sup);
            }
        } else if (now_ms - sup->said_ms > YIELD_SAY_MS) {
            sup->said_ms = now_ms;
            host_log(CIM_LOG_INFO, "supervisor", "the upgrade waits for running jobs");
        }
    } else if (atomic_load(&sup->fresh.note->ready) != 0) {
        hand_over(sup);
    } else if (sup->fresh.cause == 0 && now_ms - sup->fresh.started_ms > sup->start_ms) {
        kill_worker(sup, &sup->fresh, HOST_END_HANG, (int32_t)sup->start_ms);
    }
}

/* ---- looking after the one that serves ---- */

static void
look_at_memory(struct supervisor *sup)
{
    struct host_worker *worker = &sup->worker;
    const int64_t used_mib = host_worker_memory_mib(worker);
    if (used_mib * 100 > sup->memory_mib * HARD_MEMORY_PERCENT) {
        kill_worker(sup, worker, HOST_END_MEMORY, (int32_t)used_mib);
    } else if (used_mib > sup->memory_mib && !worker->too_large) {
        worker->too_large = true;
        remember(sup, worker, HOST_END_MEMORY, (int32_t)used_mib);
        sup->upgrade_why = "memory";
    }
}

static void
look(struct supervisor *sup, int64_t now_ms)
{
    struct host_worker *worker = &sup->worker;
    const struct host_note *note = worker->note;
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
            kill_worker(sup, worker, HOST_END_HANG, STOP_SLACK_MS);
        }
    } else if (!serving && now_ms - worker->started_ms > sup->start_ms) {
        kill_worker(sup, worker, HOST_END_HANG, (int32_t)sup->start_ms);
    } else if (serving && host_note_hangs(note, now_ms, sup->hang_ms)) {
        kill_worker(sup, worker, HOST_END_HANG, (int32_t)sup->hang_ms);
    } else {
        look_at_memory(sup);
    }
}

/* Any of them may have been asked: one that drains still answers what had reached it. */
static void
take_wishes(struct supervisor *sup)
{
    const struct host_worker *const all[] = {&sup->worker, &sup->fresh, &sup->old};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i]->pid != 0 && atomic_exchange(&all[i]->note->wants_upgrade, 0) != 0) {
            sup->upgrade_why = "asked for";
        }
    }
}

/* ---- signals ---- */

static void
stop(struct supervisor *sup, int number)
{
    const struct host_worker *const all[] = {&sup->worker, &sup->fresh, &sup->old};
    host_log(CIM_LOG_INFO, "supervisor", "signal %d: stopping", number);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i]->pid != 0) { /* whoever asks twice does not want to wait */
            (void)kill(all[i]->pid, sup->stopping ? SIGKILL : SIGTERM);
        }
    }
    sup->stopping = true;
    sup->stop_until_ms = host_monotonic_ms() + STOP_SLACK_MS +
                         host_config_int(sup->options->config, "http.stop_grace_ms");
}

/* True when `worker` has ended just now. */
static bool
has_ended(const struct host_worker *worker, int *ret_state)
{
    return worker->pid > 0 && waitpid(worker->pid, ret_state, WNOHANG) == worker->pid;
}

static void
remember_end(struct supervisor *sup, const struct host_worker *worker, int state)
{
    if (worker->cause == 0) {
        remember(sup, worker, WIFSIGNALED(state) ? HOST_END_CRASH : HOST_END_EXIT,
                 WIFSIGNALED(state) ? WTERMSIG(state) : WEXITSTATUS(state));
    }
}

/* True when nothing is left to look after. */
static bool
reap(struct supervisor *sup, int *ret_code)
{
    bool over = false;
    int state = 0;
    if (has_ended(&sup->old, &state)) {
        host_log(CIM_LOG_INFO, "supervisor", "worker %d has drained", (int)sup->old.pid);
        host_worker_done(&sup->old);
    }
    if (has_ended(&sup->fresh, &state)) {
        if (!sup->stopping) {
            remember_end(sup, &sup->fresh, state);
            give_up_upgrade(sup);
        }
        host_worker_done(&sup->fresh);
    }
    if (has_ended(&sup->worker, &state)) {
        *ret_code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
        over = !sup->stopping && !sup->announced && WIFEXITED(state);
        if (!sup->stopping && !over) {
            remember_end(sup, &sup->worker, state);
            plan_next(sup);
        }
        host_worker_done(&sup->worker);
        if (sup->fresh.pid != 0) { /* it is on its way anyway */
            sup->worker = sup->fresh;
            sup->fresh = (struct host_worker){.pid = 0};
        }
        sup->upgrading = false;
    }
    return over ||
           (sup->stopping && sup->worker.pid == 0 && sup->fresh.pid == 0 && sup->old.pid == 0);
}

static int
read_signal(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

static void
run(struct supervisor *sup, int *ret_code)
{
    bool over = false;
    while (!over) {
        struct pollfd wait = {.fd = sup->signal_fd, .events = POLLIN};
        if (sup->worker.pid == 0 && !sup->stopping && host_monotonic_ms() >= sup->next_start_ms) {
            if (!start(sup, &sup->worker)) {
                sup->next_start_ms = host_monotonic_ms() + RETRY_MS;
            }
        }
        const int number = poll(&wait, 1, TICK_MS) > 0 ? read_signal(sup->signal_fd) : 0;
        if (number == SIGTERM || number == SIGINT) {
            stop(sup, number);
        } else if (number == SIGHUP) {
            sup->upgrade_why = "SIGHUP";
        }
        take_wishes(sup);
        over = reap(sup, ret_code);
        if (sup->worker.pid != 0) {
            look(sup, host_monotonic_ms());
        }
        begin_upgrade(sup);
        look_at_upgrade(sup, host_monotonic_ms());
    }
}

cim_status
host_supervise(const struct host_supervisor_options *options, int *ret_code, cim_error *err)
{
    struct supervisor sup = {
        .options = options,
        .hang_ms = host_config_int(options->config, "supervisor.hang_ms"),
        .start_ms = host_config_int(options->config, "supervisor.start_ms"),
        .drain_ms = host_config_int(options->config, "supervisor.drain_ms"),
        .memory_mib = host_config_int(options->config, "supervisor.memory_mib"),
    };
    sigset_t signals;
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
    run(&sup, ret_code);
    host_worker_done(&sup.worker);
    host_worker_done(&sup.fresh);
    host_worker_done(&sup.old);
    (void)close(sup.signal_fd);
    return CIM_OK;
}
