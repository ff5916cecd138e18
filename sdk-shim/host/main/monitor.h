/* host/main/monitor.h -- what an operator watches, as JSON with thresholds that warn; and the
 * settings, with secrets hidden. */
#ifndef HOST_MONITOR_H
#define HOST_MONITOR_H

#include "ops.h"

#include "kit/buf.h"

#include <stdbool.h>

enum host_watch_state { HOST_WATCH_GOOD, HOST_WATCH_WARN, HOST_WATCH_BAD };

/* One line: a number with its unit, or a moment (`at_ms`), and what bound it is held against. */
struct host_watch {
    const char *id;
    const char *zh;
    const char *en;
    const char *unit; /* "", "%", "ms", "B", "d" */
    double value;
    int64_t at_ms; /* > 0: a moment instead of a number; -1: never */
    enum host_watch_state state;
    bool has_limit;
    double limit;       /* past it the line warns */
    const char *detail; /* NULL: none */
};
void host_watch_write(struct cim_buf *out, const struct host_watch *watch, bool first);

/* The feeds: layers whose last change is older than their definition promises, and since when;
 * bound datasets that fail; subscriptions that are dead. (monitor_feeds.c) */
cim_status host_watch_feeds(const struct host_app *app, int64_t now_ms, struct cim_buf *out,
                            cim_error *err);

/* GET /admin/api/monitor, /admin/api/settings: cim.admin.metrics */
cim_status host_monitor_add_routes(struct host_ops *ops, cim_error *err);

#endif
