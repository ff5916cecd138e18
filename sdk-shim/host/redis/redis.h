/* host/redis/redis.h -- a few connections to a Redis that several hosts share.
 *
 * Any thread; each call waits for Redis, options.wait_ms at most for each of connecting and
 * answering. For a second after a failure all calls fail at once.
 */
#ifndef HOST_REDIS_REDIS_H
#define HOST_REDIS_REDIS_H

#include "cim/base.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdbool.h>

struct host_redis;

struct host_redis_options {
    const char *url;       /* redis://[[user]:password@]host[:port][/db], or unix:///path */
    const char *setting;   /* its name, for messages; static */
    const char *component; /* of lines in the log; static */
    int wait_ms;
};

/* Fails where the address is none; Redis need not be there yet. */
cim_status host_redis_open(const struct host_redis_options *options, struct host_redis **ret_redis,
                           cim_error *err);
void host_redis_close(struct host_redis *redis); /* NULL-safe */

/* One command that may be said twice; the caller's to free. NULL: Redis cannot be asked, or refused
 * the command. */
__attribute__((format(printf, 2, 3))) redisReply *host_redis_ask(struct host_redis *redis,
                                                                 const char *format, ...);
redisReply *host_redis_ask_args(struct host_redis *redis, const char *format, va_list args);
/* Keeps bytes under a name for some time; false: it did not. */
bool host_redis_put(struct host_redis *redis, const char *name, const void *bytes, size_t len,
                    int64_t life_ms);
void host_redis_free_reply(redisReply **reply);
#define HOST_AUTO_REPLY __attribute__((cleanup(host_redis_free_reply)))

/* For commands that must not be said twice: a connection, given back after use. `fresh`: not one
 * that lay idle, which Redis may have closed meanwhile. NULL: Redis cannot be asked. */
redisContext *host_redis_take(struct host_redis *redis, bool fresh);
void host_redis_give(struct host_redis *redis, redisContext *connection);
/* Instead of giving it back: notes the failure, once in a while in the log. `connection` may be
 * NULL. */
void host_redis_fail(struct host_redis *redis, redisContext *connection, const char *why);

#endif
