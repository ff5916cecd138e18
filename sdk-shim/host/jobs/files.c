/* What jobs keep on disk: var/jobs/<id>/. */
#include "host/jobs/internal.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COPY_BYTES = 1 << 16 };

static cim_status
fail_io(const char *path, cim_error *err)
{
    const int why = errno;
    char text[128];
    (void)cim_fail(err, CIM_E_IO, NULL, NULL, "%.200s：无法写入：%s",
                   "%.200s: cannot be written: %s", path, strerror_r(why, text, sizeof text));
    if (err != NULL) {
        err->os_errno = why;
    }
    return CIM_E_IO;
}

cim_status
host_jobs_dir_of(const struct host_jobs *jobs, const char *id, const char *name, char *out,
                 size_t out_size, cim_error *err)
{
    const int n = snprintf(out, out_size, "%s/%s%s%s", jobs->dir, id, name != NULL ? "/" : "",
                           name != NULL ? name : "");
    return n > 0 && (size_t)n < out_size
               ? CIM_OK
               : cim_fail(err, CIM_E_TOO_LARGE, "var", jobs->dir, "路径超过 %zu 字节",
                          "a path is longer than %zu bytes", out_size);
}

cim_status
host_job_dir_make(const struct host_jobs *jobs, const char *id, cim_error *err)
{
    char path[4200];
    CIM_TRY(host_jobs_dir_of(jobs, id, NULL, path, sizeof path, err));
    return mkdir(path, 0700) == 0 || errno == EEXIST ? CIM_OK : fail_io(path, err);
}

/* Files and folders below; links are removed, never followed. */
static void
remove_below(int parent, const char *name)
{
    const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry = NULL;
    if (dir == NULL) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (unlinkat(fd, entry->d_name, 0) != 0) {
            remove_below(fd, entry->d_name);
        }
    }
    (void)closedir(dir);
    (void)unlinkat(parent, name, AT_REMOVEDIR);
}

void
host_job_dir_remove(const struct host_jobs *jobs, const char *id)
{
    char path[4200];
    if (host_jobs_dir_of(jobs, id, NULL, path, sizeof path, NULL) == CIM_OK) {
        remove_below(AT_FDCWD, path);
    }
}

static void
cleanup_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
    }
}
#define AUTO_FD __attribute__((cleanup(cleanup_fd)))

static cim_status
write_all(int fd, const char *path, const void *data, size_t len, cim_error *err)
{
    const char *at = data;
    while (len > 0) {
        const ssize_t n = write(fd, at, len);
        if (n < 0 && errno != EINTR) {
            return fail_io(path, err);
        }
        at += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return CIM_OK;
}

static cim_status
copy_file(const char *from, const char *to, cim_error *err)
{
    AUTO_FD int in = open(from, O_RDONLY | O_CLOEXEC);
    AUTO_FD int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    CIM_AUTO_FREE char *block = malloc(COPY_BYTES);
    ssize_t n = 0;
    if (block == NULL) {
        return cim_fail_nomem(err);
    }
    if (in < 0 || out < 0) {
        return fail_io(in < 0 ? from : to, err);
    }
    while ((n = read(in, block, COPY_BYTES)) > 0) {
        CIM_TRY(write_all(out, to, block, (size_t)n, err));
    }
    return n == 0 && fsync(out) == 0 ? CIM_OK : fail_io(to, err);
}

cim_status
host_job_file_take(const struct host_jobs *jobs, const char *id, const char *from, const char *name,
                   cim_error *err)
{
    char to[4200];
    CIM_TRY(host_jobs_dir_of(jobs, id, name, to, sizeof to, err));
    if (rename(from, to) == 0) {
        return CIM_OK;
    }
    if (errno != EXDEV) {
        return fail_io(from, err);
    }
    CIM_TRY(copy_file(from, to, err));
    (void)unlink(from);
    return CIM_OK;
}

cim_status
host_job_file_write(const struct host_jobs *jobs, const char *id, const char *name,
                    const void *data, size_t len, cim_error *err)
{
    char part[4200];
    char path[4200];
    char part_name[64];
    (void)snprintf(part_name, sizeof part_name, "%.50s.part", name);
    CIM_TRY(host_jobs_dir_of(jobs, id, part_name, part, sizeof part, err));
    CIM_TRY(host_jobs_dir_of(jobs, id, name, path, sizeof path, err));
    AUTO_FD int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return fail_io(part, err);
    }
    CIM_TRY(write_all(fd, part, data, len, err));
    return fsync(fd) == 0 && rename(part, path) == 0 ? CIM_OK : fail_io(path, err);
}
