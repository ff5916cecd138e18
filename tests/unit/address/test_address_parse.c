/* tests/unit/address/test_address_parse.c -- addresses as people in Hainan write them, and what
 * they say. */
#include "address/address.h"

#include "kit/area_tree.h"
#include "unit.h"

#include <stdlib.h>

static const struct cim_area_input areas[] = {
    {"460000", "海南省", "province", NULL, NULL},
    {"460100", "海口市", "city", "460000", NULL},
    {"460105", "秀英区", "county", "460100", NULL},
    {"460105101", "长流镇", "town", "460105", NULL},
    {"460105003", "秀英街道", "town", "460105", NULL},
    {"460105101201", "那央村民委员会", "village", "460105101", NULL},
    {"460106", "龙华区", "county", "460100", NULL},
    {"460106008", "金贸街道", "town", "460106", NULL},
    {"460106008001", "玉沙社区居民委员会", "village", "460106008", NULL},
    {"460106002", "中山街道", "town", "460106", NULL},
    {"460106101", "城西镇", "town", "460106", NULL},
    {"460107", "琼山区", "county", "460100", NULL},
    {"460107001", "国兴街道", "town", "460107", NULL},
    {"460107002", "府城街道", "town", "460107", NULL},
    {"460107106", "旧州镇", "town", "460107", NULL},
    {"460108", "美兰区", "county", "460100", NULL},
    {"460108001", "海府街道", "town", "460108", NULL},
    {"460108005", "和平南街道", "town", "460108", NULL},
    {"460108006", "白龙街道", "town", "460108", NULL},
    {"460108007", "海甸街道", "town", "460108", NULL},
    {"460108009", "人民街道", "town", "460108", NULL},
    {"460108400", "桂林洋经济开发区", "park", "460108", NULL},
    {"460200", "三亚市", "city", "460000", NULL},
    {"460203", "吉阳区", "county", "460200", NULL},
    {"460204", "天涯区", "county", "460200", NULL},
    {"460400", "儋州市", "city", "460000", NULL},
    {"460400100", "那大镇", "town", "460400", NULL},
    {"460400499", "洋浦经济开发区", "park", "460400", "洋浦"},
    {"469001", "五指山市", "county", "460000", NULL},
    {"469001100", "通什镇", "town", "469001", "冲山镇"},
    {"469005", "文昌市", "county", "460000", NULL},
    {"469005100", "文城镇", "town", "469005", NULL},
    {"469030", "琼中黎族苗族自治县", "county", "460000", NULL},
    {"469030100", "营根镇", "town", "469030", NULL},
    {"469028", "陵水黎族自治县", "county", "460000", NULL},
    {"469028101", "新村镇", "town", "469028", NULL},
};

struct tree {
    cim_host host;
    cim_access_v1 access;
    struct cim_area_tree *areas;
    struct lpg_area_names *names;
};

static const struct tree *
tree_of(const cim_host *host)
{
    return (const struct tree *)(const void *)host;
}

static int64_t
areas_version(const cim_host *host)
{
    return cim_area_tree_version(tree_of(host)->areas);
}

static int32_t
area_count(const cim_host *host)
{
    return cim_area_tree_count(tree_of(host)->areas);
}

static int32_t
area_ordinal(const cim_host *host, const char *code)
{
    return cim_area_tree_ordinal(tree_of(host)->areas, code);
}

static cim_status
area_at(const cim_host *host, int32_t ordinal, cim_area *ret_area)
{
    const cim_area *area = cim_area_tree_at(tree_of(host)->areas, ordinal);
    if (area == NULL) {
        return CIM_E_NOTFOUND;
    }
    *ret_area = *area;
    return CIM_OK;
}

static int
setup(void **state)
{
    struct tree *tree = calloc(1, sizeof *tree);
    assert_non_null(tree);
    tree->access = (cim_access_v1){.struct_size = sizeof tree->access,
                                   .areas_version = areas_version,
                                   .area_count = area_count,
                                   .area_ordinal = area_ordinal,
                                   .area = area_at};
    assert_int_equal(
        cim_area_tree_new(areas, sizeof areas / sizeof areas[0], 1, &tree->areas, NULL), CIM_OK);
    assert_int_equal(lpg_area_names_new(&tree->host, &tree->access, &tree->names, NULL), CIM_OK);
    *state = tree;
    return 0;
}

static int
teardown(void **state)
{
    struct tree *tree = *state;
    lpg_area_names_free(tree->names);
    cim_area_tree_free(tree->areas);
    free(tree);
    return 0;
}

/* The address as it is written, its standard text, what of it was not understood. */
static const struct {
    const char *text;
    const char *standard;
    const char *rest;
} cases[] = {
#include "addresses.inc"
};

static void
the_table(void **state)
{
    const struct tree *tree = *state;
    int n_wrong = 0;
    assert_true(sizeof cases / sizeof cases[0] >= 80);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lpg_address address;
        struct cim_buf out;
        cim_buf_init(&out, 4096);
        lpg_address_parse(tree->names, -1, cases[i].text, strlen(cases[i].text), &address);
        lpg_address_write(tree->names, &address, &out);
        cim_buf_add(&out, "", 0);
        if (strcmp(out.data, cases[i].standard) != 0 || strcmp(address.rest, cases[i].rest) != 0) {
            print_error("{\"%s\", \"%s\", \"%s\"},\n  -> \"%s\", \"%s\"\n", cases[i].text,
                        cases[i].standard, cases[i].rest, out.data, address.rest);
            n_wrong++;
        }
        cim_buf_done(&out);
    }
    assert_int_equal(n_wrong, 0);
}

/* The standard text of a standard text is itself. */
static void
standard_stays(void **state)
{
    const struct tree *tree = *state;
    int n_wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lpg_address address;
        struct cim_buf out;
        cim_buf_init(&out, 4096);
        lpg_address_parse(tree->names, -1, cases[i].standard, strlen(cases[i].standard), &address);
        lpg_address_write(tree->names, &address, &out);
        cim_buf_add(&out, "", 0);
        if (strcmp(out.data, cases[i].standard) != 0 || address.rest[0] != '\0') {
            print_error("%s -> %s\n", cases[i].standard, out.data);
            n_wrong++;
        }
        cim_buf_done(&out);
    }
    assert_int_equal(n_wrong, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),
        cmocka_unit_test(standard_stays),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
