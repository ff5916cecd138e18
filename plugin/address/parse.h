/* plugin/address/parse.h -- inside of address/: what parse.c and parse_number.c share. */
#ifndef LPG_ADDRESS_PARSE_H
#define LPG_ADDRESS_PARSE_H

#include "address/scan.h"

struct lpg_parse {
    const struct lpg_area_names *names;
    int32_t bias;
    const struct lpg_chars *t;
    struct lpg_address *address;
    int at;
    int rest_end; /* of the last piece of the rest */
};

/* Notes characters as not understood. */
void lpg_parse_rest(struct lpg_parse *p, int from, int end);
/* A word that ends a road's name stands there: its characters, 0: none. */
int lpg_parse_road_end(const struct lpg_chars *t, int at);

/* A number with what it numbers (58号之一, 3幢, 二单元, 502房, 3-2-502): the characters taken, 0:
 * none. (parse_number.c) */
int lpg_parse_take_number(struct lpg_parse *p);
/* Whether one stands there. */
int lpg_parse_number_at(const struct lpg_parse *p, int at);

#endif
