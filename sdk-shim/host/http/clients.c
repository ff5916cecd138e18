/* host/http/clients.c -- how much one client may hold of what all share.
 *
 * A table of counters by hash: two clients that meet in a slot share it, which costs them something
 * only when both are greedy.
 */
#include "internal.h"

#include <stdlib.h>

enum { SLOTS = 16384 };

struct host_clients {
    int32_t most;
    _Atomic int32_t held[SLOTS];
};

struct host_clients *
host_clients_new(int32_t most)
{
    struct host_clients *clients = calloc(1, sizeof *clients);
    if (clients != NULL) {
        clients->most = most;
    }
    return clients;
}

void
host_clients_free(struct host_clients *clients)
{
    free(clients);
}

/* FNV-1a. */
static uint32_t
hash(const char *text)
{
    uint32_t value = 2166136261U;
    for (; *text != '\0'; text++) {
        value = (value ^ (unsigned char)*text) * 16777619U;
    }
    return value;
}

bool
host_clients_take(struct host_clients *clients, struct cim_http_req *req)
{
    const char *who = host_http_header(req, "Authorization");
    who = who != NULL ? who : host_http_header(req, "Cookie");
    who = who != NULL ? who : req->client;
    _Atomic int32_t *held = &clients->held[hash(who) % SLOTS];
    if (clients->most > 0 && atomic_fetch_add(held, 1) >= clients->most) {
        (void)atomic_fetch_sub(held, 1);
        return false;
    }
    req->client_share = clients->most > 0 ? held : NULL;
    return true;
}

void
host_clients_give_back(struct cim_http_req *req)
{
    if (req->client_share != NULL) {
        (void)atomic_fetch_sub(req->client_share, 1);
        req->client_share = NULL;
    }
}
