/* demo/codes.h -- identification codes with their check digits, all of fictitious bearers. */
#ifndef DEMO_CODES_H
#define DEMO_CODES_H

#include <stdint.h>

enum {
    DEMO_USCC_TEXT = 19,
    DEMO_ID_CARD_TEXT = 19,
    DEMO_PHONE_TEXT = 12,
    DEMO_GB28181_TEXT = 21,
    DEMO_PLATE_TEXT = 16,
    DEMO_UUID_TEXT = 37
};

/* GB 32100: check character of the first 17; 0 when one of them is not in the set. */
char demo_uscc_check(const char *code17);
/* GB 11714: check character of an 8-character body code. */
char demo_body_check(const char *body8);
/* GB 11643: check character of the first 17 digits. */
char demo_id_card_check(const char *digits17);

/* A code in the pattern 91 + area + MA5T + serial: the serial is below 31^4. */
void demo_uscc_make(const char *area6, uint32_t serial, char ret_text[DEMO_USCC_TEXT]);
/* Born in 1900, so nobody alive bears it; distinct for each index below 365 000 of an area. */
void demo_id_card_make(const char *area6, uint32_t index, char ret_text[DEMO_ID_CARD_TEXT]);
/* In the 154 range, which no operator has; distinct for each index below 10^8. */
void demo_phone_make(uint32_t index, char ret_text[DEMO_PHONE_TEXT]);
/* Gas industry, network camera. `network` is one digit, `serial` below 10^6. */
void demo_gb28181_make(const char *area6, int network, uint32_t serial,
                       char ret_text[DEMO_GB28181_TEXT]);
/* Distinct for each index below 10^5 and each pair of letter and kind. */
void demo_plate_make(char letter, int new_energy, uint32_t index, char ret_text[DEMO_PLATE_TEXT]);
/* UUIDv7 of a time and random bits. */
void demo_uuid7_make(int64_t ms, uint64_t high, uint64_t low, char ret_text[DEMO_UUID_TEXT]);

enum demo_grade {
    DEMO_GRADE_GENERAL = 1,
    DEMO_GRADE_LARGER,
    DEMO_GRADE_MAJOR,
    DEMO_GRADE_EXTRAORDINARY
};

/* Order 493 article 3: the highest grade that any of the three figures reaches. */
enum demo_grade demo_accident_grade(uint32_t deaths, uint32_t serious_injuries, double loss_cny);
const char *demo_grade_code(enum demo_grade grade);

#endif
