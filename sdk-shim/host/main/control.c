/* host/main/control.c -- see control.h. */
#include "control.h"

#include "assemble.h"
#include "backup_plan.h"
#include "plugin_act.h"
#include "cim/util.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/base/note.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 8, POLL_MS = 200, READ_S = 5 };

#define SOCKET_NAME "cim-host.sock"

static cim_status
find_address(const struct host_config *config, struct sockaddr_un *ret_address, cim_error *err)
{
    char path[PATH_MAX];
    CIM_TRY(host_var_path(config, SOCKET_NAME, path, sizeof path, err));
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof ret_address->sun_path) {
        return cim_fail(err, CIM_E_TOO_LARGE, "var", path,
                        "数据目录的路径过长，无法在其中建立控制套接字（最多 %zu 字节）",
                        "the data directory's path is too long for a socket in it (at most %zu "
                        "bytes)",
                        sizeof ret_address->sun_path - 1);
    }
    cim_copy_text(ret_address->sun_path, sizeof ret_address->sun_path, path);
    return CIM_OK;
}

static cim_status
fail_os(const char *path, cim_error *err)
{
    const char *why = strerrorname_np(errno);
    return cim_fail(err, CIM_E_IO, "var", path, "控制套接字 %s：%s", "control socket %s: %s", path,
                    why);
}

cim_status
host_control_listen(const struct host_config *config, int *ret_fd, cim_error *err)
{
    struct sockaddr_un address;
    CIM_TRY(find_address(config, &address, err));
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const mode_t before = umask(0177);
    (void)unlink(address.sun_path); /* of a host that was killed: the lock is ours */
    const bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                    listen(fd, BACKLOG) == 0;
    (void)umask(before);
    if (!ok) {
        (void)fail_os(address.sun_path, err);
        if (fd >= 0) {
            (void)close(fd);
        }
        return CIM_E_IO;
    }
    *ret_fd = fd;
    return CIM_OK;
}

void
host_control_close(const struct host_config *config, int fd)
{
    struct sockaddr_un address;
    if (fd >= 0) {
        (void)close(fd);
        if (find_address(config, &address, NULL) == CIM_OK) {
            (void)unlink(address.sun_path);
        }
    }
}

/* ---- answering ---- */

struct host_control {
    struct host_app *app;
    int listen_fd;
    pthread_t thread;
    atomic_bool stopping;
};

__attribute__((format(printf, 2, 3))) static void
tell(int fd, const char *format, ...)
{
    char line[HOST_CONTROL_LINE_MAX];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n > 0) {
        /* A caller that has left misses it. */
        (void)send(fd, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1, MSG_NOSIGNAL);
    }
}

static void
tell_migration(void *arg, const char *file, int32_t done, int32_t total)
{
    if (done < total) {
        tell(*(const int *)arg, "+ %d/%d %s\n", (int)done + 1, (int)total, file);
    }
}

static void
tell_plugin(void *arg, const struct host_plugin_info *info)
{
    char line[HOST_CONTROL_LINE_MAX];
    host_plugin_line(info, line, sizeof line);
    tell(*(const int *)arg, "+ %s\n", line);
}

static void
tell_line(void *arg, const char *line)
{
    tell(*(const int *)arg, "+ %s\n", line);
}

static void
tell_table(void *arg, const char *table, int64_t n_rows)
{
    tell(*(const int *)arg, "+ %-40s %lld\n", table, (long long)n_rows);
}

static cim_status
act(struct host_control *control, int fd, char *line, cim_error *err)
{
    char *rest = line;
    const char *noun = strsep(&rest, " ");
    const char *verb = rest != NULL ? strsep(&rest, " ") : "";
    const char *id = rest != NULL ? rest : "";
    host_log(CIM_LOG_INFO, "control", "%s %s %s", noun, verb, id);
    if (strcmp(noun, "plugin") == 0 && strcmp(verb, "list") == 0) {
        host_plugins_each(control->app->plugins, tell_plugin, &fd);
        return CIM_OK;
    }
    if (strcmp(noun, "plugin") == 0 && strcmp(verb, "tables") == 0) {
        return host_plugins_tables(control->app->plugins, id, tell_table, &fd, err);
    }
    if (strcmp(noun, "plugin") == 0 && (strcmp(verb, "install") == 0 || strcmp(verb, "try") == 0 ||
                                        strcmp(verb, "rollback") == 0)) {
        return host_plugin_bundle_act(control->app, verb, id, tell_line, &fd, err);
    }
    if (strcmp(noun, "plugin") == 0) {
        return host_plugin_act(control->app, verb, id, tell_migration, &fd, err);
    }
    if (strcmp(noun, "backup") == 0 && strcmp(verb, "make") == 0) {
        return host_backup_act(control->app, id[0] != '\0' ? id : NULL, tell_line, &fd, err);
    }
    if (strcmp(noun, "upgrade") == 0) {
        return host_note_ask_upgrade(err);
    }
    return cim_fail(err, CIM_E_INVALID, "action", noun, "不认识的请求", "an unknown request");
}

static void
answer(struct host_control *control, int fd)
{
    const struct timeval limit = {.tv_sec = READ_S};
    char line[HOST_CONTROL_LINE_MAX];
    size_t len = 0;
    cim_error err = {.code = CIM_OK};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    while (len < sizeof line - 1 && memchr(line, '\n', len) == NULL) {
        const ssize_t n = recv(fd, line + len, sizeof line - 1 - len, 0);
        if (n <= 0) {
            return;
        }
        len += (size_t)n;
    }
    line[len] = '\0';
    line[strcspn(line, "\n")] = '\0';
    host_note_begin(HOST_NOTE_OTHER);
    const cim_status status = act(control, fd, line, &err);
    host_note_end();
    if (status == CIM_OK) {
        tell(fd, "ok\n");
    } else {
        tell(fd, "error %d\t%s\t%s\n", (int)status, err.zh, err.en);
    }
}

static void *
run(void *arg)
{
    struct host_control *control = arg;
    while (!atomic_load(&control->stopping)) {
        struct pollfd wait = {.fd = control->listen_fd, .events = POLLIN};
        const int fd = poll(&wait, 1, POLL_MS) > 0
                           ? accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC)
                           : -1; /* the other worker of an upgrade may have been quicker */
        if (fd >= 0) {
            answer(control, fd);
            (void)close(fd);
        }
    }
    return NULL;
}

cim_status
host_control_start(struct host_app *app, int listen_fd, struct host_control **ret_control,
                   cim_error *err)
{
    struct host_control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        return cim_fail_nomem(err);
    }
    control->app = app;
    control->listen_fd = listen_fd;
    if (pthread_create(&control->thread, NULL, run, control) != 0) {
        free(control);
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法启动控制线程",
                        "the thread of the control socket cannot be started");
    }
    *ret_control = control;
    return CIM_OK;
}

void
host_control_stop(struct host_control *control)
{
    if (control != NULL) {
        atomic_store(&control->stopping, true);
        (void)pthread_join(control->thread, NULL);
        free(control);
    }
}

/* ---- asking ---- */

/* "error CODE\tzh\ten" */
static cim_status
read_error(char *line, cim_error *err)
{
    char *rest = line + strlen("error ");
    const char *code = strsep(&rest, "\t");
    const char *zh = rest != NULL ? strsep(&rest, "\t") : "";
    const char *en = rest != NULL ? rest : "";
    const long number = strtol(code, NULL, 10);
    return cim_fail(err, number < 0 ? (cim_status)number : CIM_E_INTERNAL, NULL, NULL, "%s%.0s",
                    "%.0s%s", zh, en);
}

static cim_status
listen_to(FILE *stream, cim_error *err)
{
    char line[HOST_CONTROL_LINE_MAX];
    while (fgets(line, sizeof line, stream) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '+') {
            printf("%s\n", line + (line[1] == ' ' ? 2 : 1));
            (void)fflush(stdout);
        } else if (strcmp(line, "ok") == 0) {
            return CIM_OK;
        } else if (strncmp(line, "error ", 6) == 0) {
            return read_error(line, err);
        }
    }
    return cim_fail(err, CIM_E_IO, NULL, NULL, "平台没有答完", "the platform gave no whole answer");
}

cim_status
host_control_ask(const struct host_config *config, const char *line, cim_error *err)
{
    struct sockaddr_un address;
    CIM_TRY(find_address(config, &address, err));
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        const cim_status status =
            cim_fail(err, CIM_E_NOTFOUND, "var", address.sun_path, "运行中的平台没有应答",
                     "the running platform does not answer");
        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    FILE *stream = fdopen(fd, "r+");
    if (stream == NULL) {
        (void)close(fd);
        return cim_fail_nomem(err);
    }
    cim_status status = fprintf(stream, "%s\n", line) > 0 && fflush(stream) == 0
                            ? listen_to(stream, err)
                            : fail_os(address.sun_path, err);
    (void)fclose(stream);
    return status;
}
