/* Standard addresses: the doors of made-up streets, a grid of them round the centre of each town.
 */

#include "world.h"

#include "names.h"
#include "text.h"

enum {
    STREETS = 16,     /* of each town; half of them run east, half north */
    DOORS = 48,       /* of each street that are known, the others lie between */
    NUMBER_STEP = 12, /* from one known number of a side to the next */
    APART_M = 160,    /* from street to street */
    PLOT_M = 12,      /* from one number of a side to the next */
    ASIDE_M = 9,
    PER_TOWN = STREETS * DOORS
};

static struct demo_point
door_point(struct demo_point centre, uint32_t street, int number)
{
    /* Numbers rise along the street, the odd ones on its left. */
    double along = number / 2 * (double)PLOT_M - 864.0;
    double across = ((double)(street % (STREETS / 2)) - 3.5) * APART_M;
    double aside = number % 2 == 1 ? ASIDE_M : -ASIDE_M;

    return street < STREETS / 2 ? demo_move(centre, along, across + aside)
                                : demo_move(centre, across - aside, along);
}

static int
write_address(const struct demo_world *world, struct demo_out *out, uint32_t index,
              struct demo_error *err)
{
    const struct demo_town *town = &world->geo.towns[index / PER_TOWN];
    uint32_t street = index / DOORS % STREETS;
    uint32_t door = index % DOORS;
    int number = (int)(door / 2) * NUMBER_STEP + 1 + (int)(door % 2);
    struct demo_point at = door_point(town->centre, street, number);
    char uid[DEMO_UUID_TEXT], text[DEMO_ADDRESS_TEXT];

    if (town->weight == 0 || !demo_district_contains(&world->geo.districts[town->district], at)) {
        return 0;
    }
    demo_record_uid(world, DEMO_LAYER_ADDRESS, index, uid);
    demo_out_begin(out, uid, "demo", town->code);
    demo_text(text, sizeof(text), "%s%s%d号", town->prefix, demo_street_at(street), number);
    demo_out_text(out, "address", text);
    demo_out_text(out, "kind", "door");
    demo_text(text, sizeof(text), "%s-%02u-%03d", town->code, street + 1, number);
    demo_out_text(out, "address_no", text);
    demo_out_date(out, "checked_on", DEMO_NO_DATE);
    demo_out_text(out, "source", "示例生成");
    demo_out_bool(out, "made_up", 1);
    return demo_out_end(out, at.lon_e6, at.lat_e6, err);
}

int
demo_write_addresses(struct demo_world *world, struct demo_error *err)
{
    double all = (double)world->geo.n_towns * PER_TOWN;
    uint32_t n = demo_scaled(world, all, PER_TOWN);

    /* A smaller demonstration has whole towns, and fewer of them. */
    return demo_write_layer(world, "address-points", n < all ? n : (uint32_t)all, write_address,
                            err);
}
