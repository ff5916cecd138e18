/* plugin/address/standard.c -- the standard text of an address; see address.h. */
#include "address/address.h"

static void
write_areas(const struct lpg_area_names *names, int32_t area, struct cim_buf *out)
{
    if (area >= 0) {
        write_areas(names, lpg_area_names_parent(names, area), out);
        cim_buf_add_text(out, lpg_area_names_text(names, area));
    }
}

static void
add(struct cim_buf *out, const char *part, const char *word)
{
    if (part[0] != '\0') {
        cim_buf_add_text(out, part);
        cim_buf_add_text(out, word);
    }
}

/* 58号之1, 甲58号, 58A号, 12-16号 */
static void
write_door(const struct lpg_address *address, struct cim_buf *out)
{
    const char *sub = address->door_sub;
    const bool behind = (unsigned char)sub[0] >= 0x80U;
    if (address->door < 0) {
        return;
    }
    cim_buf_add_int(out, address->door);
    if (address->door_to >= 0) {
        cim_buf_add_char(out, '-');
        cim_buf_add_int(out, address->door_to);
    }
    add(out, behind ? "" : sub, "");
    cim_buf_add_text(out, "号");
    add(out, behind ? sub : "", "");
}

void
lpg_address_write_door(const struct lpg_address *address, struct cim_buf *out)
{
    add(out, address->road, "");
    add(out, address->lane, "");
    write_door(address, out);
    if (address->road[0] == '\0' || address->door < 0) {
        add(out, address->name, "");
    }
}

void
lpg_address_write(const struct lpg_area_names *names, const struct lpg_address *address,
                  struct cim_buf *out)
{
    write_areas(names, address->area, out);
    add(out, address->town, "");
    add(out, address->community, "");
    if (address->road[0] != '\0') {
        add(out, address->group, "");
        add(out, address->road, "");
        add(out, address->lane, "");
        write_door(address, out);
        add(out, address->name, "");
    } else {
        add(out, address->name, "");
        add(out, address->group, "");
        write_door(address, out);
    }
    add(out, address->building, "");
    add(out, address->unit, "单元");
    add(out, address->floor, "层");
    add(out, address->room, "室");
}
