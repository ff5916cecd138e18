/* A job in a process of its own: `cim-host run-job ID`, watched from here. What it may use is
 * limited twice: by the kernel, in the process itself, and by watching it, which can say why. */
#include "host/jobs/internal.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "kit/buf.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WATCH_MS = 50, LINE_BYTES_MAX = 8192, CONFIG_BYTES_MAX = 1 << 20 };

/* Why the process was ended from here. */
enum ended { ENDED_ITSELF, ENDED_CANCELLED, ENDED_MEMORY, ENDED_TIME };

struct child {
    struct host_job_run *run;
    pid_t pid;
    int messages; /* what it says, a JSON object a line */
    int64_t began_ms;
    int64_t told_ms; /* when it was asked to stop; 0: was not */
    int64_t memory_max_bytes;
    int64_t time_max_ms;
    enum ended ended;
    size_t line_len;
    char line[LINE_BYTES_MAX];
    bool answered; /* its last message came */
    cim_status status;
    int64_t result_bytes;
    cim_error error;
};

/* ---- starting it ---- */

static cim_status
fail_os(const char *what, cim_error *err)
{
    const int why = errno;
    char text[128];
    const cim_status status = cim_fail(err, CIM_E_IO, NULL, NULL, "无法启动作业进程（%s）：%s",
                                       "the process of the job cannot be started (%s): %s", what,
                                       strerror_r(why, text, sizeof text));
    if (err != NULL) {
        err->os_errno = why;
    }
    return status;
}

/* The settings as they are here, in memory that the child reads as its settings file: a file on
 * disk would hold secrets, flags would show them. */
static cim_status
make_config(const struct host_jobs *jobs, int *ret_fd, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf text;
    int fd = -1;
    cim_buf_init(&text, CONFIG_BYTES_MAX);
    host_config_write(jobs->app->config, &text);
    CIM_TRY(cim_buf_status(&text, err));
    fd = memfd_create("cim-host-config", MFD_CLOEXEC);
    if (fd < 0) {
        return fail_os("memfd", err);
    }
    if (write(fd, text.data, text.len) != (ssize_t)text.len || lseek(fd, 0, SEEK_SET) != 0) {
        (void)close(fd);
        return fail_os("memfd", err);
    }
    *ret_fd = fd;
    return CIM_OK;
}

/* Between fork and exec only what is safe there. */
_Noreturn static void
become(const char *id, int config, int messages)
{
    static char name[] = "cim-host";
    static char verb[] = "run-job";
    static char file[] = "--config=/proc/self/fd/4"; /* HOST_JOB_FD_CONFIG */
    static char nothing[] = "PATH=/usr/bin:/bin";
    char *const args[] = {name, verb, (char *)id, file, NULL};
    char *const environment[] = {nothing, NULL};
    sigset_t none;
    /* Past the two numbers that are needed, so that neither stands in the other's way. */
    const int from_messages = fcntl(messages, F_DUPFD, HOST_JOB_FD_CONFIG + 1);
    const int from_config = fcntl(config, F_DUPFD, HOST_JOB_FD_CONFIG + 1);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (from_messages >= 0 && from_config >= 0 && dup2(from_messages, HOST_JOB_FD_MESSAGES) >= 0 &&
        dup2(from_config, HOST_JOB_FD_CONFIG) >= 0) {
        (void)close_range(HOST_JOB_FD_CONFIG + 1, ~0U, 0);
        (void)execve("/proc/self/exe", args, environment);
    }
    _exit(127);
}

static cim_status
start(struct child *child, cim_error *err)
{
    int config = -1;
    int pipes[2] = {-1, -1};
    CIM_TRY(make_config(child->run->jobs, &config, err));
    if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0) {
        (void)close(config);
        return fail_os("pipe", err);
    }
    child->began_ms = host_monotonic_ms();
    child->pid = fork();
    if (child->pid == 0) {
        become(child->run->id, config, pipes[1]);
    }
    (void)close(config);
    (void)close(pipes[1]);
    if (child->pid < 0) {
        (void)close(pipes[0]);
        return fail_os("fork", err);
    }
    child->messages = pipes[0];
    return CIM_OK;
}

/* ---- what it says ---- */

static void
copy_member(struct json_object *from, const char *key, char *out, size_t out_size)
{
    struct json_object *value = NULL;
    if (json_object_object_get_ex(from, key, &value)) {
        cim_copy_text(out, out_size, json_object_get_string(value));
    }
}

static int64_t
int_member(struct json_object *from, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(from, key, &value) ? json_object_get_int64(value) : 0;
}

static void
take_message(struct child *child)
{
    struct host_job_run *run = child->run;
    struct json_object *message = json_tokener_parse(child->line);
    struct json_object *status = NULL;
    struct json_object *fraction = NULL;
    char zh[200] = "";
    char en[200] = "";
    if (json_object_object_get_ex(message, "status", &status)) {
        child->answered = true;
        child->status = json_object_get_int(status);
        child->result_bytes = int_member(message, "bytes");
        copy_member(message, "param", child->error.param, sizeof child->error.param);
        copy_member(message, "value", child->error.value, sizeof child->error.value);
        copy_member(message, "zh", child->error.zh, sizeof child->error.zh);
        copy_member(message, "en", child->error.en, sizeof child->error.en);
        child->error.code = child->status;
        run->pub.pos = int_member(message, "pos");
    } else if (json_object_object_get_ex(message, "fraction", &fraction)) {
        copy_member(message, "zh", zh, sizeof zh);
        copy_member(message, "en", en, sizeof en);
        run->pub.progress(&run->pub, json_object_get_double(fraction), zh[0] != '\0' ? zh : NULL,
                          en[0] != '\0' ? en : NULL);
    }
    json_object_put(message);
}

/* True until the pipe is closed at the other end. */
static bool
read_messages(struct child *child)
{
    char block[4096];
    ssize_t n = 0;
    while ((n = read(child->messages, block, sizeof block)) > 0) {
        for (ssize_t i = 0; i < n; i++) {
            if (block[i] == '\n') {
                child->line[child->line_len] = '\0';
                take_message(child);
                child->line_len = 0;
            } else if (child->line_len + 1 < sizeof child->line) {
                child->line[child->line_len++] = block[i];
            }
        }
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* ---- watching it ---- */

/* Bytes that only this process has in memory; 0 when it is gone. */
static int64_t
memory_of(pid_t pid)
{
    char path[64];
    long long pages = 0;
    long long shared = 0;
    FILE *file = NULL;
    (void)snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    file = fopen(path, "re");
    if (file != NULL) {
        if (fscanf(file, "%*s %lld %lld", &pages, &shared) != 2) {
            pages = shared;
        }
        (void)fclose(file);
    }
    return (int64_t)(pages - shared) * sysconf(_SC_PAGESIZE);
}

static void
end(struct child *child, enum ended why, int signal_number)
{
    child->ended = why;
    (void)kill(child->pid, signal_number);
}

static void
watch(struct child *child)
{
    const int64_t now_ms = host_monotonic_ms();
    if (child->told_ms != 0) {
        if (now_ms - child->told_ms >= HOST_JOB_TERM_MS) {
            (void)kill(child->pid, SIGKILL);
        }
    } else if (child->run->pub.should_stop(&child->run->pub) != 0) {
        child->told_ms = now_ms;
        end(child, ENDED_CANCELLED, SIGTERM);
    } else if (now_ms - child->began_ms >= child->time_max_ms) {
        end(child, ENDED_TIME, SIGKILL);
    } else if (memory_of(child->pid) > child->memory_max_bytes) {
        end(child, ENDED_MEMORY, SIGKILL);
    }
}

/* Until it has ended; *ret_how as of waitpid(). */
static void
follow(struct child *child, int *ret_how)
{
    bool open = true;
    pid_t ended = 0;
    while (ended == 0) {
        struct pollfd poll_fd = {.fd = open ? child->messages : -1, .events = POLLIN};
        (void)poll(&poll_fd, 1, WATCH_MS);
        open = open && read_messages(child);
        watch(child);
        ended = waitpid(child->pid, ret_how, WNOHANG);
    }
    (void)read_messages(child); /* what it said last */
}

/* ---- what came of it ---- */

static cim_status
judge(const struct child *child, int how, cim_error *err)
{
    const struct host_jobs *jobs = child->run->jobs;
    const long long memory_mb = host_config_int(jobs->app->config, "jobs.isolated_memory_mb");
    const long long time_s = host_config_int(jobs->app->config, "jobs.isolated_time_s");
    const long long cpu_s = host_config_int(jobs->app->config, "jobs.isolated_cpu_s");
    const int signal_number = WIFSIGNALED(how) ? WTERMSIG(how) : 0;
    if (child->ended == ENDED_CANCELLED) {
        return cim_fail(err, CIM_E_CANCELLED, NULL, NULL, "已取消", "cancelled");
    }
    if (child->ended == ENDED_MEMORY ||
        (child->answered && child->status == CIM_E_NOMEM)) { /* the kernel's limit said no */
        return cim_fail(err, CIM_E_TOO_LARGE, "jobs.isolated_memory_mb", NULL,
                        "作业所用内存超过 %lld MB（设置 jobs.isolated_memory_mb）",
                        "the job used more than %lld MB of memory (setting "
                        "jobs.isolated_memory_mb)",
                        memory_mb);
    }
    if (child->ended == ENDED_TIME) {
        return cim_fail(err, CIM_E_TOO_LARGE, "jobs.isolated_time_s", NULL,
                        "作业运行超过 %lld 秒（设置 jobs.isolated_time_s）",
                        "the job ran longer than %lld s (setting jobs.isolated_time_s)", time_s);
    }
    if (signal_number == SIGXCPU || (signal_number == SIGKILL && !child->answered)) {
        return cim_fail(err, CIM_E_TOO_LARGE, "jobs.isolated_cpu_s", NULL,
                        "作业所用处理器时间超过 %lld 秒（设置 jobs.isolated_cpu_s），或被系统终止",
                        "the job used more than %lld s of processor time (setting "
                        "jobs.isolated_cpu_s), or the system ended it",
                        cpu_s);
    }
    if (child->answered) {
        if (err != NULL) {
            *err = child->error;
        }
        return child->status;
    }
    host_log(CIM_LOG_ERROR, "jobs", "%s: %s ended without an answer: %s %d", child->run->id,
             child->run->kind->id, signal_number != 0 ? "signal" : "exit",
             signal_number != 0 ? signal_number : WEXITSTATUS(how));
    return cim_fail(err, CIM_E_STATE, NULL, NULL, "分析程序崩溃（信号 %d），作业未完成",
                    "the analysis crashed (signal %d); the job was not done", signal_number);
}

cim_status
host_job_isolated(struct host_job_run *run, int64_t *ret_bytes, cim_error *err)
{
    const struct host_config *config = run->jobs->app->config;
    struct child *child = calloc(1, sizeof *child);
    cim_status status = CIM_OK;
    int how = 0;
    if (child == NULL) {
        return cim_fail_nomem(err);
    }
    child->run = run;
    child->memory_max_bytes = host_config_int(config, "jobs.isolated_memory_mb") << 20;
    child->time_max_ms = host_config_int(config, "jobs.isolated_time_s") * 1000;
    status = start(child, err);
    if (status == CIM_OK) {
        follow(child, &how);
        (void)close(child->messages);
        status = judge(child, how, err);
        *ret_bytes = child->result_bytes;
    }
    free(child);
    return status;
}
