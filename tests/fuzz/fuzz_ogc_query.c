/* tests/fuzz/fuzz_ogc_query.c -- a query string as a request for items, as filters of a tile, and
 * as an Accept header. What is taken must keep its promises. */
#include "fuzz.h"

#include "host/ogc/format.h"
#include "host/ogc/request.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1 << 16 };

static struct cim_definition *definition;
static struct host_crs_pool *pool;   /* lives as long as the process */
static struct cim_codes *code_lists; /* so do these */

static char *
read_file(const char *name, size_t *ret_len)
{
    char path[1024];
    char *text = calloc(1, 1 << 20);
    (void)snprintf(path, sizeof path, "%s/%s", LAYERS_DIR, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL || text == NULL) {
        abort();
    }
    *ret_len = fread(text, 1, (1 << 20) - 1, file);
    (void)fclose(file);
    return text;
}

static void
set_up(void)
{
    size_t len = 0;
    char *text = read_file("codes.json", &len);
    if (cim_codes_parse("codes.json", text, len, &code_lists, NULL) != CIM_OK) {
        abort();
    }
    free(text);
    text = read_file("enterprises.json", &len);
    if (cim_definition_parse("enterprises.json", text, len, code_lists, &definition, NULL) !=
        CIM_OK) {
        abort();
    }
    free(text);
    pool = host_crs_pool_new();
}

/* Cuts "a=b&c=d" in place; nothing is decoded, so every byte reaches the parsers. */
static size_t
split(char *text, struct host_pair *pairs)
{
    size_t n = 0;
    char *rest = NULL;
    for (char *at = text; at != NULL && n < HOST_QUERY_PAIRS_MAX; at = rest) {
        rest = strchr(at, '&');
        if (rest != NULL) {
            *rest++ = '\0';
        }
        char *value = strchr(at, '=');
        if (value != NULL) {
            *value++ = '\0';
        }
        pairs[n++] = (struct host_pair){at, value != NULL ? value : ""};
    }
    return n;
}

static void
check(int good)
{
    if (!good) {
        abort();
    }
}

static void
check_filter(const char *json)
{
    if (json != NULL) {
        struct json_object *parsed = json_tokener_parse(json);
        check(parsed != NULL); /* whatever was put in, JSON came out */
        json_object_put(parsed);
    }
}

static void
as_items(const struct host_pair *pairs, size_t n)
{
    struct host_items_request *request = NULL;
    struct host_crs_worker *crs = host_crs_take(pool);
    cim_error err = {0};
    const cim_status status = host_items_request_parse(definition, pairs, n, crs, &request, &err);
    host_crs_give(pool, crs);
    if (status != CIM_OK) {
        check(err.code != 0 && err.zh[0] != '\0' && err.en[0] != '\0');
        return;
    }
    const cim_query *query = &request->query;
    check(request->export_all || (request->limit >= 1 && request->limit <= HOST_ITEMS_LIMIT_MAX));
    check((query->flags & CIM_QUERY_DATETIME) == 0 || query->from_ms <= query->to_ms);
    check((query->flags & CIM_QUERY_BBOX) == 0 || query->bbox_s_deg <= query->bbox_n_deg);
    check_filter(query->filter_json);
    host_items_request_free(request);
}

static void
as_tile(const struct host_pair *pairs, size_t n)
{
    static const char *const also[] = {"f", NULL};
    const struct cim_field *fields[4];
    char *area = NULL;
    char *filter = NULL;
    size_t n_fields = 0;
    if (host_filters_parse(definition, pairs, n, also, &area, &filter, fields, 4, &n_fields,
                           NULL) == CIM_OK) {
        check_filter(filter);
        free(area);
        free(filter);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct host_offer offers[] = {
        {HOST_FORMAT_JSON, "json", "application/json", "application/geo+json"},
        {HOST_FORMAT_HTML, "html", "text/html; charset=utf-8", NULL}};
    const struct host_offer *offer = NULL;
    struct host_pair pairs[HOST_QUERY_PAIRS_MAX];
    if (size >= TEXT_MAX) {
        return 0;
    }
    if (definition == NULL) {
        set_up();
    }
    char *text = calloc(1, size + 1);
    memcpy(text, data, size);
    (void)host_format_choose(offers, 2, NULL, text, &offer, NULL);
    const size_t n = split(text, pairs);
    as_items(pairs, n);
    as_tile(pairs, n);
    free(text);
    return 0;
}
