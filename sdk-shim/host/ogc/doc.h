/* host/ogc/doc.h -- small documents: built as json-c trees, sent as JSON or shown as HTML. */
#ifndef HOST_OGC_DOC_H
#define HOST_OGC_DOC_H

#include "kit/buf.h"

#include <json-c/json.h>
#include <stdbool.h>

static inline void
host_doc_cleanup(struct json_object **doc)
{
    json_object_put(*doc);
}
#define HOST_AUTO_DOC __attribute__((cleanup(host_doc_cleanup)))

/* Adders take `child`; NULL parents and children are passed over, so that memory that ran out shows
 * once, when the document is sent. */
void host_doc_add(struct json_object *object, const char *key, struct json_object *child);
void host_doc_append(struct json_object *array, struct json_object *child);
void host_doc_text(struct json_object *object, const char *key, const char *value);
void host_doc_int(struct json_object *object, const char *key, int64_t value);
void host_doc_bool(struct json_object *object, const char *key, bool value);
void host_doc_number(struct json_object *object, const char *key, double value);
struct json_object *host_doc_number_new(double value);
/* {"zh": …, "en": …} */
struct json_object *host_doc_text2(const char *zh, const char *en);
struct json_object *host_doc_texts(const char *const *texts, size_t n);
/* A new object at the end of an array, or under a key. */
struct json_object *host_doc_object_in(struct json_object *parent, const char *key);
struct json_object *host_doc_array_in(struct json_object *parent, const char *key);

/* One entry of `links`; `title` may be NULL. */
void host_doc_link(struct json_object *links, const char *rel, const char *mime, const char *title,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));
/* As text, with '/' left alone. */
void host_doc_write(struct json_object *doc, struct cim_buf *out);
/* The string under a key, or "". */
const char *host_doc_get(struct json_object *object, const char *key);

/* Percent-encodes everything but unreserved characters. */
void host_url_encode(struct cim_buf *out, const char *text);

#endif
