/* plugin/analysis/process.h -- an analysis and the file that describes it. */
#ifndef LPG_ANALYSIS_PROCESS_H
#define LPG_ANALYSIS_PROCESS_H

#include "cim/analyses.h"
#include "cim/plugin.h"

struct json_object;

/* `flags`: CIM_ANALYSIS_SHORT, CIM_JOB_ISOLATED. */
struct lpg_process {
    const char *id;
    const char *file; /* below the folder, "why_not.process.json" */
    uint32_t flags;
    cim_job_run_fn run;
    struct json_object *document; /* once read; owned */
};

/* Reads the descriptions of all of them. [lifecycle] */
cim_status lpg_processes_read(struct lpg_process *processes, size_t n, const char *folder,
                              cim_error *err);
void lpg_processes_done(struct lpg_process *processes, size_t n);
/* Registers them with analyses/1; `self` goes to run(). [lifecycle] */
cim_status lpg_processes_register(const struct lpg_process *processes, size_t n,
                                  const cim_host *host, void *self, cim_error *err);

#endif
