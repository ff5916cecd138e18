/* plugin/address/parse_number.c -- numbers in an address and what they number; see parse.h. */
#include "address/parse.h"

#include <stdio.h>
#include <string.h>

enum { VALUES_MAX = 4, RANGE_MAX = 40 };

/* 甲12A-3: a prefix, numbers with '-' or 至 between, a letter behind the last. */
struct number {
    int end;
    int prefix_end;
    int n_values;
    int32_t values[VALUES_MAX];
    int n_digits; /* of the first value; 0: in Chinese numerals */
    uint32_t letter;
};

enum what {
    NOTHING,
    DOOR,
    BUILDING,
    UNIT,
    FLOOR,
    ROOM,
    GROUP,
    BARE /* nothing said: by its place */
};

static bool
read_number(const struct lpg_chars *t, int at, struct number *ret)
{
    struct number number = {.end = at};
    number.end += lpg_chars_word(t, at, "第");
    const int begin = number.end;
    while (number.end < begin + 2 &&
           (lpg_char_is_letter(t->c[number.end]) || lpg_char_is_stem(t->c[number.end]))) {
        number.end++;
    }
    number.prefix_end = number.end;
    for (;;) {
        int32_t value = 0;
        const int n = lpg_chars_number(t, number.end, &value);
        if (n == 0) {
            break;
        }
        if (number.n_values == 0 && lpg_char_is_digit(t->c[number.end])) {
            number.n_digits = n;
        }
        number.values[number.n_values++] = value;
        number.end += n;
        if (lpg_char_is_letter(t->c[number.end])) {
            number.letter = t->c[number.end++];
        }
        int32_t next = 0;
        const int joint = t->c[number.end] == '-' ? 1 : lpg_chars_word(t, number.end, "至");
        if (joint == 0 || number.n_values == VALUES_MAX ||
            lpg_chars_number(t, number.end + joint, &next) == 0) {
            break;
        }
        number.end += joint;
    }
    *ret = number;
    return number.end > begin;
}

/* What follows the number, and how long that is. */
static enum what
what_of(const struct lpg_chars *t, const struct number *number, int *ret_word)
{
    static const struct {
        enum what what;
        const char *words[12];
    } kinds[] = {
        {BUILDING, {"号楼", "#楼", "栋楼", "栋", "幢", "座", NULL}},
        {UNIT, {"单元", "梯", NULL}},
        {FLOOR, {"层", "楼", NULL}},
        {ROOM,
         {"号房", "号室", "号铺面", "号商铺", "号铺", "房间", "室", "房", "户", "铺面", "铺",
          NULL}},
        {GROUP, {"村民小组", "生产队", "小组", "组", "队", NULL}},
        {DOOR, {"号大院", "号院", "号", "#", NULL}},
    };
    /* 七房村, 十里路: a name that begins with a numeral */
    static const char *const more[] = {"村", "园", "路", "街", "巷", "里", "庄", "镇",
                                       "山", "岭", "坡", "寨", "线", "桥", "店", NULL};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const int n = lpg_chars_any(t, number->end, kinds[i].words);
        if (n == 0) {
            continue;
        }
        if ((number->n_values == 0 && kinds[i].what != BUILDING && kinds[i].what != FLOOR &&
             kinds[i].what != UNIT) ||
            lpg_chars_any(t, number->end + n, more) > 0) {
            return NOTHING;
        }
        *ret_word = n;
        return kinds[i].what == FLOOR && number->n_values == 0 ? BUILDING : kinds[i].what;
    }
    *ret_word = 0;
    const uint32_t next = t->c[number->end];
    return number->n_digits > 0 && (next == 0 || next == '(' || next == ')' || next == '-')
               ? BARE
               : NOTHING;
}

/* "甲12A-3" without leading zeros or Chinese numerals. */
static void
write_number(const struct lpg_chars *t, int at, const struct number *number, char *to)
{
    size_t len = lpg_chars_write(t, at + lpg_chars_word(t, at, "第"), number->prefix_end, to,
                                 LPG_ADDRESS_PART_BYTES);
    for (int i = 0; i < number->n_values; i++) {
        len += (size_t)snprintf(to + len, LPG_ADDRESS_PART_BYTES - len, "%s%d", i > 0 ? "-" : "",
                                (int)number->values[i]);
    }
    if (number->letter != 0) {
        to[len] = (char)number->letter;
        to[len + 1] = '\0';
    }
}

/* ---- doors ---- */

/* After 号: 之一, -1, 附3, 甲, A. Returns how far it goes. */
static int
take_sub(const struct lpg_chars *t, int at, struct lpg_address *a)
{
    const int behind = lpg_chars_word(t, at, "之");
    const int beside = lpg_chars_word(t, at, "附");
    const int joint = behind > 0 ? behind : beside > 0 ? beside : t->c[at] == '-' ? 1 : 0;
    struct number number;
    int word = 0;
    if (joint > 0) {
        int32_t value = 0;
        const int n = lpg_chars_number(t, at + joint, &value);
        if (n == 0 ||
            (t->c[at] == '-' && read_number(t, at + joint, &number) &&
             what_of(t, &number, &word) != BARE && what_of(t, &number, &word) != NOTHING)) {
            return at;
        }
        (void)snprintf(a->door_sub, sizeof a->door_sub, "%s%d", beside > 0 ? "附" : "之",
                       (int)value);
        return at + joint + n + (beside > 0 ? lpg_chars_word(t, at + joint + n, "号") : 0);
    }
    if ((lpg_char_is_stem(t->c[at]) || lpg_char_is_letter(t->c[at])) &&
        read_number(t, at, &number) && number.end == at + 1 &&
        what_of(t, &number, &word) == NOTHING) {
        (void)lpg_chars_write(t, at, at + 1, a->door_sub, sizeof a->door_sub);
        return at + 1;
    }
    return at;
}

static int
take_door(struct lpg_parse *p, const struct number *number, int end)
{
    struct lpg_address *a = p->address;
    a->door = number->values[0];
    if (number->n_values > 1 && number->values[1] > a->door &&
        number->values[1] - a->door <= RANGE_MAX) {
        a->door_to = number->values[1];
    } else if (number->n_values > 1) {
        (void)snprintf(a->door_sub, sizeof a->door_sub, "之%d", (int)number->values[1]);
    }
    if (number->letter != 0) {
        a->door_sub[0] = (char)number->letter;
        a->door_sub[1] = '\0';
    } else if (number->prefix_end > p->at && a->door_sub[0] == '\0') {
        (void)lpg_chars_write(p->t, p->at + lpg_chars_word(p->t, p->at, "第"), number->prefix_end,
                              a->door_sub, sizeof a->door_sub);
    }
    return a->door_sub[0] == '\0' ? take_sub(p->t, end, a) : end;
}

/* ---- all kinds ---- */

/* True if the part was free. */
static bool
fill(const struct lpg_parse *p, const struct number *number, char *part, const char *ending)
{
    if (part[0] != '\0') {
        return false;
    }
    write_number(p->t, p->at, number, part);
    const size_t len = strlen(part);
    (void)snprintf(part + len, LPG_ADDRESS_PART_BYTES - len, "%s", ending);
    return true;
}

static void
put_value(char *part, int32_t value, const char *ending)
{
    (void)snprintf(part, LPG_ADDRESS_PART_BYTES, "%d%s", (int)value, ending);
}

/* 3-2-502 is building, unit and room; 3-502 building and room; 502 a room. */
static bool
fill_bare(const struct lpg_parse *p, const struct number *number)
{
    struct lpg_address *a = p->address;
    const int last = number->n_values - 1;
    const bool has_building = a->building[0] != '\0';
    if (number->prefix_end > p->at || a->room[0] != '\0' ||
        number->n_values > (has_building ? 2 : 3)) {
        return false;
    }
    if (last == 0 && number->n_digits < 3 && !has_building && a->unit[0] == '\0' &&
        a->floor[0] == '\0') {
        return false;
    }
    (void)snprintf(a->room, sizeof a->room, "%d%s", (int)number->values[last],
                   number->letter != 0 ? (const char[2]){(char)number->letter, '\0'} : "");
    if (last >= 1 && !has_building) {
        put_value(a->building, number->values[0], "栋");
    }
    if (last >= 1 && (has_building || last == 2)) {
        put_value(a->unit, number->values[last - 1], "");
    }
    return true;
}

static int
take(struct lpg_parse *p, const struct number *number, enum what what, int end)
{
    struct lpg_address *a = p->address;
    const bool is_free_door = a->door < 0 && a->building[0] == '\0';
    bool taken = false;
    switch (what) {
    case BUILDING:
        taken = fill(p, number, a->building,
                     lpg_chars_word(p->t, end - 1, "座") > 0 ||
                             (number->n_values == 0 && lpg_chars_word(p->t, end - 1, "楼") > 0)
                         ? "座"
                         : "栋");
        break;
    case UNIT:
        taken = fill(p, number, a->unit, "");
        break;
    case FLOOR:
        taken = fill(p, number, a->floor, "");
        break;
    case GROUP:
        taken = fill(p, number, a->group, lpg_chars_word(p->t, end - 1, "队") > 0 ? "队" : "组");
        break;
    case DOOR:
        if (is_free_door) {
            return take_door(p, number, end);
        }
        taken = fill(p, number, a->room, "");
        break;
    case ROOM:
        taken = fill(p, number, a->room, "");
        break;
    default:
        if (is_free_door && a->road[0] != '\0' && a->name[0] == '\0') {
            return take_door(p, number, end);
        }
        taken = fill_bare(p, number);
    }
    if (!taken) {
        lpg_parse_rest(p, p->at, end);
    }
    return end;
}

int
lpg_parse_number_at(const struct lpg_parse *p, int at)
{
    struct number number;
    int word = 0;
    /* The middle of a number is none. */
    if (at > 0 && lpg_char_is_digit(p->t->c[at]) && lpg_char_is_digit(p->t->c[at - 1])) {
        return 0;
    }
    return read_number(p->t, at, &number) && what_of(p->t, &number, &word) != NOTHING
               ? number.end + word - at
               : 0;
}

int
lpg_parse_take_number(struct lpg_parse *p)
{
    struct number number;
    int word = 0;
    if (!read_number(p->t, p->at, &number)) {
        return 0;
    }
    const enum what what = what_of(p->t, &number, &word);
    return what == NOTHING ? 0 : take(p, &number, what, number.end + word) - p->at;
}
