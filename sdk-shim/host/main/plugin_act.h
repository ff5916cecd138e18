/* host/main/plugin_act.h -- what the command line does with plugins, in its own process or, through
 * the control socket, in the one that serves. */
#ifndef HOST_PLUGIN_ACT_H
#define HOST_PLUGIN_ACT_H

#include "cim/base.h"
#include "host/app.h"
#include "host/plugins/plugins.h"

/* `word`: "enable", "rehearse" or "disable"; CIM_E_INVALID for others. Audited. */
cim_status host_plugin_act(struct host_app *app, const char *word, const char *id,
                           host_progress_fn progress, void *arg, cim_error *err);

/* "install" and "try" with the path of a bundle, "rollback" with an id; `say` is told line by line
 * what changes, and at the end what is there now. */
cim_status host_plugin_bundle_act(struct host_app *app, const char *word, const char *what,
                                  void (*say)(void *arg, const char *line), void *arg,
                                  cim_error *err);

#endif
