/* host/audit/keeper.c -- opening, closing, and the thread that chains and anchors. */
#include "host/audit/internal.h"

#include "cim/util.h"
#include "host/base/clock.h"
#include "host/base/log.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- opening ---- */

/* A chain is continued with its own key only. */
static cim_status
check_head(struct host_audit *audit, const struct host_audit_head *head, cim_error *err)
{
    char proof[HOST_AUDIT_MAC_TEXT] = "";
    if (head->seq > 0) {
        CIM_TRY(host_audit_mac_at(&audit->key, "head", head->seq, head->mac, "", proof, err));
    }
    return strcmp(proof, head->proof) == 0
               ? CIM_OK
               : cim_fail(err, CIM_E_STATE, "audit.key_file", audit->key_file,
                          "审计密钥与已有的审计链不符，或链头被改动；请恢复原密钥文件",
                          "the audit key is not that of the audit chain, or the chain's head was "
                          "changed: restore the key file");
}

static cim_status
open_parts(struct host_audit *audit, cim_error *err)
{
    struct host_audit_head head;
    CIM_TRY(host_audit_head_load(audit->options.store, &head, err));
    CIM_TRY(host_audit_key_read(audit->key_file, head.seq == 0, &audit->key, err));
    CIM_TRY(check_head(audit, &head, err));
    atomic_store(&audit->seq, head.seq);
    return CIM_OK;
}

static void
free_audit(struct host_audit *audit)
{
    host_audit_key_done(&audit->key);
    (void)pthread_mutex_destroy(&audit->lock);
    (void)pthread_mutex_destroy(&audit->stop_lock);
    (void)pthread_cond_destroy(&audit->stopping);
    free(audit->key_file);
    free(audit->anchor_file);
    free(audit);
}

cim_status
host_audit_open(const struct host_audit_options *options, struct host_audit **ret_audit,
                cim_error *err)
{
    struct host_audit *audit = calloc(1, sizeof *audit);
    pthread_condattr_t monotonic;
    if (audit == NULL || pthread_condattr_init(&monotonic) != 0) {
        free(audit);
        return cim_fail_nomem(err);
    }
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* known to every Linux */
    (void)pthread_mutex_init(&audit->lock, NULL);                 /* plain: cannot fail */
    (void)pthread_mutex_init(&audit->stop_lock, NULL);
    (void)pthread_cond_init(&audit->stopping, &monotonic);
    pthread_condattr_destroy(&monotonic);
    audit->options = *options;
    audit->key_file = strdup(options->key_file);
    audit->anchor_file = strdup(options->anchor_file);
    const cim_status status = audit->key_file != NULL && audit->anchor_file != NULL
                                  ? open_parts(audit, err)
                                  : cim_fail_nomem(err);
    if (status != CIM_OK) {
        free_audit(audit);
        return status;
    }
    *ret_audit = audit;
    return CIM_OK;
}

/* ---- the thread ---- */

cim_status
host_audit_anchor(struct host_audit *audit, cim_error *err)
{
    struct host_audit_head head;
    CIM_TRY(host_audit_head_load(audit->options.store, &head, err));
    if (head.seq == atomic_load(&audit->anchored)) {
        return CIM_OK;
    }
    (void)pthread_mutex_lock(&audit->lock);
    cim_status status = check_head(audit, &head, err);
    if (status == CIM_OK) {
        status =
            host_anchor_append(audit->anchor_file, &audit->key,
                               host_clock_now_ms(audit->options.clock), head.seq, head.mac, err);
    }
    (void)pthread_mutex_unlock(&audit->lock);
    if (status == CIM_OK) {
        atomic_store(&audit->anchored, head.seq);
    }
    return status;
}

/* Told once when it begins to fail, and once when it goes on. */
static void
count(_Atomic int64_t *failures, bool *failing, const char *what, cim_status status,
      const cim_error *error)
{
    if (status != CIM_OK) {
        atomic_fetch_add(failures, 1);
        if (!*failing) {
            host_log_error("audit", what, error);
        }
    } else if (*failing) {
        host_log(CIM_LOG_INFO, "audit", "%s: going on", what);
    }
    *failing = status != CIM_OK;
}

static bool
sleep_until_stop(struct host_audit *audit)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += HOST_AUDIT_KEEPER_MS * INT64_C(1000000);
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_mutex_lock(&audit->stop_lock);
    if (!audit->stop) {
        (void)pthread_cond_timedwait(&audit->stopping, &audit->stop_lock, &until);
    }
    const bool stop = audit->stop;
    (void)pthread_mutex_unlock(&audit->stop_lock);
    return stop;
}

static void *
keeper_main(void *arg)
{
    struct host_audit *audit = arg;
    int64_t anchor_at_ms = host_monotonic_ms();
    bool chain_fails = false;
    bool anchor_fails = false;
    bool stop = false;
    while (!stop) {
        cim_error error = {0};
        cim_status status = CIM_OK;
        stop = sleep_until_stop(audit);
        status = host_audit_chain(audit, &error);
        count(&audit->chain_failures, &chain_fails, "chain", status, &error);
        if (stop || host_monotonic_ms() >= anchor_at_ms) {
            anchor_at_ms = host_monotonic_ms() + audit->options.anchor_ms;
            status = host_audit_anchor(audit, &error);
            count(&audit->anchor_failures, &anchor_fails, "anchor", status, &error);
        }
    }
    return NULL;
}

cim_status
host_audit_start(struct host_audit *audit, cim_error *err)
{
    if (pthread_create(&audit->thread, NULL, keeper_main, audit) != 0) {
        return cim_fail(err, CIM_E_NOMEM, NULL, NULL, "无法启动审计线程",
                        "the audit keeper's thread cannot be started");
    }
    audit->started = true;
    return CIM_OK;
}

void
host_audit_close(struct host_audit *audit)
{
    cim_error error = {0};
    if (audit == NULL) {
        return;
    }
    if (audit->started) {
        (void)pthread_mutex_lock(&audit->stop_lock);
        audit->stop = true;
        (void)pthread_cond_signal(&audit->stopping);
        (void)pthread_mutex_unlock(&audit->stop_lock);
        (void)pthread_join(audit->thread, NULL);
    } else if (host_audit_chain(audit, &error) != CIM_OK ||
               host_audit_anchor(audit, &error) != CIM_OK) {
        host_log_error("audit", "chain", &error); /* the next start chains it */
    }
    free_audit(audit);
}
