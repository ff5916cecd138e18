/* tests/unit/ogc/fake_platform.h -- a platform with one layer of made points and one renderer, so
 * that the routes run over real HTTP without a plugin. */
#ifndef TESTS_OGC_FAKE_PLATFORM_H
#define TESTS_OGC_FAKE_PLATFORM_H

#include "../http/fixture.h"

#include "host/app.h"
#include "ogc_fixture.h"

enum { FAKE_POINTS = 12345 };

/* What the fake layer and renderer were asked last. */
struct fake_seen {
    _Atomic int64_t queries;
    _Atomic int64_t counts;
    _Atomic int64_t tiles;
    _Atomic int fail_tiles; /* this many renderings fail */
    char filter[2048];
    char area[64];
    char sort[256];
};
extern struct fake_seen fake_seen;

struct fake_platform {
    struct fixture server;
    struct host_app app;
    struct ogc_fixture ogc;
};

/* `args`: settings such as "--tianditu.key=k"; NULL-terminated, may be NULL. Callers sign in with
 * "Authorization: Bearer NAME": reader (masked), exporter (clear, may export), nobody (no term). */
void fake_platform_start(struct fake_platform *platform, const char *const *args);
void fake_platform_stop(struct fake_platform *platform);
/* GET as a caller (NULL: anonymous) with more header lines (may be NULL); the caller frees. */
char *fake_get(struct fake_platform *platform, const char *who, const char *path,
               const char *headers);

#endif
