/* host/identity/shared.c -- a few connections to Redis, and the commands; see shared.h. */
#include "host/identity/shared.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/identity/internal.h"
#include "kit/cleanup.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <sys/time.h>

enum { IDLE_MAX = 8, AGAIN_AFTER_MS = 1000, UPDATE_ROUNDS = 50, FIELDS = 7, SCAN_COUNT = 500 };

#define SESSION_KEY "cim:session:"
#define ACCOUNT_KEY "cim:account:" /* a set of the hashes of its sessions */
#define TEXT_KEY    "cim:"

struct host_shared {
    char host[256]; /* or the path of a socket */
    int port;       /* 0: a socket */
    int db;
    char user[128];
    char password[256];
    pthread_mutex_t lock;
    int64_t failed_ms; /* monotonic; 0: not of late */
    size_t n_idle;
    redisContext *idle[IDLE_MAX];
};

/* ---- the address ---- */

static cim_status
refuse_url(cim_error *err)
{
    /* Its value is not repeated: it may hold a password. */
    return cim_fail(err, CIM_E_INVALID, "session.redis_url", NULL,
                    "应为 redis://[[用户]:密码@]主机[:端口][/库号] 或 unix:///套接字路径",
                    "expected redis://[[user]:password@]host[:port][/db] or unix:///path");
}

static cim_status
parse_number(const char *text, long most, int *ret_number, cim_error *err)
{
    char *end = NULL;
    const long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || number < 0 || number > most) {
        return refuse_url(err);
    }
    *ret_number = (int)number;
    return CIM_OK;
}

static cim_status
parse_host(struct host_shared *shared, char *rest, cim_error *err)
{
    char *slash = strchr(rest, '/');
    if (slash != NULL) {
        *slash = '\0';
        CIM_TRY(parse_number(slash + 1, 1000000, &shared->db, err));
    }
    char *colon = strrchr(rest, ':');
    shared->port = 6379;
    if (colon != NULL && strchr(colon, ']') == NULL) {
        *colon = '\0';
        CIM_TRY(parse_number(colon + 1, 65535, &shared->port, err));
    }
    const size_t len = strlen(rest);
    const bool bracketed = len > 2 && rest[0] == '[' && rest[len - 1] == ']';
    rest[bracketed ? len - 1 : len] = '\0';
    rest += bracketed ? 1 : 0;
    if (rest[0] == '\0' || strlen(rest) >= sizeof shared->host || shared->port == 0) {
        return refuse_url(err);
    }
    cim_copy_text(shared->host, sizeof shared->host, rest);
    return CIM_OK;
}

static cim_status
parse_url(struct host_shared *shared, char *url, cim_error *err)
{
    if (strncmp(url, "unix:///", 8) == 0 && strlen(url) - 7 < sizeof shared->host) {
        cim_copy_text(shared->host, sizeof shared->host, url + 7);
        return CIM_OK;
    }
    if (strncmp(url, "redis://", 8) != 0) {
        return refuse_url(err);
    }
    char *rest = url + 8;
    char *at = strrchr(rest, '@');
    if (at != NULL) {
        *at = '\0';
        char *colon = strchr(rest, ':');
        if (colon == NULL || (size_t)(colon - rest) >= sizeof shared->user ||
            strlen(colon + 1) >= sizeof shared->password) {
            return refuse_url(err);
        }
        *colon = '\0';
        cim_copy_text(shared->user, sizeof shared->user, rest);
        cim_copy_text(shared->password, sizeof shared->password, colon + 1);
        rest = at + 1;
    }
    return parse_host(shared, rest, err);
}

cim_status
host_shared_open(const char *url, struct host_shared **ret_shared, cim_error *err)
{
    struct host_shared *shared = calloc(1, sizeof *shared);
    CIM_AUTO_FREE char *copy = strdup(url);
    if (shared == NULL || copy == NULL) {
        free(shared);
        return cim_fail_nomem(err);
    }
    const cim_status status = parse_url(shared, copy, err);
    if (status != CIM_OK) {
        free(shared);
        return status;
    }
    (void)pthread_mutex_init(&shared->lock, NULL);
    *ret_shared = shared;
    return CIM_OK;
}

void
host_shared_close(struct host_shared *shared)
{
    if (shared == NULL) {
        return;
    }
    for (size_t i = 0; i < shared->n_idle; i++) {
        redisFree(shared->idle[i]);
    }
    (void)pthread_mutex_destroy(&shared->lock);
    free(shared);
}

/* ---- connections ---- */

static cim_status
unreachable(cim_error *err)
{
    return cim_fail(err, CIM_E_BUSY, NULL, NULL, "登录服务暂时不可用，请稍后再试",
                    "sign-in is not available for the moment; try again soon");
}

/* Notes the failure, once in a while in the log. Takes the connection; it may be NULL. */
static cim_status
fail(struct host_shared *shared, redisContext *connection, const char *why, cim_error *err)
{
    const int64_t now_ms = host_monotonic_ms();
    bool news = false;
    (void)pthread_mutex_lock(&shared->lock);
    news = shared->failed_ms == 0 || now_ms - shared->failed_ms >= AGAIN_AFTER_MS;
    shared->failed_ms = now_ms;
    (void)pthread_mutex_unlock(&shared->lock);
    if (news) {
        host_log(CIM_LOG_ERROR, "identity", "Redis: %s",
                 connection != NULL && connection->err != 0 ? connection->errstr : why);
    }
    if (connection != NULL) {
        redisFree(connection);
    }
    return unreachable(err);
}

/* False where Redis refuses, by a password that is wrong say. */
static bool
greet(const struct host_shared *shared, redisContext *connection)
{
    redisReply *reply = NULL;
    bool good = true;
    if (shared->password[0] != '\0') {
        reply = shared->user[0] != '\0'
                    ? redisCommand(connection, "AUTH %s %s", shared->user, shared->password)
                    : redisCommand(connection, "AUTH %s", shared->password);
        good = reply != NULL && reply->type != REDIS_REPLY_ERROR;
        freeReplyObject(reply);
    }
    if (good && shared->db > 0) {
        reply = redisCommand(connection, "SELECT %d", shared->db);
        good = reply != NULL && reply->type != REDIS_REPLY_ERROR;
        freeReplyObject(reply);
    }
    return good;
}

static cim_status
connect_anew(struct host_shared *shared, redisContext **ret_connection, cim_error *err)
{
    const struct timeval wait = {.tv_sec = HOST_SHARED_WAIT_MS / 1000,
                                 .tv_usec = HOST_SHARED_WAIT_MS % 1000 * 1000};
    redisContext *connection = shared->port > 0
                                   ? redisConnectWithTimeout(shared->host, shared->port, wait)
                                   : redisConnectUnixWithTimeout(shared->host, wait);
    if (connection == NULL || connection->err != 0) {
        return fail(shared, connection, "no connection", err);
    }
    if (redisSetTimeout(connection, wait) != REDIS_OK || !greet(shared, connection)) {
        return fail(shared, connection, "refused: user, password or database", err);
    }
    *ret_connection = connection;
    return CIM_OK;
}

/* `fresh`: not one that lay idle, which Redis may have closed meanwhile. */
static cim_status
take(struct host_shared *shared, bool fresh, redisContext **ret_connection, cim_error *err)
{
    redisContext *connection = NULL;
    bool failed = false;
    (void)pthread_mutex_lock(&shared->lock);
    if (!fresh && shared->n_idle > 0) {
        connection = shared->idle[--shared->n_idle];
    }
    failed = shared->failed_ms != 0 && host_monotonic_ms() - shared->failed_ms < AGAIN_AFTER_MS;
    (void)pthread_mutex_unlock(&shared->lock);
    if (connection == NULL && failed) {
        return unreachable(err);
    }
    if (connection == NULL) {
        CIM_TRY(connect_anew(shared, &connection, err));
    }
    *ret_connection = connection;
    return CIM_OK;
}

static void
give(struct host_shared *shared, redisContext *connection)
{
    (void)pthread_mutex_lock(&shared->lock);
    shared->failed_ms = 0;
    if (shared->n_idle < IDLE_MAX) {
        shared->idle[shared->n_idle++] = connection;
        connection = NULL;
    }
    (void)pthread_mutex_unlock(&shared->lock);
    if (connection != NULL) {
        redisFree(connection);
    }
}

/* One command that may be said twice. The reply is the caller's to free. */
__attribute__((format(printf, 4, 5))) static cim_status
ask(struct host_shared *shared, redisReply **ret_reply, cim_error *err, const char *format, ...)
{
    redisContext *connection = NULL;
    redisReply *reply = NULL;
    for (int i = 0; i < 2 && reply == NULL; i++) {
        va_list args;
        CIM_TRY(take(shared, i > 0, &connection, err));
        va_start(args, format);
        reply = redisvCommand(connection, format, args);
        va_end(args);
        if (reply == NULL && i == 0) {
            redisFree(connection); /* it lay idle too long, or Redis was started anew */
        }
    }
    if (reply == NULL) {
        return fail(shared, connection, "no answer", err);
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        host_log(CIM_LOG_ERROR, "identity", "Redis: %s", reply->str);
        freeReplyObject(reply);
        give(shared, connection);
        return unreachable(err);
    }
    give(shared, connection);
    *ret_reply = reply;
    return CIM_OK;
}

static void
free_reply(redisReply **reply)
{
    freeReplyObject(*reply); /* NULL-safe */
}
#define AUTO_REPLY __attribute__((cleanup(free_reply)))

/* ---- sessions ---- */

/* kind, created, last seen, expires, account, address, agent; the last may hold anything. */
static bool
read_session(const char *hash, char *text, struct host_session *session)
{
    char *fields[FIELDS];
    for (int i = 0; i < FIELDS - 1; i++) {
        fields[i] = strsep(&text, "\t");
        if (text == NULL) {
            return false;
        }
    }
    fields[FIELDS - 1] = text;
    cim_copy_text(session->hash, sizeof session->hash, hash);
    session->created_ms = strtoll(fields[1], NULL, 10);
    session->last_seen_ms = strtoll(fields[2], NULL, 10);
    session->saved_ms = session->last_seen_ms;
    session->expires_ms = strtoll(fields[3], NULL, 10);
    cim_copy_text(session->username, sizeof session->username, fields[4]);
    cim_copy_text(session->address, sizeof session->address, fields[5]);
    cim_copy_text(session->agent, sizeof session->agent, fields[6]);
    return host_session_kind_of(fields[0], &session->kind);
}

cim_status
host_shared_put(struct host_shared *shared, const struct host_session *session, int64_t life_ms,
                cim_error *err)
{
    AUTO_REPLY redisReply *listed = NULL;
    AUTO_REPLY redisReply *kept = NULL;
    char numbers[80];
    (void)snprintf(numbers, sizeof numbers, "%lld\t%lld\t%lld", (long long)session->created_ms,
                   (long long)session->last_seen_ms, (long long)session->expires_ms);
    /* Listed first: what is kept can always be ended with the others of its account. */
    CIM_TRY(
        ask(shared, &listed, err, "SADD " ACCOUNT_KEY "%s %s", session->username, session->hash));
    return ask(shared, &kept, err, "SET " SESSION_KEY "%s %s\t%s\t%s\t%s\t%s PX %lld",
               session->hash, host_session_kind_name(session->kind), numbers, session->username,
               session->address, session->agent, (long long)(life_ms > 0 ? life_ms : 1));
}

cim_status
host_shared_get(struct host_shared *shared, const char *hash, struct host_session **ret_session,
                cim_error *err)
{
    AUTO_REPLY redisReply *reply = NULL;
    CIM_TRY(ask(shared, &reply, err, "GET " SESSION_KEY "%s", hash));
    *ret_session = NULL;
    if (reply->type != REDIS_REPLY_STRING) {
        return CIM_OK;
    }
    struct host_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        return cim_fail_nomem(err);
    }
    if (!read_session(hash, reply->str, session)) {
        free(session);
        host_log(CIM_LOG_WARNING, "identity", "Redis: a session that cannot be read");
        return CIM_OK;
    }
    *ret_session = session;
    return CIM_OK;
}

cim_status
host_shared_drop(struct host_shared *shared, const char *hash, cim_error *err)
{
    AUTO_REPLY redisReply *gone = NULL;
    AUTO_REPLY redisReply *unlisted = NULL;
    struct host_session *session = NULL;
    CIM_TRY(host_shared_get(shared, hash, &session, err));
    cim_status status = ask(shared, &gone, err, "DEL " SESSION_KEY "%s", hash);
    if (status == CIM_OK && session != NULL) {
        status = ask(shared, &unlisted, err, "SREM " ACCOUNT_KEY "%s %s", session->username, hash);
    }
    free(session);
    return status;
}

static cim_status
add_listed(struct host_shared *shared, const char *username, const char *hash,
           struct host_session **first, cim_error *err)
{
    AUTO_REPLY redisReply *unlisted = NULL;
    struct host_session *session = NULL;
    CIM_TRY(host_shared_get(shared, hash, &session, err));
    if (session == NULL) { /* it ended by itself */
        return ask(shared, &unlisted, err, "SREM " ACCOUNT_KEY "%s %s", username, hash);
    }
    session->next = *first;
    *first = session;
    return CIM_OK;
}

static void
free_list(struct host_session *first)
{
    while (first != NULL) {
        struct host_session *next = first->next;
        free(first);
        first = next;
    }
}

static cim_status
list_account(struct host_shared *shared, const char *username, struct host_session **first,
             cim_error *err)
{
    AUTO_REPLY redisReply *members = NULL;
    CIM_TRY(ask(shared, &members, err, "SMEMBERS " ACCOUNT_KEY "%s", username));
    for (size_t i = 0; i < members->elements && i < HOST_SHARED_LISTED_MAX; i++) {
        CIM_TRY(add_listed(shared, username, members->element[i]->str, first, err));
    }
    return CIM_OK;
}

static cim_status
list_all(struct host_shared *shared, struct host_session **first, cim_error *err)
{
    char cursor[32] = "0";
    size_t n = 0;
    do {
        AUTO_REPLY redisReply *page = NULL;
        CIM_TRY(
            ask(shared, &page, err, "SCAN %s MATCH " ACCOUNT_KEY "* COUNT %d", cursor, SCAN_COUNT));
        if (page->elements != 2) {
            return unreachable(err);
        }
        cim_copy_text(cursor, sizeof cursor, page->element[0]->str);
        for (size_t i = 0; i < page->element[1]->elements; i++, n++) {
            const char *key = page->element[1]->element[i]->str;
            CIM_TRY(list_account(shared, key + strlen(ACCOUNT_KEY), first, err));
        }
    } while (strcmp(cursor, "0") != 0 && n < HOST_SHARED_LISTED_MAX);
    return CIM_OK;
}

cim_status
host_shared_list(struct host_shared *shared, const char *username, struct host_session **ret_first,
                 cim_error *err)
{
    struct host_session *first = NULL;
    const cim_status status = username != NULL ? list_account(shared, username, &first, err)
                                               : list_all(shared, &first, err);
    if (status != CIM_OK) {
        free_list(first);
        return status;
    }
    *ret_first = first;
    return CIM_OK;
}

cim_status
host_shared_drop_all(struct host_shared *shared, const char *username, cim_error *err)
{
    AUTO_REPLY redisReply *members = NULL;
    CIM_TRY(ask(shared, &members, err, "SMEMBERS " ACCOUNT_KEY "%s", username));
    for (size_t i = 0; i < members->elements; i++) {
        CIM_TRY(host_shared_drop(shared, members->element[i]->str, err));
    }
    return CIM_OK;
}

/* ---- texts ---- */

cim_status
host_shared_read(struct host_shared *shared, const char *name, char ret_text[HOST_SHARED_TEXT_MAX],
                 cim_error *err)
{
    AUTO_REPLY redisReply *reply = NULL;
    CIM_TRY(ask(shared, &reply, err, "GET " TEXT_KEY "%s", name));
    cim_copy_text(ret_text, HOST_SHARED_TEXT_MAX,
                  reply->type == REDIS_REPLY_STRING ? reply->str : "");
    return CIM_OK;
}

static redisReply *
say(redisContext *connection, const char *name, const char *text, int64_t life_ms)
{
    return text[0] != '\0' ? redisCommand(connection, "SET " TEXT_KEY "%s %s PX %lld", name, text,
                                          (long long)life_ms)
                           : redisCommand(connection, "DEL " TEXT_KEY "%s", name);
}

/* Watched, so that what others changed meanwhile lets nothing happen: *ret_done false. NULL: the
 * connection is lost. */
static bool
update_once(redisContext *connection, const char *name, const struct host_shared_change *change,
            bool *ret_done)
{
    AUTO_REPLY redisReply *watched = redisCommand(connection, "WATCH " TEXT_KEY "%s", name);
    AUTO_REPLY redisReply *before =
        watched != NULL ? redisCommand(connection, "GET " TEXT_KEY "%s", name) : NULL;
    char after[HOST_SHARED_TEXT_MAX] = "";
    if (before == NULL) {
        return false;
    }
    change->change(change->self, before->type == REDIS_REPLY_STRING ? before->str : "", after);
    AUTO_REPLY redisReply *begun = redisCommand(connection, "MULTI");
    AUTO_REPLY redisReply *queued =
        begun != NULL ? say(connection, name, after, change->life_ms) : NULL;
    AUTO_REPLY redisReply *done = queued != NULL ? redisCommand(connection, "EXEC") : NULL;
    *ret_done = done != NULL && done->type == REDIS_REPLY_ARRAY;
    return done != NULL && done->type != REDIS_REPLY_ERROR;
}

cim_status
host_shared_update(struct host_shared *shared, const char *name,
                   const struct host_shared_change *change, cim_error *err)
{
    redisContext *connection = NULL;
    bool done = false;
    /* A fresh connection: an idle one that is dead could not be told from a step half done. */
    CIM_TRY(take(shared, true, &connection, err));
    for (int i = 0; i < UPDATE_ROUNDS && !done; i++) {
        if (!update_once(connection, name, change, &done)) {
            return fail(shared, connection, "no answer", err);
        }
    }
    give(shared, connection);
    return done ? CIM_OK : unreachable(err);
}

cim_status
host_shared_claim(struct host_shared *shared, const char *name, int64_t life_ms, bool *ret_mine,
                  cim_error *err)
{
    redisContext *connection = NULL;
    CIM_TRY(take(shared, true, &connection, err));
    AUTO_REPLY redisReply *reply =
        redisCommand(connection, "SET " TEXT_KEY "%s 1 NX PX %lld", name, (long long)life_ms);
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        return fail(shared, connection, "no answer", err);
    }
    give(shared, connection);
    *ret_mine = reply->type == REDIS_REPLY_STATUS;
    return CIM_OK;
}
