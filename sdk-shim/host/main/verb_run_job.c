/* host/main/verb_run_job.c -- one job in a process of its own; the platform starts it, no person.
 */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"
#include "host/base/config.h"
#include "host/jobs/jobs.h"
#include "host/plugins/plugins.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

enum { NICENESS = 10, CPU_GRACE_S = 5, PROGRAM_MB = 1024, SAY_BYTES_MAX = 4096 };

static void
limit(int resource, int64_t soft, int64_t hard)
{
    const struct rlimit both = {.rlim_cur = (rlim_t)soft, .rlim_max = (rlim_t)hard};
    (void)setrlimit((__rlimit_resource_t)resource, &both);
}

/* The kernel's limits; those that name themselves are watched from outside. The address space has
 * room for the program and its libraries beside what the job may use. */
static void
confine(const struct host_config *config)
{
    const int64_t cpu_s = host_config_int(config, "jobs.isolated_cpu_s");
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)setpriority(PRIO_PROCESS, 0, NICENESS);
    limit(RLIMIT_CPU, cpu_s, cpu_s + CPU_GRACE_S);
    limit(RLIMIT_CORE, 0, 0);
    limit(RLIMIT_FSIZE, HOST_JOB_RESULT_BYTES_MAX, HOST_JOB_RESULT_BYTES_MAX);
#ifndef __SANITIZE_ADDRESS__ /* whose shadow takes terabytes of addresses */
    const int64_t memory_mb = host_config_int(config, "jobs.isolated_memory_mb") + PROGRAM_MB;
    limit(RLIMIT_AS, memory_mb << 20, memory_mb << 20);
#endif
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {{NULL, false}};
    struct host_args args;
    struct host_assembly assembly;
    cim_status status = CIM_OK;
    CIM_TRY(host_args_parse(words, specs, 1, &args, err));
    if (args.n_words != 1) {
        return cim_fail(err, CIM_E_INVALID, "run-job", NULL, "平台自用：cim-host run-job ID",
                        "for the platform itself: cim-host run-job ID");
    }
    host_setup_log(config);
    confine(config);
    if (getppid() == 1) {
        return CIM_OK; /* who asked is gone already */
    }
    CIM_TRY(host_assemble(config, "run-job", HOST_LEVEL_JOB, &assembly, err));
    status = host_jobs_run_here(&assembly.app, args.words[0], err);
    host_disassemble(&assembly);
    return status;
}

const struct host_verb host_verb_run_job = {
    .name = "run-job",
    .zh = "在独立进程中运行一个作业（平台自用）",
    .en = "run one job in a process of its own (for the platform itself)",
    .usage = "  cim-host run-job ID\n\n"
             "  由 serve 启动，有内存、处理器与时间上限，只读数据库。\n"
             "  Started by serve, within limits on memory, processor and time, over a read-only "
             "store.\n",
    .run = run,
};
