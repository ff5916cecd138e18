/* host/base/note.h -- what the supervisor can see of a worker process, and what stays of it when it
 * is gone: which threads are at work since when, and inside which plugin.
 *
 * Shared memory of both processes, kept by the supervisor. Without a supervisor there is none, and
 * all of the functions for threads do nothing. They write two words and take no lock.
 */
#ifndef HOST_NOTE_H
#define HOST_NOTE_H

#include "cim/base.h"

#include <stdatomic.h>
#include <stdbool.h>

enum {
    HOST_NOTE_THREADS_MAX = 1024, /* threads past it are not seen */
    HOST_NOTE_PLUGINS_MAX = 32,
    HOST_NOTE_PLUGIN_ID_MAX = 64,
    HOST_NOTE_ENDINGS_MAX = 8
};

/* Why a worker was replaced. */
enum host_end { HOST_END_CRASH = 1, HOST_END_HANG, HOST_END_MEMORY, HOST_END_EXIT };

struct host_ending {
    int32_t end;                          /* enum host_end */
    int32_t number;                       /* signal of a crash, exit code, or MiB of memory */
    int64_t at_ms;                        /* UTC, of the system's clock */
    char plugin[HOST_NOTE_PLUGIN_ID_MAX]; /* it was inside this one; "": none, or not known */
};

enum host_note_kind {
    HOST_NOTE_FREE,
    HOST_NOTE_WORKER,
    HOST_NOTE_EVENT, /* nobody else does its work: an event thread, the store's writer */
    HOST_NOTE_OTHER
};

struct host_note_thread {
    _Atomic int32_t kind;          /* enum host_note_kind */
    _Atomic int32_t inside;        /* plugin number + 1; 0: none */
    _Atomic int64_t busy_since_ms; /* monotonic, of the last progress of the job; 0: idle */
};

struct host_note {
    /* from the supervisor, before the worker starts */
    int32_t has_control; /* the command line's socket was handed over */
    int32_t takes_over;  /* another one served before: its clients wait or are still with it */
    int32_t n_endings;   /* that nobody wrote down yet */
    struct host_ending endings[HOST_NOTE_ENDINGS_MAX];
    /* from the supervisor, while the worker serves */
    _Atomic int32_t yield_jobs; /* an upgrade begins: it takes no more jobs */
    _Atomic int32_t drain;      /* its SIGTERM means: answer what is open, there is a successor */
    /* from the worker */
    _Atomic int32_t jobs_yielded;
    _Atomic int32_t wants_upgrade;  /* somebody asked it for one */
    _Atomic int32_t endings_taken;  /* they are in platform.db now */
    _Atomic int32_t serving;        /* accepts connections */
    _Atomic int32_t ready;          /* and every enabled plugin runs */
    _Atomic int32_t crashed_thread; /* index + 1; 0: no handler ran */
    _Atomic int64_t beat_ms;        /* monotonic; grows while the process runs */
    _Atomic int64_t n_queued;       /* requests that wait for a worker */
    _Atomic int32_t n_threads;
    char plugins[HOST_NOTE_PLUGINS_MAX][HOST_NOTE_PLUGIN_ID_MAX];
    struct host_note_thread threads[HOST_NOTE_THREADS_MAX];
};

/* ---- the supervisor's side ---- */

/* *ret_fd is for the worker to inherit. */
cim_status host_note_new(struct host_note **ret_note, int *ret_fd, cim_error *err);
void host_note_free(struct host_note *note); /* NULL-safe */
/* True when nobody could have been answered for `limit_ms`: the process stands still, a thread that
 * has to go on by itself (event threads, the store's writer) makes no progress in its job, or as
 * many workers as a lane of requests may hold make none while requests wait. */
bool host_note_hangs(const struct host_note *note, int64_t now_ms, int64_t limit_ms);
/* The plugin to blame, "" when there is none: that of the thread that crashed, or (nothing tells
 * which it was) the one that all busy threads inside plugins are in. */
void host_note_blame(const struct host_note *note, char ret_plugin[HOST_NOTE_PLUGIN_ID_MAX]);

/* ---- the worker's side ---- */

/* Maps the note that was inherited, and notes crashes in it from here on. Before any thread. */
cim_status host_note_open(int fd, cim_error *err);
/* NULL without a supervisor. */
struct host_note *host_note(void);
/* Before threads enter it. */
void host_note_name_plugin(size_t number, const char *id);
/* Of the calling thread. */
void host_note_begin(enum host_note_kind kind);
void host_note_end(void); /* of the job; it is in no plugin either */
/* The job at hand goes on: what takes long does not stand still. */
void host_note_progress(void);
void host_note_enter(size_t plugin_number);
void host_note_leave(void);
void host_note_queue(int32_t change);
/* Asks the supervisor for a new worker in the place of this one; CIM_E_STATE without a supervisor.
 * It begins within a second, unless another change is under way. [any] */
cim_status host_note_ask_upgrade(cim_error *err);

#endif
