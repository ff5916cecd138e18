/* host/main/serve.h -- the platform served by this process: alone, or as the worker of a
 * supervisor. */
#ifndef HOST_SERVE_H
#define HOST_SERVE_H

#include "cim/base.h"

#include <stdbool.h>

struct host_config;

/* Until SIGTERM (alone also SIGINT). `supervised`: socket and note are inherited, and the lock is
 * the supervisor's (host/supervisor/supervisor.h). */
cim_status host_serve(struct host_config *config, bool supervised, cim_error *err);
/* Where to open the browser, on standard output. */
void host_print_url(const char *address, int32_t port);

#endif
