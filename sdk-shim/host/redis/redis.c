/* host/redis/redis.c -- see redis.h. */
#include "host/redis/redis.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "kit/cleanup.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { IDLE_MAX = 8, AGAIN_AFTER_MS = 1000 };

struct host_redis {
    const char *setting;   /* that gives the address; static, like the next */
    const char *component; /* of lines in the log */
    int wait_ms;
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
refuse_url(const struct host_redis *redis, cim_error *err)
{
    /* Its value is not repeated: it may hold a password. */
    return cim_fail(err, CIM_E_INVALID, redis->setting, NULL,
                    "应为 redis://[[用户]:密码@]主机[:端口][/库号] 或 unix:///套接字路径",
                    "expected redis://[[user]:password@]host[:port][/db] or unix:///path");
}

static cim_status
parse_number(const struct host_redis *redis, const char *text, long most, int *ret_number,
             cim_error *err)
{
    char *end = NULL;
    const long number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || number < 0 || number > most) {
        return refuse_url(redis, err);
    }
    *ret_number = (int)number;
    return CIM_OK;
}

static cim_status
parse_host(struct host_redis *redis, char *rest, cim_error *err)
{
    char *slash = strchr(rest, '/');
    if (slash != NULL) {
        *slash = '\0';
        CIM_TRY(parse_number(redis, slash + 1, 1000000, &redis->db, err));
    }
    char *colon = strrchr(rest, ':');
    redis->port = 6379;
    if (colon != NULL && strchr(colon, ']') == NULL) {
        *colon = '\0';
        CIM_TRY(parse_number(redis, colon + 1, 65535, &redis->port, err));
    }
    const size_t len = strlen(rest);
    const bool bracketed = len > 2 && rest[0] == '[' && rest[len - 1] == ']';
    rest[bracketed ? len - 1 : len] = '\0';
    rest += bracketed ? 1 : 0;
    if (rest[0] == '\0' || strlen(rest) >= sizeof redis->host || redis->port == 0) {
        return refuse_url(redis, err);
    }
    cim_copy_text(redis->host, sizeof redis->host, rest);
    return CIM_OK;
}

static cim_status
parse_url(struct host_redis *redis, char *url, cim_error *err)
{
    if (strncmp(url, "unix:///", 8) == 0 && strlen(url) - 7 < sizeof redis->host) {
        cim_copy_text(redis->host, sizeof redis->host, url + 7);
        return CIM_OK;
    }
    if (strncmp(url, "redis://", 8) != 0) {
        return refuse_url(redis, err);
    }
    char *rest = url + 8;
    char *at = strrchr(rest, '@');
    if (at != NULL) {
        *at = '\0';
        char *colon = strchr(rest, ':');
        if (colon == NULL || (size_t)(colon - rest) >= sizeof redis->user ||
            strlen(colon + 1) >= sizeof redis->password) {
            return refuse_url(redis, err);
        }
        *colon = '\0';
        cim_copy_text(redis->user, sizeof redis->user, rest);
        cim_copy_text(redis->password, sizeof redis->password, colon + 1);
        rest = at + 1;
    }
    return parse_host(redis, rest, err);
}

cim_status
host_redis_open(const struct host_redis_options *options, struct host_redis **ret_redis,
                cim_error *err)
{
    struct host_redis *redis = calloc(1, sizeof *redis);
    CIM_AUTO_FREE char *copy = strdup(options->url);
    if (redis == NULL || copy == NULL) {
        free(redis);
        return cim_fail_nomem(err);
    }
    redis->setting = options->setting;
    redis->component = options->component;
    redis->wait_ms = options->wait_ms;
    const cim_status status = parse_url(redis, copy, err);
    if (status != CIM_OK) {
        free(redis);
        return status;
    }
    (void)pthread_mutex_init(&redis->lock, NULL);
    *ret_redis = redis;
    return CIM_OK;
}

void
host_redis_close(struct host_redis *redis)
{
    if (redis == NULL) {
        return;
    }
    for (size_t i = 0; i < redis->n_idle; i++) {
        redisFree(redis->idle[i]);
    }
    (void)pthread_mutex_destroy(&redis->lock);
    free(redis);
}

/* ---- connections ---- */

void
host_redis_fail(struct host_redis *redis, redisContext *connection, const char *why)
{
    const int64_t now_ms = host_monotonic_ms();
    redisContext *idle[IDLE_MAX];
    size_t n_idle = 0;
    bool news = false;
    (void)pthread_mutex_lock(&redis->lock);
    news = redis->failed_ms == 0 || now_ms - redis->failed_ms >= AGAIN_AFTER_MS;
    redis->failed_ms = now_ms;
    n_idle = redis->n_idle; /* they lead to the same server */
    memcpy(idle, redis->idle, sizeof idle);
    redis->n_idle = 0;
    (void)pthread_mutex_unlock(&redis->lock);
    if (news) {
        host_log(CIM_LOG_ERROR, redis->component, "Redis: %s",
                 connection != NULL && connection->err != 0 ? connection->errstr : why);
    }
    for (size_t i = 0; i < n_idle; i++) {
        redisFree(idle[i]);
    }
    if (connection != NULL) {
        redisFree(connection);
    }
}

/* False where Redis refuses, by a password that is wrong say. */
static bool
greet(const struct host_redis *redis, redisContext *connection)
{
    redisReply *reply = NULL;
    bool good = true;
    if (redis->password[0] != '\0') {
        reply = redis->user[0] != '\0'
                    ? redisCommand(connection, "AUTH %s %s", redis->user, redis->password)
                    : redisCommand(connection, "AUTH %s", redis->password);
        good = reply != NULL && reply->type != REDIS_REPLY_ERROR;
        freeReplyObject(reply);
    }
    if (good && redis->db > 0) {
        reply = redisCommand(connection, "SELECT %d", redis->db);
        good = reply != NULL && reply->type != REDIS_REPLY_ERROR;
        freeReplyObject(reply);
    }
    return good;
}

/* NULL: noted as a failure. */
static redisContext *
connect_anew(struct host_redis *redis)
{
    const struct timeval wait = {.tv_sec = redis->wait_ms / 1000,
                                 .tv_usec = redis->wait_ms % 1000 * 1000};
    redisContext *connection = redis->port > 0
                                   ? redisConnectWithTimeout(redis->host, redis->port, wait)
                                   : redisConnectUnixWithTimeout(redis->host, wait);
    if (connection == NULL || connection->err != 0) {
        host_redis_fail(redis, connection, "no connection");
        return NULL;
    }
    if (redisSetTimeout(connection, wait) != REDIS_OK || !greet(redis, connection)) {
        host_redis_fail(redis, connection, "refused: user, password or database");
        return NULL;
    }
    return connection;
}

redisContext *
host_redis_take(struct host_redis *redis, bool fresh)
{
    redisContext *connection = NULL;
    bool failed = false;
    (void)pthread_mutex_lock(&redis->lock);
    failed = redis->failed_ms != 0 && host_monotonic_ms() - redis->failed_ms < AGAIN_AFTER_MS;
    if (!failed && !fresh && redis->n_idle > 0) {
        connection = redis->idle[--redis->n_idle];
    }
    (void)pthread_mutex_unlock(&redis->lock);
    return connection != NULL || failed ? connection : connect_anew(redis);
}

void
host_redis_give(struct host_redis *redis, redisContext *connection)
{
    (void)pthread_mutex_lock(&redis->lock);
    redis->failed_ms = 0;
    if (redis->n_idle < IDLE_MAX) {
        redis->idle[redis->n_idle++] = connection;
        connection = NULL;
    }
    (void)pthread_mutex_unlock(&redis->lock);
    if (connection != NULL) {
        redisFree(connection);
    }
}

redisReply *
host_redis_ask_args(struct host_redis *redis, const char *format, va_list args)
{
    redisContext *connection = NULL;
    redisReply *reply = NULL;
    for (int i = 0; i < 2 && reply == NULL; i++) {
        va_list copy;
        connection = host_redis_take(redis, i > 0);
        if (connection == NULL) {
            return NULL;
        }
        va_copy(copy, args);
        reply = redisvCommand(connection, format, copy);
        va_end(copy);
        if (reply == NULL && i == 0) {
            redisFree(connection); /* it lay idle too long, or Redis was started anew */
        }
    }
    if (reply == NULL) {
        host_redis_fail(redis, connection, "no answer");
        return NULL;
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        host_log(CIM_LOG_ERROR, redis->component, "Redis: %s", reply->str);
        freeReplyObject(reply);
        reply = NULL;
    }
    host_redis_give(redis, connection);
    return reply;
}

/* Formats of hiredis that the compiler does not know. */
static redisReply *
ask_bytes(struct host_redis *redis, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = host_redis_ask_args(redis, format, args);
    va_end(args);
    return reply;
}

bool
host_redis_put(struct host_redis *redis, const char *name, const void *bytes, size_t len,
               int64_t life_ms)
{
    HOST_AUTO_REPLY redisReply *reply =
        ask_bytes(redis, "SET %s %b PX %lld", name, bytes, len, (long long)life_ms);
    return reply != NULL;
}

redisReply *
host_redis_ask(struct host_redis *redis, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    redisReply *reply = host_redis_ask_args(redis, format, args);
    va_end(args);
    return reply;
}

void
host_redis_free_reply(redisReply **reply)
{
    freeReplyObject(*reply); /* NULL-safe */
}
