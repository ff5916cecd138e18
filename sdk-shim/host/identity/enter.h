/* host/identity/enter.h -- what every way of signing in ends with: the next step, or a session. */
#ifndef HOST_ENTER_H
#define HOST_ENTER_H

#include "host/identity/internal.h"

struct cim_buf;

enum { HOST_AUTH_ANSWER_MAX = 256 << 10 };

#define HOST_ENTER_COOKIE "cim_session"

/* Somebody whose word for who he is was good. */
struct host_entry {
    const char *username;
    enum host_factor_word factor;
    const char *recovery_json; /* codes to be shown once; NULL: none */
    const char *provider;      /* where he signed in; NULL: here */
    const char *provider_sid;  /* what the session is called there; may be NULL */
};

/* A new session in place of the one of before: a whole one, or one that waits for a step. Sets the
 * cookie. */
cim_status host_enter_begin(struct host_identity *identity, cim_http_req *req,
                            const struct host_entry *entry, struct host_sign_in_step *ret_step,
                            char ret_token[HOST_TOKEN_TEXT], cim_error *err);
/* The same, and answers with who he is, or with the step: {"username", "step": "code", "password"
 * or "factor", "csrf"}. */
cim_status host_enter(struct host_identity *identity, cim_http_req *req,
                      const struct host_entry *entry, cim_error *err);
cim_status host_enter_answer_step(cim_http_req *req, const struct host_entry *entry,
                                  const struct host_sign_in_step *step, const char *token,
                                  cim_error *err);
/* A refused sign-in: 401 or, when locked, 429; anything else is the caller's failure. */
cim_status host_enter_refused(const cim_call *call, cim_http_req *req, const cim_error *why,
                              int64_t locked_ms, cim_error *err);
/* A page elsewhere must not sign a browser in: old browsers do not say, new ones do. */
cim_status host_enter_same_site(cim_http_req *req, cim_error *err);
/* "": takes it away. */
cim_status host_enter_set_cookie(struct host_identity *identity, cim_http_req *req,
                                 const char *token, cim_error *err);
cim_status host_enter_csrf(const char *token, char ret_csrf[HOST_TOKEN_TEXT], cim_error *err);
/* `token` NULL: not by cookie, so there is no CSRF token. */
cim_status host_enter_answer_me(cim_http_req *req, const struct host_principal *principal,
                                const char *token, const char *recovery_json, cim_error *err);

/* /auth/password, /auth/factor… */
cim_status host_enter_routes(struct host_identity *identity, struct host_http *http,
                             cim_error *err);

#endif
