/* What is asked of somebody after his password: a code, a new password, a second factor. */
#include "cim/util.h"
#include "host/base/clock.h"
#include "host/identity/internal.h"

static bool
is_administrator(const struct host_principal *principal)
{
    for (size_t i = 0; i < principal->n_functions; i++) {
        const struct host_granted_function *function = &principal->functions[i];
        if (!function->pass_on &&
            (strncmp(function->id, "cim.", 4) == 0 || strcmp(function->id, "*") == 0)) {
            return true;
        }
    }
    return false;
}

static cim_status
needs_factor(struct host_identity *identity, const char *username, bool *ret_needs, cim_error *err)
{
    struct host_principal *principal = NULL;
    if (identity->options.second_factor != HOST_FACTOR_ADMINISTRATORS) {
        *ret_needs = identity->options.second_factor == HOST_FACTOR_ALL;
        return CIM_OK;
    }
    CIM_TRY(host_principal_get(identity, username, &principal, err));
    *ret_needs = is_administrator(principal);
    host_principal_release(principal);
    return CIM_OK;
}

static bool
is_password_old(const struct host_identity *identity, const struct host_account *account)
{
    const int64_t most_ms = identity->options.password_max_age_ms;
    return most_ms > 0 &&
           host_clock_now_ms(identity->options.clock) - account->password_set_ms >= most_ms;
}

cim_status
host_next_step(struct host_identity *identity, const char *username, enum host_factor_word word,
               struct host_sign_in_step *ret_step, cim_error *err)
{
    struct host_account *account = NULL;
    struct host_sign_in_step step = {.kind = HOST_SESSION_COOKIE};
    cim_status status = host_account_load(identity, username, &account, err);
    CIM_TRY(status);
    if (account->has_factor && word == HOST_FACTOR_NOBODY) {
        step.kind = HOST_SESSION_FACTOR;
    } else {
        step.password = account->provider == NULL &&
                        (account->must_change || is_password_old(identity, account));
        status = account->has_factor || word == HOST_FACTOR_PROVIDER
                     ? CIM_OK
                     : needs_factor(identity, username, &step.factor, err);
        step.kind = step.password || step.factor ? HOST_SESSION_SETUP : HOST_SESSION_COOKIE;
    }
    host_account_free(account);
    CIM_TRY(status);
    *ret_step = step;
    return CIM_OK;
}
