/* host/supervisor/spawn.h -- one worker process. */
#ifndef HOST_SPAWN_H
#define HOST_SPAWN_H

#include "cim/base.h"
#include "host/base/note.h"
#include "host/supervisor/supervisor.h"

#include <sys/types.h>

struct host_worker {
    pid_t pid; /* 0: none */
    struct host_note *note;
    int64_t started_ms;    /* monotonic */
    int32_t cause;         /* enum host_end, once it was killed; 0: it was not */
    int64_t stop_until_ms; /* monotonic; of one that drains */
    bool too_large;        /* and told so */
};

struct host_worker_start {
    const struct host_ending *endings; /* that nobody wrote down yet */
    int32_t n_endings;
    bool takes_over; /* from one that served */
};

/* Runs the program anew as a worker, and hands it the sockets and a note. */
cim_status host_worker_start(const struct host_supervisor_options *options,
                             const struct host_worker_start *how, struct host_worker *ret_worker,
                             cim_error *err);
/* Resident memory; 0 when the process is gone. */
int64_t host_worker_memory_mib(const struct host_worker *worker);
/* Forgets one that was waited for, or was never there. */
void host_worker_done(struct host_worker *worker);

#endif
