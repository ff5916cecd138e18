/* host/main/bar.h -- a bar of progress on standard error, where that is a terminal. */
#ifndef HOST_BAR_H
#define HOST_BAR_H

#include "host/base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

enum { HOST_BAR_WIDTH = 30, HOST_BAR_EVERY_MS = 200 };

struct host_bar {
    bool shown;
    int64_t next_ms;
};

static inline struct host_bar
host_bar_begin(void)
{
    return (struct host_bar){.shown = isatty(STDERR_FILENO) == 1};
}

/* Draws now and then, and always what is done; `fraction` below 0: not known. `text` follows. */
static inline void
host_bar_draw(struct host_bar *bar, double fraction, const char *text)
{
    static const char full[] = "##############################";
    const int64_t now_ms = host_monotonic_ms();
    const int filled = fraction <= 0  ? 0
                       : fraction < 1 ? (int)(fraction * HOST_BAR_WIDTH)
                                      : HOST_BAR_WIDTH;
    if (!bar->shown || (now_ms < bar->next_ms && fraction < 1)) {
        return;
    }
    bar->next_ms = now_ms + HOST_BAR_EVERY_MS;
    if (fraction < 0) {
        (void)fprintf(stderr, "\r%s\033[K", text);
    } else {
        (void)fprintf(stderr, "\r[%-*.*s] %s\033[K", HOST_BAR_WIDTH, filled, full, text);
    }
}

static inline void
host_bar_count(struct host_bar *bar, int64_t done, int64_t total)
{
    char text[64];
    if (total > 0) {
        (void)snprintf(text, sizeof text, "%lld / %lld", (long long)done, (long long)total);
    } else {
        (void)snprintf(text, sizeof text, "%lld", (long long)done);
    }
    host_bar_draw(bar, total > 0 ? (double)done / (double)total : -1, text);
}

/* The line is free for what follows. */
static inline void
host_bar_end(const struct host_bar *bar)
{
    if (bar->shown) {
        (void)fputs("\r\033[K", stderr);
    }
}

#endif
