/* tests/fuzz/fuzz_address_parse.c -- whatever somebody writes into the field of an address: parts
 * of it are whole characters within their bounds, and its standard text is taken apart again. */
#include "fuzz.h"

#include "address/address.h"
#include "kit/area_tree.h"

#include <stdlib.h>
#include <string.h>

static const struct cim_area_input areas[] = {
    {"46", "海南省", "province", NULL, NULL},
    {"4601", "海口市", "city", "46", NULL},
    {"460106", "龙华区", "county", "4601", NULL},
    {"460106008", "金贸街道", "town", "460106", NULL},
    {"460107", "琼山区", "county", "4601", NULL},
    {"460107002", "府城街道", "town", "460107", "府城镇"},
    {"460107002001", "那央村民委员会", "village", "460107002", NULL},
};

static struct cim_area_tree *tree;

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

static const struct lpg_area_names *
names(void)
{
    static const cim_host host = {.struct_size = sizeof host};
    static const cim_access_v1 access = {.struct_size = sizeof access,
                                         .areas_version = areas_version,
                                         .area_count = area_count,
                                         .area_ordinal = area_ordinal,
                                         .area = area_at};
    static struct lpg_area_names *made;
    if (made == NULL &&
        (cim_area_tree_new(areas, sizeof areas / sizeof areas[0], 1, &tree, NULL) != CIM_OK ||
         lpg_area_names_new(&host, &access, &made, NULL) != CIM_OK)) {
        abort();
    }
    return made;
}

static void
check_part(const char *part, size_t capacity)
{
    const size_t len = strnlen(part, capacity);
    if (len == capacity) {
        abort();
    }
    for (size_t i = 0; i < len;) {
        const size_t n = cim_utf8_length(part + i, len - i);
        if (n == 0) {
            abort();
        }
        i += n;
    }
}

static void
check(const struct lpg_address *address)
{
    const char *const parts[] = {address->town,  address->community, address->group,
                                 address->road,  address->lane,      address->door_sub,
                                 address->name,  address->building,  address->unit,
                                 address->floor, address->room};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        check_part(parts[i], LPG_ADDRESS_PART_BYTES);
    }
    check_part(address->rest, LPG_ADDRESS_REST_BYTES);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lpg_address address;
    struct cim_buf out;
    cim_buf_init(&out, 1 << 16);
    cim_buf_add(&out, "", 0);
    lpg_address_parse(names(), size % 8 == 0 ? -1 : (int32_t)(size % 7), (const char *)data, size,
                      &address);
    check(&address);
    lpg_address_write(names(), &address, &out);
    if (cim_buf_status(&out, NULL) != CIM_OK) {
        abort();
    }
    lpg_address_parse(names(), -1, out.data, out.len, &address);
    check(&address);
    cim_buf_done(&out);
    return 0;
}
