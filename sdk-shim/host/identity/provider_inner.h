/* host/identity/provider_inner.h -- what signing in and signing out at a provider share. */
#ifndef HOST_PROVIDER_INNER_H
#define HOST_PROVIDER_INNER_H

#include "host/identity/internal.h"
#include "host/identity/provider.h"

#include <json-c/json.h>

#define HOST_SIGN_IN_HOME "/admin/"

static inline void
host_provider_json_done(struct json_object **object)
{
    json_object_put(*object);
}
#define AUTO_JSON __attribute__((cleanup(host_provider_json_done)))

/* The provider that the path names; CIM_E_NOTFOUND. */
cim_status host_provider_of_request(struct host_identity *identity, cim_http_req *req,
                                    struct host_provider **ret_provider, cim_error *err);
/* In the sign-in log and the audit; `why` NULL: it went well. */
void host_provider_note(struct host_identity *identity, const cim_call *call, cim_http_req *req,
                        const char *event, const char *username, const cim_error *why);
/* The claims of a token that a key of the provider signed; an unknown key has them fetched anew. */
cim_status host_provider_open_token(struct host_provider *provider, const char *token,
                                    struct json_object **ret_claims, cim_error *err);
/* What a session at a CAS server is called here: a hash of its ticket. */
cim_status host_cas_session(const char *ticket, char ret_sid[HOST_TOKEN_TEXT], cim_error *err);

/* ---- handlers ---- */

cim_status host_provider_backchannel(void *self, const cim_call *call, cim_http_req *req,
                                     cim_error *err);
cim_status host_provider_logout_request(void *self, const cim_call *call, cim_http_req *req,
                                        cim_error *err);

#endif
