/* demo/error.h -- the one message a failing step leaves behind. */
#ifndef DEMO_ERROR_H
#define DEMO_ERROR_H

struct demo_error {
    char text[512];
};

/* Always returns -1, so that a caller can `return demo_fail(err, ...)`. */
__attribute__((format(printf, 2, 3))) int demo_fail(struct demo_error *err, const char *format,
                                                    ...);

#endif
