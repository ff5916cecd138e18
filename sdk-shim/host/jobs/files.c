/* What jobs keep on disk: var/jobs/<id>/. */
#include "host/jobs/internal.h"

#include "cim/util.h"
#include "host/base/files.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

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
    return mkdir(path, 0700) == 0 || errno == EEXIST ? CIM_OK : host_file_fail(path, err);
}

void
host_job_dir_remove(const struct host_jobs *jobs, const char *id)
{
    char path[4200];
    if (host_jobs_dir_of(jobs, id, NULL, path, sizeof path, NULL) == CIM_OK) {
        host_file_remove(path);
    }
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
        return host_file_fail(from, err);
    }
    CIM_TRY(host_file_copy(from, to, err));
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
    return host_file_write(part, path, data, len, err);
}
