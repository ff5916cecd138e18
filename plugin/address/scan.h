/* plugin/address/scan.h -- inside of address/: a text as characters, and the words in it. */
#ifndef LPG_ADDRESS_SCAN_H
#define LPG_ADDRESS_SCAN_H

#include "address/address.h"

/* Half width, capitals, without blanks; separators between digits are '-'. */
struct lpg_chars {
    int n;
    bool cut;
    uint32_t c[LPG_ADDRESS_CHARS_MAX + 1]; /* ends with 0 */
};

void lpg_chars_read(const char *text, size_t len, struct lpg_chars *ret_chars);
/* [from, to) as UTF-8, cut where it does not fit. Returns its bytes. */
size_t lpg_chars_write(const struct lpg_chars *chars, int from, int to, char *ret_text,
                       size_t capacity);
/* How many characters of `word` stand at `at`; 0: it does not. */
int lpg_chars_word(const struct lpg_chars *chars, int at, const char *word);
/* The first of the words (NULL ends them) that stands there: its characters, 0: none. */
int lpg_chars_any(const struct lpg_chars *chars, int at, const char *const *words);

/* A Chinese or Arabic number of at most five digits. Returns its characters; 0: none there. */
int lpg_chars_number(const struct lpg_chars *chars, int at, int32_t *ret_value);
bool lpg_char_is_digit(uint32_t c);
bool lpg_char_is_letter(uint32_t c);
/* 甲乙丙丁… */
bool lpg_char_is_stem(uint32_t c);

/* Appends a number from 0 to 99 as Chinese numerals: road names are written so (国贸二横路). */
void lpg_chinese_number(int32_t value, char *to, size_t capacity);

#endif
