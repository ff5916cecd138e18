/* host/main/verb.h -- the verbs of cim-host, one file each, listed in main.c. */
#ifndef HOST_VERB_H
#define HOST_VERB_H

#include "cim/base.h"

#include <stdbool.h>

struct host_config;

enum { HOST_EXIT_INVALID = 2 }; /* a setting or an argument is wrong; any other failure: 1 */

struct host_verb {
    const char *name;
    const char *zh; /* one line */
    const char *en;
    const char *usage; /* words after the name, options one a line */
    /* `config` is loaded; `words`: what is left of the command line, NULL-terminated. */
    cim_status (*run)(struct host_config *config, const char *const *words, cim_error *err);
};

extern const struct host_verb host_verb_areas;
extern const struct host_verb host_verb_audit;
extern const struct host_verb host_verb_backup;
extern const struct host_verb host_verb_batch;
extern const struct host_verb host_verb_erase;
extern const struct host_verb host_verb_binding;
extern const struct host_verb host_verb_doctor;
extern const struct host_verb host_verb_export;
extern const struct host_verb host_verb_import;
extern const struct host_verb host_verb_keys;
extern const struct host_verb host_verb_migrate;
extern const struct host_verb host_verb_plugin;
extern const struct host_verb host_verb_run;
extern const struct host_verb host_verb_run_job;
extern const struct host_verb host_verb_restore;
extern const struct host_verb host_verb_retention;
extern const struct host_verb host_verb_serve;
extern const struct host_verb host_verb_token;
extern const struct host_verb host_verb_upgrade;
extern const struct host_verb host_verb_user;

#endif
