/* host/main/lock.c -- see lock.h. */
#include "lock.h"

#include "cim/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static cim_status
fail_dir(const char *dir, cim_error *err)
{
    const char *why = strerrorname_np(errno);
    return cim_fail(err, CIM_E_IO, "var", dir, "无法使用数据目录“%s”：%s",
                    "cannot use the data directory '%s': %s", dir, why);
}

static cim_status
lock_path(const char *dir, char path[PATH_MAX], cim_error *err)
{
    const int n = snprintf(path, PATH_MAX, "%s/cim-host.lock", dir);
    if (n < 0 || n >= PATH_MAX) {
        errno = ENAMETOOLONG;
        return fail_dir(dir, err);
    }
    return CIM_OK;
}

static void
read_holder(int fd, int64_t *ret_pid, char ret_verb[32])
{
    char text[64];
    char *end = NULL;
    const ssize_t n = pread(fd, text, sizeof text - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    *ret_pid = strtoll(text, &end, 10);
    text[strcspn(text, "\n")] = '\0';
    cim_copy_text(ret_verb, 32, *end == ' ' ? end + 1 : "?");
}

cim_status
host_lock_take(const char *dir, const char *verb, int *ret_fd, cim_error *err)
{
    char path[PATH_MAX];
    char text[64];
    char holder[32];
    int64_t pid = 0;
    CIM_TRY(lock_path(dir, path, err));
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        return fail_dir(dir, err);
    }
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail_dir(dir, err);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const int number = errno;
        read_holder(fd, &pid, holder);
        (void)close(fd);
        errno = number;
        if (number != EWOULDBLOCK) {
            return fail_dir(dir, err);
        }
        return cim_fail(
            err, CIM_E_BUSY, "var", dir,
            "数据目录“%s”正由进程 %lld（cim-host %s）使用；内置存储只有一个写进程，请先停止"
            "它，或改用管理台",
            "the data directory '%s' is in use by process %lld (cim-host %s): the "
            "embedded store has one writing process; stop it first, or use the console",
            dir, (long long)pid, holder);
    }
    const int n = snprintf(text, sizeof text, "%lld %s\n", (long long)getpid(), verb);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
        (void)fail_dir(dir, err);
        (void)close(fd);
        return CIM_E_IO;
    }
    *ret_fd = fd;
    return CIM_OK;
}

cim_status
host_lock_holder(const char *dir, int64_t *ret_pid, char ret_verb[32], cim_error *err)
{
    char path[PATH_MAX];
    CIM_TRY(lock_path(dir, path, err));
    *ret_pid = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? CIM_OK : fail_dir(dir, err);
    }
    if (flock(fd, LOCK_SH | LOCK_NB) != 0) {
        read_holder(fd, ret_pid, ret_verb);
    }
    (void)close(fd);
    return CIM_OK;
}
