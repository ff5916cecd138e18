/* plugin/data/words.c -- see words.h.
 *
 * ICU reads Han characters one by one (Han-Latin); readings are kept once they were asked for, so
 * that an import pays a look-up per character. */
#include "data/words.h"

#include "cim/util.h"
#include "kit/cleanup.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utrans.h>

enum {
    FIRST_HAN = 0x3400,
    LAST_HAN = 0x9FFF,
    READING_BYTES = 8, /* "zhuang" and a NUL */
    WORDS_IN_QUERY_MAX = 8
};

/* ---- readings ---- */

/* The letters of a reading in the bytes of a number: 0 not asked yet, 1 none. */
static _Atomic uint64_t readings[LAST_HAN - FIRST_HAN + 1];
static pthread_mutex_t reader_mutex = PTHREAD_MUTEX_INITIALIZER;
static UTransliterator *reader; /* made once, for the life of the process; under the mutex */

static uint64_t
ask_icu(UChar32 c)
{
    static const char id[] = "Han-Latin; NFD; [:Nonspacing Mark:] Remove; Lower";
    UChar text[32];
    UChar name[sizeof id];
    int32_t len = 0;
    UErrorCode code = U_ZERO_ERROR;
    uint64_t packed = 0;
    u_strFromUTF32(text, 32, &len, &c, 1, &code);
    int32_t limit = len;
    (void)pthread_mutex_lock(&reader_mutex);
    if (reader == NULL) {
        u_uastrcpy(name, id);
        reader = utrans_openU(name, -1, UTRANS_FORWARD, NULL, 0, NULL, &code);
    }
    if (reader != NULL && U_SUCCESS(code)) {
        utrans_transUChars(reader, text, &len, 32, 0, &limit, &code);
    }
    (void)pthread_mutex_unlock(&reader_mutex);
    if (reader == NULL || U_FAILURE(code) || len >= READING_BYTES) {
        return 1;
    }
    for (int32_t i = 0; i < len; i++) {
        if (text[i] < 'a' || text[i] > 'z') {
            return 1; /* it stayed as it was */
        }
        packed |= (uint64_t)text[i] << (8 * (unsigned)i);
    }
    return packed;
}

/* False: it has none. */
static bool
reading_of(UChar32 c, char ret_text[READING_BYTES])
{
    const bool kept = c >= FIRST_HAN && c <= LAST_HAN;
    uint64_t packed =
        kept ? atomic_load_explicit(&readings[c - FIRST_HAN], memory_order_relaxed) : 0;
    if (packed == 0 && u_hasBinaryProperty(c, UCHAR_IDEOGRAPHIC)) {
        packed = ask_icu(c);
        if (kept) {
            atomic_store_explicit(&readings[c - FIRST_HAN], packed, memory_order_relaxed);
        }
    }
    for (unsigned i = 0; i < READING_BYTES; i++) {
        ret_text[i] = (char)(packed >> (8 * i) & 0xFFU);
    }
    return packed > 1;
}

/* Characters of names that are read in two ways: the other way, beside ICU's. After 现代汉语词典
 * (7th edition); kept to what names of places and firms have. */
static const struct {
    UChar32 c;
    const char *readings[2];
} polyphones[] = {
    {0x957F, {"chang", "zhang"}}, /* 长 */
    {0x91CD, {"zhong", "chong"}}, /* 重 */
    {0x4E50, {"le", "yue"}},      /* 乐 */
    {0x884C, {"xing", "hang"}},   /* 行 */
    {0x8C03, {"diao", "tiao"}},   /* 调 */
    {0x671D, {"chao", "zhao"}},   /* 朝 */
    {0x76DB, {"sheng", "cheng"}}, /* 盛 */
    {0x66FE, {"zeng", "ceng"}},   /* 曾 */
    {0x5355, {"dan", "shan"}},    /* 单 */
    {0x53A6, {"sha", "xia"}},     /* 厦 */
    {0x516D, {"liu", "lu"}},      /* 六 */
    {0x85CF, {"cang", "zang"}},   /* 藏 */
};

/* The reading that ICU did not give; false: there is no other. */
static bool
other_reading(UChar32 c, const char *reading, const char **ret_text)
{
    for (size_t i = 0; i < sizeof polyphones / sizeof polyphones[0]; i++) {
        if (polyphones[i].c == c) {
            *ret_text = polyphones[i].readings[strcmp(polyphones[i].readings[0], reading) == 0];
            return true;
        }
    }
    return false;
}

/* ---- texts ---- */

/* In UTF-8. */
static void
add_char(struct cim_buf *out, UChar32 c)
{
    const uint32_t code = (uint32_t)c;
    const char bytes[4] = {(char)(0xF0U | code >> 18U), (char)(0x80U | (code >> 12U & 0x3FU)),
                           (char)(0x80U | (code >> 6U & 0x3FU)), (char)(0x80U | (code & 0x3FU))};
    if (code < 0x80U) {
        cim_buf_add_char(out, (char)code);
    } else if (code < 0x800U) {
        const char two[2] = {(char)(0xC0U | code >> 6U), bytes[3]};
        cim_buf_add(out, two, 2);
    } else if (code < 0x10000U) {
        const char three[3] = {(char)(0xE0U | code >> 12U), bytes[2], bytes[3]};
        cim_buf_add(out, three, 3);
    } else {
        cim_buf_add(out, bytes, 4);
    }
}

/* Compatible forms become one (全角 half width, small letters), and what is neither letter nor
 * digit goes. Returns how many characters are left. */
static int32_t
plain(const char *text, size_t len, UChar32 ret_chars[LPG_WORDS_CHARS_MAX])
{
    UChar raw[2 * LPG_WORDS_CHARS_MAX];
    UChar folded[8 * LPG_WORDS_CHARS_MAX];
    UChar32 all[8 * LPG_WORDS_CHARS_MAX];
    int32_t n_raw = 0;
    int32_t n_all = 0;
    int32_t n = 0;
    UErrorCode code = U_ZERO_ERROR;
    size_t cut = 0;
    for (int32_t i = 0; cut < len && i < LPG_WORDS_CHARS_MAX; i++) {
        const size_t bytes = cim_utf8_length(text + cut, len - cut);
        cut += bytes > 0 ? bytes : 1;
    }
    u_strFromUTF8WithSub(raw, 2 * LPG_WORDS_CHARS_MAX, &n_raw, text, (int32_t)cut, 0xFFFD, NULL,
                         &code);
    const int32_t n_folded = unorm2_normalize(unorm2_getNFKCCasefoldInstance(&code), raw, n_raw,
                                              folded, 8 * LPG_WORDS_CHARS_MAX, &code);
    u_strToUTF32(all, 8 * LPG_WORDS_CHARS_MAX, &n_all, folded, n_folded, &code);
    for (int32_t i = 0; U_SUCCESS(code) && i < n_all && n < LPG_WORDS_CHARS_MAX; i++) {
        if (u_isalnum(all[i]) || u_hasBinaryProperty(all[i], UCHAR_IDEOGRAPHIC)) {
            ret_chars[n++] = all[i];
        }
    }
    return n;
}

void
lpg_words_normalise(struct cim_buf *out, const char *text, size_t len)
{
    UChar32 chars[LPG_WORDS_CHARS_MAX];
    const int32_t n = plain(text, len, chars);
    for (int32_t i = 0; i < n; i++) {
        add_char(out, chars[i]);
    }
}

/* "|initials|pinyin"; with `other`, polyphones are read the other way. */
static void
add_readings(struct cim_buf *out, const UChar32 *chars, int32_t n, bool other)
{
    for (int pass = 0; pass < 2; pass++) {
        cim_buf_add_char(out, '|');
        for (int32_t i = 0; i < n; i++) {
            char kept[READING_BYTES];
            const char *reading = kept;
            if (!reading_of(chars[i], kept)) {
                add_char(out, chars[i]);
                continue;
            }
            if (other) {
                (void)other_reading(chars[i], kept, &reading);
            }
            cim_buf_add(out, reading, pass == 0 ? 1 : strlen(reading));
        }
    }
}

void
lpg_words_add(struct cim_buf *out, const char *text, size_t len)
{
    UChar32 chars[LPG_WORDS_CHARS_MAX];
    const int32_t n = plain(text, len, chars);
    bool has_reading = false;
    bool has_other = false;
    cim_buf_add_char(out, '|');
    for (int32_t i = 0; i < n; i++) {
        char reading[READING_BYTES];
        const char *other = NULL;
        add_char(out, chars[i]);
        has_reading = reading_of(chars[i], reading) || has_reading;
        has_other = other_reading(chars[i], reading, &other) || has_other;
    }
    if (has_reading) {
        add_readings(out, chars, n, false);
    }
    if (has_other) {
        add_readings(out, chars, n, true);
    }
}

/* ---- the column ---- */

bool
lpg_words_field(const struct cim_field *field)
{
    return field->search && field->type == CIM_FIELD_TEXT && field->sensitive == CIM_SENSITIVE_NO;
}

enum { UNKNOWN = 0, KEPT = 1, NOT_KEPT = 2 };

static int
look_for_column(const struct lpg_layer *layer)
{
    const struct lpg_data *data = layer->data;
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    char sql[200];
    bool any = false;
    for (size_t i = 0; i < layer->def->n_fields; i++) {
        any = any || lpg_words_field(&layer->def->fields[i]);
    }
    (void)snprintf(sql, sizeof sql, "select " LPG_WORDS_COLUMN " from %s where fid = 0",
                   layer->def->table);
    return any && data->store->read(data->host, sql, NULL, 0, &rows, NULL) == CIM_OK ? KEPT
                                                                                     : NOT_KEPT;
}

bool
lpg_words_kept(const struct lpg_layer *layer)
{
    struct lpg_layer *open = (struct lpg_layer *)(uintptr_t)layer; /* for what it remembers */
    int kept = atomic_load(&open->words);
    if (kept == UNKNOWN) {
        kept = look_for_column(layer);
        atomic_store(&open->words, kept);
    }
    return kept == KEPT;
}

/* ---- the condition ---- */

static cim_status
refuse(const char *text, const char *zh, const char *en, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, "q", text, "%s%.0s", "%.0s%s", zh, en);
}

/* The fields themselves, for a table without the column and for records from before it was there.
 */
static cim_status
sql_fields(struct lpg_statement *statement, const struct lpg_layer *layer, const char *word,
           size_t len, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf pattern;
    const char *joint = "(";
    cim_buf_init(&pattern, LPG_WORDS_BYTES_MAX);
    cim_buf_add_char(&pattern, '%');
    for (size_t i = 0; i < len; i++) {
        if (word[i] == '!' || word[i] == '%' || word[i] == '_') {
            cim_buf_add_char(&pattern, '!');
        }
        cim_buf_add_char(&pattern, word[i]);
    }
    cim_buf_add_char(&pattern, '%');
    CIM_TRY(cim_buf_status(&pattern, err));
    for (size_t i = 0; i < layer->def->n_fields; i++) {
        if (lpg_words_field(&layer->def->fields[i])) {
            lpg_sql(statement, "%scim_casei(%s) like cim_casei(", joint,
                    layer->def->fields[i].name);
            lpg_sql_text(statement, pattern.data, pattern.len);
            lpg_sql(statement, ") escape '!'");
            joint = " or ";
        }
    }
    lpg_sql(statement, ")");
    return CIM_OK;
}

static cim_status
sql_word(struct lpg_statement *statement, const struct lpg_layer *layer, const char *word,
         size_t len, cim_error *err)
{
    if (!lpg_words_kept(layer)) {
        return sql_fields(statement, layer, word, len, err);
    }
    CIM_AUTO_BUF struct cim_buf pattern;
    cim_buf_init(&pattern, LPG_WORDS_BYTES_MAX);
    cim_buf_add_char(&pattern, '%');
    lpg_words_normalise(&pattern, word, len);
    cim_buf_add_char(&pattern, '%');
    CIM_TRY(cim_buf_status(&pattern, err));
    if (pattern.len == 2) {
        return sql_fields(statement, layer, word, len, err); /* signs alone */
    }
    lpg_sql(statement, "(" LPG_WORDS_COLUMN " like ");
    lpg_sql_text(statement, pattern.data, pattern.len);
    lpg_sql(statement, " escape '!' or (" LPG_WORDS_COLUMN " is null and ");
    CIM_TRY(sql_fields(statement, layer, word, len, err));
    lpg_sql(statement, "))");
    return CIM_OK;
}

static size_t
blank_at(const char *text)
{
    return *text == ' ' || *text == '\t'                         ? 1
           : memcmp(text, "\xE3\x80\x80", strnlen(text, 3)) == 0 ? 3
                                                                 : 0;
}

cim_status
lpg_sql_words(struct lpg_statement *statement, const struct lpg_layer *layer, const char *text,
              const cim_scope *scope, cim_error *err)
{
    size_t n_fields = 0;
    int n_words = 0;
    for (size_t i = 0; i < layer->def->n_fields; i++) {
        const struct cim_field *field = &layer->def->fields[i];
        const struct lpg_column column = {field->name, field->type, field, field->required};
        if (lpg_words_field(field)) {
            CIM_TRY(lpg_column_must_be_clear(scope, &column, err));
            n_fields++;
        }
    }
    if (n_fields == 0) {
        return refuse(text, "此图层没有可查找的字段", "this layer has no field to search", err);
    }
    for (const char *at = text; *at != '\0';) {
        size_t len = 0;
        while (at[len] != '\0' && blank_at(at + len) == 0) {
            len++;
        }
        if (len > 0) {
            if (n_words++ == WORDS_IN_QUERY_MAX) {
                return refuse(text, "要查找的词过多", "too many words to look for", err);
            }
            lpg_sql(statement, n_words == 1 ? "(" : " and ");
            CIM_TRY(sql_word(statement, layer, at, len, err));
        }
        at += len;
        at += *at != '\0' ? blank_at(at) : 0;
    }
    lpg_sql(statement, ")");
    return n_words > 0 ? CIM_OK
                       : refuse(text, "应为要查找的文字", "expected the words to look for", err);
}
