/* tests/unit/ogc/test_routes.c -- the routes over real HTTP, on a layer that is made up. */
#include "unit.h"

#include "fake_platform.h"

#include <json-c/json.h>
#include <stdlib.h>

static struct fake_platform platform;

static int
setup(void **state)
{
    (void)state;
    fake_platform_start(&platform, NULL);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    fake_platform_stop(&platform);
    return 0;
}

#define ITEMS "/collections/lpg.enterprises/items"

/* Status, and for JSON bodies the document. */
static struct json_object *
get_json(const char *who, const char *path, int expected_status)
{
    char *answer = fake_get(&platform, who, path, NULL);
    char *body = strstr(answer, "\r\n\r\n");
    if (answer_status(answer) != expected_status) {
        fail_msg("%s as %s: %.300s", path, who != NULL ? who : "anonymous", answer);
    }
    assert_non_null(body);
    body += 4;
    if (answer_header(answer, "Transfer-Encoding") != NULL) {
        assert_true(answer_dechunk(body, strlen(body)) >= 0);
    }
    struct json_object *doc = json_tokener_parse(body);
    if (doc == NULL) {
        fail_msg("%s is no JSON: %.300s", path, body);
    }
    free(answer);
    return doc;
}

static struct json_object *
at(struct json_object *doc, const char *key)
{
    struct json_object *value = NULL;
    if (!json_object_object_get_ex(doc, key, &value)) {
        fail_msg("no %s in %.200s", key, json_object_to_json_string(doc));
    }
    return value;
}

static const char *
text_at(struct json_object *doc, const char *key)
{
    return json_object_get_string(at(doc, key));
}

static const char *
link_of(struct json_object *doc, const char *rel)
{
    struct json_object *links = at(doc, "links");
    for (size_t i = 0; i < json_object_array_length(links); i++) {
        struct json_object *link = json_object_array_get_idx(links, i);
        if (strcmp(text_at(link, "rel"), rel) == 0) {
            return text_at(link, "href");
        }
    }
    return NULL;
}

/* The path of an absolute URL of ours. */
static const char *
path_of(const char *url)
{
    const char *path = strstr(url, "://");
    assert_non_null(path);
    return strchr(path + 3, '/');
}

static void
test_access_is_checked_before_anything_else(void **state)
{
    static const char *const paths[] = {"/collections",
                                        "/collections/lpg.enterprises",
                                        "/collections/lpg.enterprises/schema",
                                        "/collections/lpg.enterprises/queryables",
                                        ITEMS,
                                        ITEMS "/1",
                                        "/collections/lpg.enterprises/tiles",
                                        "/collections/lpg.enterprises/tiles/WebMercatorQuad",
                                        "/collections/lpg.enterprises/tiles/WebMercatorQuad/4/7/12",
                                        "/styles/enterprises",
                                        "/basemaps",
                                        "/tileMatrixSets"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        json_object_put(get_json(NULL, paths[i], 401));
    }
    for (size_t i = 1; i < 9; i++) {
        json_object_put(get_json("nobody", paths[i], 403));
    }
    struct json_object *doc = get_json("nobody", "/collections", 200);
    assert_int_equal(json_object_array_length(at(doc, "collections")), 0);
    json_object_put(doc);
    doc = get_json("reader", "/collections", 200);
    assert_int_equal(json_object_array_length(at(doc, "collections")), 1);
    json_object_put(doc);
    json_object_put(get_json("reader", ITEMS "?export=true", 403));
    json_object_put(get_json("reader", "/collections/lpg.nothing/items", 404));
    json_object_put(get_json("reader", "/collections/lpg.resting/items", 503));
}

static void
test_pages_join_to_everything_once(void **state)
{
    char path[1024] = ITEMS "?limit=1000&bbox=109,18,110,19&name=x&sortby=-name,fid";
    int64_t last = 0;
    int64_t total = 0;
    int pages = 0;
    (void)state;
    const int64_t counts = atomic_load(&fake_seen.counts);
    for (;;) {
        struct json_object *doc = get_json("reader", path, 200);
        struct json_object *features = at(doc, "features");
        const size_t n = json_object_array_length(features);
        assert_int_equal(n, json_object_get_int64(at(doc, "numberReturned")));
        assert_int_equal(json_object_get_int64(at(doc, "numberMatched")), 51 * 51 - 1);
        for (size_t i = 0; i < n; i++) {
            const int64_t fid =
                json_object_get_int64(at(json_object_array_get_idx(features, i), "id"));
            assert_true(fid > last);
            last = fid;
        }
        total += (int64_t)n;
        pages++;
        assert_string_equal(fake_seen.sort, "-name;fid;");
        assert_contains(fake_seen.filter, "{\"property\":\"name\"},\"x\"");
        const char *next = link_of(doc, "next");
        if (next == NULL) {
            json_object_put(doc);
            break;
        }
        assert_contains(next, "limit=1000");
        assert_contains(next, "sortby=-name,fid");
        (void)snprintf(path, sizeof path, "%s", path_of(next));
        json_object_put(doc);
    }
    assert_int_equal(total, 51 * 51 - 1);
    assert_int_equal(pages, 3);
    assert_int_equal(atomic_load(&fake_seen.counts) - counts, 1); /* later pages know it */
}

static void
test_pages_of_lines_tell_the_next_in_a_header(void **state)
{
    char path[1024] = ITEMS "?limit=5000&f=geojsonl";
    int64_t lines = 0;
    (void)state;
    for (int page = 0; page < 3; page++) {
        char *answer = fake_get(&platform, "reader", path, NULL);
        assert_int_equal(answer_status(answer), 200);
        for (const char *each = answer_body(answer); *each != '\0'; each++) {
            lines += *each == '\n' ? 1 : 0;
        }
        const char *header = answer_header(answer, "Link");
        if (page == 2) {
            assert_null(header);
        } else {
            assert_contains(header, ">; rel=\"next\"");
            (void)snprintf(path, sizeof path, "%s", path_of(header));
            *strchr(path, '>') = '\0';
        }
        free(answer);
    }
    assert_int_equal(lines, FAKE_POINTS);
}

static void
test_masks_filters_and_sort_keys_go_together(void **state)
{
    struct json_object *doc = NULL;
    (void)state;
    doc = get_json("reader", ITEMS "/7", 200);
    assert_string_equal(text_at(at(doc, "properties"), "contact_phone"), "138****8000");
    json_object_put(doc);
    json_object_put(get_json("exporter", ITEMS "?contact_phone=13812348000", 200));
    doc = get_json("reader", ITEMS "?contact_phone=13812348000", 403);
    assert_string_equal(text_at(doc, "param"), "contact_phone");
    json_object_put(doc);
    json_object_put(get_json("reader", ITEMS "?sortby=-contact_phone", 403));
    json_object_put(
        get_json("reader",
                 "/collections/lpg.enterprises/tiles/WebMercatorQuad/4/7/12?contact_phone=1", 403));
}

static void
test_an_export_streams_everything_in_pieces(void **state)
{
    (void)state;
    const int64_t before = atomic_load(&fake_seen.queries);
    char *answer = fake_get(&platform, "exporter", ITEMS "?export=true&f=geojsonl", NULL);
    assert_int_equal(answer_status(answer), 200);
    assert_string_equal(answer_header(answer, "Content-Disposition"),
                        "attachment; filename=\"lpg.enterprises.geojsonl\"");
    char *body = strstr(answer, "\r\n\r\n") + 4;
    const long len = answer_dechunk(body, strlen(body));
    assert_true(len > 0);
    int64_t lines = 0;
    for (long i = 0; i < len; i++) {
        lines += body[i] == '\n' ? 1 : 0;
    }
    assert_int_equal(lines, FAKE_POINTS);
    assert_true(atomic_load(&fake_seen.queries) - before > 10);
    free(answer);
    struct json_object *doc = get_json("exporter", ITEMS "?export=true", 200);
    assert_int_equal(json_object_array_length(at(doc, "features")), FAKE_POINTS);
    assert_int_equal(json_object_get_int64(at(doc, "numberMatched")), FAKE_POINTS);
    json_object_put(doc);
}

static void
test_reference_systems_and_headers(void **state)
{
    (void)state;
    char *answer = fake_get(&platform, "reader", ITEMS "/100?crs=EPSG:4490", NULL);
    assert_string_equal(answer_header(answer, "Content-Crs"),
                        "<http://www.opengis.net/def/crs/EPSG/0/4490>");
    assert_contains(answer_body(answer), "\"coordinates\":[18.51,109]");
    free(answer);
    answer = fake_get(&platform, "reader", ITEMS "/100", NULL);
    assert_contains(answer_body(answer), "\"coordinates\":[109,18.51]");
    char etag[200];
    char header[300];
    cim_copy_text(etag, sizeof etag, answer_header(answer, "ETag"));
    assert_int_equal(strncmp(etag, "\"2-", 3), 0); /* the version leads */
    free(answer);
    (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", etag);
    answer = fake_get(&platform, "reader", ITEMS "/100", header);
    assert_int_equal(answer_status(answer), 304);
    free(answer);
    struct json_object *doc =
        get_json("reader", ITEMS "/00000000-0000-7000-8000-000000000100", 200);
    assert_int_equal(json_object_get_int64(at(doc, "id")), 100);
    json_object_put(doc);
    json_object_put(get_json("reader", ITEMS "/99999999", 404));
    json_object_put(get_json("reader", ITEMS "/x", 404));
}

static const struct {
    const char *path;
    int status;
    const char *param;
} bad[] = {
    {ITEMS "?bbox=1,2,3", 400, "bbox"},
    {ITEMS "?bbox=20,110,21,111", 400, "bbox"},
    {ITEMS "?crs=EPSG:1", 400, "crs"},
    {ITEMS "?limit=0", 400, "limit"},
    {ITEMS "?datetime=2026-99-99", 400, "datetime"},
    {ITEMS "?nope=1", 400, "nope"},
    {ITEMS "?licence_state=golden", 400, "licence_state"},
    {ITEMS "?sortby=nope", 400, "sortby"},
    {ITEMS "?properties=nope", 400, "properties"},
    {ITEMS "?area=999999", 400, "area"},
    {ITEMS "?cursor=.x", 400, "cursor"},
    {ITEMS "?f=xml", 400, "f"},
    {ITEMS "/1?bbox=1,2,3,4", 400, "bbox"},
    {"/collections?nope=1", 400, "nope"},
    {"/conformance?f=xml", 400, "f"},
    {"/collections/lpg.enterprises/tiles/Other", 404, "tileMatrixSetId"},
    {"/collections/lpg.enterprises/tiles/WebMercatorQuad/30/0/0", 404, "tileMatrix"},
    {"/collections/lpg.enterprises/tiles/WebMercatorQuad/1/2/0", 404, "tileRow"},
    {"/collections/lpg.enterprises/tiles/WebMercatorQuad/1/x/0", 400, "tileRow"},
    {"/collections/lpg.enterprises/tiles/WebMercatorQuad/1/0/0?bbox=1,2,3,4", 400, "bbox"},
    {"/styles/nope", 404, "styleId"},
    {"/styles/..%2Fenterprises", 400, NULL},
    {"/basemaps/tianditu/../1/0/0", 400, NULL},
    {"/basemaps/tianditu/secret/1/0/0", 404, "layer"},
    {"/basemaps/tianditu/vec/19/0/0", 404, "tileMatrix"},
    {"/basemaps/tianditu/vec/1/0/0", 404, "tianditu.key"},
};

static void
test_wrong_input_is_a_problem_that_names_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct json_object *doc = get_json("reader", bad[i].path, bad[i].status);
        if (bad[i].param != NULL) {
            assert_string_equal(text_at(doc, "param"), bad[i].param);
        }
        assert_true(strlen(text_at(doc, "detail")) > 6);
        assert_true(strlen(text_at(doc, "detail_en")) > 6);
        json_object_put(doc);
    }
    char *answer = fake_get(&platform, "reader", ITEMS, "Accept: image/png\r\n");
    assert_int_equal(answer_status(answer), 406);
    free(answer);
}

static void
test_every_page_is_html_without_script(void **state)
{
    static const char *const paths[] = {"/",
                                        "/conformance",
                                        "/api",
                                        "/collections",
                                        "/collections/lpg.enterprises",
                                        "/collections/lpg.enterprises/schema",
                                        "/collections/lpg.enterprises/queryables",
                                        ITEMS,
                                        ITEMS "/3",
                                        "/collections/lpg.enterprises/tiles",
                                        "/collections/lpg.enterprises/tiles/WebMercatorQuad",
                                        "/tileMatrixSets",
                                        "/tileMatrixSets/WebMercatorQuad",
                                        "/styles",
                                        "/styles/enterprises",
                                        "/basemaps"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char *answer = fake_get(&platform, "reader", paths[i], "Accept: text/html\r\n");
        if (answer_status(answer) != 200 || strstr(answer, "<!DOCTYPE html>") == NULL ||
            strstr(answer, "</html>") == NULL) {
            fail_msg("%s: %.400s", paths[i], answer);
        }
        assert_null(strstr(answer, "<script"));
        assert_null(strstr(answer, "企业 <3>")); /* escaped */
        assert_contains(answer_header(answer, "Content-Security-Policy"), "default-src 'none'");
        free(answer);
    }
    char *answer = fake_get(&platform, "reader", ITEMS "?f=html&limit=5", NULL);
    assert_contains(answer, "企业 &lt;3&gt;");
    assert_contains(answer, "<svg");
    assert_contains(answer, "下一页");
    free(answer);
}

static void
test_tiles_are_cached_by_key_and_not_sent_again(void **state)
{
    static const char path[] = "/collections/lpg.enterprises/tiles/WebMercatorQuad/5/14/25";
    char header[200];
    (void)state;
    const int64_t before = atomic_load(&fake_seen.tiles);
    char *answer = fake_get(&platform, "reader", path, "Accept-Encoding: gzip\r\n");
    assert_int_equal(answer_status(answer), 200);
    assert_string_equal(answer_header(answer, "Content-Encoding"), "gzip");
    assert_string_equal(answer_header(answer, "Content-Type"),
                        "application/vnd.mapbox-vector-tile");
    (void)snprintf(header, sizeof header, "If-None-Match: %s\r\n", answer_header(answer, "ETag"));
    free(answer);
    answer = fake_get(&platform, "reader", path, header);
    assert_int_equal(answer_status(answer), 304);
    free(answer);
    answer = fake_get(&platform, "reader", path, NULL);
    assert_int_equal(answer_status(answer), 200);
    assert_int_equal(strtol(answer_header(answer, "Content-Length"), NULL, 10), 4000);
    free(answer);
    assert_int_equal(atomic_load(&fake_seen.tiles) - before, 1);
    answer = fake_get(&platform, "exporter", path, header); /* another mask: another key */
    assert_int_equal(answer_status(answer), 200);
    free(answer);
    assert_int_equal(atomic_load(&fake_seen.tiles) - before, 2);
    answer = fake_get(&platform, "reader",
                      "/collections/lpg.enterprises/tiles/WebMercatorQuad/3/0/0", NULL);
    assert_int_equal(answer_status(answer), 204);
    free(answer);
    atomic_store(&fake_seen.fail_tiles, 1);
    answer = fake_get(&platform, "reader",
                      "/collections/lpg.enterprises/tiles/WebMercatorQuad/6/0/0", NULL);
    assert_int_equal(answer_status(answer), 500);
    free(answer);
    answer = fake_get(&platform, "reader",
                      "/collections/lpg.enterprises/tiles/WebMercatorQuad/6/0/0", NULL);
    assert_int_equal(answer_status(answer), 200); /* a failure is not kept */
    free(answer);
}

static void
test_tilejson_and_styles_hold_whole_addresses(void **state)
{
    struct json_object *doc =
        get_json("reader",
                 "/collections/lpg.enterprises/tiles/WebMercatorQuad?f=tilejson&area=460100"
                 "&licence_state=valid",
                 200);
    const char *url = json_object_get_string(json_object_array_get_idx(at(doc, "tiles"), 0));
    (void)state;
    assert_contains(url, "://localhost");
    assert_contains(url, "/WebMercatorQuad/{z}/{y}/{x}?area=460100&licence_state=valid");
    json_object_put(doc);
    doc = get_json("reader", "/styles/enterprises?f=json", 200);
    struct json_object *sources = at(doc, "sources");
    assert_contains(text_at(at(sources, "a"), "url"), "http://localhost");
    assert_string_equal(
        json_object_get_string(json_object_array_get_idx(at(at(sources, "b"), "tiles"), 1)),
        "http://other/{z}");
    assert_contains(text_at(doc, "sprite"), "http://localhost");
    json_object_put(doc);
}

static void
test_openapi_names_every_route_and_parameter(void **state)
{
    struct json_object *doc = get_json("reader", "/api", 200);
    struct json_object *paths = at(doc, "paths");
    (void)state;
    assert_string_equal(text_at(doc, "openapi"), "3.0.3");
    struct json_object *operation =
        at(at(paths, "/collections/{id}/tiles/{tms}/{z}/{row}/{col}"), "get");
    assert_int_equal(json_object_array_length(at(operation, "parameters")), 7);
    operation = at(at(paths, "/collections/{id}/items"), "get");
    assert_contains(json_object_get_string(at(operation, "parameters")), "\"lpg.enterprises\"");
    assert_false(json_object_object_get_ex(paths, "/assets/ogc.css", NULL));
    json_object_put(doc);
    doc = get_json(NULL, "/api", 200); /* nobody signed in: no names */
    assert_null(strstr(json_object_get_string(doc), "lpg.enterprises"));
    json_object_put(doc);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_access_is_checked_before_anything_else),
        cmocka_unit_test(test_pages_join_to_everything_once),
        cmocka_unit_test(test_pages_of_lines_tell_the_next_in_a_header),
        cmocka_unit_test(test_masks_filters_and_sort_keys_go_together),
        cmocka_unit_test(test_an_export_streams_everything_in_pieces),
        cmocka_unit_test(test_reference_systems_and_headers),
        cmocka_unit_test(test_wrong_input_is_a_problem_that_names_it),
        cmocka_unit_test(test_every_page_is_html_without_script),
        cmocka_unit_test(test_tiles_are_cached_by_key_and_not_sent_again),
        cmocka_unit_test(test_tilejson_and_styles_hold_whole_addresses),
        cmocka_unit_test(test_openapi_names_every_route_and_parameter),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
