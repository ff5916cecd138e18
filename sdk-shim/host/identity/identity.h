/* host/identity/identity.h -- accounts, sessions, tokens, roles and grants; deny by default.
 *
 * Roles are templates that a plugin's manifest declares: a list of grants (resource pattern,
 * actions, mode of sensitive fields, whether bound to the member's organisation) and function
 * points. An account holds roles, each for some areas and maybe an organisation, until a date. A
 * principal's terms are the product of both.
 */
#ifndef HOST_IDENTITY_H
#define HOST_IDENTITY_H

#include "cim/call.h"
#include "host/base/table.h"
#include "host/http/http.h"

struct host_store;
struct host_areas;
struct host_clock;
struct host_identity;
struct host_principal;
struct host_audit;
struct host_crypt;
struct cim_buf;

/* Of whom a second factor is asked. */
enum host_second_factor {
    HOST_FACTOR_OPTIONAL,
    HOST_FACTOR_ADMINISTRATORS, /* who holds a function point of the platform (cim.…) */
    HOST_FACTOR_ALL
};

struct host_identity_options {
    struct host_store *platform;
    struct host_areas *areas;
    const struct host_clock *clock;
    struct host_audit *audit;    /* may be NULL */
    const char *redis_url;       /* what hosts share; NULL or "": nothing. See shared.h */
    int64_t session_idle_ms;     /* 30 min */
    int64_t session_absolute_ms; /* 12 h */
    int64_t token_ms;            /* 8 h */
    int32_t lock_after;          /* 5 failures in a row */
    int64_t lock_ms;             /* 15 min; each lock in a row lasts twice as long */
    struct host_crypt *crypt;    /* seals secrets; NULL: no second factor can be set up */
    bool separate_admins;        /* nobody holds two of: system, security, audit */
    enum host_second_factor second_factor;
    bool first_change;           /* a password that somebody else set is changed first */
    int32_t password_min_chars;  /* at least 8 in any case */
    int32_t password_history;    /* how many of before are refused */
    int64_t password_max_age_ms; /* 0: any */
    const char *site;            /* name of the platform in authenticator apps */
    const char *site_url;        /* "https://cim.example"; NULL or "": as the client wrote it */
    const char *providers;       /* file of sign-in providers; NULL or "": none */
};

cim_status host_identity_open(const struct host_identity_options *options,
                              struct host_identity **ret_identity, cim_error *err);
void host_identity_free(struct host_identity *identity);

/* Role templates of a plugin, JSON array of the manifest; replaces those it gave before. */
cim_status host_identity_set_roles(struct host_identity *identity, const char *plugin_id,
                                   const char *roles_json, cim_error *err);

/* Creates the account or replaces its password and roles. `areas`: codes separated by commas ("*":
 * all); `org` may be NULL. Password rules: at least 8 characters, 3 classes. */
struct host_account_input {
    const char *username;
    const char *display_name;
    const char *password;
    const char *roles; /* ids separated by commas */
    const char *areas;
    const char *org;
    int64_t until_ms; /* of the grants; INT64_MAX: no end */
    bool must_change; /* the password, at the first sign-in */
    bool service;     /* a program: no password, tokens alone */
};
cim_status host_identity_put_account(struct host_identity *identity,
                                     const struct host_account_input *input, cim_error *err);
/* CIM_E_NOTFOUND when there is no such account. Ends its sessions and forgets its failures. */
cim_status host_identity_set_password(struct host_identity *identity, const char *username,
                                      const char *password, cim_error *err);
/* Takes the second factor of an account away: who has lost it sets up another. */
cim_status host_identity_remove_factor(struct host_identity *identity, const char *username,
                                       cim_error *err);
/* Whether a grant of `pattern` stands: layers that it covers, their fields, the row filter. Set
 * once, before routes are served; without it nothing is checked. */
struct host_resource_check {
    void *self;
    cim_status (*check)(void *self, const cim_call *call, const char *pattern,
                        const char *const *fields, size_t n_fields, const char *filter_json,
                        cim_error *err);
    /* May its data be asked for? CIM_E_NOTFOUND: no such resource, as far as the caller is to know.
     * Calls `each` for every field of it. */
    cim_status (*may_ask)(void *self, const cim_call *call, const char *resource,
                          void (*each)(void *arg, const char *field), void *arg, cim_error *err);
};
void host_identity_check_resources(struct host_identity *identity,
                                   const struct host_resource_check *check);

/* Who reads the sheets of people and organisations; set once, before routes are served. */
void host_identity_read_tables(struct host_identity *identity, host_table_read_fn read);

/* People and organisations kept elsewhere, in a directory. */
struct host_identity_directory {
    void *self;
    cim_status (*read_people)(void *self, host_table_row_fn take, void *arg, cim_error *err);
    cim_status (*read_orgs)(void *self, host_table_row_fn take, void *arg,
                            cim_error *err);           /* NULL: it has none */
    void (*describe)(void *self, struct cim_buf *out); /* an object, without secrets */
    const char *sign_in; /* provider at which its people sign in; "": with passwords, here */
    bool link_by_name;   /* it takes over accounts and organisations of the same name */
};
/* Set once, before routes are served; texts are borrowed. CIM_E_INVALID: no such provider. */
cim_status host_identity_set_directory(struct host_identity *identity,
                                       const struct host_identity_directory *directory,
                                       cim_error *err);

/* Calls `each` for every account in order of name; roles as "role (areas)", separated by ", ". */
cim_status host_identity_each_account(struct host_identity *identity,
                                      void (*each)(void *arg, const char *username,
                                                   const char *display_name, const char *roles),
                                      void *arg, cim_error *err);
/* A bearer token of an account, for scripts on this machine; valid for life_ms. */
enum { HOST_BEARER_TEXT = 65 };
cim_status host_identity_issue_token(struct host_identity *identity, const char *username,
                                     int64_t life_ms, char ret_token[HOST_BEARER_TEXT],
                                     cim_error *err);

/* Calls `each` for every sign-in provider: how long its last answer took (0: not asked yet), and
 * for how long it is still let alone because it did not answer. */
void host_identity_each_provider(struct host_identity *identity,
                                 void (*each)(void *arg, const char *zh, const char *en,
                                              const char *id, int64_t took_ms, int64_t silent_ms),
                                 void *arg);

/* For host_http_options. */
struct host_http_auth host_identity_http_auth(struct host_identity *identity);
/* Who asks, judged anew, for an answer that outlives what was true at its start: CIM_E_DENIED once
 * the session or token is over or the account is gone. No use of the session: a page that is left
 * open does not keep it alive. One reference in *ret_principal. [worker] */
cim_status host_identity_refresh(struct host_identity *identity, cim_http_req *req,
                                 struct host_principal **ret_principal, cim_error *err);
/* Registers /auth/…. */
cim_status host_identity_add_routes(struct host_identity *identity, struct host_http *http,
                                    cim_error *err);

/* The caller's terms for a resource and one action, those in force at now_ms; memory of the
 * principal, valid as long as it. Anonymous (NULL): empty. */
cim_status host_identity_scope(struct host_identity *identity,
                               const struct host_principal *principal, const char *resource,
                               uint32_t action, int64_t now_ms, const cim_scope **ret_scope,
                               cim_error *err);
/* For what lasts longer than a request: does the account still hold for the resource and action at
 * now_ms what the principal held at since_ms, to the last area and field? Anonymous: yes. */
cim_status host_identity_unchanged(struct host_identity *identity,
                                   const struct host_principal *principal, const char *resource,
                                   uint32_t action, int64_t since_ms, int64_t now_ms,
                                   bool *ret_same, cim_error *err);
int32_t host_principal_has_function(const struct host_principal *principal,
                                    const char *function_id);
const char *host_principal_name(const struct host_principal *principal);
const char *host_principal_org(const struct host_principal *principal); /* NULL: none */

/* The account's principal of now, from the cache or new; one reference for the caller.
 * CIM_E_NOTFOUND when there is no such account. */
cim_status host_principal_get(struct host_identity *identity, const char *username,
                              struct host_principal **ret_principal, cim_error *err);
/* What it may do at a time, as one number: another number, other grants. */
uint64_t host_principal_fingerprint(const struct host_principal *principal, int64_t now_ms);
/* A principal for command line work: every right, named "cim-host". */
struct host_principal *host_identity_system_principal(struct host_identity *identity);
void host_principal_release(struct host_principal *principal);

#endif
