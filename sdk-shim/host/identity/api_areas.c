/* host/identity/api_areas.c -- /admin/api/areas: the tree, cut to where the caller administers;
 * /catalogue/areas: the whole tree, for who asks for data. */
#include "host/identity/api.h"

#include "cim/util.h"
#include "kit/area_tree.h"
#include "kit/time.h"

static void
add_area(const struct cim_area_tree *tree, const cim_area *area, int64_t now_ms, bool first,
         struct cim_buf *out)
{
    char ended[CIM_TIME_TEXT_MAX];
    cim_buf_add_text(out, first ? "{\"code\":" : ",{\"code\":");
    cim_buf_add_json_text(out, area->code, SIZE_MAX);
    host_api_add(out, "name", area->name);
    host_api_add(out, "level", area->level);
    host_api_add(out, "parent",
                 area->parent >= 0 ? cim_area_tree_at(tree, area->parent)->code : NULL);
    if (area->until_ms <= now_ms) { /* its last day; nothing is granted there any more */
        cim_date_format(cim_time_local_day(area->until_ms - 1), ended);
        host_api_add(out, "ended", ended);
    }
    cim_buf_add_char(out, '}');
}

static cim_status
answer_areas(const struct host_api *api, const struct host_area_set *areas, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    const struct cim_area_tree *tree = api->giver->areas;
    const int64_t now_ms = api->call->now_ms;
    bool first = true;
    cim_buf_init(&body, HOST_API_ANSWER_MAX);
    cim_buf_addf(&body, "{\"all\":%s,\"areas\":[", areas->all ? "true" : "false");
    for (int32_t i = 0; tree != NULL && i < cim_area_tree_count(tree); i++) {
        if (areas->all || (areas->bits[i / 64] >> (unsigned)(i % 64) & 1U) != 0) {
            add_area(tree, cim_area_tree_at(tree, i), now_ms, first, &body);
            first = false;
        }
    }
    cim_buf_add_text(&body, "]}");
    return host_api_answer(api, 200, &body, err);
}

static cim_status
handle(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    const struct host_api api = host_api_begin(self, call, req);
    HOST_AUTO_LISTING struct host_listing listing = {0};
    CIM_TRY(host_listing_begin(&api, HOST_ADMIN_USERS, &listing, err));
    return answer_areas(&api, &listing.areas, err);
}

static cim_status
handle_all(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    static const struct host_area_set all = {.all = true};
    const struct host_api api = host_api_begin(self, call, req);
    return answer_areas(&api, &all, err);
}

cim_status
host_api_area_routes(struct host_identity *identity, struct host_http *http, cim_error *err)
{
    const struct host_route route = {.method = "GET",
                                     .pattern = "/admin/api/areas",
                                     .operation_id = "administeredAreas",
                                     .summary_zh = "本人管理的区划",
                                     .summary_en = "Areas that the caller administers",
                                     .handle = handle};
    const struct host_route all = {.method = "GET",
                                   .pattern = "/catalogue/areas",
                                   .operation_id = "listAreas",
                                   .summary_zh = "区划",
                                   .summary_en = "The tree of areas",
                                   .handle = handle_all};
    CIM_TRY(host_api_add_routes(identity, http, NULL, &all, 1, err));
    return host_api_add_routes(identity, http, HOST_ADMIN_USERS, &route, 1, err);
}
