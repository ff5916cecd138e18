/* A platform without a server: stores in a temporary directory, a fake HTTP, plugins from the
 * build. */
#ifndef PLUGINS_FIXTURE_H
#define PLUGINS_FIXTURE_H

#include "fake_http.h"
#include "host/base/clock.h"
#include "host/base/config.h"
#include "host/identity/areas.h"
#include "host/identity/identity.h"
#include "host/plugins/plugin.h"
#include "host/store/store.h"
#include "probe.h"
#include "unit.h"

struct fixture {
    char dir[64];
    struct probe_board board;
    struct host_app app;
};

#define FIXTURE_NOW_MS INT64_C(1800000000000)

/* `dirs` for plugins.dirs; `mode` for the settings probe.mode and serial.mode, NULL: behave. */
struct fixture *fixture_new(const char *dirs, const char *mode);
void fixture_free(struct fixture *fixture);
/* Stops and forgets all plugins, and reads them anew, as a restart does. */
void fixture_reopen(struct fixture *fixture, const char *dirs, const char *mode);
enum host_plugin_state fixture_state(struct fixture *fixture, const char *id);
/* A copy of why it failed, "" when it did not. */
const char *fixture_reason(struct fixture *fixture, const char *id, char out[1024]);
cim_status fixture_run(struct fixture *fixture, const char *path, struct cim_http_req *req,
                       cim_error *err);
/* Writes `text` to `name` below the temporary directory, making its folder. */
void fixture_file(const struct fixture *fixture, const char *folder, const char *name,
                  const char *text);

#endif
