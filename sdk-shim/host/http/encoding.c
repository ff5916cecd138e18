/* host/http/encoding.c -- content coding and entity tags. */
#include "internal.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

enum { GZIP_LEVEL = 6 };

/* The weight of one item "gzip;q=0.5", 0 to 1000. */
static int32_t
weight(const char *item, size_t len)
{
    for (size_t i = 0; i + 2 < len; i++) {
        if (item[i] == ';') {
            const size_t skip = strspn(item + i + 1, " \t");
            const char *q = item + i + 1 + skip;
            if (q + 2 < item + len && (q[0] == 'q' || q[0] == 'Q') && q[1] == '=') {
                return (int32_t)(strtod(q + 2, NULL) * 1000);
            }
        }
    }
    return 1000;
}

bool
host_encoding_accepts_gzip(const char *accept_encoding)
{
    bool any = false;
    for (const char *at = accept_encoding; at != NULL && *at != '\0';) {
        at += strspn(at, " \t,");
        const size_t len = strcspn(at, ",");
        const size_t name = strcspn(at, ";, \t");
        if ((name == 4 && strncasecmp(at, "gzip", 4) == 0) ||
            (name == 6 && strncasecmp(at, "x-gzip", 6) == 0)) {
            return weight(at, len) > 0;
        }
        if (name == 1 && at[0] == '*') {
            any = weight(at, len) > 0;
        }
        at += len;
    }
    return any;
}

bool
host_encoding_compressible(const char *mime)
{
    static const char *const types[] = {"application/json",
                                        "application/javascript",
                                        "application/xml",
                                        "application/wasm",
                                        "application/vnd.mapbox-vector-tile",
                                        "application/geo+json",
                                        "application/problem+json",
                                        "application/schema+json",
                                        "application/vnd.oai.openapi+json",
                                        "application/vnd.mapbox.style+json",
                                        "image/svg+xml"};
    const size_t len = strcspn(mime, "; ");
    if (strncmp(mime, "text/", 5) == 0 || (len > 5 && strncmp(mime + len - 5, "+json", 5) == 0)) {
        return true;
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strlen(types[i]) == len && strncmp(types[i], mime, len) == 0) {
            return true;
        }
    }
    return false;
}

static void
free_packed(cim_blob *blob)
{
    free(blob->owner);
    *blob = (cim_blob){0};
}

/* One compressor per worker would be faster still; making one costs about 10 us. */
cim_status
host_encoding_gzip(const cim_blob *plain, cim_blob *ret_packed)
{
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(GZIP_LEVEL);
    if (compressor == NULL) {
        return CIM_E_NOMEM;
    }
    /* More than the input would be no gain, so that is all the room it gets. */
    void *out = malloc(plain->len);
    const size_t len =
        out != NULL ? libdeflate_gzip_compress(compressor, plain->data, plain->len, out, plain->len)
                    : 0;
    libdeflate_free_compressor(compressor);
    if (len == 0) {
        free(out);
        return CIM_E_UNSUPPORTED;
    }
    void *fit = realloc(out, len);
    out = fit != NULL ? fit : out;
    *ret_packed = (cim_blob){out, len, free_packed, out};
    return CIM_OK;
}

/* `"abc"`, `W/"abc"` and the compressed `"abc-gz"` all name the content of `"abc"`. */
bool
host_etag_matches(const char *if_none_match, const char *etag)
{
    size_t want = strlen(etag);
    if (want < 2 || etag[0] != '"') {
        return false;
    }
    want -= 2;
    for (const char *at = if_none_match; at != NULL && *at != '\0';) {
        at += strspn(at, " \t,");
        if (*at == '*') {
            return true;
        }
        at += strncmp(at, "W/", 2) == 0 ? 2 : 0;
        if (*at != '"') {
            return false;
        }
        const size_t len = strcspn(++at, "\"");
        if (at[len] != '"') {
            return false;
        }
        if (strncmp(at, etag + 1, want) == 0 &&
            (len == want || (len == want + 3 && strncmp(at + want, "-gz", 3) == 0))) {
            return true;
        }
        at += len + 1;
    }
    return false;
}
