/* host/base/log.h -- structured logging to standard error: one JSON object a line, or text on a
 * terminal. Process-wide, set once in main before any thread starts. Never log tokens, personal
 * data, SQL values or coordinates. */
#ifndef HOST_LOG_H
#define HOST_LOG_H

#include "cim/services.h"

#include <stdbool.h>

struct cim_buf;

enum host_log_format { HOST_LOG_TEXT, HOST_LOG_JSON };

void host_log_setup(int32_t least_level, enum host_log_format format);
bool host_log_enabled(int32_t level);
__attribute__((format(printf, 3, 4))) void host_log(int32_t level, const char *component,
                                                    const char *format, ...);
/* Logs an error's English text with its code. */
void host_log_error(const char *component, const char *what, const cim_error *err);

/* ---- lines with fields of their own, such as the access log ---- */

enum host_log_format host_log_format(void);
void host_log_begin(struct cim_buf *line, int32_t level, const char *component);
void host_log_field(struct cim_buf *line, const char *name, const char *text);
void host_log_field_int(struct cim_buf *line, const char *name, int64_t value);
void host_log_end(struct cim_buf *line);
/* Writes finished lines at once; may block when nobody reads standard error. */
void host_log_line(const char *line, size_t len);

#endif
