#include "codes.h"

#include "text.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char USCC_SET[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
/* Letters that a plate may carry. */
static const char PLATE_SET[] = "ABCDEFGHJKLMNPQRSTUVWXYZ";

char
demo_uscc_check(const char *code17)
{
    uint32_t weight = 1;
    uint32_t sum = 0;

    for (int i = 0; i < 17; i++) {
        const char *at = code17[i] == '\0' ? NULL : strchr(USCC_SET, code17[i]);
        if (at == NULL) {
            return 0;
        }
        sum += (uint32_t)(at - USCC_SET) * weight;
        weight = weight * 3 % 31;
    }
    return USCC_SET[(31 - sum % 31) % 31];
}

static uint32_t
body_value(char c)
{
    return c <= '9' ? (uint32_t)(c - '0') : (uint32_t)(c - 'A') + 10;
}

char
demo_body_check(const char *body8)
{
    static const uint32_t weights[8] = {3, 7, 9, 10, 5, 8, 4, 2};
    uint32_t sum = 0;
    uint32_t check;

    for (int i = 0; i < 8; i++) {
        sum += body_value(body8[i]) * weights[i];
    }
    check = 11 - sum % 11;
    if (check == 10) {
        return 'X';
    }
    return check == 11 ? '0' : (char)('0' + check);
}

char
demo_id_card_check(const char *digits17)
{
    static const uint32_t weights[17] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    uint32_t sum = 0;

    for (int i = 0; i < 17; i++) {
        sum += (uint32_t)(digits17[i] - '0') * weights[i];
    }
    return "10X98765432"[sum % 11];
}

void
demo_uscc_make(const char *area6, uint32_t serial, char ret_text[DEMO_USCC_TEXT])
{
    char body[9] = "MA5T0000";

    for (int i = 7; i >= 4; i--) {
        body[i] = USCC_SET[serial % 31];
        serial /= 31;
    }
    demo_text(ret_text, DEMO_USCC_TEXT, "91%.6s%s%c", area6, body, demo_body_check(body));
    ret_text[17] = demo_uscc_check(ret_text);
    ret_text[18] = '\0';
}

void
demo_id_card_make(const char *area6, uint32_t index, char ret_text[DEMO_ID_CARD_TEXT])
{
    static const uint8_t month_days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t day = index / 1000 % 365;
    uint32_t serial = index % 1000;
    uint32_t month = 0;
    char *at = ret_text;

    while (day >= month_days[month]) {
        day -= month_days[month];
        month++;
    }
    day++;
    month++;
    memcpy(at, area6, 6);
    memcpy(at + 6, "1900", 4);
    at[10] = (char)('0' + month / 10);
    at[11] = (char)('0' + month % 10);
    at[12] = (char)('0' + day / 10);
    at[13] = (char)('0' + day % 10);
    at[14] = (char)('0' + serial / 100);
    at[15] = (char)('0' + serial / 10 % 10);
    at[16] = (char)('0' + serial % 10);
    at[17] = demo_id_card_check(ret_text);
    at[18] = '\0';
}

void
demo_phone_make(uint32_t index, char ret_text[DEMO_PHONE_TEXT])
{
    /* A multiplier prime to 10^8 scatters neighbours without collisions. */
    uint64_t scattered = (uint64_t)index % 100000000 * UINT64_C(61803399) % 100000000;

    memcpy(ret_text, "154", 3);
    for (int i = 10; i >= 3; i--) {
        ret_text[i] = (char)('0' + scattered % 10);
        scattered /= 10;
    }
    ret_text[11] = '\0';
}

void
demo_gb28181_make(const char *area6, int network, uint32_t serial, char ret_text[DEMO_GB28181_TEXT])
{
    demo_text(ret_text, DEMO_GB28181_TEXT, "%.6s0043132%d%06u", area6, network % 10,
              serial % 1000000);
}

void
demo_plate_make(char letter, int new_energy, uint32_t index, char ret_text[DEMO_PLATE_TEXT])
{
    uint32_t number = (index + 1) % 100000 * 7919 % 100000;

    if (new_energy) {
        /* D: battery electric, then a letter and four digits. */
        char second = PLATE_SET[number / 10000 + 3];
        demo_text(ret_text, DEMO_PLATE_TEXT, "琼%cD%c%04u", letter, second, number % 10000);
    } else {
        demo_text(ret_text, DEMO_PLATE_TEXT, "琼%c%05u", letter, number);
    }
}

static char *
put_hex(char *at, uint64_t value, int n_digits)
{
    for (int i = n_digits - 1; i >= 0; i--) {
        at[i] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
    return at + n_digits;
}

void
demo_uuid7_make(int64_t ms, uint64_t high, uint64_t low, char ret_text[DEMO_UUID_TEXT])
{
    char *at = ret_text;

    at = put_hex(at, (uint64_t)ms >> 16, 8);
    *at++ = '-';
    at = put_hex(at, (uint64_t)ms & 0xffff, 4);
    *at++ = '-';
    at = put_hex(at, 0x7000 | (high & 0xfff), 4);
    *at++ = '-';
    at = put_hex(at, 0x8000 | (high >> 12 & 0x3fff), 4);
    *at++ = '-';
    at = put_hex(at, low, 12);
    *at = '\0';
}

enum demo_grade
demo_accident_grade(uint32_t deaths, uint32_t serious_injuries, double loss_cny)
{
    if (deaths >= 30 || serious_injuries >= 100 || loss_cny >= 100e6) {
        return DEMO_GRADE_EXTRAORDINARY;
    }
    if (deaths >= 10 || serious_injuries >= 50 || loss_cny >= 50e6) {
        return DEMO_GRADE_MAJOR;
    }
    if (deaths >= 3 || serious_injuries >= 10 || loss_cny >= 10e6) {
        return DEMO_GRADE_LARGER;
    }
    return DEMO_GRADE_GENERAL;
}

const char *
demo_grade_code(enum demo_grade grade)
{
    switch (grade) {
    case DEMO_GRADE_EXTRAORDINARY:
        return "extraordinary";
    case DEMO_GRADE_MAJOR:
        return "major";
    case DEMO_GRADE_LARGER:
        return "larger";
    case DEMO_GRADE_GENERAL:
        break;
    }
    return "general";
}
