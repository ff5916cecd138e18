/* host/base/log.c -- see log.h. */
#include "log.h"

#include "kit/buf.h"
#include "kit/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 8192, TEXT_MAX_BYTES = 2048 };

static int32_t s_least_level = CIM_LOG_INFO;
static enum host_log_format s_format = HOST_LOG_TEXT;

static const char *const LEVELS[] = {"debug", "info", "warning", "error"};

void
host_log_setup(int32_t least_level, enum host_log_format format)
{
    s_least_level = least_level;
    s_format = format;
}

bool
host_log_enabled(int32_t level)
{
    return level >= s_least_level;
}

/* Of a log line's own time, so the system's clock and not the host's movable one. */
static void
stamp(char *out, size_t size)
{
    struct timespec now = {0};
    struct tm utc = {0};
    char seconds[32];
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    (void)strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
    (void)snprintf(out, size, "%s.%03ldZ", seconds, now.tv_nsec / 1000000);
}

void
host_log_line(const char *line, size_t len)
{
    while (len > 0) {
        const ssize_t n = write(STDERR_FILENO, line, len);
        if (n < 0) {
            if (errno == EINTR) {
                continue;
            }
            return;
        }
        line += n;
        len -= (size_t)n;
    }
}

enum host_log_format
host_log_format(void)
{
    return s_format;
}

void
host_log_begin(struct cim_buf *line, int32_t level, const char *component)
{
    char time_text[48];
    const char *name = level >= 0 && level <= CIM_LOG_ERROR ? LEVELS[level] : "info";
    stamp(time_text, sizeof time_text);
    if (s_format == HOST_LOG_JSON) {
        cim_buf_addf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"component\":", time_text, name);
        cim_buf_add_json_text(line, component, SIZE_MAX);
    } else {
        cim_buf_addf(line, "%s %-7s %s", time_text, name, component);
    }
}

/* Control characters in a text line would let a value forge a second line. */
static void
add_plain(struct cim_buf *line, const char *text)
{
    for (; *text != '\0'; text++) {
        char shown = *text;
        if ((unsigned char)shown < 0x20 || shown == 0x7f) {
            shown = ' ';
        }
        cim_buf_add_char(line, shown);
    }
}

void
host_log_field(struct cim_buf *line, const char *name, const char *text)
{
    if (s_format == HOST_LOG_JSON) {
        cim_buf_addf(line, ",\"%s\":", name);
        cim_buf_add_json_text(line, text, SIZE_MAX);
    } else if (strcmp(name, "message") == 0) {
        cim_buf_add_text(line, ": ");
        add_plain(line, text);
    } else {
        cim_buf_addf(line, " %s=", name);
        add_plain(line, text);
    }
}

void
host_log_field_int(struct cim_buf *line, const char *name, int64_t value)
{
    cim_buf_addf(line, s_format == HOST_LOG_JSON ? ",\"%s\":%lld" : " %s=%lld", name,
                 (long long)value);
}

void
host_log_end(struct cim_buf *line)
{
    cim_buf_add_text(line, s_format == HOST_LOG_JSON ? "}\n" : "\n");
}

void
host_log(int32_t level, const char *component, const char *format, ...)
{
    char text[TEXT_MAX_BYTES];
    struct cim_buf line CIM_AUTO_BUF;
    va_list args;
    cim_buf_init(&line, LINE_MAX_BYTES);
    if (!host_log_enabled(level)) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    host_log_begin(&line, level, component);
    host_log_field(&line, "message", text);
    host_log_end(&line);
    if (cim_buf_status(&line, NULL) == CIM_OK) {
        host_log_line(line.data, line.len);
    }
}

void
host_log_error(const char *component, const char *what, const cim_error *err)
{
    const char *const value = err->value[0] != '\0' ? err->value : "";
    if (err->param[0] != '\0') {
        host_log(CIM_LOG_ERROR, component, "%s: %s (code %d, %s '%s')", what, err->en,
                 (int)err->code, err->param, value);
    } else if (err->os_errno != 0) {
        host_log(CIM_LOG_ERROR, component, "%s: %s (code %d, errno %d)", what, err->en,
                 (int)err->code, (int)err->os_errno);
    } else {
        host_log(CIM_LOG_ERROR, component, "%s: %s (code %d)", what, err->en, (int)err->code);
    }
}
