/* Sessions and tokens: in memory, mirrored in platform.db so that they survive a restart; or, where
 * several hosts share them, in Redis, of which what is in memory is a copy that is asked for anew
 * after HOST_SHARED_TRUST_MS.
 *
 * A session ends when it was idle for idle_ms, or at expires_ms; a token at expires_ms only. At the
 * very millisecond it is over.
 */
#include "host/base/clock.h"
#include "host/identity/internal.h"
#include "host/identity/shared.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include "host/base/log.h"

static const char *const kind_names[] = {"session", "token", "factor", "setup"};
enum { KINDS = sizeof kind_names / sizeof kind_names[0] };

const char *
host_session_kind_name(enum host_session_kind kind)
{
    return kind_names[kind];
}

bool
host_session_kind_of(const char *name, enum host_session_kind *ret_kind)
{
    for (int i = 0; i < (int)KINDS; i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            *ret_kind = (enum host_session_kind)i;
            return true;
        }
    }
    return false;
}

static struct host_session **
bucket_of(struct host_sessions *sessions, const char *hash)
{
    size_t n = 0;
    for (size_t i = 0; i < 3; i++) { /* hexadecimal digits of a hash are spread well already */
        n = n * 16 + (size_t)(hash[i] <= '9' ? hash[i] - '0' : hash[i] - 'a' + 10);
    }
    return &sessions->buckets[n % HOST_SESSION_BUCKETS];
}

static bool
is_over(const struct host_sessions *sessions, const struct host_session *session, int64_t now_ms)
{
    return now_ms >= session->expires_ms || (session->kind == HOST_SESSION_COOKIE &&
                                             now_ms - session->last_seen_ms >= sessions->idle_ms);
}

static void
add(struct host_sessions *sessions, struct host_session *session)
{
    struct host_session **bucket = bucket_of(sessions, session->hash);
    session->next = *bucket;
    *bucket = session;
    sessions->n_sessions++;
}

/* Takes the session at *link out and frees it. */
static void
drop(struct host_sessions *sessions, struct host_session **link)
{
    struct host_session *session = *link;
    *link = session->next;
    sessions->n_sessions--;
    free(session);
}

static struct host_session **
find_link(struct host_sessions *sessions, const char *hash)
{
    struct host_session **link = bucket_of(sessions, hash);
    while (*link != NULL && strcmp((*link)->hash, hash) != 0) {
        link = &(*link)->next;
    }
    return link;
}

static cim_status
take_up(struct host_sessions *sessions, const struct host_row *row, int64_t now_ms, cim_error *err)
{
    struct host_session *session = calloc(1, sizeof *session);
    CIM_AUTO_FREE char *hash = host_row_text(row, 0);
    CIM_AUTO_FREE char *kind = host_row_text(row, 1);
    CIM_AUTO_FREE char *username = host_row_text(row, 2);
    CIM_AUTO_FREE char *address = host_row_text(row, 6);
    CIM_AUTO_FREE char *agent = host_row_text(row, 7);
    CIM_AUTO_FREE char *provider = host_row_text(row, 8);
    CIM_AUTO_FREE char *sid = host_row_text(row, 9);
    if (session == NULL || hash == NULL || kind == NULL || username == NULL || address == NULL ||
        agent == NULL || provider == NULL || sid == NULL) {
        free(session);
        return cim_fail_nomem(err);
    }
    cim_copy_text(session->hash, sizeof session->hash, hash);
    cim_copy_text(session->username, sizeof session->username, username);
    cim_copy_text(session->address, sizeof session->address, address);
    cim_copy_text(session->agent, sizeof session->agent, agent);
    cim_copy_text(session->provider, sizeof session->provider, provider);
    cim_copy_text(session->provider_sid, sizeof session->provider_sid, sid);
    session->created_ms = host_row_i64(row, 3);
    session->last_seen_ms = host_row_i64(row, 4);
    session->saved_ms = session->last_seen_ms;
    session->expires_ms = host_row_i64(row, 5);
    if (strlen(hash) != HOST_TOKEN_TEXT - 1 || !host_session_kind_of(kind, &session->kind) ||
        is_over(sessions, session, now_ms)) {
        free(session);
    } else {
        add(sessions, session);
    }
    return CIM_OK;
}

cim_status
host_sessions_open(struct host_sessions *sessions, struct host_store *platform,
                   struct host_shared *shared, int64_t idle_ms, int64_t now_ms, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = true;
    const cim_value values[] = {
        host_value_i64("now", now_ms),
        host_value_i64("seen", now_ms - idle_ms),
    };
    sessions->platform = platform;
    sessions->shared = shared;
    sessions->idle_ms = idle_ms;
    (void)pthread_mutex_init(&sessions->lock, NULL);
    if (host_store_is_read_only(platform) || shared != NULL) {
        return CIM_OK; /* nobody signs in here */
    }
    CIM_TRY(host_store_write_one(platform,
                                 "delete from cim_session where expires_ms <= :now or "
                                 "(kind = 'session' and last_seen_ms <= :seen)",
                                 values, 2, NULL, err));
    CIM_TRY(host_store_read(platform,
                            "select token_hash, kind, username, created_ms, last_seen_ms, "
                            "expires_ms, address, agent, provider, provider_session from "
                            "cim_session",
                            NULL, 0, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    while (there && sessions->n_sessions < HOST_SESSIONS_MAX) {
        CIM_TRY(take_up(sessions, &row, now_ms, err));
        CIM_TRY(host_row_next(&row, &there, err));
    }
    return CIM_OK;
}

void
host_sessions_close(struct host_sessions *sessions)
{
    for (size_t i = 0; i < HOST_SESSION_BUCKETS; i++) {
        while (sessions->buckets[i] != NULL) {
            drop(sessions, &sessions->buckets[i]);
        }
    }
    (void)pthread_mutex_destroy(&sessions->lock);
}

/* Drops what is over, and the account's oldest if it has as many as it may; `ret_hash` is "" or the
 * one that the database should forget. */
static void
make_room(struct host_sessions *sessions, const char *username, int64_t now_ms,
          char ret_hash[HOST_TOKEN_TEXT])
{
    struct host_session *oldest = NULL;
    size_t n = 0;
    ret_hash[0] = '\0';
    for (size_t i = 0; i < HOST_SESSION_BUCKETS; i++) {
        struct host_session **link = &sessions->buckets[i];
        while (*link != NULL) {
            if (is_over(sessions, *link, now_ms)) {
                drop(sessions, link);
                continue;
            }
            if (strcmp((*link)->username, username) == 0) {
                n++;
                oldest =
                    oldest == NULL || (*link)->created_ms < oldest->created_ms ? *link : oldest;
            }
            link = &(*link)->next;
        }
    }
    if (n >= HOST_SESSIONS_PER_ACCOUNT_MAX) {
        cim_copy_text(ret_hash, HOST_TOKEN_TEXT, oldest->hash);
        drop(sessions, find_link(sessions, ret_hash));
    }
}

/* ---- where they are kept ---- */

static cim_status
delete_row(struct host_sessions *sessions, const char *hash, cim_error *err)
{
    if (sessions->shared != NULL) {
        return host_shared_drop(sessions->shared, hash, err);
    }
    const cim_value values[] = {host_value_text("hash", hash)};
    return host_store_write_one(sessions->platform,
                                "delete from cim_session where token_hash = :hash", values, 1, NULL,
                                err);
}

/* Redis forgets it by itself when nobody comes any more. */
static cim_status
put_shared(struct host_sessions *sessions, const struct host_session *session, cim_error *err)
{
    const int64_t left_ms = session->expires_ms - session->last_seen_ms;
    const int64_t idle_ms = sessions->idle_ms + HOST_SESSION_SAVE_MS;
    const bool idles = session->kind == HOST_SESSION_COOKIE && idle_ms < left_ms;
    return host_shared_put(sessions->shared, session, idles ? idle_ms : left_ms, err);
}

static cim_status
insert_row(struct host_sessions *sessions, const struct host_session *session, cim_error *err)
{
    if (sessions->shared != NULL) {
        return put_shared(sessions, session, err);
    }
    const cim_value values[] = {
        host_value_text("hash", session->hash),
        host_value_text("kind", kind_names[session->kind]),
        host_value_text("username", session->username),
        host_value_i64("created", session->created_ms),
        host_value_i64("expires", session->expires_ms),
        host_value_text("address", session->address),
        host_value_text("agent", session->agent),
        host_value_text("provider", session->provider),
        host_value_text("sid", session->provider_sid),
    };
    return host_store_write_one(sessions->platform,
                                "insert into cim_session (token_hash, kind, username, created_ms, "
                                "last_seen_ms, expires_ms, address, agent, provider, "
                                "provider_session) values (:hash, :kind, :username, :created, "
                                ":created, :expires, :address, :agent, :provider, :sid)",
                                values, 9, NULL, err);
}

/* Takes it, in place of the copy there may be. Full: it is not kept here, and Redis asked again. */
static void
take_copy(struct host_sessions *sessions, struct host_session *session)
{
    struct host_session **link = find_link(sessions, session->hash);
    session->confirmed_ms = host_monotonic_ms();
    if (*link != NULL) {
        const int64_t seen_ms = (*link)->last_seen_ms;
        session->last_seen_ms = seen_ms > session->last_seen_ms ? seen_ms : session->last_seen_ms;
        drop(sessions, link);
    }
    if (sessions->n_sessions >= HOST_SESSIONS_MAX) {
        free(session);
    } else {
        add(sessions, session);
    }
}

static void
drop_copies(struct host_sessions *sessions, const char *username)
{
    for (size_t i = 0; i < HOST_SESSION_BUCKETS; i++) {
        struct host_session **link = &sessions->buckets[i];
        while (*link != NULL) {
            if (username == NULL || strcmp((*link)->username, username) == 0) {
                drop(sessions, link);
            } else {
                link = &(*link)->next;
            }
        }
    }
}

/* What is in memory of the account (NULL: of all) is what Redis has. */
static cim_status
sync_account(struct host_sessions *sessions, const char *username, cim_error *err)
{
    struct host_session *first = NULL;
    if (sessions->shared == NULL) {
        return CIM_OK;
    }
    CIM_TRY(host_shared_list(sessions->shared, username, &first, err));
    (void)pthread_mutex_lock(&sessions->lock);
    drop_copies(sessions, username);
    while (first != NULL) {
        struct host_session *next = first->next;
        take_copy(sessions, first);
        first = next;
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    return CIM_OK;
}

/* The same for one token. */
static cim_status
sync_token(struct host_sessions *sessions, const char *hash, cim_error *err)
{
    struct host_session *session = NULL;
    bool fresh = false;
    if (sessions->shared == NULL) {
        return CIM_OK;
    }
    (void)pthread_mutex_lock(&sessions->lock);
    session = *find_link(sessions, hash);
    fresh = session != NULL && host_monotonic_ms() - session->confirmed_ms < HOST_SHARED_TRUST_MS;
    (void)pthread_mutex_unlock(&sessions->lock);
    if (fresh) {
        return CIM_OK;
    }
    session = NULL;
    CIM_TRY(host_shared_get(sessions->shared, hash, &session, err));
    (void)pthread_mutex_lock(&sessions->lock);
    struct host_session **link = find_link(sessions, hash);
    if (session != NULL) {
        take_copy(sessions, session);
    } else if (*link != NULL) {
        drop(sessions, link);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    return CIM_OK;
}

/* ---- beginning ---- */

static void
fill(struct host_session *session, const struct host_session_start *start)
{
    cim_copy_text(session->username, sizeof session->username, start->username);
    cim_copy_text(session->address, sizeof session->address,
                  start->address != NULL ? start->address : "");
    cim_copy_text(session->agent, sizeof session->agent, start->agent != NULL ? start->agent : "");
    cim_copy_text(session->provider, sizeof session->provider,
                  start->provider != NULL ? start->provider : "");
    cim_copy_text(session->provider_sid, sizeof session->provider_sid,
                  start->provider_sid != NULL ? start->provider_sid : "");
    session->kind = start->kind;
    session->created_ms = start->now_ms;
    session->last_seen_ms = start->now_ms;
    session->saved_ms = start->now_ms;
    session->expires_ms = start->now_ms + start->life_ms;
}

cim_status
host_sessions_begin(struct host_sessions *sessions, const struct host_session_start *start,
                    char ret_token[HOST_TOKEN_TEXT], cim_error *err)
{
    CIM_AUTO_FREE struct host_session *session = calloc(1, sizeof *session);
    char token[HOST_TOKEN_TEXT];
    char ended[HOST_TOKEN_TEXT];
    bool full = false;
    if (session == NULL) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(host_random_token(token, err));
    CIM_TRY(host_sha256_text("", token, session->hash, err));
    fill(session, start);
    session->confirmed_ms = host_monotonic_ms();
    CIM_TRY(sync_account(sessions, start->username, err));
    CIM_TRY(insert_row(sessions, session, err));
    (void)pthread_mutex_lock(&sessions->lock);
    make_room(sessions, start->username, start->now_ms, ended);
    full = sessions->n_sessions >= HOST_SESSIONS_MAX;
    if (!full) {
        struct host_session *mine = CIM_TAKE(session);
        add(sessions, mine);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    if (full) {
        (void)delete_row(sessions, session->hash, NULL); /* the refusal below matters more */
        return cim_fail(err, CIM_E_BUSY, NULL, NULL, "会话过多，请稍后再试",
                        "too many sessions; try again later");
    }
    if (ended[0] != '\0') {
        CIM_TRY(delete_row(sessions, ended, err));
    }
    memcpy(ret_token, token, sizeof token);
    return CIM_OK;
}

/* ---- finding ---- */

static void
save_seen(struct host_sessions *sessions, const struct host_session *seen)
{
    const cim_value values[] = {host_value_text("hash", seen->hash),
                                host_value_i64("seen", seen->last_seen_ms)};
    cim_error why;
    const cim_status status =
        sessions->shared != NULL
            ? put_shared(sessions, seen, &why)
            : host_store_write_one(
                  sessions->platform,
                  "update cim_session set last_seen_ms = :seen where token_hash = :hash", values, 2,
                  NULL, &why);
    if (status != CIM_OK) {
        host_log_error("identity", "last use of a session", &why);
    }
}

/* Other hosts, and the next start, know of no later use. */
static int64_t
save_after(const struct host_sessions *sessions)
{
    const int64_t quarter_ms = sessions->idle_ms / 4;
    return quarter_ms < HOST_SESSION_SAVE_MS ? quarter_ms : HOST_SESSION_SAVE_MS;
}

static bool
looks_like_token(const char *token)
{
    return strlen(token) == HOST_TOKEN_TEXT - 1 &&
           strspn(token, "0123456789abcdef") == HOST_TOKEN_TEXT - 1;
}

static cim_status
find(struct host_sessions *sessions, enum host_session_kind kind, const char *token, bool use,
     int64_t now_ms, char ret_username[HOST_USERNAME_MAX + 1], cim_error *err)
{
    char hash[HOST_TOKEN_TEXT];
    struct host_session *session = NULL;
    struct host_session copy;
    bool found = false;
    bool save = false;
    if (looks_like_token(token)) {
        CIM_TRY(host_sha256_text("", token, hash, err));
        CIM_TRY(sync_token(sessions, hash, err));
        (void)pthread_mutex_lock(&sessions->lock);
        session = *find_link(sessions, hash);
        found = session != NULL && session->kind == kind && !is_over(sessions, session, now_ms);
        if (found) {
            memcpy(ret_username, session->username, sizeof session->username);
        }
        if (found && use) {
            session->last_seen_ms = now_ms > session->last_seen_ms ? now_ms : session->last_seen_ms;
            save = kind == HOST_SESSION_COOKIE &&
                   session->last_seen_ms - session->saved_ms >= save_after(sessions);
            session->saved_ms = save ? session->last_seen_ms : session->saved_ms;
            copy = *session;
        }
        (void)pthread_mutex_unlock(&sessions->lock);
    }
    if (save) {
        save_seen(sessions, &copy);
    }
    return found ? CIM_OK
                 : cim_fail(err, CIM_E_DENIED, NULL, NULL, "会话或令牌无效或已过期，请重新登录",
                            "the session or token is not valid any more; sign in again");
}

cim_status
host_sessions_find(struct host_sessions *sessions, enum host_session_kind kind, const char *token,
                   int64_t now_ms, char ret_username[HOST_USERNAME_MAX + 1], cim_error *err)
{
    return find(sessions, kind, token, true, now_ms, ret_username, err);
}

cim_status
host_sessions_peek(struct host_sessions *sessions, enum host_session_kind kind, const char *token,
                   int64_t now_ms, char ret_username[HOST_USERNAME_MAX + 1], cim_error *err)
{
    return find(sessions, kind, token, false, now_ms, ret_username, err);
}

cim_status
host_sessions_end(struct host_sessions *sessions, const char *token, cim_error *err)
{
    char hash[HOST_TOKEN_TEXT];
    struct host_session **link = NULL;
    if (!looks_like_token(token)) {
        return CIM_OK;
    }
    CIM_TRY(host_sha256_text("", token, hash, err));
    (void)pthread_mutex_lock(&sessions->lock);
    link = find_link(sessions, hash);
    if (*link != NULL) {
        drop(sessions, link);
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    return delete_row(sessions, hash, err);
}

cim_status
host_sessions_end_all_of(struct host_sessions *sessions, const char *username, cim_error *err)
{
    const cim_value values[] = {host_value_text("username", username)};
    (void)pthread_mutex_lock(&sessions->lock);
    drop_copies(sessions, username);
    (void)pthread_mutex_unlock(&sessions->lock);
    if (sessions->shared != NULL) {
        return host_shared_drop_all(sessions->shared, username, err);
    }
    return host_store_write_one(sessions->platform,
                                "delete from cim_session where username = :username", values, 1,
                                NULL, err);
}

/* ---- seen from outside ---- */

void
host_session_id(const struct host_session *session, char ret_id[HOST_SESSION_ID_TEXT])
{
    cim_copy_text(ret_id, HOST_SESSION_ID_TEXT, session->hash);
}

cim_status
host_session_id_of(const char *token, char ret_id[HOST_SESSION_ID_TEXT], cim_error *err)
{
    char hash[HOST_TOKEN_TEXT];
    CIM_TRY(host_sha256_text("", token, hash, err));
    cim_copy_text(ret_id, HOST_SESSION_ID_TEXT, hash);
    return CIM_OK;
}

static int
newer_first(const void *a, const void *b)
{
    const struct host_session *left = a;
    const struct host_session *right = b;
    return (left->created_ms < right->created_ms) - (left->created_ms > right->created_ms);
}

cim_status
host_sessions_list(struct host_sessions *sessions, const char *username, int64_t now_ms,
                   struct host_session **ret_list, size_t *ret_n, cim_error *err)
{
    struct host_session *list = NULL;
    size_t n = 0;
    CIM_TRY(sync_account(sessions, username, err));
    (void)pthread_mutex_lock(&sessions->lock);
    list = calloc(sessions->n_sessions + 1, sizeof *list);
    for (size_t i = 0; i < HOST_SESSION_BUCKETS && list != NULL; i++) {
        for (const struct host_session *at = sessions->buckets[i]; at != NULL; at = at->next) {
            if ((username == NULL || strcmp(at->username, username) == 0) &&
                !is_over(sessions, at, now_ms)) {
                list[n] = *at;
                list[n++].next = NULL;
            }
        }
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    if (list == NULL) {
        return cim_fail_nomem(err);
    }
    qsort(list, n, sizeof *list, newer_first);
    *ret_list = list;
    *ret_n = n;
    return CIM_OK;
}

cim_status
host_sessions_end_one(struct host_sessions *sessions, const char *username, const char *id,
                      cim_error *err)
{
    char hash[HOST_TOKEN_TEXT] = "";
    const bool is_id = strlen(id) == HOST_SESSION_ID_TEXT - 1;
    CIM_TRY(sync_account(sessions, username, err));
    (void)pthread_mutex_lock(&sessions->lock);
    for (size_t i = 0; is_id && i < HOST_SESSION_BUCKETS && hash[0] == '\0'; i++) {
        struct host_session **link = &sessions->buckets[i];
        while (*link != NULL && (strncmp((*link)->hash, id, HOST_SESSION_ID_TEXT - 1) != 0 ||
                                 strcmp((*link)->username, username) != 0)) {
            link = &(*link)->next;
        }
        if (*link != NULL) {
            cim_copy_text(hash, sizeof hash, (*link)->hash);
            drop(sessions, link);
        }
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    if (hash[0] == '\0') {
        return cim_fail(err, CIM_E_NOTFOUND, "id", id, "没有这个会话", "there is no such session");
    }
    return delete_row(sessions, hash, err);
}

/* ---- of sign-in providers ---- */

cim_status
host_sessions_copy(struct host_sessions *sessions, const char *token,
                   struct host_session *ret_session, cim_error *err)
{
    char hash[HOST_TOKEN_TEXT];
    const struct host_session *session = NULL;
    if (looks_like_token(token)) {
        CIM_TRY(host_sha256_text("", token, hash, err));
        (void)pthread_mutex_lock(&sessions->lock);
        session = *find_link(sessions, hash);
        if (session != NULL) {
            *ret_session = *session;
            ret_session->next = NULL;
        }
        (void)pthread_mutex_unlock(&sessions->lock);
    }
    return session != NULL ? CIM_OK
                           : cim_fail(err, CIM_E_NOTFOUND, NULL, NULL, "没有这个会话",
                                      "there is no such session");
}

cim_status
host_sessions_end_of_provider(struct host_sessions *sessions, const char *provider,
                              const char *username, const char *provider_sid, cim_error *err)
{
    const cim_value values[] = {host_value_text("provider", provider),
                                host_value_text("username", username != NULL ? username : ""),
                                host_value_text("sid", provider_sid != NULL ? provider_sid : "")};
    (void)pthread_mutex_lock(&sessions->lock);
    for (size_t i = 0; i < HOST_SESSION_BUCKETS; i++) {
        struct host_session **link = &sessions->buckets[i];
        while (*link != NULL) {
            if (strcmp((*link)->provider, provider) == 0 &&
                (username == NULL || strcmp((*link)->username, username) == 0) &&
                (provider_sid == NULL || strcmp((*link)->provider_sid, provider_sid) == 0)) {
                drop(sessions, link);
            } else {
                link = &(*link)->next;
            }
        }
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    return host_store_write_one(sessions->platform,
                                "delete from cim_session where provider = :provider and "
                                "(:username = '' or username = :username) and (:sid = '' or "
                                "provider_session = :sid)",
                                values, 3, NULL, err);
}
