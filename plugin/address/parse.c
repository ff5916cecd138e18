/* plugin/address/parse.c -- the parts of an address, from left to right; see address.h. */
#include "address/parse.h"

#include "cim/util.h"

#include <string.h>

/* ---- words ---- */

static const char *const road_ends[] = {"高速公路", "快速路", "大道", "大街", "公路",
                                        "国道",     "省道",   "县道", "乡道", "胡同",
                                        "路",       "街",     "巷",   "弄",   NULL};
static const char *const town_ends[] = {"街道办事处", "街道办", "街道", "办事处",
                                        "经济开发区", "开发区", "镇",   "乡",
                                        "农场",       "林场",   NULL};
static const char *const county_ends[] = {"市", "县", "区", NULL};
static const char *const committee_ends[] = {"社区居民委员会", "社区居委会", "居民委员会",
                                             "居委会",         "村民委员会", "村委会",
                                             "行政村",         "社区",       NULL};
/* What a neighbourhood's or a building's name ends with. */
static const char *const name_ends[] = {"小区", "花园", "家园", "新村", "公寓", "大厦", "广场",
                                        "别墅", "宿舍", "山庄", "公馆", "雅苑", "花苑", NULL};
/* What makes the name of something else out of the name of an area: 海口 港, 三亚 湾. */
static const char *const own_words[] = {
    "宾馆", "酒店", "大厦", "广场", "医院", "中学", "小学", "大学", "学院", "港",   "湾", "机场",
    "火车", "汽车", "东站", "站",   "公园", "大桥", "老街", "花园", "小区", "新村", "村", "市场",
    "公司", "新城", "家园", "公寓", "商场", "中心", "饭店", "国际", "银行", "公馆", NULL};
static const char *const between_words[] = {
    "东", "南", "西", "北", "中", "上", "下", "新", "老", "内", "外", "前", "后", "横",
    "纵", "支", "环", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十", NULL};
static const char *const section_ends[] = {"东段", "南段", "西段", "北段", "中段", "路段", NULL};
/* Where something stands beside what is named, not at it. */
static const char *const beside_words[] = {"对面", "旁边", "附近", "隔壁", "路口", "交叉口",
                                           "东侧", "西侧", "南侧", "北侧", "旁",   NULL};
static const char *const joining_words[] = {"与", "和", "交", NULL};

int
lpg_parse_road_end(const struct lpg_chars *t, int at)
{
    const int n = lpg_chars_any(t, at, road_ends);
    /* 街道 is no street */
    return n > 0 && lpg_chars_word(t, at + n - 1, "街道") > 0 ? 0 : n;
}

static void
put(char *to, const struct lpg_chars *t, int from, int end)
{
    (void)lpg_chars_write(t, from, end, to, LPG_ADDRESS_PART_BYTES);
}

void
lpg_parse_rest(struct lpg_parse *p, int from, int end)
{
    char *rest = p->address->rest;
    size_t len = strlen(rest);
    if (end > from && len + 1 < LPG_ADDRESS_REST_BYTES) {
        /* Neighbours in the text stay one piece. */
        if (len > 0 && p->rest_end != from) {
            rest[len++] = ' ';
        }
        (void)lpg_chars_write(p->t, from, end, rest + len, LPG_ADDRESS_REST_BYTES - len);
        p->rest_end = end;
    }
}

/* ---- areas ---- */

static bool
is_before_place(const struct lpg_parse *p)
{
    const struct lpg_address *a = p->address;
    return a->road[0] == '\0' && a->door < 0 && a->name[0] == '\0' && a->building[0] == '\0';
}

/* 龙华 in 龙华路, 海口 in 海口港: the beginning of another name. */
static bool
is_of_own_word(const struct lpg_chars *t, int at)
{
    for (int skipped = 0; skipped <= 3; skipped++) {
        if (lpg_parse_road_end(t, at) > 0 || lpg_chars_any(t, at, own_words) > 0) {
            return true;
        }
        const int n = lpg_char_is_digit(t->c[at]) ? 1 : lpg_chars_any(t, at, between_words);
        if (n == 0) {
            return false;
        }
        at += n;
    }
    return false;
}

static int32_t
find_area(const struct lpg_parse *p, int at, int n, bool *ret_stem)
{
    char text[LPG_AREA_NAME_CHARS_MAX * 4 + 1];
    const size_t len = lpg_chars_write(p->t, at, at + n, text, sizeof text);
    return lpg_area_names_find(p->names, p->address->area, p->bias, text, len, ret_stem);
}

/* No name that begins there is longer. */
static int
longest_area(const struct lpg_parse *p, int at)
{
    char text[3 * 4];
    const int left = p->t->n - at;
    const size_t len = left >= 2 ? lpg_chars_write(p->t, at, at + 2, text, sizeof text) : 0;
    const int longest = lpg_area_names_longest(p->names, text, len);
    const int most = longest < LPG_AREA_NAME_CHARS_MAX ? longest : LPG_AREA_NAME_CHARS_MAX;
    return most < left ? most : left;
}

static bool
is_any_area(const struct lpg_parse *p, int at)
{
    bool stem;
    for (int n = longest_area(p, at); n >= 2; n--) {
        if (find_area(p, at, n, &stem) >= 0 && !stem) {
            return true;
        }
    }
    return false;
}

/* The road whose name begins at `at`: its end, 0: there is none. */
static int
road_at(const struct lpg_chars *t, int at)
{
    for (int i = at; i < t->n && i <= at + 12; i++) {
        const int n = i > at ? lpg_parse_road_end(t, i) : 0;
        if (n > 0) { /* 坡巷路 goes on behind its lane */
            const int more = lpg_parse_road_end(t, i + n);
            return i + n + more;
        }
        if (t->c[i] == '(' || t->c[i] == ')' || t->c[i] == '-' || t->c[i] == '#' ||
            lpg_chars_word(t, i, "号") > 0 || lpg_chars_word(t, i, "栋") > 0) {
            return 0;
        }
    }
    return 0;
}

/* A name without its ending counts where it stands as an area does: with the ending of another
 * kind (府城镇 for 府城街道), or before something that it is not a part of. */
static bool
stem_counts(const struct lpg_parse *p, int32_t area, int at, int *ret_end)
{
    const int level = lpg_area_names_level(p->names, area);
    const int n = level == 4   ? lpg_chars_any(p->t, at, town_ends)
                  : level == 3 ? lpg_chars_any(p->t, at, county_ends)
                               : 0;
    *ret_end = at + n;
    if (n > 0) {
        return true;
    }
    if (is_of_own_word(p->t, at)) {
        return false;
    }
    if (at == p->t->n || level < 4) {
        return true;
    }
    const int road = road_at(p->t, at);
    return road - at > 2 || is_any_area(p, at);
}

static int
take_area(struct lpg_parse *p)
{
    for (int n = longest_area(p, p->at); n >= 2; n--) {
        bool stem = false;
        int end = p->at + n;
        const int32_t area = find_area(p, p->at, n, &stem);
        if (area < 0 || (stem && !stem_counts(p, area, end, &end)) ||
            (!stem && lpg_area_names_level(p->names, area) > 4 &&
             lpg_parse_road_end(p->t, end) > 0)) {
            continue;
        }
        p->address->area = area;
        return end + lpg_chars_word(p->t, end, "办事处") - p->at;
    }
    return 0;
}

/* An ending that stands after one to `most` characters of a name, before a number or a road. */
static int
ended_by(const struct lpg_chars *t, int at, const char *const *ends, int most, int *ret_name)
{
    for (int i = at + 1; i < t->n && i <= at + most; i++) {
        const int n = lpg_chars_any(t, i, ends);
        if (n > 0 && lpg_chars_any(t, i + n, road_ends) == 0) {
            *ret_name = i - at;
            return i + n;
        }
        if (lpg_char_is_digit(t->c[i]) || lpg_parse_road_end(t, i) > 0 ||
            lpg_chars_word(t, i, "号") > 0 || t->c[i] == '(') {
            return 0;
        }
    }
    return 0;
}

/* A town or farm that the tree does not know by this name, unless an alias does. */
static int
take_town(struct lpg_parse *p)
{
    int name = 0;
    const int end = ended_by(p->t, p->at, town_ends, 8, &name);
    if (end == 0 || name < 2 || p->address->town[0] != '\0' ||
        lpg_area_names_level(p->names, p->address->area) > 3) {
        return 0;
    }
    put(p->address->town, p->t, p->at, end);
    const int32_t alias = lpg_area_names_of_code(p->names, p->address->town);
    if (alias >= 0 && lpg_area_names_within(p->names, alias, p->address->area)) {
        p->address->area = alias;
        p->address->town[0] = '\0';
    }
    return end - p->at;
}

static int
take_community(struct lpg_parse *p)
{
    int name = 0;
    const int end = ended_by(p->t, p->at, committee_ends, 8, &name);
    if (end == 0 || p->address->community[0] != '\0') {
        return 0;
    }
    put(p->address->community, p->t, p->at, end);
    return end - p->at;
}

/* ---- roads and names ---- */

/* 国贸2横路 is written 国贸二横路; numbers of highways stay. */
static void
put_road(char *to, const struct lpg_chars *t, int from, int end)
{
    size_t len = 0;
    to[0] = '\0';
    for (int i = from; i < end;) {
        int32_t value = 0;
        const int n = lpg_char_is_digit(t->c[i]) ? lpg_chars_number(t, i, &value) : 0;
        if (n > 0 && n <= 2 &&
            lpg_chars_any(t, i + n, (const char *const[]){"国道", "省道", NULL}) == 0 &&
            (i == from || !lpg_char_is_letter(t->c[i - 1]))) {
            lpg_chinese_number(value, to + len, LPG_ADDRESS_PART_BYTES - len);
            len += strlen(to + len);
            i += n;
        } else {
            const int step = n > 0 ? n : 1;
            len += lpg_chars_write(t, i, i + step, to + len, LPG_ADDRESS_PART_BYTES - len);
            i += step;
        }
    }
}

static int
take_road(struct lpg_parse *p)
{
    struct lpg_address *a = p->address;
    const int end = road_at(p->t, p->at);
    const bool is_lane = a->road[0] != '\0';
    if (end == 0 || a->door >= 0 || a->lane[0] != '\0' || a->building[0] != '\0' ||
        (is_lane && (end - p->at > 7 || lpg_chars_any(p->t, p->at, joining_words) > 0))) {
        return 0;
    }
    put_road(is_lane ? a->lane : a->road, p->t, p->at, end);
    const int section = lpg_chars_any(p->t, end, section_ends);
    lpg_parse_rest(p, end, end + section);
    return end + section - p->at;
}

/* A neighbourhood before a road: 金山花园 in 金山花园国贸路, and nothing in 花园路. */
static int
name_before_road(const struct lpg_parse *p)
{
    const int road = road_at(p->t, p->at);
    for (int i = p->at + 1; road > 0 && i < road; i++) {
        const int n = lpg_chars_any(p->t, i, name_ends);
        if (n > 0) {
            return road - (i + n) >= 3 && p->address->road[0] == '\0' ? i + n - p->at : 0;
        }
    }
    return 0;
}

/* Up to a number that says something, a bracket or the end. */
static int
name_length(const struct lpg_parse *p)
{
    int i = p->at + 1;
    while (i < p->t->n && p->t->c[i] != '(' && p->t->c[i] != ')' &&
           lpg_parse_number_at(p, i) == 0) {
        i++;
    }
    return i - p->at;
}

static int
take_name(struct lpg_parse *p)
{
    struct lpg_address *a = p->address;
    const int before = name_before_road(p);
    const int n = before > 0 ? before : name_length(p);
    int end = p->at + n;
    for (int i = p->at; i < p->at + n && end == p->at + n; i++) {
        if (lpg_chars_any(p->t, i, beside_words) > 0) {
            end = i;
        }
    }
    while (end > p->at && p->t->c[end - 1] == '-') {
        end--;
    }
    const bool joins = a->road[0] != '\0' && lpg_chars_any(p->t, p->at, joining_words) > 0;
    if (a->name[0] != '\0' || end - p->at < 2 || joins) {
        end = p->at;
    } else {
        put(a->name, p->t, p->at, end);
    }
    lpg_parse_rest(p, end, p->at + n);
    return n;
}

/* ---- all of it ---- */

static int
take_bracket(struct lpg_parse *p)
{
    int end = p->at + 1;
    while (end < p->t->n && p->t->c[end] != ')') {
        end++;
    }
    lpg_parse_rest(p, p->at + 1, end);
    return end - p->at;
}

static int
take_next(struct lpg_parse *p)
{
    int n = 0;
    if (p->t->c[p->at] == '(') {
        return take_bracket(p);
    }
    if (p->t->c[p->at] == ')' || p->t->c[p->at] == '-') {
        return 1;
    }
    if (is_before_place(p)) {
        n = take_area(p);
        n = n > 0 ? n : take_town(p);
    }
    n = n > 0 ? n : lpg_parse_take_number(p);
    n = n > 0 || !is_before_place(p) ? n : take_community(p);
    if (n == 0 && name_before_road(p) == 0) {
        n = take_road(p);
    }
    return n > 0 ? n : take_name(p);
}

void
lpg_address_parse(const struct lpg_area_names *names, int32_t bias, const char *text, size_t len,
                  struct lpg_address *ret_address)
{
    struct lpg_chars chars;
    struct lpg_parse parse = {
        .names = names, .bias = bias, .t = &chars, .address = ret_address, .rest_end = -1};
    memset(ret_address, 0, sizeof *ret_address);
    ret_address->area = -1;
    ret_address->door = -1;
    ret_address->door_to = -1;
    lpg_chars_read(text, len, &chars);
    ret_address->too_long = chars.cut;
    while (parse.at < chars.n) {
        parse.at += take_next(&parse);
    }
}
