/* plugin/address/address.h -- Chinese addresses: their parts, and their standard text.
 *
 * 海南省海口市美兰区海甸街道人民大道５８号之一　金山花园3幢二单元502房
 *   area 海甸街道 (of the platform's tree), road 人民大道, door 58 sub 之1, name 金山花园,
 *   building 3栋, unit 2, room 502
 *
 * The forms follow GB/T 23705 and Hainan's usage: road and door (道路门牌), neighbourhood or
 * natural village and building (小区楼栋), village committee and group (村组). Full-width letters
 * and digits, Chinese numerals and separators are taken as what they stand for.
 */
#ifndef LPG_ADDRESS_ADDRESS_H
#define LPG_ADDRESS_ADDRESS_H

#include "address/area_names.h"
#include "kit/buf.h"

enum {
    LPG_ADDRESS_CHARS_MAX = 200, /* what is longer is cut there */
    LPG_ADDRESS_PART_BYTES = 96,
    LPG_ADDRESS_REST_BYTES = 400
};

struct lpg_address {
    int32_t area;                      /* the deepest area of the tree that it names; -1: none */
    int32_t door;                      /* -1: none */
    int32_t door_to;                   /* of 12-16号: 16; -1 */
    bool too_long;                     /* characters past the limit were not read */
    char town[LPG_ADDRESS_PART_BYTES]; /* a town, farm or village that the tree does not know */
    char community[LPG_ADDRESS_PART_BYTES];
    char group[LPG_ADDRESS_PART_BYTES]; /* 3组, 5队 */
    char road[LPG_ADDRESS_PART_BYTES];
    char lane[LPG_ADDRESS_PART_BYTES];     /* a lane or side street of the road */
    char door_sub[LPG_ADDRESS_PART_BYTES]; /* 之1, 附3, 甲, A */
    char name[LPG_ADDRESS_PART_BYTES];     /* neighbourhood, natural village, place */
    char building[LPG_ADDRESS_PART_BYTES]; /* 3栋, A座 */
    char unit[LPG_ADDRESS_PART_BYTES];     /* without their words: 2 */
    char floor[LPG_ADDRESS_PART_BYTES];
    char room[LPG_ADDRESS_PART_BYTES];
    char rest[LPG_ADDRESS_REST_BYTES]; /* what was not understood, pieces with blanks between */
};

/* Never fails: what is not understood is the rest. `bias`: an area that the address is likely in
 * or near to, for names that several areas have; -1: none. Invalid UTF-8 is skipped. [any] */
void lpg_address_parse(const struct lpg_area_names *names, int32_t bias, const char *text,
                       size_t len, struct lpg_address *ret_address);
/* The standard text: areas from the province down, then the parts. "" of an empty address. */
void lpg_address_write(const struct lpg_area_names *names, const struct lpg_address *address,
                       struct cim_buf *out);
/* The same from the road on, without areas, down to the door, or without a road to the name. */
void lpg_address_write_door(const struct lpg_address *address, struct cim_buf *out);

#endif
