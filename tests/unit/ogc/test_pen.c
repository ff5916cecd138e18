/* tests/unit/ogc/test_pen.c -- the fast writer gives what the careful one of the kit gives. */
#include "unit.h"

#include "host/ogc/pen.h"
#include "kit/buf.h"

enum { ROUNDS = 200000, TEXT_MAX = 48 };

/* Pieces that matter: plain, escapes, every length of sequence, and broken ones. */
static const char *const pieces[] = {
    "abc",
    "12345678",
    "\"",
    "\\",
    "\n",
    "\x01",
    "\x7F",
    "海口",
    "企业",
    "é",
    "\xF0\x9F\x98\x80",
    "\xE4\xBA",
    "\xC3",
    "\xED\xA0\x80",
    "\xE0\x80\x80",
    "\xC0\xAF",
    "\xF4\x90\x80\x80",
    "\xFF",
    "\xEF\xBF\xBD",
    "\x80",
    "ﾊ",
    " ",
    "\t",
};

static void
assert_same(const uint8_t *text, size_t len)
{
    char fast[TEXT_MAX * HOST_PEN_TEXT_FACTOR + HOST_PEN_TEXT_EXTRA];
    struct cim_buf careful;
    cim_buf_init(&careful, 4096);
    cim_buf_add_json_text(&careful, (const char *)text, len);
    const size_t n = (size_t)(host_pen_text(fast, text, len) - fast);
    assert_true(n <= len * HOST_PEN_TEXT_FACTOR + HOST_PEN_TEXT_EXTRA);
    if (n != careful.len || memcmp(fast, careful.data, n) != 0) {
        fail_msg("fast %.*s, careful %s", (int)n, fast, careful.data);
    }
    cim_buf_done(&careful);
}

static void
test_texts_equal_the_kits(void **state)
{
    uint64_t seed = 20260122;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        uint8_t text[TEXT_MAX];
        size_t len = 0;
        while (unit_random_below(&seed, 8) != 0) {
            const char *piece = pieces[unit_random_below(&seed, sizeof pieces / sizeof pieces[0])];
            const size_t more = strlen(piece);
            if (len + more > sizeof text) {
                break;
            }
            memcpy(text + len, piece, more);
            len += more;
        }
        assert_same(text, len);
    }
}

static void
test_integers_equal_the_kits(void **state)
{
    static const int64_t values[] = {0, 1, -1, 9, 10, 460105, INT64_MAX, INT64_MIN, -1000000007};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char text[HOST_PEN_NUMBER_MAX];
        char expected[32];
        *host_pen_int(text, values[i]) = '\0';
        (void)snprintf(expected, sizeof expected, "%lld", (long long)values[i]);
        assert_string_equal(text, expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_equal_the_kits),
        cmocka_unit_test(test_integers_equal_the_kits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
