/* tests/abi/broken.c -- a plugin with one defect. Built once per defect, with BROKEN_<DEFECT> and
 * BROKEN_ID defined; without a defect it is a good one. */
#include "cim/cim.h"

#define LAYER_ID BROKEN_ID ".things"

static const char definition[] =
    "{\"id\":\"" LAYER_ID "\",\"title\":{\"zh\":\"物\",\"en\":\"Things\"},"
    "\"description\":{\"zh\":\"物\",\"en\":\"Things\"},\"table\":\"thing\",\"geometry\":\"Point\","
    "\"area\":\"area_code\",\"owner\":\"owner_org\",\"label\":\"body\",\"time\":\"updated_at\","
    "\"fields\":[{\"name\":\"body\",\"type\":\"text\",\"title\":{\"zh\":\"名\",\"en\":\"Name\"}}],"
    "\"popup\":[\"body\"]}";

static cim_status
count(void *self, const cim_call *call, const cim_query *query, int64_t *ret_count, cim_error *err)
{
    (void)self;
    (void)call;
    (void)query;
    (void)err;
    *ret_count = 0;
    return CIM_OK;
}

static cim_status
extent(void *self, const cim_call *call, const cim_query *query, double ret_bbox_deg[4],
       cim_error *err)
{
    (void)self;
    (void)call;
    (void)query;
    (void)ret_bbox_deg;
    return cim_fail(err, CIM_E_NOTFOUND, NULL, NULL, "空", "empty");
}

static cim_status
query_rows(void *self, const cim_call *call, const cim_query *query, cim_rows **ret_rows,
           cim_error *err)
{
    (void)self;
    (void)call;
    (void)query;
    (void)ret_rows;
    return cim_fail(err, CIM_E_UNSUPPORTED, NULL, NULL, "无", "none");
}

static cim_status
add_layer(const cim_host *host, const char *id, cim_error *err)
{
    const cim_layers_v1 *layers = host->get_service(host, CIM_SERVICE_LAYERS);
    const cim_layer layer = {.struct_size = sizeof layer,
                             .id = id,
                             .definition = definition,
                             .count = count,
                             .extent = extent,
                             .query = query_rows};
    return layers->add_layer(host, &layer, err);
}

static cim_status
answer(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    (void)self;
    (void)call;
    (void)req;
    return cim_fail(err, CIM_E_UNSUPPORTED, NULL, NULL, "无", "none");
}

static cim_status
add_route(const cim_host *host, const char *pattern, cim_error *err)
{
    const cim_http_v1 *http = host->get_service(host, CIM_SERVICE_HTTP);
    const cim_http_route route = {.struct_size = sizeof route,
                                  .method = "GET",
                                  .pattern = pattern,
                                  .summary_zh = "物",
                                  .summary_en = "things",
                                  .handle = answer};
    return http->add_route(host, &route, err);
}

__attribute__((unused)) static cim_status
init(const cim_host *host, void **ret_self, cim_error *err)
{
    static int self;
    CIM_TRY(add_layer(host, LAYER_ID, err));
    CIM_TRY(add_route(host, "/things", err));
#ifdef BROKEN_INIT_FAILS
    return cim_fail(err, CIM_E_IO, "disk", "/dev/nothing", "找不到模型文件",
                    "the model file is missing");
#endif
#ifdef BROKEN_INIT_FAILS_SILENTLY
    return CIM_E_IO;
#endif
#ifdef BROKEN_UNLISTED_LAYER
    CIM_TRY(add_layer(host, BROKEN_ID ".secret", err));
#endif
#ifdef BROKEN_UNLISTED_ROUTE
    CIM_TRY(add_route(host, "/secret", err));
#endif
#ifdef BROKEN_DUPLICATE_LAYER
    CIM_TRY(add_layer(host, LAYER_ID, err));
#endif
#ifdef BROKEN_DUPLICATE_ROUTE
    CIM_TRY(add_route(host, "/things", err));
#endif
#ifdef BROKEN_FOREIGN_LAYER
    CIM_TRY(add_layer(host, "good.things", err));
#endif
    *ret_self = &self;
    return CIM_OK;
}

static void
destroy(void *self)
{
    (void)self;
}

static const char *const services[] = {CIM_SERVICE_LAYERS, CIM_SERVICE_HTTP,
#ifdef BROKEN_MISSING_SERVICE
                                       "cim.teleport/1",
#endif
                                       NULL};

/* A descriptor of a host to come: ours with more behind it. */
struct larger_desc {
    cim_plugin_desc desc;
    void (*later)(void *self);
    void *more[4];
};

static const struct larger_desc larger = {
    .desc =
        {
#if defined(BROKEN_SHORT_DESC)
            .struct_size = CIM_PLUGIN_DESC_SIZE_V1_0 - 8,
#elif defined(BROKEN_ABSURD_DESC)
            .struct_size = 4097,
#elif defined(BROKEN_OVERSIZED_DESC)
            .struct_size = sizeof(struct larger_desc),
#else
            .struct_size = sizeof(cim_plugin_desc),
#endif
#ifdef BROKEN_WRONG_MAJOR
            .abi_major = CIM_ABI_MAJOR + 1,
#else
            .abi_major = CIM_ABI_MAJOR,
#endif
#ifdef BROKEN_NEWER_HOST
            .min_host_minor = CIM_ABI_MINOR + 7,
#endif
#ifdef BROKEN_OTHER_ID
            .id = "somebody-else",
#else
            .id = BROKEN_ID,
#endif
#ifdef BROKEN_OTHER_VERSION
            .version = "9.9.9",
#else
            .version = "1.0.0",
#endif
            .required_services = services,
            .thread_model = CIM_THREADS_PARALLEL,
#ifndef BROKEN_NO_INIT
            .init = init,
#endif
            .destroy = destroy,
        },
    .later = destroy,
};

#ifdef BROKEN_NO_SYMBOL
CIM_EXPORT const cim_plugin_desc *cim_plugin_entry_v0(void);

CIM_EXPORT const cim_plugin_desc *
cim_plugin_entry_v0(void)
#else
const cim_plugin_desc *
cim_plugin_entry_v1(void)
#endif
{
#ifdef BROKEN_NULL_DESC
    return NULL;
#endif
    return &larger.desc;
}
