/* host/identity/roles.h -- role templates: what a role may do, before it is granted to anyone. */
#ifndef HOST_ROLES_H
#define HOST_ROLES_H

#include "host/identity/json_in.h"

/* Ids of the roles that administrators make begin with it, so that none is a plugin's. */
#define HOST_OWN_ROLE "own-"

enum { HOST_ROLES_MAX = 500, HOST_ROLE_GRANTS_MAX = 64, HOST_ROLE_FUNCTIONS_MAX = 400 };

struct host_role_grant {
    char *resource;   /* "lpg.enterprises", "lpg.*" */
    uint32_t actions; /* CIM_ACT_… bits */
    uint32_t sensitive_mode;
    bool own_org;   /* only records of the member's organisation */
    bool pass_on;   /* may be granted to others, shows nothing to who holds it */
    char *owner;    /* only records of this organisation; NULL: see own_org */
    bool all_areas; /* whatever areas the member has: base maps that everybody shares */
    size_t n_fields;
    char **field_names; /* exceptions by field */
    uint8_t *field_modes;
    char *filter_json; /* NULL: none */
};

struct host_role {
    char *id;
    char *zh;
    char *en;
    size_t n_grants;
    struct host_role_grant *grants;
    size_t n_functions;
    char **functions; /* function points, "lpg.export"; "cim.admin.*" only in the host's own */
    size_t n_pass_on;
    char **pass_on; /* function points that may be granted to others without being held */
};

struct host_roles {
    size_t n_roles;
    struct host_role *roles;
};

/* Reads the list at `list`. Resources and function points must lie below "<plugin_id>.", so that no
 * plugin grants what belongs to another; plugin_id NULL is the host itself and may grant all. */
cim_status host_roles_parse(const struct host_json_in *list, const char *plugin_id,
                            struct host_roles **ret_roles, cim_error *err);
void host_roles_free(struct host_roles *roles); /* NULL-safe */
/* One grant, an element of such a list. */
cim_status host_role_grant_parse(const struct host_json_in *in, const char *plugin_id,
                                 struct host_role_grant *ret_grant, cim_error *err);
void host_role_grant_done(struct host_role_grant *grant);

/* True if `pattern` is `id`, or ends with ".*" and covers it, or is "*". */
bool host_function_matches(const char *pattern, const char *id);

#endif
