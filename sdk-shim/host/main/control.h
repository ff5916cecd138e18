/* host/main/control.h -- the command line's way to the platform that runs: a socket in the data
 * directory (mode 0600), so that verbs work while the platform serves.
 *
 * One request a connection: a line of words separated by spaces. The answer is lines too: "+ text"
 * as often as there is something to tell, then "ok", or "error CODE", a tab and the reason in
 * Chinese, a tab and in English.
 */
#ifndef HOST_CONTROL_H
#define HOST_CONTROL_H

#include "cim/base.h"
#include "host/app.h"

struct host_config;

enum { HOST_CONTROL_LINE_MAX = 4096 };

/* The socket of the data directory, which its lock's holder makes anew. */
cim_status host_control_listen(const struct host_config *config, int *ret_fd, cim_error *err);
/* Takes the socket away again; -1: there is none. */
void host_control_close(const struct host_config *config, int fd);
/* A thread that answers. It ends with the process, or at host_control_stop(). */
struct host_control;
cim_status host_control_start(struct host_app *app, int listen_fd,
                              struct host_control **ret_control, cim_error *err);
/* Ends what is being answered first. NULL-safe. */
void host_control_stop(struct host_control *control);

/* From the verb: sends the line, prints what comes. CIM_E_NOTFOUND: nobody answers there. */
cim_status host_control_ask(const struct host_config *config, const char *line, cim_error *err);

#endif
