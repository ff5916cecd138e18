/* host/supervisor/spawn.c -- see spawn.h. */
#include "host/supervisor/spawn.h"

#include "cim/util.h"
#include "host/base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { WORDS_MAX = 512, CLEAR_OF_FD = 10, EXIT_NOT_RUN = 127 };

/* In the child: a descriptor at its place, past what another one may be taking. */
static int
take_place(int fd, int place)
{
    const int copy = fcntl(fd, F_DUPFD, CLEAR_OF_FD);
    const int taken = copy >= 0 ? dup2(copy, place) : -1;
    if (copy >= 0) {
        (void)close(copy);
    }
    return taken;
}

static bool
take_places(const struct host_supervisor_options *options, int note_fd)
{
    /* Clear of the places first: a descriptor may have the number of another one's place. */
    const int socket_fd = fcntl(options->listen_fd, F_DUPFD_CLOEXEC, CLEAR_OF_FD);
    const int note = fcntl(note_fd, F_DUPFD_CLOEXEC, CLEAR_OF_FD);
    const int control =
        options->control_fd >= 0 ? fcntl(options->control_fd, F_DUPFD_CLOEXEC, CLEAR_OF_FD) : -1;
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    return take_place(socket_fd, HOST_WORKER_SOCKET_FD) >= 0 &&
           take_place(note, HOST_WORKER_NOTE_FD) >= 0 &&
           (control < 0 || take_place(control, HOST_WORKER_CONTROL_FD) >= 0);
}

static void
become_worker(const struct host_supervisor_options *options, char *const *argv, int note_fd,
              pid_t supervisor)
{
    /* Without its supervisor a worker holds data directory and socket without the lock. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == supervisor &&
        take_places(options, note_fd)) {
        (void)execv(options->program, argv);
    }
    _exit(EXIT_NOT_RUN);
}

cim_status
host_worker_start(const struct host_supervisor_options *options,
                  const struct host_worker_start *how, struct host_worker *ret_worker,
                  cim_error *err)
{
    static char program[] = "cim-host";
    static char verb[] = "serve";
    static char flag[] = "--worker";
    char *argv[WORDS_MAX + 4] = {program, verb, flag};
    struct host_worker worker = {.started_ms = host_monotonic_ms()};
    const pid_t supervisor = getpid();
    int note_fd = -1;
    size_t n = 3;
    for (const char *const *word = options->words; *word != NULL; word++) {
        if (n == WORDS_MAX + 3) {
            return cim_fail(err, CIM_E_TOO_LARGE, NULL, NULL, "参数超过 %d 个",
                            "more than %d arguments", WORDS_MAX);
        }
        argv[n++] = (char *)*word;
    }
    CIM_TRY(host_note_new(&worker.note, &note_fd, err));
    worker.note->takes_over = how->takes_over;
    worker.note->has_control = options->control_fd >= 0;
    worker.note->n_endings = how->n_endings;
    memcpy(worker.note->endings, how->endings, (size_t)how->n_endings * sizeof *how->endings);
    atomic_store(&worker.note->beat_ms, worker.started_ms);
    worker.pid = fork();
    if (worker.pid == 0) {
        become_worker(options, argv, note_fd, supervisor);
    }
    (void)close(note_fd);
    if (worker.pid < 0) {
        const int number = errno;
        host_note_free(worker.note);
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法启动工作进程：%s",
                        "cannot start a worker process: %s", strerrorname_np(number));
    }
    *ret_worker = worker;
    return CIM_OK;
}

int64_t
host_worker_memory_mib(const struct host_worker *worker)
{
    char path[64];
    long long size = 0;
    long long resident = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/statm", (int)worker->pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    if (fscanf(file, "%lld %lld", &size, &resident) != 2) {
        resident = 0;
    }
    (void)fclose(file);
    return resident * sysconf(_SC_PAGESIZE) / (1 << 20);
}

void
host_worker_done(struct host_worker *worker)
{
    host_note_free(worker->note);
    *worker = (struct host_worker){.pid = 0};
}
