/* host/ogc/page.h -- a page or an export of features, made piece by piece.
 *
 * Each piece is a query of its own that continues after the last row of the one before: between
 * pieces nothing of the plugin or the store is held, however slow the client is, the caller's terms
 * are asked anew, and memory stays within one piece.
 */
#ifndef HOST_OGC_PAGE_H
#define HOST_OGC_PAGE_H

#include "host/ogc/ask.h"
#include "host/ogc/request.h"

struct host_page;

/* Takes *request (also on failure). `ask` is read now and not kept. */
cim_status host_page_new(const struct host_ask *ask, const char *layer_id,
                         struct host_items_request *request, struct host_page **ret_page,
                         cim_error *err);
void host_page_free(struct host_page *page);
/* The next piece into page's buffer; *ret_more when there will be another. [worker] */
cim_status host_page_piece(struct host_page *page, const cim_call *call, bool *ret_more,
                           cim_error *err);
/* Rows go there instead of into the buffer, batch by batch as the pieces are asked for; the last of
 * a piece is empty. `definition` and `rows` are valid during the call. */
struct host_page_sink {
    cim_status (*take)(void *arg, const struct cim_definition *definition, const cim_rows *rows,
                       const cim_batch *batch, cim_error *err);
    void *arg;
};
void host_page_deliver(struct host_page *page, const struct host_page_sink *sink);
/* What host_page_piece() made; the caller clears or moves it. */
struct cim_buf *host_page_buffer(struct host_page *page);
/* After the last piece: appends the address of the next page in a format; false when there is none.
 */
bool host_page_next(const struct host_page *page, const char *f, struct cim_buf *out);
/* Becomes the response body from here on: the buffer first, then the pieces. */
void host_page_producer(struct host_page *page, cim_http_producer *ret_producer);

/* "?a=b&c=d" of all parameters but those named (NULL-terminated), for links. Ends with '?' or '&',
 * ready for one more. */
void host_query_text(const struct host_ask *ask, const char *const *without, struct cim_buf *out);

#endif
