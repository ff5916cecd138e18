/* host/ogc/webhook.c -- see webhook.h. */
#include "host/ogc/webhook.h"

#include "cim/util.h"
#include "host/http/http.h"
#include "host/ogc/limits.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SIGNATURE_TEXT = 64, HEADER_TEXT = 256, GONE = 410 };

/* Addresses that are nobody's outside: RFC 6890 and what the IANA registries of special-purpose
 * addresses have beside it. Forms of IPv6 that hold an IPv4 address are refused as a whole, since
 * what they lead to is not seen here. */
static const char not_public[] =
    "0.0.0.0/8,10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,169.254.0.0/16,172.16.0.0/12,192.0.0.0/24,"
    "192.0.2.0/24,192.88.99.0/24,192.168.0.0/16,198.18.0.0/15,198.51.100.0/24,203.0.113.0/24,"
    "224.0.0.0/4,240.0.0.0/4,::/96,::ffff:0:0/96,64:ff9b::/96,64:ff9b:1::/48,100::/64,2001::/23,"
    "2001:db8::/32,2002::/16,fc00::/7,fe80::/10,fec0::/10,ff00::/8";

static bool
is_allowed(const char *address, const char *networks)
{
    return host_head_address_listed(networks, address) ||
           !host_head_address_listed(not_public, address);
}

/* ---- the address as a client names it ---- */

static cim_status
refuse_address(cim_status code, const char *param, const char *value, const char *address,
               cim_error *err)
{
    return cim_fail(err, code, param, value,
                    "不允许回调地址 %.60s：应为公网地址，或列入设置 jobs.callback_networks",
                    "the address %.60s may not be called: expected a public one, or one that the "
                    "setting jobs.callback_networks lists",
                    address);
}

static cim_status
check_parts(const char *param, const char *text, CURLU *url, const char *networks, cim_error *err)
{
    char *scheme = NULL;
    char *host = NULL;
    char *user = NULL;
    unsigned char binary[sizeof(struct in6_addr)];
    cim_status status = CIM_OK;
    (void)curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    (void)curl_url_get(url, CURLUPART_HOST, &host, 0);
    (void)curl_url_get(url, CURLUPART_USER, &user, 0);
    if (scheme == NULL || host == NULL || host[0] == '\0' || user != NULL ||
        (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
        status =
            cim_fail(err, CIM_E_INVALID, param, text, "应为 http:// 或 https:// 地址，不含用户名",
                     "expected an address of http:// or https://, without a user's name");
    } else {
        const size_t len = strlen(host);
        if (host[0] == '[' && host[len - 1] == ']') { /* IPv6, which inet_pton() wants bare */
            memmove(host, host + 1, len - 2);
            host[len - 2] = '\0';
        }
        if ((inet_pton(AF_INET, host, binary) == 1 || inet_pton(AF_INET6, host, binary) == 1) &&
            !is_allowed(host, networks)) {
            status = refuse_address(CIM_E_INVALID, param, text, host, err);
        }
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    return status;
}

cim_status
host_webhook_check(const char *param, const char *text, const char *networks, cim_error *err)
{
    CURLU *url = NULL;
    cim_status status = CIM_OK;
    if (strlen(text) > HOST_WEBHOOK_URL_MAX) {
        return cim_fail(err, CIM_E_TOO_LARGE, param, NULL, "地址超过 %d 字节",
                        "the address is longer than %d bytes", HOST_WEBHOOK_URL_MAX);
    }
    url = curl_url();
    if (url == NULL) {
        return cim_fail_nomem(err);
    }
    status =
        curl_url_set(url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK
            ? check_parts(param, text, url, networks, err)
            : cim_fail(err, CIM_E_INVALID, param, text, "不是有效的地址", "this is no address");
    curl_url_cleanup(url);
    return status;
}

/* ---- the address as it is called ---- */

struct attempt {
    const struct host_webhook *hook;
    char denied[INET6_ADDRSTRLEN]; /* the last one that was; "": none */
};

/* The address that the name led to just now: what the name led to earlier is of no help. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct attempt *attempt = arg;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&to->addr;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&to->addr;
    char text[INET6_ADDRSTRLEN] = "?";
    (void)purpose;
    if ((to->family != AF_INET && to->family != AF_INET6) ||
        inet_ntop(to->family,
                  to->family == AF_INET ? (const void *)&v4->sin_addr
                                        : (const void *)&v6->sin6_addr,
                  text, sizeof text) == NULL ||
        !is_allowed(text, attempt->hook->networks)) {
        memcpy(attempt->denied, text, sizeof text);
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static size_t
ignore_bytes(char *data, size_t size, size_t n, void *arg)
{
    (void)data;
    (void)arg;
    return size * n;
}

static int
look_at_time(void *arg, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    const struct attempt *attempt = arg;
    (void)down_all;
    (void)up_all;
    (void)up;
    return atomic_load(attempt->hook->give_up) || down > HOST_WEBHOOK_ANSWER_BYTES ? 1 : 0;
}

/* ---- signing ---- */

static bool
sign(const struct host_webhook *hook, const char *timestamp, char out[SIGNATURE_TEXT])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    size_t mac_len = 0;
    EVP_MAC *method = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = method != NULL ? EVP_MAC_CTX_new(method) : NULL;
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                 OSSL_PARAM_construct_end()};
    char head[HEADER_TEXT];
    const int n = snprintf(head, sizeof head, "%s.%s.", hook->id, timestamp);
    const bool ok = context != NULL && n > 0 && (size_t)n < sizeof head &&
                    EVP_MAC_init(context, (const unsigned char *)hook->secret, strlen(hook->secret),
                                 params) == 1 &&
                    EVP_MAC_update(context, (const unsigned char *)head, (size_t)n) == 1 &&
                    EVP_MAC_update(context, (const unsigned char *)hook->body, hook->len) == 1 &&
                    EVP_MAC_final(context, mac, &mac_len, sizeof mac) == 1;
    EVP_MAC_CTX_free(context);
    EVP_MAC_free(method);
    return ok && EVP_EncodeBlock((unsigned char *)out, mac, (int)mac_len) > 0;
}

static bool
add(struct curl_slist **list, const char *name, const char *value)
{
    char line[HEADER_TEXT];
    const int n = snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *longer =
        n > 0 && (size_t)n < sizeof line ? curl_slist_append(*list, line) : NULL;
    if (longer != NULL) {
        *list = longer;
    }
    return longer != NULL;
}

static bool
make_headers(const struct host_webhook *hook, struct curl_slist **ret_list)
{
    char timestamp[32];
    char signature[SIGNATURE_TEXT] = "";
    char value[SIGNATURE_TEXT + 4];
    (void)snprintf(timestamp, sizeof timestamp, "%lld", (long long)time(NULL));
    bool ok = add(ret_list, "Content-Type", hook->mime) && add(ret_list, "Expect", "") &&
              add(ret_list, "webhook-id", hook->id) &&
              add(ret_list, "webhook-timestamp", timestamp);
    if (ok && hook->secret[0] != '\0') {
        ok = sign(hook, timestamp, signature);
        (void)snprintf(value, sizeof value, "v1,%s", signature);
        ok = ok && add(ret_list, "webhook-signature", value);
    }
    return ok;
}

/* ---- posting ---- */

static cim_status
judge(const struct attempt *attempt, CURL *curl, CURLcode code, cim_error *err)
{
    long status = 0;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK && attempt->denied[0] != '\0') {
        return refuse_address(CIM_E_DENIED, "url", attempt->hook->url, attempt->denied, err);
    }
    if (code != CURLE_OK) {
        return cim_fail(err, CIM_E_BUSY, "url", attempt->hook->url, "未送达：%.100s",
                        "not delivered: %.100s", curl_easy_strerror(code));
    }
    if (status >= 200 && status < 300) {
        return CIM_OK;
    }
    return cim_fail(err, status == GONE ? CIM_E_DENIED : CIM_E_BUSY, "url", attempt->hook->url,
                    "未送达：对方以 %ld 应答", "not delivered: the answer was %ld", status);
}

cim_status
host_webhook_post(const struct host_webhook *hook, cim_error *err)
{
    struct attempt attempt = {.hook = hook};
    struct curl_slist *headers = NULL;
    cim_status status = CIM_OK;
    CURL *curl = curl_easy_init();
    if (curl == NULL || !make_headers(hook, &headers)) {
        curl_slist_free_all(headers);
        curl_easy_cleanup(curl);
        return cim_fail_nomem(err);
    }
    (void)curl_easy_setopt(curl, CURLOPT_URL, hook->url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* it would open the connection for us */
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)HOST_WEBHOOK_CONNECT_MS);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)HOST_WEBHOOK_TOTAL_MS);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)hook->len);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, hook->body);
    (void)curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    (void)curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, &attempt);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore_bytes);
    (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look_at_time);
    (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &attempt);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "cim-host");
    status = judge(&attempt, curl, curl_easy_perform(curl), err);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return status;
}
