#include "text.h"

#include <stdarg.h>
#include <stdio.h>

size_t
demo_text_fit(const char *text, size_t len, size_t max)
{
    if (len <= max) {
        return len;
    }
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80) {
        max--;
    }
    return max;
}

void
demo_text(char *ret_text, size_t size, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(ret_text, size, format, args);
    va_end(args);
    if (n < 0) {
        ret_text[0] = '\0';
    } else if ((size_t)n >= size) {
        size_t end = size - 1;

        /* The byte that would have come next is gone: step back over what may be half of one. */
        while (end > 0 && ((unsigned char)ret_text[end - 1] & 0xc0) == 0x80) {
            end--;
        }
        if (end > 0 && (unsigned char)ret_text[end - 1] >= 0xc0) {
            end--;
        }
        ret_text[end] = '\0';
    }
}
