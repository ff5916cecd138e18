/* host/supervisor/supervisor.h -- the process that keeps the platform up: it holds the data
 * directory's lock and the listening socket, and replaces the worker that serves when that crashes,
 * hangs or takes too much memory.
 *
 * It opens no store and loads no plugin, so that nothing of them can take it down. Connections wait
 * in the socket's queue while a worker is replaced.
 */
#ifndef HOST_SUPERVISOR_H
#define HOST_SUPERVISOR_H

#include "cim/base.h"

struct host_config;

/* Where a worker finds what it inherits. */
enum { HOST_WORKER_SOCKET_FD = 3, HOST_WORKER_NOTE_FD = 4, HOST_WORKER_CONTROL_FD = 5 };

struct host_supervisor_options {
    const struct host_config *config;
    const char *program;      /* path of the program, run anew for each worker */
    const char *const *words; /* its command line after the verb, NULL-terminated */
    int listen_fd;
    int control_fd; /* of the command line's socket; -1: there is none */
    /* Once, when the first worker accepts connections. */
    void (*serving)(void *arg);
    void *arg;
};

/* Runs until SIGTERM or SIGINT, or until the first worker cannot start: then *ret_code is that
 * worker's exit code, and it has said why. */
cim_status host_supervise(const struct host_supervisor_options *options, int *ret_code,
                          cim_error *err);

#endif
