/* host/base/note.c -- see note.h. */
#include "host/base/note.h"

#include "cim/util.h"
#include "host/base/clock.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static struct host_note *s_note; /* set before any thread starts */
static _Thread_local struct host_note_thread *t_thread;
static _Thread_local bool t_unseen; /* there was no place left */

static cim_status
map(int fd, struct host_note **ret_note, cim_error *err)
{
    void *memory = mmap(NULL, sizeof(struct host_note), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法映射监管内存：%s",
                        "cannot map the supervisor's memory: %s", strerrorname_np(errno));
    }
    *ret_note = memory;
    return CIM_OK;
}

cim_status
host_note_new(struct host_note **ret_note, int *ret_fd, cim_error *err)
{
    const int fd = memfd_create("cim-host-worker", MFD_CLOEXEC);
    cim_status status = CIM_OK;
    if (fd < 0 || ftruncate(fd, sizeof(struct host_note)) != 0) {
        status = cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法建立监管内存：%s",
                          "cannot make the supervisor's memory: %s", strerrorname_np(errno));
    } else {
        status = map(fd, ret_note, err);
    }
    if (status != CIM_OK) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    *ret_fd = fd;
    return CIM_OK;
}

void
host_note_free(struct host_note *note)
{
    if (note != NULL) {
        (void)munmap(note, sizeof *note);
    }
}

static int32_t
count_threads(const struct host_note *note)
{
    const int32_t n = atomic_load(&note->n_threads);
    return n < HOST_NOTE_THREADS_MAX ? n : HOST_NOTE_THREADS_MAX;
}

bool
host_note_hangs(const struct host_note *note, int64_t now_ms, int64_t limit_ms)
{
    int32_t workers = 0;
    int32_t stuck = 0;
    if (now_ms - atomic_load(&note->beat_ms) > limit_ms) {
        return true;
    }
    for (int32_t i = 0; i < count_threads(note); i++) {
        const struct host_note_thread *thread = &note->threads[i];
        const int32_t kind = atomic_load(&thread->kind);
        const int64_t since_ms = atomic_load(&thread->busy_since_ms);
        const bool over = since_ms != 0 && now_ms - since_ms > limit_ms;
        if (kind == HOST_NOTE_EVENT && over) {
            return true;
        }
        workers += kind == HOST_NOTE_WORKER;
        stuck += kind == HOST_NOTE_WORKER && over;
    }
    /* A lane holds all workers but one: with those stuck, what waits in it waits for good. */
    const int32_t lane = workers > 1 ? workers - 1 : workers;
    return workers > 0 && stuck >= lane && atomic_load(&note->n_queued) > 0;
}

/* The worker may have been overwriting its memory when it died: nothing in it is trusted. */
static void
copy_plugin(const struct host_note *note, int32_t inside, char out[HOST_NOTE_PLUGIN_ID_MAX])
{
    out[0] = '\0';
    if (inside > 0 && inside <= HOST_NOTE_PLUGINS_MAX) {
        memcpy(out, note->plugins[inside - 1], HOST_NOTE_PLUGIN_ID_MAX);
        out[HOST_NOTE_PLUGIN_ID_MAX - 1] = '\0';
    }
}

void
host_note_blame(const struct host_note *note, char ret_plugin[HOST_NOTE_PLUGIN_ID_MAX])
{
    const int32_t crashed = atomic_load(&note->crashed_thread);
    int32_t only = 0;
    if (crashed > 0 && crashed <= HOST_NOTE_THREADS_MAX) {
        copy_plugin(note, atomic_load(&note->threads[crashed - 1].inside), ret_plugin);
        return;
    }
    for (int32_t i = 0; i < count_threads(note); i++) {
        const int32_t inside = atomic_load(&note->threads[i].inside);
        if (inside != 0 && atomic_load(&note->threads[i].busy_since_ms) != 0) {
            only = only == 0 || only == inside ? inside : -1;
        }
    }
    copy_plugin(note, only, ret_plugin);
}

/* ---- the worker ---- */

/* Only what a signal handler may: two stores, and the default action. */
static void
on_crash(int number)
{
    const struct host_note_thread *thread = t_thread;
    if (thread != NULL) {
        atomic_store(&s_note->crashed_thread, (int32_t)(thread - s_note->threads) + 1);
    }
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

cim_status
host_note_open(int fd, cim_error *err)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = SA_NODEFER};
    CIM_TRY(map(fd, &s_note, err));
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
        (void)sigaction(crashes[i], &action, NULL);
    }
    return CIM_OK;
}

struct host_note *
host_note(void)
{
    return s_note;
}

void
host_note_name_plugin(size_t number, const char *id)
{
    if (s_note != NULL && number < HOST_NOTE_PLUGINS_MAX) {
        cim_copy_text(s_note->plugins[number], HOST_NOTE_PLUGIN_ID_MAX, id);
    }
}

/* The calling thread's place, taken on first use and never given back: threads live long here. */
static struct host_note_thread *
place(void)
{
    if (t_thread == NULL && s_note != NULL && !t_unseen) {
        const int32_t at = atomic_fetch_add(&s_note->n_threads, 1);
        t_unseen = at >= HOST_NOTE_THREADS_MAX;
        t_thread = t_unseen ? NULL : &s_note->threads[at];
        if (t_thread != NULL) {
            atomic_store(&t_thread->kind, HOST_NOTE_OTHER);
        }
    }
    return t_thread;
}

void
host_note_begin(enum host_note_kind kind)
{
    struct host_note_thread *thread = place();
    if (thread != NULL) {
        atomic_store_explicit(&thread->kind, kind, memory_order_relaxed);
        atomic_store_explicit(&thread->busy_since_ms, host_monotonic_ms(), memory_order_relaxed);
    }
}

void
host_note_end(void)
{
    struct host_note_thread *thread = t_thread;
    if (thread != NULL) {
        atomic_store_explicit(&thread->inside, 0, memory_order_relaxed);
        atomic_store_explicit(&thread->busy_since_ms, 0, memory_order_relaxed);
    }
}

void
host_note_progress(void)
{
    struct host_note_thread *thread = t_thread;
    if (thread != NULL && atomic_load_explicit(&thread->busy_since_ms, memory_order_relaxed) != 0) {
        atomic_store_explicit(&thread->busy_since_ms, host_monotonic_ms(), memory_order_relaxed);
    }
}

void
host_note_enter(size_t plugin_number)
{
    struct host_note_thread *thread = place();
    if (thread != NULL) {
        atomic_store_explicit(&thread->inside, (int32_t)plugin_number + 1, memory_order_relaxed);
    }
}

void
host_note_leave(void)
{
    if (t_thread != NULL) {
        atomic_store_explicit(&t_thread->inside, 0, memory_order_relaxed);
    }
}

void
host_note_queue(int32_t change)
{
    if (s_note != NULL) {
        (void)atomic_fetch_add(&s_note->n_queued, change);
    }
}

cim_status
host_note_ask_upgrade(cim_error *err)
{
    if (s_note == NULL) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL, "平台没有监管进程，请重新启动以完成升级",
                        "the platform runs without a supervisor: restart it to upgrade");
    }
    atomic_store(&s_note->wants_upgrade, 1);
    return CIM_OK;
}
