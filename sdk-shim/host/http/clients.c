/* host/http/clients.c -- how much one client may hold of what all share.
 *
 * Who asks is judged later, by a worker, so what a request shows may be made up, anew each time:
 * an address as a whole holds no more than some clients may.
 *
 * A table of counters by hash: two clients that meet in a slot share it, which costs them something
 * only when both are greedy.
 */
#include "internal.h"

#include <stdlib.h>

enum { SLOTS = 16384, CLIENTS_OF_ADDRESS = 2 };

struct host_clients {
    int32_t most;
    _Atomic int32_t by_address[SLOTS];
    _Atomic int32_t by_credential[SLOTS];
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

/* NULL: `most` are held already. */
static _Atomic int32_t *
take(_Atomic int32_t *table, const char *who, int32_t most)
{
    _Atomic int32_t *held = &table[hash(who) % SLOTS];
    if (atomic_fetch_add(held, 1) >= most) {
        (void)atomic_fetch_sub(held, 1);
        return NULL;
    }
    return held;
}

bool
host_clients_take(struct host_clients *clients, struct cim_http_req *req)
{
    const char *who = host_http_header(req, "Authorization");
    who = who != NULL ? who : host_http_header(req, "Cookie");
    if (clients->most == 0) {
        return true;
    }
    req->client_shares[0] =
        take(clients->by_address, req->client, clients->most * CLIENTS_OF_ADDRESS);
    if (req->client_shares[0] == NULL) {
        return false;
    }
    req->client_shares[1] =
        take(clients->by_credential, who != NULL ? who : req->client, clients->most);
    if (req->client_shares[1] == NULL) {
        host_clients_give_back(req);
        return false;
    }
    return true;
}

void
host_clients_give_back(struct cim_http_req *req)
{
    for (int i = 0; i < 2; i++) {
        if (req->client_shares[i] != NULL) {
            (void)atomic_fetch_sub(req->client_shares[i], 1);
            req->client_shares[i] = NULL;
        }
    }
}
