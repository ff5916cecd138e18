/* tests/unit/address/test_address_hainan.c -- over Hainan's own areas: every town and village is
 * found by the names that people call it, below its county. */
#include "address/address.h"

#include "kit/area_tree.h"
#include "unit.h"

#include <stdlib.h>

enum { AREAS_MAX = 5000, LINE_BYTES = 512 };

struct line {
    char text[LINE_BYTES];
    char *cells[4]; /* code, name, then of each file its own */
};

static struct line lines[AREAS_MAX];
static struct cim_area_input areas[AREAS_MAX];
static size_t n_areas;
static struct cim_area_tree *tree;
static struct lpg_area_names *names;

static int64_t
areas_version(const cim_host *host)
{
    (void)host;
    return 1;
}

static int32_t
area_count(const cim_host *host)
{
    (void)host;
    return cim_area_tree_count(tree);
}

static int32_t
area_ordinal(const cim_host *host, const char *code)
{
    (void)host;
    return cim_area_tree_ordinal(tree, code);
}

static cim_status
area_at(const cim_host *host, int32_t ordinal, cim_area *ret_area)
{
    (void)host;
    *ret_area = *cim_area_tree_at(tree, ordinal);
    return CIM_OK;
}

/* 儋州 is listed as a city and as the one county in it. */
static bool
is_known(const char *code)
{
    for (size_t i = 0; i < n_areas; i++) {
        if (strcmp(areas[i].code, code) == 0) {
            return true;
        }
    }
    return false;
}

static void
read_file(const char *name, const char *level, int parent)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/hainan/%s", CIM_TEST_DATA, name);
    FILE *file = fopen(path, "rbe");
    assert_non_null(file);
    assert_non_null(fgets(lines[n_areas].text, LINE_BYTES, file)); /* its head */
    while (fgets(lines[n_areas].text, LINE_BYTES, file) != NULL) {
        struct line *line = &lines[n_areas];
        line->text[strcspn(line->text, "\r\n")] = '\0';
        char *at = line->text;
        for (int i = 0; i < 4; i++) {
            line->cells[i] = at;
            at += strcspn(at, ",");
            if (*at == ',') {
                *at++ = '\0';
            }
        }
        if (is_known(line->cells[0])) {
            continue;
        }
        const char *own = strcmp(line->cells[2], "province") == 0     ? "province"
                          : strcmp(line->cells[2], "prefecture") == 0 ? "city"
                                                                      : "county";
        areas[n_areas++] = (struct cim_area_input){.code = line->cells[0],
                                                   .name = line->cells[1],
                                                   .level = level != NULL ? level : own,
                                                   .parent = line->cells[parent]};
        assert_true(n_areas < AREAS_MAX);
    }
    (void)fclose(file);
}

static int
setup(void **state)
{
    static const cim_host host = {.struct_size = sizeof host};
    static const cim_access_v1 access = {.struct_size = sizeof access,
                                         .areas_version = areas_version,
                                         .area_count = area_count,
                                         .area_ordinal = area_ordinal,
                                         .area = area_at};
    cim_error err = {0};
    (void)state;
    read_file("hainan_admin_codes.csv", NULL, 3);
    read_file("hainan_townships.csv", "town", 2);
    read_file("hainan_villages.csv", "village", 2);
    assert_ok(cim_area_tree_new(areas, n_areas, 1, &tree, &err), &err);
    assert_ok(lpg_area_names_new(&host, &access, &names, &err), &err);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    lpg_area_names_free(names);
    cim_area_tree_free(tree);
    return 0;
}

/* Its names from the county (or the province) down, then `door`. */
static void
write_path(const struct cim_area_input *area, const char *door, char *ret_text, size_t size)
{
    const int32_t ordinal = cim_area_tree_ordinal(tree, area->code);
    const cim_area *own = cim_area_tree_at(tree, ordinal);
    const cim_area *town = cim_area_tree_at(tree, own->parent);
    const cim_area *county =
        town != NULL && town->parent >= 0 ? cim_area_tree_at(tree, town->parent) : NULL;
    (void)snprintf(ret_text, size, "%s%s%s%s", county != NULL ? county->name : "",
                   town != NULL ? town->name : "", own->name, door);
}

static size_t
count_found(const char *level, const char *door, size_t *ret_all)
{
    size_t n = 0;
    *ret_all = 0;
    for (size_t i = 0; i < n_areas; i++) {
        char text[1024];
        struct lpg_address address;
        if (strcmp(areas[i].level, level) != 0) {
            continue;
        }
        write_path(&areas[i], door, text, sizeof text);
        lpg_address_parse(names, -1, text, strlen(text), &address);
        (*ret_all)++;
        if (address.area >= 0 &&
            strcmp(lpg_area_names_code(names, address.area), areas[i].code) == 0) {
            n++;
        } else if (*ret_all - n <= 10) {
            print_message("%s: %s\n", text, lpg_area_names_text(names, address.area));
        }
    }
    return n;
}

static void
all_are_found(void **state)
{
    static const struct {
        const char *level;
        const char *door;
    } cases[] = {{"town", "人民路12号"}, {"town", ""}, {"village", "12号"}, {"village", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t all = 0;
        const size_t n = count_found(cases[i].level, cases[i].door, &all);
        print_message("%s%s: %zu of %zu\n", cases[i].level, cases[i].door, n, all);
        /* Some villages of one town have one name. */
        assert_true((double)n >= 0.99 * (double)all);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_found),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
