/* host/ogc/format.c -- see format.h. */
#include "host/ogc/format.h"

#include "cim/util.h"

#include <stdbool.h>
#include <strings.h>

static const char *
skip_blank(const char *at)
{
    while (*at == ' ' || *at == '\t') {
        at++;
    }
    return at;
}

/* Weight of one media range in thousandths: the q parameter, 1000 without one. */
static int
weight_of(const char *range, size_t len)
{
    const char *end = range + len;
    for (const char *at = memchr(range, ';', len); at != NULL && at < end;
         at = memchr(at, ';', (size_t)(end - at))) {
        at = skip_blank(at + 1);
        if (end - at >= 3 && (at[0] == 'q' || at[0] == 'Q') && at[1] == '=') {
            int weight = at[2] == '1' ? 1000 : 0;
            int unit = 100;
            for (at += 3; at < end && unit > 0 && weight < 1000; at++) {
                if (*at >= '0' && *at <= '9') {
                    weight += (*at - '0') * unit;
                    unit /= 10;
                } else if (*at != '.') {
                    break;
                }
            }
            return weight;
        }
    }
    return 1000;
}

/* Does a media range without parameters cover a media type? 2: exactly, 1: by a star. */
static int
covers(const char *range, size_t len, const char *mime, size_t mime_len)
{
    const char *semicolon = memchr(mime, ';', mime_len);
    const char *slash = memchr(range, '/', len);
    if (semicolon != NULL) {
        mime_len = (size_t)(semicolon - mime);
    }
    if (len == mime_len && strncasecmp(range, mime, len) == 0) {
        return 2;
    }
    if (len == 3 && memcmp(range, "*/*", 3) == 0) {
        return 1;
    }
    if (slash != NULL && slash + 2 == range + len && slash[1] == '*') {
        const size_t head = (size_t)(slash - range) + 1;
        return mime_len > head && strncasecmp(range, mime, head) == 0 ? 1 : 0;
    }
    return 0;
}

static int
offer_covered(const struct host_offer *offer, const char *range, size_t len)
{
    int best = covers(range, len, offer->mime, strlen(offer->mime));
    for (const char *at = offer->matches; at != NULL && *at != '\0' && best < 2;) {
        const size_t part = strcspn(at, ",");
        const int found = covers(range, len, at, part);
        best = found > best ? found : best;
        at += part + (at[part] == ',' ? 1 : 0);
    }
    return best;
}

/* Weight that the header gives one offer: that of its most exact range; -1 when none covers it. */
static int
accepted(const struct host_offer *offer, const char *accept)
{
    int best_match = 0;
    int weight = -1;
    for (const char *at = skip_blank(accept); *at != '\0';) {
        const size_t part = strcspn(at, ",");
        size_t name = strcspn(at, ",;");
        while (name > 0 && (at[name - 1] == ' ' || at[name - 1] == '\t')) {
            name--;
        }
        const int match = offer_covered(offer, at, name);
        if (match > best_match) {
            best_match = match;
            weight = weight_of(at, part);
        }
        at += part;
        at = skip_blank(at + (*at == ',' ? 1 : 0));
    }
    return weight;
}

static void
list_names(const struct host_offer *offers, size_t n_offers, bool mimes, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n_offers && at + 1 < size; i++) {
        const int n = snprintf(out + at, size - at, "%s%s", i > 0 ? ", " : "",
                               mimes ? offers[i].mime : offers[i].name);
        at += n > 0 ? (size_t)n : 0;
    }
}

cim_status
host_format_choose(const struct host_offer *offers, size_t n_offers, const char *f,
                   const char *accept, const struct host_offer **ret_offer, cim_error *err)
{
    char known[200];
    const struct host_offer *best = NULL;
    int best_weight = 0;
    if (f != NULL) {
        for (size_t i = 0; i < n_offers; i++) {
            if (strcmp(offers[i].name, f) == 0) {
                *ret_offer = &offers[i];
                return CIM_OK;
            }
        }
        list_names(offers, n_offers, false, known, sizeof known);
        return cim_fail(err, CIM_E_INVALID, "f", f, "不提供此格式；可用：%s",
                        "this format is not offered; there are: %s", known);
    }
    if (accept == NULL || *skip_blank(accept) == '\0') {
        *ret_offer = &offers[0];
        return CIM_OK;
    }
    for (size_t i = 0; i < n_offers; i++) {
        const int weight = accepted(&offers[i], accept);
        if (weight > best_weight) {
            best = &offers[i];
            best_weight = weight;
        }
    }
    if (best == NULL) {
        list_names(offers, n_offers, true, known, sizeof known);
        return cim_fail(err, CIM_E_UNSUPPORTED, "Accept", accept,
                        "不提供所要求的媒体类型；可用：%s",
                        "none of these media types is offered; there are: %s", known);
    }
    *ret_offer = best;
    return CIM_OK;
}
