/* tests/integration/writes/clock_shift.c -- loaded before a host by LD_PRELOAD: the time of day is
 * that of the system and what CLOCK_SHIFT_FILE holds, an int64 of nanoseconds that the test changes
 * while the host runs. The clock that only goes forward is left alone, as when somebody sets a
 * machine's clock. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { SECOND_NS = 1000000000 };

static const volatile int64_t *shift;
static int (*real_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void
begin(void)
{
    const char *path = getenv("CLOCK_SHIFT_FILE");
    const int file = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *mapped =
        file >= 0 ? mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
    if (mapped == MAP_FAILED) {
        abort(); /* a clock that does not step proves nothing */
    }
    shift = mapped;
    (void)close(file);
}

int
clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    if (real_gettime == NULL) {
        *(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
    }
    const int code = real_gettime(clock, ret_time);
    if (code == 0 && shift != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        const int64_t ns = (int64_t)ret_time->tv_sec * SECOND_NS + ret_time->tv_nsec + *shift;
        ret_time->tv_sec = (time_t)(ns / SECOND_NS);
        ret_time->tv_nsec = (long)(ns % SECOND_NS);
    }
    return code;
}

int
gettimeofday(struct timeval *restrict ret_time, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        return -1;
    }
    *ret_time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t
time(time_t *ret_time)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret_time != NULL) {
        *ret_time = now.tv_sec;
    }
    return now.tv_sec;
}
