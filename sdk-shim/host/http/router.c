/* host/http/router.c -- patterns to routes.
 *
 * Entries are kept in order of rank: at each segment a literal ranks before a parameter and that
 * before "{path*}", so that the first entry that matches is the most exact one.
 */
#include "internal.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <stdlib.h>
#include <string.h>

enum { ROUTES_MAX = 2000 };

const int32_t HOST_LATENCY_BOUNDS_MS[LATENCY_BUCKETS] = {1,   2,   5,    10,   25,    50,
                                                         100, 250, 1000, 5000, 30000, INT32_MAX};

struct host_router {
    pthread_rwlock_t lock;
    struct host_route_entry *first; /* by rank */
    size_t n;
};

struct host_router *
host_router_new(void)
{
    struct host_router *router = calloc(1, sizeof *router);
    if (router != NULL && pthread_rwlock_init(&router->lock, NULL) != 0) {
        free(router);
        return NULL;
    }
    return router;
}

void
host_router_free(struct host_router *router)
{
    if (router == NULL) {
        return;
    }
    while (router->first != NULL) {
        struct host_route_entry *entry = router->first;
        router->first = entry->next;
        host_route_entry_unref(entry);
    }
    (void)pthread_rwlock_destroy(&router->lock);
    free(router);
}

static void
free_params(const struct host_route_param *params)
{
    if (params == NULL) {
        return;
    }
    for (const struct host_route_param *at = params; at->name != NULL; at++) {
        free((void *)at->name);
        free((void *)at->in);
        free((void *)at->schema_json);
        free((void *)at->zh);
        free((void *)at->en);
    }
    free((void *)params);
}

void
host_route_entry_unref(struct host_route_entry *entry)
{
    if (entry == NULL || atomic_fetch_sub(&entry->refs, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < entry->n_segments; i++) {
        free(entry->segments[i]);
    }
    const struct host_route *route = &entry->route;
    const char *const texts[] = {route->method,       route->pattern,    route->permission,
                                 route->operation_id, route->summary_zh, route->summary_en,
                                 route->plugin_id};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        free((void *)texts[i]);
    }
    free_params(route->params);
    free(entry);
}

bool
host_route_entry_is_cut(const struct host_route_entry *entry)
{
    if (entry == NULL) {
        return false;
    }
    const int64_t cut_at_ms = atomic_load_explicit(&entry->cut_at_ms, memory_order_relaxed);
    return cut_at_ms != 0 && host_monotonic_ms() >= cut_at_ms;
}

static void
cleanup_entry(struct host_route_entry **entry)
{
    host_route_entry_unref(*entry);
}

static bool
copy_text(const char **slot, const char *text)
{
    *slot = text != NULL ? strdup(text) : NULL;
    return text == NULL || *slot != NULL;
}

static bool
copy_params(struct host_route *to, const struct host_route_param *from)
{
    size_t n = 0;
    if (from == NULL) {
        return true;
    }
    while (from[n].name != NULL) {
        n++;
    }
    struct host_route_param *params = calloc(n + 1, sizeof *params);
    to->params = params;
    if (params == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!copy_text(&params[i].name, from[i].name) || !copy_text(&params[i].in, from[i].in) ||
            !copy_text(&params[i].schema_json, from[i].schema_json) ||
            !copy_text(&params[i].zh, from[i].zh) || !copy_text(&params[i].en, from[i].en)) {
            return false;
        }
    }
    return true;
}

static enum host_segment_kind
kind_of(const char *segment)
{
    const size_t len = strlen(segment);
    if (len < 3 || segment[0] != '{' || segment[len - 1] != '}') {
        return HOST_SEGMENT_LITERAL;
    }
    return segment[len - 2] == '*' ? HOST_SEGMENT_REST : HOST_SEGMENT_PARAM;
}

static cim_status
split_pattern(struct host_route_entry *entry, cim_error *err)
{
    const char *at = entry->route.pattern;
    if (at == NULL || *at != '/' || entry->route.method == NULL) {
        (void)cim_fail(err, CIM_E_INVALID, "pattern", at, "路由应有方法，并以 / 开头",
                       "a route needs a method and a pattern that begins with '/'");
        return CIM_E_INVALID;
    }
    while (*at == '/') {
        const size_t len = strcspn(++at, "/");
        if (entry->n_segments == PATH_SEGMENTS_MAX) {
            return cim_fail(err, CIM_E_INVALID, "pattern", entry->route.pattern, "路由段数过多",
                            "the route has too many segments");
        }
        char *segment = strndup(at, len);
        if (segment == NULL) {
            return cim_fail_nomem(err);
        }
        entry->kinds[entry->n_segments] = kind_of(segment);
        entry->segments[entry->n_segments++] = segment;
        at += len;
    }
    return CIM_OK;
}

/* Rank of two patterns; 0: they match the same paths. */
static int
compare(const struct host_route_entry *a, const struct host_route_entry *b)
{
    for (size_t i = 0;; i++) {
        if (i == a->n_segments || i == b->n_segments) {
            return (int)(a->n_segments > b->n_segments) - (int)(a->n_segments < b->n_segments);
        }
        const enum host_segment_kind kind_a = a->kinds[i];
        const enum host_segment_kind kind_b = b->kinds[i];
        if (kind_a != kind_b) {
            return kind_a < kind_b ? -1 : 1;
        }
        const int order =
            kind_a == HOST_SEGMENT_LITERAL ? strcmp(a->segments[i], b->segments[i]) : 0;
        if (order != 0) {
            return order;
        }
    }
}

cim_status
host_router_add(struct host_router *router, const struct host_route *route, cim_error *err)
{
    struct host_route_entry *entry __attribute__((cleanup(cleanup_entry))) =
        calloc(1, sizeof *entry);
    if (entry == NULL) {
        return cim_fail_nomem(err);
    }
    atomic_init(&entry->refs, 1);
    struct host_route *copy = &entry->route;
    copy->flags = route->flags;
    copy->handle = route->handle;
    copy->self = route->self;
    if (!copy_text(&copy->method, route->method) || !copy_text(&copy->pattern, route->pattern) ||
        !copy_text(&copy->permission, route->permission) ||
        !copy_text(&copy->operation_id, route->operation_id) ||
        !copy_text(&copy->summary_zh, route->summary_zh) ||
        !copy_text(&copy->summary_en, route->summary_en) ||
        !copy_text(&copy->plugin_id, route->plugin_id) || !copy_params(copy, route->params)) {
        return cim_fail_nomem(err);
    }
    CIM_TRY(split_pattern(entry, err));
    cim_status status = CIM_OK;
    (void)pthread_rwlock_wrlock(&router->lock);
    struct host_route_entry **at = &router->first;
    while (*at != NULL && compare(*at, entry) < 0) {
        at = &(*at)->next;
    }
    for (struct host_route_entry *same = *at; same != NULL && compare(same, entry) == 0;
         same = same->next) {
        if (strcmp(same->route.method, copy->method) == 0) {
            status = cim_fail(err, CIM_E_EXISTS, "route", copy->pattern, "路由 %s %s 已被占用",
                              "the route %s %s is taken", copy->method, copy->pattern);
        }
    }
    if (status == CIM_OK && router->n == ROUTES_MAX) {
        status = cim_fail(err, CIM_E_TOO_LARGE, "route", copy->pattern, "路由超过 %d 条",
                          "more than %d routes", ROUTES_MAX);
    }
    if (status == CIM_OK) {
        entry->next = *at;
        *at = entry;
        router->n++;
        entry = NULL;
    }
    (void)pthread_rwlock_unlock(&router->lock);
    return status;
}

void
host_router_remove_plugin(struct host_router *router, const char *plugin_id)
{
    struct host_route_entry *removed = NULL;
    (void)pthread_rwlock_wrlock(&router->lock);
    for (struct host_route_entry **at = &router->first; *at != NULL;) {
        struct host_route_entry *entry = *at;
        if (entry->route.plugin_id != NULL && strcmp(entry->route.plugin_id, plugin_id) == 0) {
            *at = entry->next;
            atomic_store(&entry->cut_at_ms, host_monotonic_ms() + STREAM_CUT_AFTER_MS);
            entry->next = removed;
            removed = entry;
            router->n--;
        } else {
            at = &entry->next;
        }
    }
    (void)pthread_rwlock_unlock(&router->lock);
    while (removed != NULL) {
        struct host_route_entry *next = removed->next;
        host_route_entry_unref(removed);
        removed = next;
    }
}

static bool
matches(const struct host_route_entry *entry, const struct host_target *target)
{
    if (entry->n_segments != target->n_segments &&
        entry->kinds[entry->n_segments - 1] != HOST_SEGMENT_REST) {
        return false;
    }
    for (size_t i = 0; i < entry->n_segments; i++) {
        const enum host_segment_kind kind = entry->kinds[i];
        if (i >= target->n_segments) {
            return false;
        }
        if (kind == HOST_SEGMENT_REST) {
            return true;
        }
        if (kind == HOST_SEGMENT_LITERAL ? strcmp(entry->segments[i], target->segments[i]) != 0
                                         : target->segments[i][0] == '\0') {
            return false;
        }
    }
    return entry->n_segments == target->n_segments;
}

/* Names and values live as long as the request: copies, since a route may be removed meanwhile. */
static cim_status
read_params(const struct host_route_entry *entry, const struct host_target *target,
            struct host_arena *arena, struct host_match *match)
{
    const char *rest = target->path;
    for (size_t i = 0; i < entry->n_segments && match->n_params < PATH_PARAMS_MAX; i++) {
        const char *segment = entry->segments[i];
        const enum host_segment_kind kind = entry->kinds[i];
        if (kind != HOST_SEGMENT_LITERAL) {
            const size_t trim = kind == HOST_SEGMENT_REST ? 3 : 2;
            struct host_query_param *param = &match->params[match->n_params++];
            param->name = host_arena_text(arena, segment + 1, strlen(segment) - trim);
            param->value = kind == HOST_SEGMENT_REST ? rest + 1 : target->segments[i];
            if (param->name == NULL) {
                return CIM_E_NOMEM;
            }
        }
        rest += 1 + strlen(target->segments[i]);
    }
    return CIM_OK;
}

static void
allow(struct host_match *match, const char *method)
{
    const size_t len = strlen(match->allow);
    if (strstr(match->allow, method) == NULL && len + strlen(method) + 10 < sizeof match->allow) {
        (void)snprintf(match->allow + len, sizeof match->allow - len, "%s%s%s", len > 0 ? ", " : "",
                       method, strcmp(method, "GET") == 0 ? ", HEAD" : "");
    }
}

cim_status
host_router_match(struct host_router *router, const char *method, const struct host_target *target,
                  struct host_arena *arena, struct host_match *ret_match)
{
    struct host_match match = {0};
    const char *wanted = method != NULL && strcmp(method, "HEAD") == 0 ? "GET" : method;
    (void)pthread_rwlock_rdlock(&router->lock);
    for (struct host_route_entry *entry = router->first; entry != NULL; entry = entry->next) {
        if (!matches(entry, target)) {
            continue;
        }
        match.path_known = true;
        if (wanted != NULL && strcmp(entry->route.method, wanted) == 0) {
            atomic_fetch_add(&entry->refs, 1);
            match.entry = entry;
            break;
        }
        allow(&match, entry->route.method);
    }
    (void)pthread_rwlock_unlock(&router->lock);
    if (match.entry != NULL && read_params(match.entry, target, arena, &match) != CIM_OK) {
        host_route_entry_unref(match.entry);
        return CIM_E_NOMEM;
    }
    *ret_match = match;
    return CIM_OK;
}

static int
by_pattern(const void *a, const void *b)
{
    const struct host_route *left = &(*(struct host_route_entry *const *)a)->route;
    const struct host_route *right = &(*(struct host_route_entry *const *)b)->route;
    const int order = strcmp(left->pattern, right->pattern);
    return order != 0 ? order : strcmp(left->method, right->method);
}

void
host_router_each(struct host_router *router,
                 void (*each)(void *arg, struct host_route_entry *entry), void *arg)
{
    struct host_route_entry **list CIM_AUTO_FREE =
        calloc(ROUTES_MAX, sizeof(struct host_route_entry *));
    size_t n = 0;
    if (list == NULL) {
        return;
    }
    (void)pthread_rwlock_rdlock(&router->lock);
    for (struct host_route_entry *entry = router->first; entry != NULL; entry = entry->next) {
        atomic_fetch_add(&entry->refs, 1);
        list[n++] = entry;
    }
    (void)pthread_rwlock_unlock(&router->lock);
    qsort(list, n, sizeof(struct host_route_entry *), by_pattern);
    for (size_t i = 0; i < n; i++) {
        each(arg, list[i]);
        host_route_entry_unref(list[i]);
    }
}
