/* What the plugin "probe" tells the test that loaded it, over a pointer in its setting
 * "probe.board". */
#ifndef PROBE_H
#define PROBE_H

#include <stdatomic.h>

struct probe_board {
    atomic_int inits;
    atomic_int starts;
    atomic_int stops;
    atomic_int destroys;
    atomic_int workers; /* entered and not left */
    atomic_int worker_enters;
    atomic_int inside; /* calls under way */
    atomic_int most_inside;
    atomic_int calls;
    atomic_int wrong; /* calls while not started, or without a worker of this life */
    atomic_int running;
    atomic_int producers; /* open ones */
    atomic_int hold;      /* calls and producers wait while this is 1 */
};

#endif
