/* host/identity/shared.c -- see shared.h. */
#include "host/identity/shared.h"

#include "cim/util.h"
#include "host/base/log.h"
#include "host/identity/internal.h"
#include "host/redis/redis.h"
#include "kit/cleanup.h"

#include <stdarg.h>

enum { UPDATE_ROUNDS = 50, FIELDS = 7, SCAN_COUNT = 500 };

#define SESSION_KEY "cim:session:"
#define ACCOUNT_KEY "cim:account:" /* a set of the hashes of its sessions */
#define TEXT_KEY    "cim:"

struct host_shared {
    struct host_redis *redis;
};

cim_status
host_shared_open(const char *url, struct host_shared **ret_shared, cim_error *err)
{
    const struct host_redis_options options = {.url = url,
                                               .setting = "session.redis_url",
                                               .component = "identity",
                                               .wait_ms = HOST_SHARED_WAIT_MS};
    struct host_shared *shared = calloc(1, sizeof *shared);
    if (shared == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_status status = host_redis_open(&options, &shared->redis, err);
    if (status != CIM_OK) {
        free(shared);
        return status;
    }
    *ret_shared = shared;
    return CIM_OK;
}

void
host_shared_close(struct host_shared *shared)
{
    if (shared != NULL) {
        host_redis_close(shared->redis);
        free(shared);
    }
}

static cim_status
unreachable(cim_error *err)
{
    return cim_fail(err, CIM_E_BUSY, NULL, NULL, "登录服务暂时不可用，请稍后再试",
                    "sign-in is not available for the moment; try again soon");
}

/* One command that may be said twice. The reply is the caller's to free. */
__attribute__((format(printf, 4, 5))) static cim_status
ask(struct host_shared *shared, redisReply **ret_reply, cim_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = host_redis_ask_args(shared->redis, format, args);
    va_end(args);
    if (reply == NULL) {
        return unreachable(err);
    }
    *ret_reply = reply;
    return CIM_OK;
}

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
    HOST_AUTO_REPLY redisReply *listed = NULL;
    HOST_AUTO_REPLY redisReply *kept = NULL;
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
    HOST_AUTO_REPLY redisReply *reply = NULL;
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
    HOST_AUTO_REPLY redisReply *gone = NULL;
    HOST_AUTO_REPLY redisReply *unlisted = NULL;
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
    HOST_AUTO_REPLY redisReply *unlisted = NULL;
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
    HOST_AUTO_REPLY redisReply *members = NULL;
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
        HOST_AUTO_REPLY redisReply *page = NULL;
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
    HOST_AUTO_REPLY redisReply *members = NULL;
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
    HOST_AUTO_REPLY redisReply *reply = NULL;
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
    HOST_AUTO_REPLY redisReply *watched = redisCommand(connection, "WATCH " TEXT_KEY "%s", name);
    HOST_AUTO_REPLY redisReply *before =
        watched != NULL ? redisCommand(connection, "GET " TEXT_KEY "%s", name) : NULL;
    char after[HOST_SHARED_TEXT_MAX] = "";
    if (before == NULL) {
        return false;
    }
    change->change(change->self, before->type == REDIS_REPLY_STRING ? before->str : "", after);
    HOST_AUTO_REPLY redisReply *begun = redisCommand(connection, "MULTI");
    HOST_AUTO_REPLY redisReply *queued =
        begun != NULL ? say(connection, name, after, change->life_ms) : NULL;
    HOST_AUTO_REPLY redisReply *done = queued != NULL ? redisCommand(connection, "EXEC") : NULL;
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
    connection = host_redis_take(shared->redis, true);
    if (connection == NULL) {
        return unreachable(err);
    }
    for (int i = 0; i < UPDATE_ROUNDS && !done; i++) {
        if (!update_once(connection, name, change, &done)) {
            host_redis_fail(shared->redis, connection, "no answer");
            return unreachable(err);
        }
    }
    host_redis_give(shared->redis, connection);
    return done ? CIM_OK : unreachable(err);
}

cim_status
host_shared_claim(struct host_shared *shared, const char *name, int64_t life_ms, bool *ret_mine,
                  cim_error *err)
{
    redisContext *connection = NULL;
    connection = host_redis_take(shared->redis, true);
    if (connection == NULL) {
        return unreachable(err);
    }
    HOST_AUTO_REPLY redisReply *reply =
        redisCommand(connection, "SET " TEXT_KEY "%s 1 NX PX %lld", name, (long long)life_ms);
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        host_redis_fail(shared->redis, connection, "no answer");
        return unreachable(err);
    }
    host_redis_give(shared->redis, connection);
    *ret_mine = reply->type == REDIS_REPLY_STATUS;
    return CIM_OK;
}
