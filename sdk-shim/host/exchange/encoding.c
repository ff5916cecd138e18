/* host/exchange/encoding.c -- text of files that do not say how it is written: UTF-8 or GBK.
 *
 * Chinese Shapefiles and CSV files come in either, mostly unmarked. UTF-8 has a form that other
 * text hardly ever has; GBK is believed when its characters are common ones. Else we ask. */
#include "host/exchange/source.h"

#include "cim/util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { SAMPLE_BYTES = 1 << 16, SAMPLE_ROUNDS = 512, OUT_CHUNK = 1024 };

struct census {
    int64_t utf8_good;
    int64_t utf8_bad;
    int64_t gbk_common; /* characters of GB 2312 */
    int64_t gbk_rare;
    int64_t gbk_bad;
    int utf8_left; /* bytes that the open sequence still wants */
    int gbk_lead;  /* 0, or the first byte of a pair */
};

static void
count_utf8(struct census *census, unsigned char c)
{
    if (census->utf8_left > 0) {
        if ((c & 0xc0U) == 0x80U) {
            census->utf8_left--;
            census->utf8_good += census->utf8_left == 0;
            return;
        }
        census->utf8_left = 0;
        census->utf8_bad++;
    }
    if (c >= 0xc2U && c < 0xf5U) {
        census->utf8_left = c < 0xe0U ? 1 : c < 0xf0U ? 2 : 3;
    } else if (c >= 0x80U) {
        census->utf8_bad++;
    }
}

static void
count_gbk(struct census *census, unsigned char c)
{
    if (census->gbk_lead != 0) {
        const int lead = census->gbk_lead;
        census->gbk_lead = 0;
        if (c < 0x40U || c == 0x7fU || c == 0xffU) {
            census->gbk_bad++;
        } else if (c >= 0xa1U &&
                   ((lead >= 0xb0 && lead <= 0xf7) || (lead >= 0xa1 && lead <= 0xa9))) {
            census->gbk_common++;
        } else {
            census->gbk_rare++;
        }
    } else if (c > 0x80U && c < 0xffU) {
        census->gbk_lead = c;
    } else if (c >= 0x80U) {
        census->gbk_bad++;
    }
}

/* DBF fields cut text at a byte, so a few broken characters prove nothing. */
static const char *
judge(const struct census *census)
{
    if (census->utf8_good + census->utf8_bad + census->gbk_common + census->gbk_bad == 0) {
        return "UTF-8"; /* all ASCII */
    }
    if (census->utf8_good > 0 && census->utf8_bad * 50 <= census->utf8_good) {
        return "UTF-8";
    }
    if (census->gbk_common > 0 && census->gbk_bad * 50 <= census->gbk_common &&
        census->gbk_rare * 5 <= census->gbk_common) {
        return "GB18030";
    }
    return NULL;
}

static cim_status
take_census(const char *path, enum host_file_kind kind, struct census *ret_census, cim_error *err)
{
    static const struct census none;
    unsigned char bytes[4096];
    FILE *file = fopen(path, "rbe");
    size_t n = 0;
    size_t skip = 0;
    int rounds = 0;
    *ret_census = none;
    if (file == NULL) {
        return cim_fail(err, CIM_E_IO, "file", path, "文件无法读取", "the file cannot be read");
    }
    if (kind == HOST_FILE_SHAPEFILE && fread(bytes, 1, 32, file) == 32) {
        skip = (size_t)bytes[8] | (size_t)bytes[9] << 8U; /* header: not text */
        (void)fseek(file, (long)skip, SEEK_SET);          /* past the end: nothing is read */
    }
    while (rounds++ < SAMPLE_ROUNDS * (SAMPLE_BYTES / (int)sizeof bytes) &&
           (n = fread(bytes, 1, sizeof bytes, file)) > 0) {
        for (size_t i = 0; i < n; i++) {
            count_utf8(ret_census, bytes[i]);
            count_gbk(ret_census, bytes[i]);
        }
    }
    (void)fclose(file); /* only read */
    return CIM_OK;
}

static const char *
known_name(const char *name)
{
    static const char *const names[][2] = {
        {"UTF-8", "UTF-8"},      {"UTF8", "UTF-8"},          {"65001", "UTF-8"},
        {"GBK", "GB18030"},      {"GB18030", "GB18030"},     {"GB2312", "GB18030"},
        {"CP936", "GB18030"},    {"936", "GB18030"},         {"ANSI 936", "GB18030"},
        {"BIG5", "BIG5"},        {"CP950", "BIG5"},          {"ISO-8859-1", "ISO-8859-1"},
        {"88591", "ISO-8859-1"}, {"CP1252", "WINDOWS-1252"}, {"WINDOWS-1252", "WINDOWS-1252"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcasecmp(name, names[i][0]) == 0) {
            return names[i][1];
        }
    }
    return NULL;
}

void
host_text_in_utf8(struct host_text_in *ret_text)
{
    *ret_text = (struct host_text_in){0};
    cim_copy_text(ret_text->label, sizeof ret_text->label, "UTF-8");
}

static cim_status
open_named(const char *name, struct host_text_in *ret_text, cim_error *err)
{
    host_text_in_utf8(ret_text);
    if (strcmp(name, "UTF-8") == 0) {
        return CIM_OK;
    }
    ret_text->from = iconv_open("UTF-8", name);
    if (ret_text->from == (iconv_t)-1) {
        return cim_fail(err, CIM_E_UNSUPPORTED, "encoding", name, "此系统不支持编码“%s”",
                        "encoding '%s' is not known to this system", name);
    }
    ret_text->convert = true;
    cim_copy_text(ret_text->label, sizeof ret_text->label,
                  strcmp(name, "GB18030") == 0 ? "GBK" : name);
    return CIM_OK;
}

cim_status
host_text_in_open(const char *path, enum host_file_kind kind, const char *declared,
                  const char *hint, struct host_text_in *ret_text, cim_error *err)
{
    const char *name = NULL;
    struct census census;
    if (declared != NULL && declared[0] != '\0') {
        name = known_name(declared);
        return name != NULL
                   ? open_named(name, ret_text, err)
                   : cim_fail(err, CIM_E_INVALID, "encoding", declared,
                              "编码“%s”未知，应为 UTF-8、GBK、GB18030、BIG5 或 ISO-8859-1",
                              "encoding '%s': expected UTF-8, GBK, GB18030, BIG5 or ISO-8859-1",
                              declared);
    }
    CIM_TRY(take_census(path, kind, &census, err));
    name = hint != NULL ? known_name(hint) : NULL;
    /* Many tools write the mark of a western code page over Chinese text: look for ourselves. */
    if (name == NULL || strcmp(name, "ISO-8859-1") == 0 || strcmp(name, "WINDOWS-1252") == 0) {
        const char *seen = judge(&census);
        name = seen != NULL ? seen : name;
    }
    if (name == NULL) {
        return cim_fail(err, CIM_E_INVALID, "encoding", NULL,
                        "无法判断文件的文字编码，请用 encoding 指明：UTF-8、GBK 或 ISO-8859-1",
                        "the encoding of the text cannot be told; give one as encoding: UTF-8, GBK "
                        "or ISO-8859-1");
    }
    return open_named(name, ret_text, err);
}

void
host_text_in_done(struct host_text_in *text)
{
    if (text->convert) {
        (void)iconv_close(text->from);
    }
    *text = (struct host_text_in){0};
}

static cim_status
bad_text(const struct host_text_in *text, cim_error *err)
{
    return cim_fail(err, CIM_E_INVALID, NULL, NULL, "文字不是有效的 %s", "the text is no valid %s",
                    text->label);
}

/* Length of the valid UTF-8 sequence at `at`; 0: none; -1: cut off by the end. */
static int
utf8_length(const unsigned char *at)
{
    int n = 0;
    unsigned least = 0;
    unsigned code = 0;
    if (at[0] < 0x80U) {
        return 1;
    }
    if (at[0] < 0xc2U || at[0] > 0xf4U) {
        return 0;
    }
    n = at[0] < 0xe0U ? 2 : at[0] < 0xf0U ? 3 : 4;
    least = n == 2 ? 0x80U : n == 3 ? 0x800U : 0x10000U;
    code = at[0] & (n == 2 ? 0x1fU : n == 3 ? 0x0fU : 0x07U);
    for (int i = 1; i < n; i++) {
        if (at[i] == '\0') {
            return -1;
        }
        if ((at[i] & 0xc0U) != 0x80U) {
            return 0;
        }
        code = code << 6U | (at[i] & 0x3fU);
    }
    return code < least || code > 0x10ffffU || (code >= 0xd800U && code < 0xe000U) ? 0 : n;
}

static cim_status
copy_utf8(const struct host_text_in *text, const char *raw, struct cim_buf *out, cim_error *err)
{
    const unsigned char *at = (const unsigned char *)raw;
    while (*at != '\0') {
        const int n = utf8_length(at);
        if (n == 0) {
            return bad_text(text, err);
        }
        if (n < 0) {
            break;
        }
        at += n;
    }
    cim_buf_add(out, raw, (size_t)((const char *)at - raw));
    return CIM_OK;
}

cim_status
host_text_in_convert(struct host_text_in *text, const char *raw, struct cim_buf *out,
                     cim_error *err)
{
    char *in = (char *)(uintptr_t)raw; /* iconv reads only */
    size_t left = strlen(raw);
    if (!text->convert) {
        return copy_utf8(text, raw, out, err);
    }
    (void)iconv(text->from, NULL, NULL, NULL, NULL); /* starts anew */
    while (left > 0) {
        char piece[OUT_CHUNK];
        char *to = piece;
        size_t room = sizeof piece;
        const size_t done = iconv(text->from, &in, &left, &to, &room);
        const int os = errno;
        cim_buf_add(out, piece, sizeof piece - room);
        if (done == (size_t)-1 && os == EINVAL) {
            break; /* cut off at the end of a field */
        }
        if (done == (size_t)-1 && os != E2BIG) {
            return bad_text(text, err);
        }
    }
    return cim_buf_status(out, err);
}
