/* host/identity/provider.h -- where people sign in but here: OpenID Connect providers of the
 * settings file, what is known of them, and who their people are here.
 */
#ifndef HOST_PROVIDER_H
#define HOST_PROVIDER_H

#include "cim/base.h"

#include <pthread.h>
#include <stdbool.h>

struct host_identity;
struct host_http;
struct json_object;
struct cim_buf;

enum {
    HOST_PROVIDERS_MAX = 8,
    HOST_PROVIDER_ROLES_MAX = 200,
    HOST_PROVIDER_FILE_MAX = 256 << 10,
    HOST_PROVIDER_ANSWER_MAX = 256 << 10,
    HOST_PROVIDER_ID_MAX = 32,
    HOST_PROVIDER_JTI_MAX = 512,
    HOST_PROVIDER_CONNECT_MS = 3000,
    HOST_PROVIDER_TOTAL_MS = 6000,
    HOST_PROVIDER_KEEP_MS = 3600000, /* metadata and keys are fetched anew after */
    HOST_PROVIDER_RETRY_MS = 10000,  /* one that does not answer is let alone for so long */
    HOST_PROVIDER_KEYS_MS = 30000    /* keys are fetched anew for an unknown one at most so often */
};

/* Who has `value` in `claim` gets the role for the areas. */
struct host_provider_role {
    char *claim;
    char *value; /* NULL: whatever the claim says, so it is there at all */
    char *role;
    char *areas;       /* codes separated by commas, or "*"; NULL: */
    char *areas_claim; /* the codes that this claim names, a text or a list */
};

/* How it speaks. Without ID tokens the platform relies on what it asks the provider itself. */
enum host_provider_kind {
    HOST_PROVIDER_OIDC,
    HOST_PROVIDER_OAUTH2, /* code -> access token -> user information */
    HOST_PROVIDER_TICKET, /* ticket -> user information */
    HOST_PROVIDER_CAS     /* CAS 3: ticket -> serviceValidate, with single logout */
};

struct host_provider {
    enum host_provider_kind kind;
    char *id;
    char *zh;
    char *en;
    char *issuer;
    char *client_id;
    char *client_secret; /* NULL: a public client */
    char *scope;
    char *ca_file;        /* NULL: the system's */
    char *userinfo_url;   /* of a plain one; may hold {ticket}, {access_token}, {redirect_uri} */
    char *subject_claim;  /* "sub" */
    char *username_claim; /* "preferred_username" */
    char *name_claim;     /* "name" */
    char *org_claim;      /* NULL: none */
    char *factor_claim;   /* NULL: the provider's word is no second factor; else has factor_value */
    char *factor_value;
    bool create;       /* accounts for people who have none here */
    bool link_by_name; /* an account of that name is theirs */
    int64_t skew_ms;
    size_t n_roles;
    struct host_provider_role roles[HOST_PROVIDER_ROLES_MAX];

    pthread_mutex_t lock;         /* for what follows; not held while the provider is asked */
    struct json_object *metadata; /* of a plain one as the file says, for good */
    int64_t metadata_ms;          /* monotonic, as the others; when it was fetched */
    struct json_object *keys;
    int64_t keys_ms;
    int64_t keys_anew_ms; /* when an unknown key last had them fetched; 0: never */
    int64_t silent_until_ms;
    int64_t took_ms; /* its last answer; 0: none yet */
    size_t next_jti;
    char jtis[HOST_PROVIDER_JTI_MAX][17]; /* logout tokens that were taken, hashes */
};

struct host_providers {
    size_t n;
    struct host_provider providers[HOST_PROVIDERS_MAX];
};

/* Reads the file; NULL or "": none. Every refusal names the place in it. */
cim_status host_providers_load(const char *path, struct host_providers **ret_providers,
                               cim_error *err);
void host_providers_free(struct host_providers *providers); /* NULL-safe */
/* NULL: there is none of that id. */
struct host_provider *host_provider_find(struct host_providers *providers, const char *id);

/* ---- asking it (provider_ask.c); all CIM_E_BUSY when it does not answer as it should ---- */

/* An own reference each (json_object_put). */
cim_status host_provider_metadata(struct host_provider *provider, struct json_object **ret_metadata,
                                  cim_error *err);
/* `anew`: a token names a key that is not among those of before. */
cim_status host_provider_keys(struct host_provider *provider, bool anew,
                              struct json_object **ret_keys, cim_error *err);
/* The answer of the token endpoint. */
cim_status host_provider_exchange(struct host_provider *provider, const char *code,
                                  const char *verifier, const char *redirect_uri,
                                  struct json_object **ret_answer, cim_error *err);
cim_status host_provider_userinfo(struct host_provider *provider, const char *access_token,
                                  struct json_object **ret_claims, cim_error *err);
/* The user information of a plain provider. `name`: "access_token" or "ticket", `value` its value.
 * Where the address has no place for it, an access token goes into the header. */
cim_status host_provider_ask_user(struct host_provider *provider, const char *name,
                                  const char *value, const char *redirect_uri,
                                  struct json_object **ret_claims, cim_error *err);
/* What a CAS server says of a ticket that it gave for `service`: see cas.h. */
cim_status host_provider_ask_cas(struct host_provider *provider, const char *ticket,
                                 const char *service, struct json_object **ret_claims,
                                 cim_error *err);
/* An address of the metadata, checked; CIM_E_BUSY where it has none. */
cim_status host_provider_endpoint(struct json_object *metadata, const char *name,
                                  const char **ret_url, cim_error *err);
/* Percent-encodes into a query. */
void host_url_add(struct cim_buf *url, const char *name, const char *value);
/* Is it https, or http of this machine? */
bool host_url_is_safe(const char *url);

/* ---- its people (external.c) ---- */

struct host_external {
    const struct host_provider *provider;
    const char *subject;
    struct json_object *claims;
    int64_t now_ms;
};
/* The account of somebody whom the provider vouches for, made or brought up to date: name,
 * organisation, roles. CIM_E_DENIED, err->param: "account" there is none and none is made, "name"
 * the name is another's or none, "ended". In *ret_username, owned. */
cim_status host_external_account(struct host_identity *identity,
                                 const struct host_external *external, char **ret_username,
                                 cim_error *err);
/* Whose account the subject has; CIM_E_NOTFOUND: none. */
cim_status host_external_find(struct host_identity *identity, const char *provider,
                              const char *subject, char **ret_username, cim_error *err);

/* GET /auth/providers, /auth/login/{provider}, /auth/callback/{provider}, POST
 * /auth/backchannel/{provider}. */
cim_status host_provider_routes(struct host_identity *identity, struct host_http *http,
                                cim_error *err);
/* Where the browser goes to sign out there too; nothing is added where that is nowhere. */
cim_status host_provider_logout_url(struct host_identity *identity, const char *provider_id,
                                    const char *base_url, struct cim_buf *out, cim_error *err);

#endif
