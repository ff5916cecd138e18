/* plugin/data/checks.c -- see checks.h. */
#include "data/checks.h"

#include "kit/time.h"

#include <string.h>

static bool
all_digits(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
    }
    return true;
}

/* Begins with the two digits of a province, as GB/T 2260 codes do. */
static bool
starts_with_province(const char *text)
{
    static const char provinces[] =
        "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 "
        "50 51 52 53 54 61 62 63 64 65 71 81 82 83";
    for (const char *code = provinces; code < provinces + sizeof provinces - 2; code += 3) {
        if (memcmp(text, code, 2) == 0) {
            return true;
        }
    }
    return false;
}

/* Place of the character in the 31 of GB 32100, -1 for I, O, S, V, Z and all others. */
static int
uscc_value(char c)
{
    static const char set[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    const char *at = c != '\0' ? strchr(set, c) : NULL;
    return at != NULL ? (int)(at - set) : -1;
}

bool
lpg_uscc_has_form(const char *text, size_t len)
{
    if (len != 18 || !all_digits(text + 2, 6)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (uscc_value(text[i]) < 0) {
            return false;
        }
    }
    return true;
}

bool
lpg_uscc_digit_is_right(const char *text, size_t len)
{
    int sum = 0;
    int weight = 1;
    if (!lpg_uscc_has_form(text, len)) {
        return false;
    }
    for (size_t i = 0; i < 17; i++) {
        sum += uscc_value(text[i]) * weight;
        weight = weight * 3 % 31;
    }
    return uscc_value(text[17]) == (31 - sum % 31) % 31;
}

bool
lpg_body_code_is_right(const char *text, size_t len)
{
    static const int weights[] = {3, 7, 9, 10, 5, 8, 4, 2};
    static const char digits[] = "0X987654321"; /* by the sum modulo 11: 11 - 0 is written 0 */
    int sum = 0;
    if ((len != 9 && len != 10) || (len == 10 && text[8] != '-')) {
        return false;
    }
    for (size_t i = 0; i < 8; i++) {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (!digit && (text[i] < 'A' || text[i] > 'Z')) {
            return false;
        }
        sum += (digit ? text[i] - '0' : text[i] - 'A' + 10) * weights[i];
    }
    return text[len - 1] == digits[sum % 11];
}

bool
lpg_id_card_is_right(const char *text, size_t len)
{
    static const int weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    static const char digits[] = "10X98765432";
    char date[10];
    int32_t days = 0;
    int sum = 0;
    if (len != 18 || !all_digits(text, 17) || !starts_with_province(text)) {
        return false;
    }
    memcpy(date, text + 6, 4);
    date[4] = '-';
    memcpy(date + 5, text + 10, 2);
    date[7] = '-';
    memcpy(date + 8, text + 12, 2);
    if (cim_date_parse(date, sizeof date, &days) != CIM_OK || text[6] < '1' || text[6] > '2') {
        return false;
    }
    for (size_t i = 0; i < 17; i++) {
        sum += (text[i] - '0') * weights[i];
    }
    return text[17] == digits[sum % 11];
}

/* 0898-66668888, 089866668888, with -123 behind for an extension. */
static bool
is_landline(const char *text, size_t len)
{
    size_t at = 0;
    size_t number = 0;
    if (len < 10 || text[0] != '0' || text[1] < '1' || text[1] > '9') {
        return false;
    }
    while (at < len && text[at] >= '0' && text[at] <= '9') {
        at++;
    }
    if (at >= 3 && at <= 4 && at < len && text[at] == '-') {
        const size_t start = ++at;
        while (at < len && text[at] >= '0' && text[at] <= '9') {
            at++;
        }
        number = at - start;
        if (number < 7 || number > 8) {
            return false;
        }
    } else if (at < 10 || at > 12) {
        return false;
    }
    return at == len || (text[at] == '-' && len - at >= 2 && len - at <= 7 &&
                         all_digits(text + at + 1, len - at - 1));
}

/* 400-123-4567 and 4001234567. */
static bool
is_service_number(const char *text, size_t len)
{
    size_t digits = 0;
    if (len < 10 || (memcmp(text, "400", 3) != 0 && memcmp(text, "800", 3) != 0)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const bool inner_dash = text[i] == '-' && i > 0 && i + 1 < len && text[i - 1] != '-';
        if (!inner_dash && (text[i] < '0' || text[i] > '9')) {
            return false;
        }
        digits += text[i] != '-' ? 1 : 0;
    }
    return digits == 10 && len <= 12;
}

bool
lpg_phone_has_form(const char *text, size_t len)
{
    if (all_digits(text, len) && len > 0) {
        if (len == 11 && text[0] == '1') {
            return text[1] >= '3';
        }
        if (len == 13) {
            return lpg_iot_sim_has_form(text, len);
        }
        if (len >= 3 && len <= 6) {
            return text[0] == '1' || text[0] == '9';
        }
    }
    return is_landline(text, len) || is_service_number(text, len);
}

static bool
is_plate_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z' && c != 'I' && c != 'O');
}

static bool
starts_with_one_of(const char *text, const char *set)
{
    for (const char *c = set; *c != '\0'; c += 3) {
        if (memcmp(text, c, 3) == 0) {
            return true;
        }
    }
    return false;
}

/* The six characters of a new-energy plate after province and letter: small cars carry the class
 * letter first, large ones last. */
static bool
is_new_energy(const char *rest)
{
    const bool small =
        strchr("ABCDEFGHJK", rest[0]) != NULL && is_plate_char(rest[1]) && all_digits(rest + 2, 4);
    const bool large = all_digits(rest, 5) && (rest[5] == 'D' || rest[5] == 'F');
    return small || large;
}

bool
lpg_plate_has_form(const char *text, size_t len)
{
    static const char provinces[] =
        "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";
    static const char endings[] = "挂学警港澳";
    if (len < 4 || !starts_with_one_of(text, provinces) || text[3] < 'A' || text[3] > 'Z' ||
        text[3] == 'I' || text[3] == 'O') {
        return false;
    }
    const char *rest = text + 4;
    const size_t left = len - 4;
    size_t plain = 0;
    while (plain < left && is_plate_char(rest[plain])) {
        plain++;
    }
    if (plain == left) {
        return left == 5 || (left == 6 && is_new_energy(rest));
    }
    return plain == 4 && left == 7 && starts_with_one_of(rest + 4, endings);
}

bool
lpg_gb28181_has_form(const char *text, size_t len)
{
    if (len != 20 || !all_digits(text, 20) || !starts_with_province(text)) {
        return false;
    }
    /* 111-130 and 131-199 devices, 200-299 platforms, 300-499 users and extensions. */
    const int type = (text[10] - '0') * 100 + (text[11] - '0') * 10 + (text[12] - '0');
    return type >= 111 && type <= 499;
}

bool
lpg_iot_sim_has_form(const char *text, size_t len)
{
    return len == 13 && all_digits(text, len) && text[0] == '1' &&
           (text[1] == '0' || text[1] == '4');
}

bool
lpg_hour_minute_is_right(const char *text, size_t len)
{
    if (len != 5 || text[2] != ':' || !all_digits(text, 2) || !all_digits(text + 3, 2)) {
        return false;
    }
    const int minutes =
        ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
    return text[3] <= '5' && minutes <= 24 * 60;
}

bool
lpg_check_text(enum cim_check check, const char *text, size_t len)
{
    switch (check) {
    case CIM_CHECK_USCC:
        return lpg_uscc_has_form(text, len);
    case CIM_CHECK_PHONE:
        return lpg_phone_has_form(text, len);
    case CIM_CHECK_PLATE:
        return lpg_plate_has_form(text, len);
    case CIM_CHECK_ID_CARD:
        return lpg_id_card_is_right(text, len);
    case CIM_CHECK_GB28181:
        return lpg_gb28181_has_form(text, len);
    case CIM_CHECK_BODY_CODE:
        return lpg_body_code_is_right(text, len);
    case CIM_CHECK_IOT_SIM:
        return lpg_iot_sim_has_form(text, len);
    case CIM_CHECK_HOUR_MINUTE:
        return lpg_hour_minute_is_right(text, len);
    case CIM_CHECK_AREA_CODE:
        return len > 0 && len < 40;
    case CIM_CHECK_NONE:
    default:
        return true;
    }
}

struct cim_text2_const
lpg_check_expectation(enum cim_check check)
{
    switch (check) {
    case CIM_CHECK_USCC:
        return (struct cim_text2_const){
            "应为 18 位统一社会信用代码（数字与大写字母，不含 I O S V Z）",
            "expected a unified social credit code: 18 digits and capitals without I, O, S, V, Z"};
    case CIM_CHECK_PHONE:
        return (struct cim_text2_const){"应为电话号码，如 13800138000 或 0898-66668888",
                                        "expected a phone number such as 13800138000 or "
                                        "0898-66668888"};
    case CIM_CHECK_PLATE:
        return (struct cim_text2_const){"应为车牌号，如 琼A12345、琼AD12345、琼A1234挂",
                                        "expected a plate such as 琼A12345, 琼AD12345, 琼A1234挂"};
    case CIM_CHECK_ID_CARD:
        return (struct cim_text2_const){"应为 18 位身份证号，地区、日期与校验位正确",
                                        "expected an identity number of 18 characters with a right "
                                        "area, date and check digit"};
    case CIM_CHECK_GB28181:
        return (struct cim_text2_const){"应为 20 位 GB/T 28181 设备编码：区划与单位 8、行业 "
                                        "2、类型 3（111 至 499）、网络 1、序号 6",
                                        "expected a GB/T 28181 id of 20 digits: area and unit 8, "
                                        "industry 2, type 3 (111 to 499), "
                                        "network 1, serial 6"};
    case CIM_CHECK_BODY_CODE:
        return (struct cim_text2_const){
            "应为 9 位组织机构代码，校验位正确，如 D2143569-X",
            "expected an organisation code with a right check character, such as D2143569-X"};
    case CIM_CHECK_IOT_SIM:
        return (struct cim_text2_const){
            "应为 13 位物联网卡号，以 10 或 14 开头",
            "expected an IoT card number of 13 digits that begins with 10 or 14"};
    case CIM_CHECK_HOUR_MINUTE:
        return (struct cim_text2_const){"应为时刻，如 07:30", "expected a time such as 07:30"};
    case CIM_CHECK_AREA_CODE:
        return (struct cim_text2_const){"应为区划树中的代码", "expected a code of the area tree"};
    case CIM_CHECK_NONE:
    default:
        return (struct cim_text2_const){"", ""};
    }
}
