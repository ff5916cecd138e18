/* host/ogc/html.h -- resources as plain pages for people: Chinese first, English beside it, no
 * script, everything escaped. */
#ifndef HOST_OGC_HTML_H
#define HOST_OGC_HTML_H

#include "kit/buf.h"

struct host_ask;
struct json_object;

/* Head and breadcrumb up to the content, and the end. */
void host_html_begin(struct cim_buf *out, const struct host_ask *ask, const char *title_zh,
                     const char *title_en);
void host_html_end(struct cim_buf *out, const struct host_ask *ask);
/* Headers that a page needs (content security policy). */
cim_status host_html_headers(const struct host_ask *ask, cim_error *err);
/* Any JSON document as nested lists and tables; links become links. */
void host_html_document(struct cim_buf *out, struct json_object *doc);
/* Inline label: Chinese, then English in a lighter face. */
void host_html_label(struct cim_buf *out, const char *zh, const char *en);
/* Text as a cell; addresses become links. */
void host_html_text(struct cim_buf *out, const char *text);

extern const char host_html_css[];

#endif
