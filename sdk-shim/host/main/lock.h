/* host/main/lock.h -- the data directory has one host at a time: the embedded store has one writer
 * process. */
#ifndef HOST_LOCK_H
#define HOST_LOCK_H

#include "cim/base.h"

/* Creates `dir` (mode 0700) if need be and locks it for this process; `verb` is told to whoever
 * comes next. CIM_E_BUSY naming the process that has it. *ret_fd is closed to let go. */
cim_status host_lock_take(const char *dir, const char *verb, int *ret_fd, cim_error *err);
/* Who holds the lock: *ret_pid 0 when nobody does. */
cim_status host_lock_holder(const char *dir, int64_t *ret_pid, char ret_verb[32], cim_error *err);

#endif
