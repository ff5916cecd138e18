/* Three administrators (三员分立, GB/T 22239): one runs the system, one grants, one reads the
 * audit, and nobody is two of them. What counts is the function point, by whatever role or grant it
 * comes.
 */
#include "host/identity/internal.h"

#include "cim/util.h"

#include <stdlib.h>
#include <string.h>

enum { DUTY_SYSTEM = 1, DUTY_SECURITY = 2, DUTY_AUDIT = 4, DUTY_PLATFORM = 7 };

/* The duties of a function point of the platform; it may end in ".*". */
static unsigned
duties_of_function(const char *id)
{
    static const char *const security[] = {"cim.admin.orgs", "cim.admin.users", "cim.admin.roles",
                                           "cim.admin.grants"};
    if (strcmp(id, "*") == 0 || strcmp(id, "cim.*") == 0) {
        return DUTY_PLATFORM;
    }
    if (strncmp(id, "cim.audit.", 10) == 0) {
        return DUTY_AUDIT;
    }
    if (strncmp(id, "cim.admin.", 10) != 0) {
        return 0;
    }
    for (size_t i = 0; i < sizeof security / sizeof security[0]; i++) {
        if (strcmp(id, security[i]) == 0) {
            return DUTY_SECURITY;
        }
    }
    return strcmp(id, "cim.admin.*") == 0 ? DUTY_SYSTEM | DUTY_SECURITY : DUTY_SYSTEM;
}

static unsigned
duties_of(const struct host_principal *principal)
{
    unsigned duties = 0;
    for (size_t i = 0; i < principal->n_functions; i++) {
        if (!principal->functions[i].pass_on) {
            duties |= duties_of_function(principal->functions[i].id);
        }
    }
    return duties;
}

static bool
is_one_at_most(unsigned duties)
{
    return (duties & (duties - 1)) == 0;
}

void
host_separate(const struct host_identity *identity, struct host_principal *principal)
{
    size_t n = 0;
    if (!identity->options.separate_admins || is_one_at_most(duties_of(principal))) {
        return;
    }
    for (size_t i = 0; i < principal->n_functions; i++) {
        struct host_granted_function *function = &principal->functions[i];
        if (!function->pass_on && duties_of_function(function->id) != 0) {
            free(function->id);
            free(function->areas.bits);
        } else {
            principal->functions[n++] = *function;
        }
    }
    principal->n_functions = n;
}

cim_status
host_separate_check(struct host_identity *identity, const char *username,
                    const struct host_principal *gift, cim_error *err)
{
    struct host_account *account = NULL;
    struct host_principal *holder = NULL;
    unsigned duties = duties_of(gift);
    if (!identity->options.separate_admins || duties == 0) {
        return CIM_OK;
    }
    cim_status status = host_account_load(identity, username, &account, err);
    if (status == CIM_OK) {
        status = host_principal_of(identity, account, &holder, err);
    }
    if (status == CIM_OK) {
        duties |= duties_of(holder);
    }
    host_principal_release(holder);
    host_account_free(account);
    if (status != CIM_OK && status != CIM_E_NOTFOUND) { /* an account that is only about to be */
        return status;
    }
    return is_one_at_most(duties)
               ? CIM_OK
               : cim_fail(err, CIM_E_DENIED, "separation", username,
                          "三员分立：一人至多为系统、安全、审计管理员之一",
                          "nobody is more than one of system, security and audit administrator");
}
