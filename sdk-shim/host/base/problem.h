/* host/base/problem.h -- failures as RFC 9457 problem documents, mapped in this one place. */
#ifndef HOST_PROBLEM_H
#define HOST_PROBLEM_H

#include "kit/buf.h"

/* HTTP status of a failure. CIM_E_DENIED is 403: who answers knows whether nobody is signed in and
 * it should be 401. CIM_E_UNSUPPORTED is 406 for the parameters "f" and "Accept", 415 for
 * "Content-Type" and "encoding", else 501. */
int32_t host_problem_http_status(const cim_error *err);
/* Title of an HTTP status; never NULL. */
void host_problem_title(int32_t http_status, const char **ret_zh, const char **ret_en);
/* The document: type, title, title_en, status, detail, detail_en, param, value, request_id. What
 * went wrong inside the platform (500 and its like) is for the log alone: the document says so. */
void host_problem_write(struct cim_buf *out, int32_t http_status, const cim_error *err,
                        const char *request_id);

/* The same with a type of its own, such as those that OGC API Processes names. */
void host_problem_write_typed(struct cim_buf *out, int32_t http_status, const char *type,
                              const cim_error *err, const char *request_id);

#endif
