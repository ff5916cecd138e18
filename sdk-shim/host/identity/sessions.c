/* Sessions and tokens: in memory, mirrored in platform.db so that they survive a restart.
 *
 * A session ends when it was idle for idle_ms, or at expires_ms; a token at expires_ms only. At the
 * very millisecond it is over.
 */
#include "host/identity/internal.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include "host/base/log.h"

static const char *const kind_names[] = {"session", "token"};

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
    if (session == NULL || hash == NULL || kind == NULL || username == NULL) {
        free(session);
        return cim_fail_nomem(err);
    }
    cim_copy_text(session->hash, sizeof session->hash, hash);
    cim_copy_text(session->username, sizeof session->username, username);
    session->kind = strcmp(kind, kind_names[HOST_SESSION_BEARER]) == 0 ? HOST_SESSION_BEARER
                                                                       : HOST_SESSION_COOKIE;
    session->created_ms = host_row_i64(row, 3);
    session->last_seen_ms = host_row_i64(row, 4);
    session->saved_ms = session->last_seen_ms;
    session->expires_ms = host_row_i64(row, 5);
    if (strlen(hash) != HOST_TOKEN_TEXT - 1 || is_over(sessions, session, now_ms)) {
        free(session);
    } else {
        add(sessions, session);
    }
    return CIM_OK;
}

cim_status
host_sessions_open(struct host_sessions *sessions, struct host_store *platform, int64_t idle_ms,
                   int64_t now_ms, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    struct host_row row = {0};
    bool there = true;
    const cim_value values[] = {
        host_value_i64("now", now_ms),
        host_value_i64("seen", now_ms - idle_ms),
    };
    sessions->platform = platform;
    sessions->idle_ms = idle_ms;
    (void)pthread_mutex_init(&sessions->lock, NULL);
    if (host_store_is_read_only(platform)) {
        return CIM_OK; /* nobody signs in here */
    }
    CIM_TRY(host_store_write_one(platform,
                                 "delete from cim_session where expires_ms <= :now or "
                                 "(kind = 'session' and last_seen_ms <= :seen)",
                                 values, 2, NULL, err));
    CIM_TRY(host_store_read(platform,
                            "select token_hash, kind, username, created_ms, last_seen_ms, "
                            "expires_ms from cim_session",
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

static cim_status
delete_row(struct host_sessions *sessions, const char *hash, cim_error *err)
{
    const cim_value values[] = {host_value_text("hash", hash)};
    return host_store_write_one(sessions->platform,
                                "delete from cim_session where token_hash = :hash", values, 1, NULL,
                                err);
}

static cim_status
insert_row(struct host_sessions *sessions, const struct host_session *session, cim_error *err)
{
    const cim_value values[] = {
        host_value_text("hash", session->hash),
        host_value_text("kind", kind_names[session->kind]),
        host_value_text("username", session->username),
        host_value_i64("created", session->created_ms),
        host_value_i64("expires", session->expires_ms),
    };
    return host_store_write_one(sessions->platform,
                                "insert into cim_session (token_hash, kind, username, created_ms, "
                                "last_seen_ms, expires_ms) "
                                "values (:hash, :kind, :username, :created, :created, :expires)",
                                values, 5, NULL, err);
}

cim_status
host_sessions_begin(struct host_sessions *sessions, enum host_session_kind kind,
                    const char *username, int64_t now_ms, int64_t life_ms,
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
    cim_copy_text(session->username, sizeof session->username, username);
    session->kind = kind;
    session->created_ms = now_ms;
    session->last_seen_ms = now_ms;
    session->saved_ms = now_ms;
    session->expires_ms = now_ms + life_ms;
    CIM_TRY(insert_row(sessions, session, err));
    (void)pthread_mutex_lock(&sessions->lock);
    make_room(sessions, username, now_ms, ended);
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

static void
save_seen(struct host_sessions *sessions, const char *hash, int64_t seen_ms)
{
    const cim_value values[] = {host_value_text("hash", hash), host_value_i64("seen", seen_ms)};
    cim_error why;
    if (host_store_write_one(sessions->platform,
                             "update cim_session set last_seen_ms = :seen where token_hash = :hash",
                             values, 2, NULL, &why) != CIM_OK) {
        host_log_error("identity", "last use of a session", &why);
    }
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
    bool found = false;
    bool save = false;
    if (looks_like_token(token)) {
        CIM_TRY(host_sha256_text("", token, hash, err));
        (void)pthread_mutex_lock(&sessions->lock);
        session = *find_link(sessions, hash);
        found = session != NULL && session->kind == kind && !is_over(sessions, session, now_ms);
        if (found) {
            memcpy(ret_username, session->username, sizeof session->username);
        }
        if (found && use) {
            session->last_seen_ms = now_ms > session->last_seen_ms ? now_ms : session->last_seen_ms;
            save = kind == HOST_SESSION_COOKIE &&
                   session->last_seen_ms - session->saved_ms >= HOST_SESSION_SAVE_MS;
            session->saved_ms = save ? session->last_seen_ms : session->saved_ms;
        }
        (void)pthread_mutex_unlock(&sessions->lock);
    }
    if (save) {
        save_seen(sessions, hash, now_ms);
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
    for (size_t i = 0; i < HOST_SESSION_BUCKETS; i++) {
        struct host_session **link = &sessions->buckets[i];
        while (*link != NULL) {
            if (strcmp((*link)->username, username) == 0) {
                drop(sessions, link);
            } else {
                link = &(*link)->next;
            }
        }
    }
    (void)pthread_mutex_unlock(&sessions->lock);
    return host_store_write_one(sessions->platform,
                                "delete from cim_session where username = :username", values, 1,
                                NULL, err);
}
