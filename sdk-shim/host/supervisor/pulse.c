/* host/supervisor/pulse.c -- see pulse.h. */
#include "host/supervisor/pulse.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/note.h"

#include <pthread.h>
#include <time.h>

enum { BEAT_MS = 200 };

static void *
beat(void *arg)
{
    struct host_note *note = arg;
    const struct timespec period = {.tv_nsec = BEAT_MS * 1000000L};
    for (;;) {
        atomic_store(&note->beat_ms, host_monotonic_ms());
        (void)nanosleep(&period, NULL);
    }
    return NULL;
}

cim_status
host_pulse_start(cim_error *err)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, beat, host_note()) != 0) {
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法启动心跳线程",
                        "cannot start the thread of the pulse");
    }
    (void)pthread_detach(thread);
    return CIM_OK;
}
