/* host/app.h -- the parts of the reference platform, put together by main.c in this order and taken
 * apart in the reverse. Each part knows only the parts above it. */
#ifndef HOST_APP_H
#define HOST_APP_H

struct host_config;
struct host_clock;
struct host_store;
struct host_identity;
struct host_directory;
struct host_areas;
struct host_plugins;
struct host_jobs;
struct host_http;
struct host_ogc;
struct host_audit;
struct host_crypt;
struct host_streams;
struct host_bindings;
struct host_usage;

struct host_app {
    struct host_config *config;     /* base/config.h */
    struct host_clock *clock;       /* base/clock.h */
    struct host_store *platform;    /* store/store.h: platform.db, accounts and settings */
    struct host_store *store;       /* store/store.h: cim.gpkg, data and change log */
    struct host_audit *audit;       /* audit/audit.h: who did what; NULL: nothing is kept */
    struct host_crypt *crypt;       /* crypt/crypt.h: keys of personal data */
    struct host_areas *areas;       /* identity/areas.h: the area tree */
    struct host_identity *identity; /* identity/identity.h: accounts, sessions, grants */
    /* directory/directory.h: whom identity follows; NULL: none */
    struct host_directory *directory;
    struct host_plugins *plugins;   /* plugins/plugins.h: what is loaded and registered */
    struct host_jobs *jobs;         /* jobs/jobs.h: work that outlives a request */
    struct host_http *http;         /* http/http.h */
    struct host_ogc *ogc;           /* ogc/ogc.h; set by host_ogc_add_routes() */
    struct host_streams *streams;   /* stream/stream.h: open event streams */
    struct host_usage *usage;       /* catalogue/usage.h: counts what is used */
    struct host_bindings *bindings; /* bindings/bindings.h: refreshes what is due; NULL: nobody */
};

#endif
