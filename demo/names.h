/* demo/names.h -- fictitious people, firms and addresses. */
#ifndef DEMO_NAMES_H
#define DEMO_NAMES_H

#include "geo.h"
#include "rng.h"

#include <stddef.h>

enum { DEMO_PERSON_TEXT = 16, DEMO_ADDRESS_TEXT = 384, DEMO_BRANDS = 180 };

void demo_person_name(struct demo_rng *rng, char ret_text[DEMO_PERSON_TEXT]);
/* A brand of two characters, distinct for each index below DEMO_BRANDS. */
void demo_brand_name(uint32_t index, char ret_text[DEMO_PERSON_TEXT]);
const char *demo_street_name(struct demo_rng *rng);
/* One of the 16 names of streets, the same in every town. */
const char *demo_street_at(uint32_t index);
/* "海南省…镇人民路12号" */
void demo_street_address(struct demo_rng *rng, const struct demo_town *town,
                         char ret_text[DEMO_ADDRESS_TEXT]);
/* The same with building, unit and room. */
void demo_home_address(struct demo_rng *rng, const struct demo_town *town, int storeys,
                       char ret_text[DEMO_ADDRESS_TEXT]);

#endif
