/* host/identity/api.h -- what the handlers of /admin/api/{orgs,users,roles,grants} share. */
#ifndef HOST_IDENTITY_API_H
#define HOST_IDENTITY_API_H

#include "host/identity/delegate.h"
#include "host/identity/internal.h"
#include "host/identity/trail.h"
#include "kit/buf.h"

enum {
    HOST_API_BODY_MAX = 256 << 10,
    HOST_API_ANSWER_MAX = 16 << 20,
    HOST_API_PAGE = 50, /* rows of an answer unless `limit` says otherwise */
    HOST_API_PAGE_MAX = 1000,
    HOST_API_TEXT_MAX = 200 /* bytes of a name, title or reason */
};

/* Longest area code. */
#define HOST_AREA_CODE_MAX 64

#define HOST_ADMIN_ORGS   "cim.admin.orgs"
#define HOST_ADMIN_USERS  "cim.admin.users"
#define HOST_ADMIN_ROLES  "cim.admin.roles"
#define HOST_ADMIN_GRANTS "cim.admin.grants"

struct json_object;

/* An organisation that a comparison would make: others of it may name it. */
struct host_planned_org {
    struct host_planned_org *next;
    const char *code;
    const char *parent; /* NULL: none */
    const char *area;
};

/* A request of an administrator. */
struct host_api {
    struct host_identity *identity;
    const cim_call *call;
    cim_http_req *req;
    const struct host_principal *giver;
    struct json_object *root; /* of the body; NULL: none was read */
    struct host_json_in in;
    struct host_planned_org *planned; /* in request memory */
    struct host_trail *trail;         /* where changes are kept to be undone; NULL: nowhere */
};

struct host_api host_api_begin(struct host_identity *identity, const cim_call *call,
                               cim_http_req *req);
/* Reads the JSON body and refuses keys that are not in the list. */
cim_status host_api_body(struct host_api *api, const char *const *keys, cim_error *err);
void host_api_end(struct host_api *api);
#define HOST_AUTO_API __attribute__((cleanup(host_api_end)))

/* A text of at most HOST_API_TEXT_MAX bytes; what is absent leaves *ret_text. */
cim_status host_api_text(const struct host_api *api, const char *key, enum host_json_need need,
                         const char **ret_text, cim_error *err);
/* The same; "" and null set *ret_text to NULL. */
cim_status host_api_text_or_none(const struct host_api *api, const char *key, const char **ret_text,
                                 cim_error *err);
/* A list of area codes as text with commas, in request memory; ["*"]: all. */
cim_status host_api_areas(const struct host_api *api, const char *key, const char **ret_areas,
                          cim_error *err);
/* RFC 3339 or a date: as `from` the day's first, as `until` its last moment in Beijing. */
cim_status host_api_time(const struct host_api *api, const char *key, bool end, int64_t *ret_ms,
                         cim_error *err);

cim_status host_api_answer(const struct host_api *api, int32_t http_status, struct cim_buf *body,
                           cim_error *err);
/* {"name": of `text` or null}, with a comma before it unless `first`. */
void host_api_add(struct cim_buf *out, const char *name, const char *text);
/* As RFC 3339; null where there is no such moment. */
void host_api_add_time(struct cim_buf *out, const char *name, int64_t ms);
void host_api_add_areas(struct cim_buf *out, const char *name, const char *areas);

/* ---- lists ---- */

/* GET …?q=&limit=&offset=: of the rows that match and that the caller administers, one page. */
struct host_listing {
    const char *q; /* NULL: all */
    int64_t limit;
    int64_t offset;
    int64_t matched;
    int64_t written;
    struct host_area_set areas; /* where the caller holds the function point */
};
cim_status host_listing_begin(const struct host_api *api, const char *function_id,
                              struct host_listing *ret_listing, cim_error *err);
void host_listing_end(struct host_listing *listing);
#define HOST_AUTO_LISTING __attribute__((cleanup(host_listing_end)))
/* True if any of the texts contains what is searched; letters of either case. */
bool host_listing_matches(const struct host_listing *listing, const char *const *texts, size_t n);
/* Counts a row; true if it is of the page. */
bool host_listing_take(struct host_listing *listing);

/* Writes the rows that match into the answer, each taken by host_listing_take(). */
typedef cim_status (*host_listing_fn)(const struct host_api *api, struct host_listing *listing,
                                      struct cim_buf *out, cim_error *err);
/* Answers {"NAME": [rows], "matched"} with the page that is asked for. */
cim_status host_api_answer_list(struct host_identity *identity, const cim_call *call,
                                cim_http_req *req, const char *function_id, const char *name,
                                host_listing_fn write, cim_error *err);

/* Every change is kept in the audit and told to the log: "grant.create", whom or what it concerns,
 * and what more there is to say (may be NULL). */
void host_api_note(const struct host_api *api, const char *action, const char *subject,
                   const char *more);

/* ---- people ---- */

/* An account that the caller administers: not himself, at home in his areas, holding nothing that
 * he could not give. */
cim_status host_api_person(const struct host_api *api, const char *username,
                           struct host_account **ret_account, cim_error *err);
/* The same of an account as it would be. */
cim_status host_api_check_person(const struct host_api *api, const struct host_account *account,
                                 cim_error *err);

/* A new account by an administrator, the caller, within what he may give. */
struct host_new_user {
    const char *username;
    const char *display_name;
    const char *org;  /* NULL: none */
    const char *area; /* where he belongs; NULL: where his organisation does */
    const char *password;
    const char *roles; /* ids separated by commas; may be "" */
    const char *areas; /* of the roles */
    int64_t until_ms;
    bool service;             /* a program: no password, tokens alone */
    bool of_directory;        /* no password of ours to begin with */
    const char *directory_id; /* by which the directory knows him; NULL: by his name */
    const char *provider;     /* where he signs in; NULL: here */
};
/* `dry_run`: checks alone. (api_users.c) */
cim_status host_api_add_user(const struct host_api *api, const struct host_new_user *user,
                             bool dry_run, cim_error *err);

/* Another name, organisation (NULL: none) or area for an account that the caller administers before
 * and after. `dry_run`: checks alone. (api_users.c) */
cim_status host_api_change_user(const struct host_api *api, const struct host_account *account,
                                const char *display_name, const char *org, const char *area,
                                bool dry_run, cim_error *err);

/* Ends an account that the caller administers, and its sessions; `to` takes over what it holds as
 * far as the caller may give it, NULL: nobody. (api_users.c) */
cim_status host_api_end_user(const struct host_api *api, const char *username, const char *to,
                             const char *why, cim_error *err);

/* The account of the directory's id. In the transaction of the caller. (api_directory.c) */
cim_status host_directory_link(cim_tx *tx, const char *id, const char *username, cim_error *err);
/* Puts back what a run changed, or tells what that would do. (undo.c) */
cim_status host_directory_undo(struct host_api *api, const char *run, bool applies,
                               struct cim_buf *out, cim_error *err);

/* ---- organisations (api_orgs.c) ---- */

struct host_org {
    char *code;
    char *name;
    char *kind;
    char *parent; /* NULL: none */
    char *area;
    char *source; /* HOST_SOURCE_DIRECTORY; NULL: made here */
    bool ended;
    int64_t n_users;
};
void host_org_done(struct host_org *org);
#define HOST_AUTO_ORG __attribute__((cleanup(host_org_done)))

struct host_org_input {
    const char *code;
    const char *name;
    const char *kind;
    const char *parent; /* NULL: none */
    const char *area;
    const char *source; /* as above */
};
/* The kind whose Chinese title the word is; else the word. */
const char *host_org_kind(const char *word);
/* CIM_E_NOTFOUND: none. *ret_org is ended by host_org_done(). */
cim_status host_api_load_org(const struct host_api *api, const char *code, struct host_org *ret_org,
                             cim_error *err);
/* Both check all that the caller must hold for it. `dry_run`: that alone; a new one is planned. */
cim_status host_api_add_org(struct host_api *api, const struct host_org_input *input, bool dry_run,
                            cim_error *err);
cim_status host_api_change_org(const struct host_api *api, const struct host_org *org,
                               const struct host_org_input *input, bool dry_run, cim_error *err);

/* ?apply=1: do it; without it: compare alone. (api_sheet.c) */
cim_status host_api_read_apply(cim_http_req *req, bool *ret_applies, cim_error *err);

/* ---- giving (give.c) ---- */

/* Who gets something; `account` may be one that is only about to be. */
struct host_holder {
    const char *kind; /* user, org, role */
    const char *id;
    const char *areas; /* of an organisation or a role; "" of a user */
    const char *org;   /* NULL: none */
};
/* Finds the holder and checks that the caller administers it. Texts live as long as the request. */
cim_status host_give_find_holder(const struct host_api *api, const char *kind, const char *id,
                                 struct host_holder *ret_holder, cim_error *err);
/* May the caller give this? Every refusal names what goes beyond what he holds. */
cim_status host_give_check(const struct host_api *api, const struct host_holder *holder,
                           const struct host_grant *grant, cim_error *err);
/* Where a role may be granted: "*" of a plugin's; of an administrator's own its area. In request
 * memory. CIM_E_NOTFOUND: no such role, or an ended one. */
cim_status host_give_role_area(const struct host_api *api, const char *role, const char **ret_area,
                               cim_error *err);
/* Does this grant of a role or by itself stand against the layers' definitions? */
cim_status host_give_check_content(const struct host_api *api, const struct host_role_grant *grant,
                                   cim_error *err);
/* A copy in request memory. */
cim_status host_api_keep(const struct host_api *api, const char *text, const char **ret_text,
                         cim_error *err);

/* ---- routes, one file each ---- */

/* q, limit and offset, for the OpenAPI document. */
extern const struct host_route_param host_listing_params[];
/* Adds routes that all need the function point. */
cim_status host_api_add_routes(struct host_identity *identity, struct host_http *http,
                               const char *function_id, const struct host_route *routes, size_t n,
                               cim_error *err);

cim_status host_api_area_routes(struct host_identity *identity, struct host_http *http,
                                cim_error *err);
cim_status host_api_org_routes(struct host_identity *identity, struct host_http *http,
                               cim_error *err);
cim_status host_api_user_routes(struct host_identity *identity, struct host_http *http,
                                cim_error *err);
cim_status host_api_role_routes(struct host_identity *identity, struct host_http *http,
                                cim_error *err);
cim_status host_api_grant_routes(struct host_identity *identity, struct host_http *http,
                                 cim_error *err);
cim_status host_api_directory_routes(struct host_identity *identity, struct host_http *http,
                                     cim_error *err);
cim_status host_api_sheet_routes(struct host_identity *identity, struct host_http *http,
                                 cim_error *err);
cim_status host_api_request_routes(struct host_identity *identity, struct host_http *http,
                                   cim_error *err);
cim_status host_api_token_routes(struct host_identity *identity, struct host_http *http,
                                 cim_error *err);
cim_status host_api_session_routes(struct host_identity *identity, struct host_http *http,
                                   cim_error *err);

#endif
