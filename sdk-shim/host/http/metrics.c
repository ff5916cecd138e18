/* host/http/metrics.c -- counters for /metrics. */
#include "internal.h"

#include "kit/buf.h"

#include <string.h>

void
host_http_stats(struct host_http *http, struct host_http_stats *ret_stats)
{
    *ret_stats = (struct host_http_stats){
        .requests = atomic_load(&http->requests),
        .errors_4xx = atomic_load(&http->errors_4xx),
        .errors_5xx = atomic_load(&http->errors_5xx),
        .in_flight = atomic_load(&http->in_flight),
        .queued = http->pool != NULL ? host_pool_queued(http->pool) : 0,
        .connections = atomic_load(&http->connections),
        .refused_busy = atomic_load(&http->refused_busy),
        .bytes_out = atomic_load(&http->bytes_out),
    };
}

static void
add_latency(void *arg, struct host_route_entry *entry)
{
    int64_t *sums = arg;
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        sums[i] += atomic_load(&entry->latency[i]);
    }
}

static double
bound_of(const int64_t *sums, int64_t part)
{
    int64_t below = 0;
    for (size_t i = 0; i < LATENCY_BUCKETS - 1; i++) {
        below += sums[i];
        if (below >= part) {
            return HOST_LATENCY_BOUNDS_MS[i];
        }
    }
    return HOST_LATENCY_BOUNDS_MS[LATENCY_BUCKETS - 2];
}

void
host_http_latency(struct host_http *http, struct host_http_latency *ret_latency)
{
    int64_t sums[LATENCY_BUCKETS] = {0};
    int64_t all = 0;
    host_router_each(http->router, add_latency, sums);
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        all += sums[i];
    }
    *ret_latency =
        (struct host_http_latency){bound_of(sums, (all + 1) / 2), bound_of(sums, all - all / 20)};
}

static void
add(struct cim_buf *out, const char *name, const char *kind, const char *help, int64_t value)
{
    cim_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s %lld\n", name, help, name, kind, name,
                 (long long)value);
}

/* Routes are of our own making: no quote or backslash needs escaping in a label. */
static void
add_route(void *arg, struct host_route_entry *entry)
{
    struct cim_buf *out = arg;
    const struct host_route *route = &entry->route;
    int64_t sum = 0;
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        sum += atomic_load(&entry->latency[i]);
    }
    if (sum == 0) {
        return;
    }
    int64_t below = 0;
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        const int32_t bound_ms = HOST_LATENCY_BOUNDS_MS[i];
        below += atomic_load(&entry->latency[i]);
        cim_buf_addf(out, "cim_http_request_seconds_bucket{method=\"%s\",route=\"%s\",le=\"",
                     route->method, route->pattern);
        if (i == LATENCY_BUCKETS - 1) {
            cim_buf_add_text(out, "+Inf");
        } else {
            cim_buf_addf(out, "%d.%03d", (int)bound_ms / 1000, (int)bound_ms % 1000);
        }
        cim_buf_addf(out, "\"} %lld\n", (long long)below);
    }
    const int64_t sum_us = atomic_load(&entry->latency_sum_us);
    cim_buf_addf(out, "cim_http_request_seconds_sum{method=\"%s\",route=\"%s\"} %lld.%06lld\n",
                 route->method, route->pattern, (long long)(sum_us / 1000000),
                 (long long)(sum_us % 1000000));
    cim_buf_addf(out, "cim_http_request_seconds_count{method=\"%s\",route=\"%s\"} %lld\n",
                 route->method, route->pattern, (long long)sum);
    for (size_t i = 2; i < 6; i++) {
        cim_buf_addf(
            out, "cim_http_responses_total{method=\"%s\",route=\"%s\",class=\"%zuxx\"} %lld\n",
            route->method, route->pattern, i, (long long)atomic_load(&entry->status_class[i]));
    }
}

void
host_http_write_metrics(struct host_http *http, struct cim_buf *out)
{
    struct host_http_stats stats;
    host_http_stats(http, &stats);
    add(out, "cim_http_requests_total", "counter", "Requests received.", stats.requests);
    add(out, "cim_http_errors_4xx_total", "counter", "Answers 4xx.", stats.errors_4xx);
    add(out, "cim_http_errors_5xx_total", "counter", "Answers 5xx.", stats.errors_5xx);
    add(out, "cim_http_busy_total", "counter", "Requests refused because the queue was full.",
        stats.refused_busy);
    add(out, "cim_http_sent_bytes_total", "counter", "Body bytes sent.", stats.bytes_out);
    add(out, "cim_http_in_flight", "gauge", "Requests under way.", stats.in_flight);
    add(out, "cim_http_queued", "gauge", "Jobs waiting for a worker.", stats.queued);
    add(out, "cim_http_connections", "gauge", "Open connections.", stats.connections);
    cim_buf_add_text(out, "# HELP cim_http_request_seconds Time to answer, by route.\n"
                          "# TYPE cim_http_request_seconds histogram\n"
                          "# HELP cim_http_responses_total Answers by route and class.\n"
                          "# TYPE cim_http_responses_total counter\n");
    host_router_each(http->router, add_route, out);
}
