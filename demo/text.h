/* demo/text.h -- printf into a fixed array, never cut inside a character. */
#ifndef DEMO_TEXT_H
#define DEMO_TEXT_H

#include <stddef.h>

__attribute__((format(printf, 3, 4))) void demo_text(char *ret_text, size_t size,
                                                     const char *format, ...);
/* Bytes of `text` that fit in `max` without cutting a character. */
size_t demo_text_fit(const char *text, size_t len, size_t max);

#endif
