/* host/bindings/keeper.c -- refreshes what is due while the platform serves. */
#include "host/bindings/bindings.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/log.h"
#include "host/store/row.h"
#include "host/store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { LOOK_S = 2 };

struct host_bindings {
    struct host_app *app;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    _Atomic int stop;
    bool woken; /* under `lock` */
};

/* "" when nothing is due. */
static cim_status
find_due(struct host_app *app, char ret_role[HOST_BINDING_ROLE_MAX], cim_error *err)
{
    const cim_value now = host_value_i64("now", host_clock_now_ms(app->clock));
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_AUTO_FREE char *role = NULL;
    struct host_row row = {0};
    bool there = false;
    ret_role[0] = '\0';
    CIM_TRY(
        host_store_read(app->platform,
                        "select role from cim_binding where next_ms <= :now and "
                        "(busy_until_ms is null or busy_until_ms < :now) order by next_ms, role "
                        "limit 1",
                        &now, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    role = there ? host_row_text(&row, 0) : NULL;
    if (role != NULL) {
        cim_copy_text(ret_role, HOST_BINDING_ROLE_MAX, role);
    }
    return CIM_OK;
}

static void
wait_a_while(struct host_bindings *bindings)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_S;
    (void)pthread_mutex_lock(&bindings->lock);
    if (atomic_load(&bindings->stop) == 0 && !bindings->woken) {
        (void)pthread_cond_timedwait(&bindings->changed, &bindings->lock, &until);
    }
    bindings->woken = false;
    (void)pthread_mutex_unlock(&bindings->lock);
}

static void *
keeper_main(void *arg)
{
    struct host_bindings *bindings = arg;
    while (atomic_load(&bindings->stop) == 0) {
        char role[HOST_BINDING_ROLE_MAX];
        cim_error error = {.code = CIM_OK};
        if (find_due(bindings->app, role, &error) != CIM_OK) {
            host_log_error("bindings", "look", &error);
            role[0] = '\0';
        }
        if (role[0] == '\0') {
            wait_a_while(bindings);
        } else {
            /* A failure stands in the binding's state and in the log. */
            (void)host_binding_refresh(bindings->app, role, &bindings->stop, &error);
        }
    }
    return NULL;
}

cim_status
host_bindings_start(struct host_app *app, struct host_bindings **ret_bindings, cim_error *err)
{
    struct host_bindings *bindings = calloc(1, sizeof *bindings);
    pthread_condattr_t monotonic;
    if (bindings == NULL || pthread_condattr_init(&monotonic) != 0) {
        free(bindings);
        return cim_fail_nomem(err);
    }
    bindings->app = app;
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* known to every Linux */
    (void)pthread_mutex_init(&bindings->lock, NULL);              /* plain: cannot fail */
    (void)pthread_cond_init(&bindings->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&bindings->thread, NULL, keeper_main, bindings) != 0) {
        free(bindings);
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法启动数据绑定线程",
                        "the thread of the bindings cannot be started");
    }
    *ret_bindings = bindings;
    return CIM_OK;
}

void
host_bindings_wake(struct host_bindings *bindings)
{
    if (bindings != NULL) {
        (void)pthread_mutex_lock(&bindings->lock);
        bindings->woken = true;
        (void)pthread_cond_signal(&bindings->changed);
        (void)pthread_mutex_unlock(&bindings->lock);
    }
}

void
host_bindings_stop(struct host_bindings *bindings)
{
    if (bindings == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&bindings->lock);
    atomic_store(&bindings->stop, 1);
    (void)pthread_cond_signal(&bindings->changed);
    (void)pthread_mutex_unlock(&bindings->lock);
    (void)pthread_join(bindings->thread, NULL);
    (void)pthread_mutex_destroy(&bindings->lock);
    (void)pthread_cond_destroy(&bindings->changed);
    free(bindings);
}
