/* Who is inside a plugin, and the plugin's state per thread.
 *
 * A thread's slot for a plugin is written by that thread alone while it is inside, and read by the
 * stopping thread after nobody is: the counts under `lock` order the two.
 */
#include "cim/util.h"
#include "host/base/note.h"
#include "host/plugins/plugin.h"

#include <stdlib.h>
#include <time.h>

cim_status
host_plugin_busy(const char *plugin_id, cim_error *err)
{
    return cim_fail(err, CIM_E_BUSY, NULL, plugin_id, "插件 %s 未启用，请稍后再试",
                    "plugin %s is not enabled; try again later", plugin_id);
}

cim_status
host_plugin_enter(struct host_plugin *plugin, cim_error *err)
{
    struct host_plugins *plugins = plugin->owner;
    bool open = false;
    (void)pthread_mutex_lock(&plugins->lock);
    open = plugin->open;
    plugin->in_flight += open ? 1 : 0;
    (void)pthread_mutex_unlock(&plugins->lock);
    return open ? CIM_OK : host_plugin_busy(plugin->id, err);
}

void
host_plugin_hold(struct host_plugin *plugin)
{
    (void)pthread_mutex_lock(&plugin->owner->lock);
    plugin->in_flight++;
    (void)pthread_mutex_unlock(&plugin->owner->lock);
}

void
host_plugin_leave(struct host_plugin *plugin)
{
    struct host_plugins *plugins = plugin->owner;
    host_note_leave();
    (void)pthread_mutex_lock(&plugins->lock);
    if (--plugin->in_flight == 0) {
        (void)pthread_cond_broadcast(&plugins->idle);
    }
    (void)pthread_mutex_unlock(&plugins->lock);
}

static struct host_plugin_thread *
this_thread(struct host_plugins *plugins)
{
    struct host_plugin_thread *thread = pthread_getspecific(plugins->thread_key);
    if (thread != NULL) {
        return thread;
    }
    thread = calloc(1, sizeof *thread);
    if (thread == NULL || pthread_setspecific(plugins->thread_key, thread) != 0) {
        free(thread);
        return NULL;
    }
    (void)pthread_mutex_lock(&plugins->lock);
    thread->next = plugins->threads;
    plugins->threads = thread;
    (void)pthread_mutex_unlock(&plugins->lock);
    return thread;
}

cim_status
host_plugin_worker(struct host_plugin *plugin, void **ret_worker, cim_error *err)
{
    struct host_plugin_thread *thread = NULL;
    cim_status status = CIM_OK;
    void *worker = NULL;
    host_note_enter(plugin->index);
    if (plugin->desc.worker_enter == NULL) {
        *ret_worker = NULL;
        return CIM_OK;
    }
    thread = this_thread(plugin->owner);
    if (thread == NULL) {
        return cim_fail_nomem(err);
    }
    if (!thread->slots[plugin->index].entered) {
        host_plugin_serial_lock(plugin);
        status = plugin->desc.worker_enter(plugin->self, &worker, err);
        host_plugin_serial_unlock(plugin);
        CIM_TRY(status);
        thread->slots[plugin->index].worker = worker;
        thread->slots[plugin->index].entered = true;
    }
    *ret_worker = thread->slots[plugin->index].worker;
    return CIM_OK;
}

bool
host_plugin_close(struct host_plugin *plugin, int64_t grace_ms)
{
    struct host_plugins *plugins = plugin->owner;
    struct timespec until;
    bool empty = false;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(grace_ms / 1000);
    until.tv_nsec += (long)(grace_ms % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    (void)pthread_mutex_lock(&plugins->lock);
    plugin->open = false;
    while (plugin->in_flight > 0 &&
           pthread_cond_timedwait(&plugins->idle, &plugins->lock, &until) == 0) {
    }
    empty = plugin->in_flight == 0;
    (void)pthread_mutex_unlock(&plugins->lock);
    atomic_store(&plugin->cut, !empty);
    return empty;
}

void
host_plugin_drain(struct host_plugin *plugin)
{
    struct host_plugins *plugins = plugin->owner;
    (void)pthread_mutex_lock(&plugins->lock);
    while (plugin->in_flight > 0) {
        (void)pthread_cond_wait(&plugins->idle, &plugins->lock);
    }
    /* Nobody is inside and nobody can come in, so the slots are ours; a thread that ends now finds
     * its slot empty. The list only loses threads that end, one lock at a time. */
    for (struct host_plugin_thread *thread = plugins->threads; thread != NULL;) {
        if (thread->slots[plugin->index].entered) {
            void *worker = thread->slots[plugin->index].worker;
            thread->slots[plugin->index].entered = false;
            thread->slots[plugin->index].worker = NULL;
            (void)pthread_mutex_unlock(&plugins->lock);
            plugin->desc.worker_leave(plugin->self, worker);
            (void)pthread_mutex_lock(&plugins->lock);
            thread = plugins->threads;
        } else {
            thread = thread->next;
        }
    }
    while (plugin->in_flight > 0) { /* a thread that ended meanwhile closes its own */
        (void)pthread_cond_wait(&plugins->idle, &plugins->lock);
    }
    (void)pthread_mutex_unlock(&plugins->lock);
}

/* ---- towards the HTTP server ---- */

static cim_status
gate_enter(void *self, const char *plugin_id, void **ret_worker, cim_error *err)
{
    struct host_plugin *plugin = host_plugins_find(self, plugin_id);
    cim_status status = CIM_OK;
    if (plugin == NULL) {
        return host_plugin_busy(plugin_id, err);
    }
    CIM_TRY(host_plugin_enter(plugin, err));
    status = host_plugin_worker(plugin, ret_worker, err);
    if (status != CIM_OK) {
        host_plugin_leave(plugin);
    }
    return status;
}

static void
gate_leave(void *self, const char *plugin_id)
{
    host_plugins_leave(self, plugin_id);
}

static void
gate_thread_begin(void *self)
{
    (void)this_thread(self); /* made again on first use if memory is short now */
}

static void
gate_thread_end(void *self)
{
    struct host_plugins *plugins = self;
    struct host_plugin_thread *thread = pthread_getspecific(plugins->thread_key);
    struct host_plugin_thread **link = &plugins->threads;
    if (thread == NULL) {
        return;
    }
    (void)pthread_setspecific(plugins->thread_key, NULL);
    (void)pthread_mutex_lock(&plugins->lock);
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        struct host_plugin *plugin = plugins->plugins[i];
        if (thread->slots[i].entered) {
            void *worker = thread->slots[i].worker;
            thread->slots[i].entered = false;
            plugin->in_flight++; /* a stopping plugin waits for this too */
            (void)pthread_mutex_unlock(&plugins->lock);
            host_plugin_serial_lock(plugin);
            plugin->desc.worker_leave(plugin->self, worker);
            host_plugin_serial_unlock(plugin);
            (void)pthread_mutex_lock(&plugins->lock);
            if (--plugin->in_flight == 0) {
                (void)pthread_cond_broadcast(&plugins->idle);
            }
        }
    }
    while (*link != NULL && *link != thread) {
        link = &(*link)->next;
    }
    if (*link == thread) {
        *link = thread->next;
    }
    (void)pthread_mutex_unlock(&plugins->lock);
    free(thread);
}

struct host_http_gate
host_plugins_http_gate(struct host_plugins *plugins)
{
    const struct host_http_gate gate = {
        .self = plugins,
        .enter = gate_enter,
        .leave = gate_leave,
        .thread_begin = gate_thread_begin,
        .thread_end = gate_thread_end,
    };
    return gate;
}
