/* host/http/request.c -- a request: its life, its head, and what handlers read of it. */
#include "internal.h"

#include "cim/util.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ID_DIGITS = 10,
    STATUS_GONE = 499 /* until something is answered: the client left, which is no fault of ours */
};

int64_t
host_now_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct cim_http_req *
host_req_new(struct host_http *http, const char *raw_target)
{
    struct cim_http_req *req = malloc(sizeof *req);
    if (req == NULL) {
        return NULL;
    }
    memset(req, 0, offsetof(struct cim_http_req, headers));
    host_error_clear(&req->failure);
    req->http = http;
    req->started_us = host_now_us();
    req->body.fd = -1;
    req->status = STATUS_GONE;
    atomic_init(&req->refs, 1);
    host_stream_init(req);
    const size_t len = strlen(raw_target);
    req->raw_target =
        host_arena_text(&req->arena, raw_target, len < TARGET_MAX_BYTES ? len : TARGET_MAX_BYTES);
    if (req->raw_target == NULL) {
        host_req_unref(req);
        return NULL;
    }
    return req;
}

void
host_req_ref(struct cim_http_req *req)
{
    atomic_fetch_add(&req->refs, 1);
}

void
host_req_unref(struct cim_http_req *req)
{
    if (atomic_fetch_sub(&req->refs, 1) != 1) {
        return;
    }
    host_respond_drop(req);
    host_stream_done(req);
    if (req->principal != NULL && req->http->options.auth.release != NULL) {
        req->http->options.auth.release(req->http->options.auth.self, req->principal);
    }
    host_body_done(&req->body);
    host_route_entry_unref(req->match.entry);
    host_arena_done(&req->arena);
    free(req);
}

/* ---- the head ---- */

struct head {
    int32_t n;
    int32_t n_host;
    int32_t n_length;
    int32_t n_encoding;
    bool bad_value;
};

static enum MHD_Result
count_header(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct head *head = cls;
    (void)kind;
    head->n++;
    head->n_host += strcasecmp(name, "Host") == 0;
    head->n_length += strcasecmp(name, "Content-Length") == 0;
    head->n_encoding += strcasecmp(name, "Transfer-Encoding") == 0;
    for (; value != NULL && *value != '\0'; value++) {
        if (((unsigned char)*value < 0x20 && *value != '\t') || *value == 0x7f) {
            head->bad_value = true;
        }
    }
    const size_t name_len = strcspn(name, " \t\r\n\"(),/:;<=>?@[\\]{}");
    if (name_len == 0 || name[name_len] != '\0') {
        head->bad_value = true;
    }
    return MHD_YES;
}

/* Shapes that two programs in a row may cut at different places. */
static cim_status
check_framing(struct cim_http_req *req, const struct head *head, cim_error *err)
{
    const char *encoding = host_http_header(req, "Transfer-Encoding");
    const char *length = host_http_header(req, "Content-Length");
    if (head->n_length + head->n_encoding > 1 || (encoding != NULL && req->http_1_0)) {
        return cim_fail(err, CIM_E_INVALID, "Content-Length", NULL,
                        "请求体的长度应由一个 Content-Length 或一个 Transfer-Encoding 给出",
                        "one Content-Length or one Transfer-Encoding must give the body's length");
    }
    if (encoding != NULL && strcasecmp(encoding, "chunked") != 0) {
        return cim_fail(err, CIM_E_INVALID, "Transfer-Encoding", encoding, "只接受 chunked",
                        "only chunked is accepted");
    }
    if (length != NULL && (length[0] == '\0' || strspn(length, "0123456789") != strlen(length))) {
        return cim_fail(err, CIM_E_INVALID, "Content-Length", length, "应为十进制数",
                        "a decimal number is expected");
    }
    if (head->bad_value) {
        return cim_fail(err, CIM_E_INVALID, "header", NULL, "请求头含有不允许的字符",
                        "a header has characters that are not allowed");
    }
    return CIM_OK;
}

static cim_status
check_host(struct cim_http_req *req, const struct head *head, int32_t *ret_status, cim_error *err)
{
    const char *host = host_http_header(req, "Host");
    if (head->n_host > 1 || (host == NULL && !req->http_1_0) ||
        (host != NULL && !host_head_host_valid(host))) {
        return cim_fail(err, CIM_E_INVALID, "Host", host, "应有一个有效的 Host 请求头",
                        "one valid Host header is expected");
    }
    if (host != NULL && !host_head_name_listed(req->http->options.hosts, host)) {
        *ret_status = 421;
        return cim_fail(err, CIM_E_INVALID, "Host", host, "本站不使用这个主机名",
                        "this server does not answer to that host name");
    }
    return CIM_OK;
}

static void
read_client(struct cim_http_req *req)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
    if (address != NULL && address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        (void)inet_ntop(AF_INET, &in->sin_addr, req->client, sizeof req->client);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;
        (void)inet_ntop(AF_INET6, &in6->sin6_addr, req->client, sizeof req->client);
    }
}

static bool
from_proxy(const struct cim_http_req *req)
{
    const char *trusted = req->http->options.trusted_proxies;
    return trusted != NULL && trusted[0] != '\0' && host_head_address_listed(trusted, req->client);
}

/* Right to left: the last address that none of our proxies has. */
static void
read_forwarded(struct cim_http_req *req)
{
    const char *list = host_http_header(req, "X-Forwarded-For");
    size_t end = list != NULL ? strlen(list) : 0;
    while (end > 0) {
        size_t start = end;
        char address[64];
        unsigned char binary[16];
        while (start > 0 && list[start - 1] != ',') {
            start--;
        }
        const size_t skip = strspn(list + start, " ");
        const size_t len = skip < end - start ? end - start - skip : 0;
        if (len == 0 || len >= sizeof address) {
            return;
        }
        memcpy(address, list + start + skip, len);
        address[len] = '\0';
        if (inet_pton(AF_INET, address, binary) != 1 && inet_pton(AF_INET6, address, binary) != 1) {
            return;
        }
        cim_copy_text(req->client, sizeof req->client, address);
        if (!host_head_address_listed(req->http->options.trusted_proxies, address)) {
            return;
        }
        end = start > 0 ? start - 1 : 0;
    }
}

/* "prefix-000000ab": each request has one, so it is spelled without a format. */
static void
write_id(char *out, const char *prefix, uint64_t number)
{
    const size_t len = strlen(prefix);
    memcpy(out, prefix, len);
    out[len] = '-';
    for (size_t i = 0; i < ID_DIGITS; i++) {
        out[len + ID_DIGITS - i] = "0123456789abcdef"[number & 15U];
        number >>= 4U;
    }
    out[len + ID_DIGITS + 1] = '\0';
}

static void
read_request_id(struct cim_http_req *req)
{
    const char *given = host_http_header(req, "X-Request-Id");
    if (given != NULL && host_head_request_id_valid(given)) {
        cim_copy_text(req->request_id, sizeof req->request_id, given);
        return;
    }
    write_id(req->request_id, req->http->id_prefix, atomic_fetch_add(&req->http->next_id, 1));
}

/* The pages and the API below /admin are for the addresses that the operator named. */
static cim_status
check_admin(const struct cim_http_req *req, int32_t *ret_status, cim_error *err)
{
    const char *listed = req->http->options.admin_addresses;
    const char *path = req->target.path;
    if (listed == NULL || listed[0] == '\0' || strncmp(path, "/admin", 6) != 0 ||
        (path[6] != '\0' && path[6] != '/') || host_head_address_listed(listed, req->client)) {
        return CIM_OK;
    }
    *ret_status = 403;
    return cim_fail(err, CIM_E_DENIED, "address", req->client,
                    "这个地址不能访问管理台，请与平台管理员联系",
                    "the administration is not open to this address");
}

cim_status
host_req_read_head(struct cim_http_req *req, const char *method, const char *version,
                   int32_t *ret_status, cim_error *err)
{
    static const char *const methods[] = {"GET",   "HEAD",   "POST",   "PUT",
                                          "PATCH", "DELETE", "OPTIONS"};
    struct head head = {0};
    req->method = "";
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(methods[i], method) == 0) {
            req->method = methods[i];
        }
    }
    req->http_1_0 = strcmp(version, "HTTP/1.0") == 0;
    (void)MHD_get_connection_values(req->connection, MHD_HEADER_KIND, count_header, &head);
    read_request_id(req);
    read_client(req);
    *ret_status = 400;
    req->close = true;
    if (!req->http_1_0 && strcmp(version, "HTTP/1.1") != 0) {
        *ret_status = 505;
        return cim_fail(err, CIM_E_UNSUPPORTED, "version", version, "只支持 HTTP/1.1",
                        "only HTTP/1.1 is spoken here");
    }
    CIM_TRY(check_framing(req, &head, err));
    CIM_TRY(check_host(req, &head, ret_status, err));
    if (head.n > HEADERS_MAX) {
        *ret_status = 431;
        return cim_fail(err, CIM_E_TOO_LARGE, "headers", NULL, "请求头超过 %d 个",
                        "more than %d header fields", HEADERS_MAX);
    }
    if (strlen(req->raw_target) >= TARGET_MAX_BYTES) {
        *ret_status = 414;
        return cim_fail(err, CIM_E_TOO_LARGE, "path", NULL, "地址超过 %d 字节",
                        "the target is longer than %d bytes", TARGET_MAX_BYTES);
    }
    req->close = false;
    req->proxied = from_proxy(req);
    if (req->proxied) {
        read_forwarded(req);
    }
    if (req->method[0] == '\0') {
        *ret_status = 501;
        return cim_fail(err, CIM_E_UNSUPPORTED, "method", method, "不认识的方法",
                        "a method that is not known here");
    }
    const char *coding = host_http_header(req, "Content-Encoding");
    if (coding != NULL && strcasecmp(coding, "identity") != 0) {
        *ret_status = 415;
        return cim_fail(err, CIM_E_UNSUPPORTED, "Content-Encoding", coding, "请求体不可压缩",
                        "compressed request bodies are not taken");
    }
    CIM_TRY(host_target_parse(req->raw_target, &req->arena, &req->target, err));
    return check_admin(req, ret_status, err);
}

/* ---- what handlers read ---- */

int32_t
host_call_cancelled(const cim_call *call)
{
    const struct host_call_context *context = call->impl;
    const struct cim_http_req *req = context->req;
    return atomic_load(&req->gone) != 0 || atomic_load(&req->http->closing) != 0 ||
           host_monotonic_ms() > req->deadline_ms;
}

const struct host_principal *
host_http_principal(const cim_call *call)
{
    const struct host_call_context *context = call->impl;
    return context != NULL ? context->principal : NULL;
}

const char *
host_http_method(cim_http_req *req)
{
    return req->method;
}

const char *
host_http_path(cim_http_req *req)
{
    return req->target.path;
}

const char *
host_http_path_param(cim_http_req *req, const char *name)
{
    for (size_t i = 0; i < req->match.n_params; i++) {
        if (strcmp(req->match.params[i].name, name) == 0) {
            return req->match.params[i].value;
        }
    }
    return NULL;
}

const char *
host_http_query_param(cim_http_req *req, const char *name)
{
    for (size_t i = 0; i < req->target.n_query; i++) {
        if (strcmp(req->target.query[i].name, name) == 0) {
            return req->target.query[i].value;
        }
    }
    return NULL;
}

cim_status
host_http_each_query(cim_http_req *req,
                     cim_status (*each)(void *arg, const char *name, const char *value,
                                        cim_error *err),
                     void *arg, cim_error *err)
{
    for (size_t i = 0; i < req->target.n_query; i++) {
        CIM_TRY(each(arg, req->target.query[i].name, req->target.query[i].value, err));
    }
    return CIM_OK;
}

const char *
host_http_header(cim_http_req *req, const char *name)
{
    return MHD_lookup_connection_value(req->connection, MHD_HEADER_KIND, name);
}

const char *
host_http_cookie(cim_http_req *req, const char *name)
{
    const char *at = host_http_header(req, "Cookie");
    const size_t name_len = strlen(name);
    while (at != NULL && *at != '\0') {
        at += strspn(at, " ;");
        const size_t len = strcspn(at, ";");
        if (len > name_len && strncmp(at, name, name_len) == 0 && at[name_len] == '=') {
            return host_arena_text(&req->arena, at + name_len + 1, len - name_len - 1);
        }
        at += len;
    }
    return NULL;
}

const char *
host_http_client_address(cim_http_req *req)
{
    return req->client;
}

const char *
host_http_base_url(cim_http_req *req)
{
    const bool proxied = req->proxied;
    const char *proto = proxied ? host_http_header(req, "X-Forwarded-Proto") : NULL;
    const char *host = proxied ? host_http_header(req, "X-Forwarded-Host") : NULL;
    char url[320];
    if (req->base_url != NULL) {
        return req->base_url;
    }
    if (host == NULL || !host_head_host_valid(host)) {
        host = host_http_header(req, "Host");
    }
    const char *scheme = proto != NULL && strcmp(proto, "https") == 0 ? "https" : "http";
    if (host != NULL) {
        (void)snprintf(url, sizeof url, "%s://%s", scheme, host);
    } else {
        (void)snprintf(url, sizeof url, "%s://%s:%d", scheme, req->http->options.address,
                       (int)req->http->port);
    }
    req->base_url = host_arena_text(&req->arena, url, strlen(url));
    return req->base_url != NULL ? req->base_url : "";
}

void *
host_http_alloc(cim_http_req *req, uint64_t size)
{
    return size <= REQUEST_MEMORY_MAX_BYTES ? host_arena_alloc(&req->arena, (size_t)size) : NULL;
}
