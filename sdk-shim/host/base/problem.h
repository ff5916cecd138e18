/* host/base/problem.h -- failures as RFC 9457 problem documents, mapped in this one place. */
#ifndef HOST_PROBLEM_H
#define HOST_PROBLEM_H

#include "kit/buf.h"

/* HTTP status of a failure. */
int32_t host_problem_http_status(const cim_error *err);
/* The document: type, title, title_en, status, detail, detail_en, param, value, request_id. */
void host_problem_write(struct cim_buf *out, int32_t http_status, const cim_error *err,
                        const char *request_id);

#endif
