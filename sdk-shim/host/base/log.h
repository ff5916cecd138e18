/* host/base/log.h -- structured logging to standard error: one JSON object a line, or text on a
 * terminal. Process-wide, set once in main before any thread starts. Never log tokens, personal
 * data, SQL values or coordinates. */
#ifndef HOST_LOG_H
#define HOST_LOG_H

#include "cim/services.h"

#include <stdbool.h>

enum host_log_format { HOST_LOG_TEXT, HOST_LOG_JSON };

void host_log_setup(int32_t least_level, enum host_log_format format);
bool host_log_enabled(int32_t level);
__attribute__((format(printf, 3, 4))) void host_log(int32_t level, const char *component,
                                                    const char *format, ...);
/* Logs an error's English text with its code. */
void host_log_error(const char *component, const char *what, const cim_error *err);

#endif
