/* host/ogc/doc.c -- see doc.h. */
#include "host/ogc/doc.h"

#include "cim/util.h"

void
host_doc_add(struct json_object *object, const char *key, struct json_object *child)
{
    if (object == NULL || json_object_object_add(object, key, child) != 0) {
        json_object_put(child);
    }
}

void
host_doc_append(struct json_object *array, struct json_object *child)
{
    if (array == NULL || json_object_array_add(array, child) != 0) {
        json_object_put(child);
    }
}

void
host_doc_text(struct json_object *object, const char *key, const char *value)
{
    host_doc_add(object, key, value != NULL ? json_object_new_string(value) : NULL);
}

void
host_doc_int(struct json_object *object, const char *key, int64_t value)
{
    host_doc_add(object, key, json_object_new_int64(value));
}

void
host_doc_bool(struct json_object *object, const char *key, bool value)
{
    host_doc_add(object, key, json_object_new_boolean(value));
}

struct json_object *
host_doc_number_new(double value)
{
    struct json_object *number = NULL;
    CIM_AUTO_BUF struct cim_buf text;
    cim_buf_init(&text, 64);
    cim_buf_add_double(&text, value);
    if (text.failed == CIM_OK) {
        number = json_object_new_double_s(value, text.data);
    }
    return number;
}

void
host_doc_number(struct json_object *object, const char *key, double value)
{
    host_doc_add(object, key, host_doc_number_new(value));
}

struct json_object *
host_doc_text2(const char *zh, const char *en)
{
    struct json_object *both = json_object_new_object();
    host_doc_text(both, "zh", zh);
    host_doc_text(both, "en", en);
    return both;
}

struct json_object *
host_doc_texts(const char *const *texts, size_t n)
{
    struct json_object *array = json_object_new_array();
    for (size_t i = 0; i < n; i++) {
        host_doc_append(array, json_object_new_string(texts[i]));
    }
    return array;
}

static struct json_object *
put_in(struct json_object *parent, const char *key, struct json_object *child)
{
    if (key != NULL) {
        host_doc_add(parent, key, child);
    } else {
        host_doc_append(parent, child);
    }
    return parent != NULL ? child : NULL;
}

struct json_object *
host_doc_object_in(struct json_object *parent, const char *key)
{
    return put_in(parent, key, json_object_new_object());
}

struct json_object *
host_doc_array_in(struct json_object *parent, const char *key)
{
    return put_in(parent, key, json_object_new_array());
}

void
host_doc_link(struct json_object *links, const char *rel, const char *mime, const char *title,
              const char *format, ...)
{
    struct json_object *link = json_object_new_object();
    char url[2048] = "";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(url, sizeof url, format, args);
    va_end(args);
    host_doc_text(link, "href", url);
    host_doc_text(link, "rel", rel);
    host_doc_text(link, "type", mime);
    if (title != NULL) {
        host_doc_text(link, "title", title);
    }
    host_doc_append(links, link);
}

void
host_doc_write(struct json_object *doc, struct cim_buf *out)
{
    size_t len = 0;
    const char *text = json_object_to_json_string_length(
        doc, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    if (doc == NULL || text == NULL) {
        out->failed = CIM_E_NOMEM;
        return;
    }
    cim_buf_add(out, text, len);
}

const char *
host_doc_get(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    if (object == NULL || !json_object_object_get_ex(object, key, &value) ||
        !json_object_is_type(value, json_type_string)) {
        return "";
    }
    return json_object_get_string(value);
}

void
host_url_encode(struct cim_buf *out, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
            c == '-' || c == '.' || c == '_' || c == '~' || c == ',' || c == ':' || c == '/') {
            cim_buf_add_char(out, (char)c);
        } else {
            const char escaped[3] = {'%', digits[c >> 4U], digits[c & 15U]};
            cim_buf_add(out, escaped, 3);
        }
    }
}
