/* host/http/head.c -- checks of header values that decide whom we talk to. */
#include "internal.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { HOST_NAME_MAX_BYTES = 255 };

bool
host_head_host_valid(const char *host)
{
    const size_t len = strlen(host);
    if (len == 0 || len > HOST_NAME_MAX_BYTES) {
        return false;
    }
    const char *port = strrchr(host, ':');
    size_t name_len = len;
    if (host[0] == '[') {
        const char *close = strchr(host, ']');
        char address[64];
        unsigned char binary[16];
        if (close == NULL || (close[1] != '\0' && close[1] != ':') ||
            (size_t)(close - host) > sizeof address) {
            return false;
        }
        memcpy(address, host + 1, (size_t)(close - host) - 1);
        address[close - host - 1] = '\0';
        if (inet_pton(AF_INET6, address, binary) != 1) {
            return false;
        }
        port = close[1] == ':' ? close + 1 : NULL;
    } else {
        name_len = port != NULL ? (size_t)(port - host) : len;
        for (size_t i = 0; i < name_len; i++) {
            if (!isalnum((unsigned char)host[i]) && strchr("-._", host[i]) == NULL) {
                return false;
            }
        }
    }
    if (name_len == 0) {
        return false;
    }
    if (port == NULL) {
        return true;
    }
    const size_t digits = strspn(port + 1, "0123456789");
    return digits > 0 && digits <= 5 && port[1 + digits] == '\0' &&
           strtol(port + 1, NULL, 10) <= 65535;
}

/* Calls `is` with each item of a list separated by commas, spaces trimmed. */
static bool
any_item(const char *list, bool (*is)(const char *item, const char *wanted), const char *wanted)
{
    while (list != NULL && *list != '\0') {
        char item[HOST_NAME_MAX_BYTES + 1];
        list += strspn(list, " ,");
        const size_t len = strcspn(list, " ,");
        if (len > 0 && len < sizeof item) {
            memcpy(item, list, len);
            item[len] = '\0';
            if (is(item, wanted)) {
                return true;
            }
        }
        list += len;
    }
    return false;
}

/* A listed name without a port stands for any port. */
static bool
same_host(const char *item, const char *host)
{
    const size_t len = strlen(item);
    if (strcasecmp(item, host) == 0) {
        return true;
    }
    return strncasecmp(item, host, len) == 0 && host[len] == ':' &&
           strspn(host + len + 1, "0123456789") == strlen(host + len + 1);
}

bool
host_head_name_listed(const char *list, const char *host)
{
    return list == NULL || list[0] == '\0' || any_item(list, same_host, host);
}

static bool
same_prefix(const unsigned char *a, const unsigned char *b, size_t bits)
{
    const size_t bytes = bits / 8;
    const unsigned char mask = (unsigned char)(0xff00U >> (bits % 8));
    return memcmp(a, b, bytes) == 0 && (bits % 8 == 0 || ((a[bytes] ^ b[bytes]) & mask) == 0);
}

static bool
in_network(const char *item, const char *address)
{
    unsigned char network[16];
    unsigned char wanted[16];
    char text[64];
    const char *slash = strchr(item, '/');
    const size_t len = slash != NULL ? (size_t)(slash - item) : strlen(item);
    if (len >= sizeof text) {
        return false;
    }
    memcpy(text, item, len);
    text[len] = '\0';
    const int family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    const long whole = family == AF_INET6 ? 128 : 32;
    char *end = NULL;
    const long bits = slash != NULL ? strtol(slash + 1, &end, 10) : whole;
    if (bits < 0 || bits > whole || (slash != NULL && (end == slash + 1 || *end != '\0'))) {
        return false;
    }
    return inet_pton(family, text, network) == 1 && inet_pton(family, address, wanted) == 1 &&
           same_prefix(network, wanted, (size_t)bits);
}

bool
host_head_address_listed(const char *list, const char *address)
{
    return any_item(list, in_network, address);
}

bool
host_head_request_id_valid(const char *id)
{
    const size_t len = strlen(id);
    if (len < 8 || len > REQUEST_ID_MAX) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)id[i]) && strchr("-_.", id[i]) == NULL) {
            return false;
        }
    }
    return true;
}
