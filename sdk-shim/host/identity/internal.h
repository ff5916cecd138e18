/* host/identity/internal.h -- the inside of identity; private to this folder.
 *
 * Locks: each struct has one of its own, held for short and never over the store. None is taken
 * while another is held.
 */
#ifndef HOST_IDENTITY_INTERNAL_H
#define HOST_IDENTITY_INTERNAL_H

#include "host/identity/grants.h"
#include "host/identity/identity.h"
#include "host/identity/roles.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum {
    HOST_USERNAME_MAX = 64,
    HOST_PASSWORD_MIN_CHARS = 8,
    HOST_PASSWORD_MAX_BYTES = 256,
    HOST_TOKEN_BYTES = 32,
    HOST_TOKEN_TEXT = 2 * HOST_TOKEN_BYTES + 1, /* hexadecimal, with the NUL */
    HOST_SESSIONS_MAX = 100000,
    HOST_SESSIONS_PER_ACCOUNT_MAX = 50, /* the oldest ends when one more begins */
    HOST_SESSION_BUCKETS = 4096,
    HOST_FAILURES_KEPT_MS = 7200000,
    HOST_LOCKS_KEPT_MS = 86400000, /* after a lock, for the next one to last longer */
    HOST_LOCK_DOUBLINGS_MAX = 5,
    HOST_CODE_USED_MS = 300000, /* longer than a code of the second factor is good */
    HOST_STEP_MS = 600000,      /* from the password to the end of a sign-in */
    HOST_SESSION_ADDRESS_MAX = 48,
    HOST_SESSION_AGENT_MAX = 160,
    HOST_SESSION_ID_TEXT = 17,
    HOST_PASSWORD_HISTORY_MAX = 24,
    HOST_SESSION_SAVE_MS = 60000, /* last_seen is written at most this often */
    HOST_PRINCIPAL_BUCKETS = 256,
    HOST_PRINCIPAL_SCOPES_MAX = 4096,
    HOST_DENIED_TEXT_MAX = 128,
    HOST_DENIED_QUIET_MS = 60000, /* the same refusal is logged at most this often */
    HOST_ROLE_SETS_MAX = 33,      /* the host's own and one per plugin */
    HOST_PRINCIPAL_GRANTS_MAX =
        20000, /* of one account, with those of its roles and organisation */
    HOST_SCOPE_BUCKETS = 64,
    /* Argon2id: 19 MiB and two passes take some 25 ms; two at once are the most that a flood of
     * sign-ins can take of the machine. */
    HOST_ARGON2_MEMORY_KIB = 19456,
    HOST_ARGON2_PASSES = 2,
    HOST_ARGON2_AT_ONCE = 2,
    HOST_ARGON2_WAITING = 1, /* each holds a worker of the server, of which there may be four */
    HOST_ARGON2_WAIT_MS = 1000,
    HOST_PASSWORD_HASH_MAX = 160
};

/* ---- password.c ---- */

struct host_password_gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool busy[HOST_ARGON2_AT_ONCE];
    char addresses[HOST_ARGON2_AT_ONCE][HOST_SESSION_ADDRESS_MAX]; /* who is at it; "": anybody */
    int waiting;
};
void host_password_gate_init(struct host_password_gate *gate);
void host_password_gate_done(struct host_password_gate *gate);

/* CIM_E_INVALID saying which rule is not met; `min_chars` below HOST_PASSWORD_MIN_CHARS: that. */
cim_status host_password_check_rules(int32_t min_chars, const char *username, const char *password,
                                     cim_error *err);
/* Both CIM_E_BUSY when too many are at it already. One address has one place at most, so that a
 * flood from it leaves the others to the rest; NULL: not counted. */
cim_status host_password_hash(struct host_password_gate *gate, const char *password,
                              char ret_hash[HOST_PASSWORD_HASH_MAX], cim_error *err);
cim_status host_password_verify(struct host_password_gate *gate, const char *address,
                                const char *hash, const char *password, bool *ret_same,
                                cim_error *err);
/* Does the password that somebody chose himself meet the rules, and is it none of his last ones? */
cim_status host_password_check_new(struct host_identity *identity, const char *username,
                                   const char *old, const char *password, cim_error *err);
/* Sets it, keeps the one of before in the history, forgets failures, ends all sessions.
 * CIM_E_NOTFOUND: no such account. */
cim_status host_password_set(struct host_identity *identity, const char *username,
                             const char *password, bool must_change, cim_error *err);
/* Random bytes as hexadecimal text; SHA-256 of a text likewise. */
cim_status host_random_token(char ret_token[HOST_TOKEN_TEXT], cim_error *err);
cim_status host_sha256_text(const char *prefix, const char *text, char ret_hash[HOST_TOKEN_TEXT],
                            cim_error *err);
/* UUIDv7 of the time and random bytes. */
cim_status host_new_uid(int64_t now_ms, char ret_uid[37], cim_error *err);

/* ---- sessions.c ----
 * The one place that knows where sessions are kept. */

/* The last two are of somebody whose password was right and of whom more is asked: they open no
 * route but those of the next step (HOST_ROUTE_STEP). */
/* Recovery codes are good until they are used. */
#define HOST_RECOVERY_USED_MS (INT64_C(366) * 86400000)

enum host_session_kind {
    HOST_SESSION_COOKIE,
    HOST_SESSION_BEARER,
    HOST_SESSION_FACTOR, /* a code of the second factor */
    HOST_SESSION_SETUP   /* a new password, or a second factor to be set up */
};
const char *host_session_kind_name(enum host_session_kind kind);
bool host_session_kind_of(const char *name, enum host_session_kind *ret_kind);

struct host_session {
    struct host_session *next;
    char hash[HOST_TOKEN_TEXT];
    char username[HOST_USERNAME_MAX + 1];
    char address[HOST_SESSION_ADDRESS_MAX]; /* where it began; "": not known */
    char agent[HOST_SESSION_AGENT_MAX];
    char provider[33];      /* where he signed in; "": here */
    char provider_sid[129]; /* what the session is called there */
    enum host_session_kind kind;
    int64_t created_ms;
    int64_t last_seen_ms;
    int64_t saved_ms;     /* last_seen as in the database */
    int64_t confirmed_ms; /* when Redis said that it is good, by the monotonic clock */
    int64_t expires_ms;
};

struct host_sessions {
    struct host_store *platform;
    struct host_shared *shared; /* NULL: they are this host's alone, in platform.db */
    int64_t idle_ms;
    pthread_mutex_t lock;
    size_t n_sessions;
    struct host_session *buckets[HOST_SESSION_BUCKETS];
};

/* Takes up those of the database that are still good. */
cim_status host_sessions_open(struct host_sessions *sessions, struct host_store *platform,
                              struct host_shared *shared, int64_t idle_ms, int64_t now_ms,
                              cim_error *err);
void host_sessions_close(struct host_sessions *sessions);
struct host_session_start {
    enum host_session_kind kind;
    const char *username;
    int64_t now_ms;
    int64_t life_ms;
    const char *address; /* may be NULL, as the next ones */
    const char *agent;
    const char *provider;
    const char *provider_sid;
};
cim_status host_sessions_begin(struct host_sessions *sessions,
                               const struct host_session_start *start,
                               char ret_token[HOST_TOKEN_TEXT], cim_error *err);
/* Who the token stands for, if it is good; notes that it was seen. CIM_E_DENIED otherwise. */
cim_status host_sessions_find(struct host_sessions *sessions, enum host_session_kind kind,
                              const char *token, int64_t now_ms,
                              char ret_username[HOST_USERNAME_MAX + 1], cim_error *err);
/* The same, but the session was not used by that. */
cim_status host_sessions_peek(struct host_sessions *sessions, enum host_session_kind kind,
                              const char *token, int64_t now_ms,
                              char ret_username[HOST_USERNAME_MAX + 1], cim_error *err);
cim_status host_sessions_end(struct host_sessions *sessions, const char *token, cim_error *err);
cim_status host_sessions_end_all_of(struct host_sessions *sessions, const char *username,
                                    cim_error *err);
/* A copy of the session of a token; CIM_E_NOTFOUND: none. */
cim_status host_sessions_copy(struct host_sessions *sessions, const char *token,
                              struct host_session *ret_session, cim_error *err);
/* Those that began at a provider: of an account, of a session there, or of both; NULL: any. */
cim_status host_sessions_end_of_provider(struct host_sessions *sessions, const char *provider,
                                         const char *username, const char *provider_sid,
                                         cim_error *err);
/* What a session is called where its token must not be: the beginning of the token's hash. */
void host_session_id(const struct host_session *session, char ret_id[HOST_SESSION_ID_TEXT]);
cim_status host_session_id_of(const char *token, char ret_id[HOST_SESSION_ID_TEXT], cim_error *err);
/* Copies of those that are good, the newest first; of one account, or of all (NULL). Freed by the
 * caller. */
cim_status host_sessions_list(struct host_sessions *sessions, const char *username, int64_t now_ms,
                              struct host_session **ret_list, size_t *ret_n, cim_error *err);
/* CIM_E_NOTFOUND: the account has no such session. */
cim_status host_sessions_end_one(struct host_sessions *sessions, const char *username,
                                 const char *id, cim_error *err);

/* ---- the whole ---- */

struct host_role_set {
    char *plugin_id; /* NULL: the host's own */
    struct host_roles *roles;
};

struct host_providers;

/* A route of the API of access, whose refusals are audited. */
struct host_api_route {
    struct host_api_route *next;
    struct host_identity *identity;
    host_handler_fn handle;
    const char *operation_id;
};

struct host_identity {
    struct host_identity_options options;
    struct host_providers *providers; /* provider.h */
    struct host_shared *shared;       /* NULL: no other hosts */
    struct host_api_route *api_routes;
    struct host_sessions sessions;
    struct host_password_gate passwords;
    char dummy_hash[HOST_PASSWORD_HASH_MAX]; /* verified for names that do not exist */
    /* A change makes new principals: of roles, organisations and accounts all, of grants to
     * accounts those of the holders whose names fall into the same bucket. */
    atomic_llong generation;
    atomic_llong generations[HOST_PRINCIPAL_BUCKETS];

    struct host_resource_check check;
    host_table_read_fn read_table;
    struct host_identity_directory directory; /* read_people NULL: none */
    struct host_directory_work {
        atomic_bool busy; /* one comparison or synchronisation at a time */
        atomic_llong read;
        atomic_llong judged;
    } directory_work;

    pthread_mutex_t roles_lock;
    size_t n_role_sets;
    struct host_role_set role_sets[HOST_ROLE_SETS_MAX];

    pthread_mutex_t principals_lock;
    struct host_principal *principals[HOST_PRINCIPAL_BUCKETS];
};

/* Reads the roles that administrators made and puts them in place of those before. */
cim_status host_roles_reload_own(struct host_identity *identity, cim_error *err);
/* The plugin id under which they are kept. */
#define HOST_OWN_ROLES ":own"

/* ---- accounts.c ---- */

struct host_account {
    char *username;
    char *display_name;
    char *org;      /* NULL: none */
    char *org_area; /* NULL: no organisation, or one that is not in the list */
    char *area;     /* where the account itself belongs; NULL: where its organisation does */
    char *password_hash;
    char *provider; /* where the account signs in; NULL: here */
    char *source;   /* HOST_SOURCE_DIRECTORY; NULL: made here */
    int64_t password_set_ms;
    bool must_change; /* the password, at the next sign-in */
    bool has_factor;  /* a second factor that was set up */
    bool ended;
};

/* `provider` of a program's account: it signs in nowhere. No provider's id has a colon. */
#define HOST_PROVIDER_SERVICE ":service"
/* Under which cim_external_account tells who somebody is in the directory. */
#define HOST_PROVIDER_DIRECTORY ":directory"
#define HOST_SOURCE_DIRECTORY   "directory"

/* CIM_E_NOTFOUND when there is none. */
cim_status host_account_load(struct host_identity *identity, const char *username,
                             struct host_account **ret_account, cim_error *err);
void host_account_free(struct host_account *account); /* NULL-safe */
/* 1 to HOST_USERNAME_MAX letters, digits or . _ - @ */
bool host_username_is_good(const char *username);
/* Where the account belongs: an area code, "*" where nothing says. */
const char *host_account_home(const struct host_account *account);
/* What is wrong with a new account's name, display name, roles, areas or password. */
cim_status host_account_check(const struct host_identity *identity,
                              const struct host_account_input *input, cim_error *err);

/* ---- grants.c ---- */

/* Grants to an account, to its organisation and to the roles that these give it, not ended and not
 * past; *ret_grants is freed by host_grants_free(). */
cim_status host_grants_of(struct host_identity *identity, const struct host_account *account,
                          int64_t now_ms, struct host_grants *ret_grants, cim_error *err);

/* ---- principal.c ---- */

/* Where something is granted: bits over ordinals as in cim_term. */
struct host_area_set {
    uint64_t *bits;
    uint32_t n_words;
    bool all;
};

struct host_granted_function {
    char *id; /* may end in ".*" */
    struct host_area_set areas;
    int64_t from_ms;
    int64_t until_ms;
    bool pass_on; /* only to be granted to others */
};

/* A term with what only granting and explaining need to know. */
struct host_held_term {
    cim_term term;
    bool pass_on; /* only to be granted to others: never part of a scope */
    bool shared;  /* declared by a plugin for all areas, whatever areas its holder has */
    char *grant;  /* uid of the grant it came by; of several merged, the first */
    char *role;   /* NULL: granted directly */
};

/* Terms in force for one resource and action; the same list is one entry. */
struct host_scope_entry {
    struct host_scope_entry *next;
    size_t n_terms;
    const cim_term **terms;
    cim_scope scope;
};

/* Which entry answers a question while from_ms <= now < until_ms. */
struct host_scope_answer {
    struct host_scope_answer *next;
    const struct host_scope_entry *entry;
    uint32_t action;
    int64_t from_ms;
    int64_t until_ms;
    char resource[];
};

struct host_principal {
    struct host_principal *next; /* in its bucket */
    atomic_int references;
    int64_t generation;
    const struct cim_area_tree *areas;
    int64_t areas_ms; /* the areas in force then are those until areas_until_ms */
    int64_t areas_until_ms;
    const struct host_clock *clock;
    char *username;
    char *display_name;
    char *org;                   /* NULL: none */
    enum host_session_kind step; /* of a sign-in that is not done: it holds nothing; else COOKIE */
    size_t n_roles;
    char **roles;
    size_t n_area_codes;
    size_t area_codes_capacity;
    char **area_codes; /* "*": all; each once, in order, when merged */
    size_t n_terms;
    size_t terms_capacity;
    struct host_held_term *terms;
    size_t n_functions;
    size_t functions_capacity;
    struct host_granted_function *functions;
    pthread_mutex_t lock;   /* for what follows */
    atomic_size_t n_scopes; /* answers; with many a new principal takes its place */
    struct host_scope_entry *scopes;
    struct host_scope_answer *answers[HOST_SCOPE_BUCKETS];
    char denied[HOST_DENIED_TEXT_MAX]; /* function point that was refused and logged last */
    int64_t denied_ms;
};

/* How something is held: by which grant, where and when. */
struct host_holding {
    const char *grant; /* uid; may be NULL */
    const char *role;  /* NULL: granted directly */
    const char *areas; /* codes separated by commas; "*": all */
    const char *org;   /* that own_org means; NULL: none, and then own_org grants nothing */
    int64_t from_ms;
    int64_t until_ms;
    bool template; /* a plugin's role: its all_areas are shared by everybody */
};
/* Terms and functions of one role, one grant or one function point; the principal is being made. */
cim_status host_principal_add_role(struct host_principal *principal, const struct host_role *role,
                                   const struct host_holding *held, cim_error *err);
cim_status host_principal_add_grant(struct host_principal *principal,
                                    const struct host_role_grant *grant,
                                    const struct host_holding *held, cim_error *err);
cim_status host_principal_add_function(struct host_principal *principal, const char *id,
                                       bool pass_on, const struct host_holding *held,
                                       cim_error *err);
/* What a grant gives, within what `base` says of its holder: areas and organisation where the grant
 * has none of its own, the time in which both are in force. */
cim_status host_principal_add(struct host_identity *identity, struct host_principal *principal,
                              const struct host_grant *grant, const struct host_holding *base,
                              cim_error *err);
/* Makes one term of those that differ in nothing but areas, and the same of functions. */
void host_principal_merge(struct host_principal *principal);
/* 0: alike but for areas and where they came from; an order otherwise. */
int host_term_compare(const struct host_held_term *a, const struct host_held_term *b);
/* What the account would hold as it is given here, its grants as they lie in the store; not kept.
 */
cim_status host_principal_of(struct host_identity *identity, const struct host_account *account,
                             struct host_principal **ret_principal, cim_error *err);
/* The account's principal made anew, not merged and not kept: each term with its own grant, also
 * those that are past. */
cim_status host_principal_explain(struct host_identity *identity, const char *username,
                                  struct host_principal **ret_principal, cim_error *err);
/* Bits of the areas (codes separated by commas, "*") and of all below them; codes that the tree
 * does not know, or that are not in force now, grant nothing. Freed by the caller. */
cim_status host_area_set_of(const struct cim_area_tree *tree, const char *areas, int64_t now_ms,
                            struct host_area_set *ret_set, cim_error *err);
struct host_principal *host_principal_new(const char *username, const char *display_name,
                                          const char *org, const struct host_clock *clock,
                                          const struct cim_area_tree *areas);
void host_principals_clear(struct host_identity *identity);
/* Grants to that holder are others now. */
void host_grants_changed(struct host_identity *identity, const char *holder_kind,
                         const char *holder);

/* ---- separation.c ---- */

/* Takes the platform's function points from who holds two of the three duties, where that is asked
 * for. The principal is being made. */
void host_separate(const struct host_identity *identity, struct host_principal *principal);
/* Would the account hold two of them with what is given? CIM_E_DENIED, "separation". */
cim_status host_separate_check(struct host_identity *identity, const char *username,
                               const struct host_principal *gift, cim_error *err);

/* ---- signin.c ---- */

struct host_sign_in {
    const char *event; /* "login", "token", … */
    const char *username;
    const char *password;
    const char *code; /* of the second factor; NULL: none was given */
    const char *address;
    const char *request_id;
};

/* CIM_OK; CIM_E_DENIED: wrong name or password; CIM_E_STATE: locked; CIM_E_BUSY. Names that do not
 * exist take the same steps and the same time. Each is written to the log. Where it is locked,
 * *ret_locked_ms is for how long still (may be NULL). */
cim_status host_sign_in(struct host_identity *identity, const struct host_sign_in *attempt,
                        int64_t *ret_locked_ms, cim_error *err);
/* The same for a code of the second factor of who has signed in with his password. */
cim_status host_sign_in_factor(struct host_identity *identity, const struct host_sign_in *attempt,
                               int64_t *ret_locked_ms, cim_error *err);
/* A row of cim_sign_in_log by itself. */
cim_status host_sign_in_log(struct host_identity *identity, const struct host_sign_in *attempt,
                            const char *result, const char *reason, cim_error *err);

/* ---- steps.c ---- */

/* What is still asked of somebody after his password. */
struct host_sign_in_step {
    enum host_session_kind kind; /* COOKIE: nothing */
    bool password;               /* a new one */
    bool factor;                 /* to be set up */
};
/* Who said that there was a second factor. */
enum host_factor_word {
    HOST_FACTOR_NOBODY,
    HOST_FACTOR_CODE,    /* a code that was right, or there is none to be asked for */
    HOST_FACTOR_PROVIDER /* the sign-in provider: nothing more is asked here */
};
cim_status host_next_step(struct host_identity *identity, const char *username,
                          enum host_factor_word word, struct host_sign_in_step *ret_step,
                          cim_error *err);

/* ---- factor.c: the second factor, TOTP (RFC 6238) ---- */

enum {
    HOST_FACTOR_SECRET_BYTES = 20,
    HOST_FACTOR_SECRET_TEXT = HOST_FACTOR_SECRET_BYTES * 8 / 5 + 1, /* base32, with the NUL */
    HOST_FACTOR_URI_MAX = 512,
    HOST_RECOVERY_CODES = 10,
    HOST_RECOVERY_TEXT = 12 /* "abcde-fghij" with the NUL */
};

/* HMAC-SHA-1, 6 digits, of the step: 30 seconds since 1970. */
cim_status host_totp(const uint8_t *secret, size_t len, int64_t step, char ret_code[7],
                     cim_error *err);
/* Begins: a new secret that asks for nothing until a code of it is confirmed. CIM_E_STATE: the
 * account has a second factor already. */
cim_status host_factor_begin(struct host_identity *identity, const char *username,
                             char ret_secret[HOST_FACTOR_SECRET_TEXT],
                             char ret_uri[HOST_FACTOR_URI_MAX], cim_error *err);
/* CIM_E_INVALID: not the code of now; CIM_E_STATE: nothing was begun. */
cim_status host_factor_confirm(struct host_identity *identity, const char *username,
                               const char *code,
                               char ret_recovery[HOST_RECOVERY_CODES][HOST_RECOVERY_TEXT],
                               cim_error *err);
/* Takes a code or a recovery code, each of them once. In the transaction of the caller. */
cim_status host_factor_take(struct host_identity *identity, cim_tx *tx, const char *username,
                            const char *code, int64_t now_ms, bool *ret_good, cim_error *err);
/* Takes the factor and its recovery codes away; no failure where there is none. */
cim_status host_factor_remove(struct host_identity *identity, const char *username, cim_error *err);

#endif
