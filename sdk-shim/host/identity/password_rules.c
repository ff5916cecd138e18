/* What a password must be: long, of several classes, not the name, not what everybody tries first.
 */
#include "host/identity/internal.h"

#include "cim/util.h"

#include <ctype.h>

/* What lists of leaked passwords are made of. Compared without case, with digits and signs at both
 * ends taken off and with letters for the signs that stand for them: "P@ssw0rd2024!" is "password".
 */
static const char *const common[] = {
    "",          "abc",           "abcd",    "abcde",      "abcdef",    "abcdefg",  "abcdefgh",
    "admin",     "administrator", "root",    "password",   "passwd",    "pass",     "pwd",
    "user",      "test",          "guest",   "demo",       "login",     "welcome",  "hello",
    "letmein",   "changeme",      "default", "secret",     "system",    "manager",  "master",
    "qwer",      "qwert",         "qwerty",  "qwertyuiop", "asdf",      "asdfgh",   "asdfghjkl",
    "zxcv",      "zxcvbn",        "zxcvbnm", "qazwsx",     "qazwsxedc", "qweasd",   "qweasdzxc",
    "iloveyou",  "monkey",        "dragon",  "sunshine",   "princess",  "football", "woaini",
    "woaiwojia", "zhongguo",      "china",   "hainan",     "haikou",    "sanya",    "huawei",
    "oracle",    "postgres",      "mysql",   "cim",        "lpg",       "ranqi",    "gas",
};

/* 1qaz2wsx, 1q2w3e4r and the like have digits inside. */
static const char *const common_whole[] = {
    "1qaz2wsx", "1qaz@wsx", "1q2w3e4r", "q1w2e3r4", "zaq12wsx", "!qaz2wsx", "1qazxsw2", "a1b2c3d4",
};

/* So long a password with a common word in it is not common any more. */
enum { COMMON_MAX_BYTES = 16 };

static char
plain_letter(char c)
{
    static const char from[] = "@4301$5!7";
    static const char to[] = "aaeolssit";
    const char *at = c != '\0' ? strchr(from, c) : NULL;
    return at != NULL ? to[at - from] : (char)tolower((unsigned char)c);
}

static bool
is_listed(const char *const *list, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i], text) == 0) {
            return true;
        }
    }
    return false;
}

static bool
is_common(const char *password)
{
    char word[COMMON_MAX_BYTES + 1];
    const char *first = password;
    size_t len = strlen(password);
    if (len > COMMON_MAX_BYTES) {
        return false;
    }
    for (size_t i = 0; i <= len; i++) {
        word[i] = (char)tolower((unsigned char)password[i]);
    }
    for (size_t i = 0; i < sizeof common_whole / sizeof common_whole[0]; i++) {
        if (strncmp(word, common_whole[i], strlen(common_whole[i])) == 0) {
            return true;
        }
    }
    while (len > 0 && !isalpha((unsigned char)*first) && *first != '@' && *first != '$') {
        first++;
        len--;
    }
    while (len > 0 && !isalpha((unsigned char)first[len - 1])) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        word[i] = plain_letter(first[i]);
    }
    word[len] = '\0';
    return is_listed(common, sizeof common / sizeof common[0], word);
}

static bool
has_name(const char *username, const char *password)
{
    return username != NULL && strlen(username) >= 3 && strcasestr(password, username) != NULL;
}

static int
classes_of(const char *password)
{
    bool has[4] = {false}; /* lower, upper, digit, other */
    for (const char *at = password; *at != '\0'; at++) {
        const unsigned char c = (unsigned char)*at;
        has[c >= 'a' && c <= 'z'   ? 0
            : c >= 'A' && c <= 'Z' ? 1
            : c >= '0' && c <= '9' ? 2
                                   : 3] = true;
    }
    return has[0] + has[1] + has[2] + has[3];
}

static size_t
chars_of(const char *text)
{
    size_t chars = 0;
    for (; *text != '\0'; text++) {
        chars += ((unsigned char)*text & 0xC0U) != 0x80U ? 1 : 0;
    }
    return chars;
}

cim_status
host_password_check_rules(int32_t min_chars, const char *username, const char *password,
                          cim_error *err)
{
    const int least =
        min_chars > HOST_PASSWORD_MIN_CHARS ? (int)min_chars : (int)HOST_PASSWORD_MIN_CHARS;
    if (chars_of(password) < (size_t)least || strlen(password) > HOST_PASSWORD_MAX_BYTES) {
        return cim_fail(err, CIM_E_INVALID, "password", NULL, "密码至少 %d 个字符，至多 %d 字节",
                        "a password has at least %d characters and at most %d bytes", least,
                        (int)HOST_PASSWORD_MAX_BYTES);
    }
    if (classes_of(password) < 3) {
        return cim_fail(err, CIM_E_INVALID, "password", NULL,
                        "密码应含大写字母、小写字母、数字、其他字符中的至少三类",
                        "a password has at least three of: lower-case letters, upper-case letters, "
                        "digits, other characters");
    }
    if (has_name(username, password)) {
        return cim_fail(err, CIM_E_INVALID, "password", NULL, "密码不能含有用户名",
                        "a password does not contain the user name");
    }
    if (is_common(password)) {
        return cim_fail(err, CIM_E_INVALID, "password", NULL,
                        "这个密码太常见，容易被猜到，请换一个",
                        "this password is one of those that are tried first: take another");
    }
    return CIM_OK;
}
