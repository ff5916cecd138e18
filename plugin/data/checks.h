/* plugin/data/checks.h -- formats of codes that people and devices carry.
 *
 * Texts are borrowed and need no NUL. All are pure. [any]
 */
#ifndef LPG_DATA_CHECKS_H
#define LPG_DATA_CHECKS_H

#include "kit/definition.h"

#include <stdbool.h>
#include <stddef.h>

/* True if the text has the form that the check asks for (area codes: their form alone). */
bool lpg_check_text(enum cim_check check, const char *text, size_t len);
/* What it asks for, for people. */
struct cim_text2_const {
    const char *zh;
    const char *en;
};
struct cim_text2_const lpg_check_expectation(enum cim_check check);

/* GB 32100: 18 characters of its set. Its check character is judged apart: some early pilot codes
 * fail it and are lawful, so a record with one is taken and the digit is a matter of data quality
 * reports. */
bool lpg_uscc_has_form(const char *text, size_t len);
bool lpg_uscc_digit_is_right(const char *text, size_t len);
/* GB 11714: 8 characters and their check character, with or without a hyphen between. */
bool lpg_body_code_is_right(const char *text, size_t len);
/* GB 11643: 18 digits (the last may be X), a province, a birth date that exists, the check digit.
 */
bool lpg_id_card_is_right(const char *text, size_t len);
/* Mobile, landline with area code, 400/800 numbers, short service numbers, numbers of IoT cards. */
bool lpg_phone_has_form(const char *text, size_t len);
/* Ordinary and new-energy plates, trailers (挂) and the other endings. UTF-8. */
bool lpg_plate_has_form(const char *text, size_t len);
/* GB/T 28181 rule A: 20 digits: a province, an industry, a type of the list, a network. */
bool lpg_gb28181_has_form(const char *text, size_t len);
/* Numbers of IoT cards: 13 digits that begin with 10 or 14. */
bool lpg_iot_sim_has_form(const char *text, size_t len);
/* "07:30", "24:00" for the end of a day. */
bool lpg_hour_minute_is_right(const char *text, size_t len);

#endif
