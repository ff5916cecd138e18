/* host/catalogue/usage.h -- how often each resource was used, by whom, per day in Beijing.
 *
 * Counted in memory as answers go out and added to the table every half minute and at the end; a
 * crash loses what was counted since. Answers that refused, and those that nothing was told in, do
 * not count.
 */
#ifndef HOST_CATALOGUE_USAGE_H
#define HOST_CATALOGUE_USAGE_H

#include "cim/base.h"
#include "host/app.h"

struct host_usage;
struct host_http_served;

enum {
    HOST_USAGE_KEYS_MAX = 20000, /* of one half minute; what is beyond goes to principal "*" */
    HOST_USAGE_DAYS = 400        /* older rows are cleared away */
};

cim_status host_usage_new(struct host_app *app, struct host_usage **ret_usage, cim_error *err);
/* Begins to add up; what was counted before is kept. */
cim_status host_usage_start(struct host_usage *usage, cim_error *err);
/* Adds the rest. NULL-safe. */
void host_usage_stop(struct host_usage *usage);
void host_usage_free(struct host_usage *usage); /* NULL-safe */
/* For host_http_options.served. Must not block. [any] */
void host_usage_served(void *usage, const struct host_http_served *served);
/* GET /admin/api/usage */
cim_status host_usage_add_routes(struct host_app *app, cim_error *err);

#endif
