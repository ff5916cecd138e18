/* tests/integration/jobs/rogue.c -- a plugin whose analyses misbehave, for the limits of jobs. */
#include "cim/cim.h"
#include "cim/util.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

struct rogue {
    const cim_host *host;
    const cim_store_v1 *store;
};

static void
nap(void)
{
    const struct timespec ten_ms = {.tv_nsec = 10000000};
    (void)nanosleep(&ten_ms, NULL);
}

static cim_status
leak(void)
{
    enum { BLOCK_BYTES = 4 << 20 };
    for (;;) {
        char *block = malloc(BLOCK_BYTES); /* never freed */
        if (block == NULL) {
            return CIM_E_NOMEM;
        }
        for (size_t i = 0; i < BLOCK_BYTES; i += 512) {
            block[i] = (char)(i + 1);
        }
        nap();
    }
}

static cim_status
write_table(void *arg, cim_tx *tx, cim_error *err)
{
    const struct rogue *rogue = arg;
    return rogue->store->exec(tx, "delete from cim_area", NULL, 0, NULL, err);
}

static cim_status
write_store(const struct rogue *rogue, cim_error *err)
{
    int64_t pos = 0;
    return rogue->store->write(rogue->host, write_table, (void *)rogue, &pos, err);
}

/* Much of the address space at once, and none of it used: what is watched from outside stays small,
 * so only the kernel's limit can say no. */
static cim_status
reserve(void)
{
    const size_t bytes = (size_t)8 << 30;
    void *block = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (block == MAP_FAILED) {
        return CIM_E_NOMEM;
    }
    (void)munmap(block, bytes);
    return CIM_OK;
}

/* A select that writes, on PostgreSQL. */
static cim_status
write_by_reading(const struct rogue *rogue, cim_error *err)
{
    cim_rows *rows = NULL;
    const cim_batch *batch = NULL;
    CIM_TRY(rogue->store->read(rogue->host, "select nextval('cim_job_host_fid_seq') as n", NULL, 0,
                               &rows, err));
    const cim_status status = rows->next(rows, &batch, err);
    rows->release(rows);
    return status;
}

static cim_status
run(void *self, const cim_call *call, cim_job *job, const char *inputs_json, cim_blob *ret_result,
    cim_error *err)
{
    volatile uint64_t spins = 0;
    (void)call;
    job->progress(job, 0.25, "开始", "begun");
    if (strstr(inputs_json, "leak") != NULL) {
        CIM_TRY(leak());
    } else if (strstr(inputs_json, "spin") != NULL) {
        for (;;) {
            spins++;
        }
    } else if (strstr(inputs_json, "sleep") != NULL) {
        for (;;) {
            nap();
        }
    } else if (strstr(inputs_json, "deaf") != NULL) {
        for (int i = 0; i < 300; i++) {
            nap();
        }
    } else if (strstr(inputs_json, "crash") != NULL) {
        (void)signal(SIGSEGV, SIG_DFL);
        (void)raise(SIGSEGV);
    } else if (strstr(inputs_json, "write") != NULL) {
        return write_store(self, err);
    } else if (strstr(inputs_json, "reserve") != NULL) {
        CIM_TRY(reserve());
    } else if (strstr(inputs_json, "sneak") != NULL) {
        return write_by_reading(self, err);
    } else if (strstr(inputs_json, "garble") != NULL) {
        ret_result->data = "{\"other\":1}";
    } else if (strstr(inputs_json, "refuse") != NULL) {
        return cim_fail(err, CIM_E_INVALID, "inputs.mode", "refuse", "不行", "will not do");
    }
    if (ret_result->data == NULL) {
        ret_result->data = "{\"done\":true}";
    }
    ret_result->len = strlen(ret_result->data);
    return CIM_OK;
}

static cim_status
init(const cim_host *host, void **ret_self, cim_error *err)
{
    struct rogue *rogue = calloc(1, sizeof *rogue);
    const cim_analyses_v1 *analyses = host->get_service(host, CIM_SERVICE_ANALYSES);
    cim_analysis analysis = {
        .struct_size = sizeof analysis,
        .flags = CIM_JOB_ISOLATED,
        .id = "rogue.alone",
        .version = "1.0.0",
        .title_zh = "不守规矩",
        .title_en = "Rogue",
        .description_zh = "测试用",
        .description_en = "for tests",
        .inputs = "{\"mode\":{\"title\":{\"zh\":\"方式\",\"en\":\"Mode\"},"
                  "\"schema\":{\"type\":\"string\"}}}",
        .outputs = "{\"done\":{\"title\":{\"zh\":\"完成\",\"en\":\"Done\"},"
                   "\"schema\":{\"type\":\"boolean\"}}}",
        .run = run,
    };
    if (rogue == NULL) {
        return cim_fail_nomem(err);
    }
    *ret_self = rogue;
    rogue->host = host;
    rogue->store = host->get_service(host, CIM_SERVICE_STORE);
    analysis.self = rogue;
    CIM_TRY(analyses->add_analysis(host, &analysis, err));
    analysis.id = "rogue.beside";
    analysis.flags = 0;
    return analyses->add_analysis(host, &analysis, err);
}

static void
destroy(void *self)
{
    free(self);
}

const cim_plugin_desc *
cim_plugin_entry_v1(void)
{
    static const char *const services[] = {CIM_SERVICE_ANALYSES, CIM_SERVICE_STORE, NULL};
    static const cim_plugin_desc desc = {
        .struct_size = sizeof desc,
        .abi_major = CIM_ABI_MAJOR,
        .id = "rogue",
        .version = "1.0.0",
        .required_services = services,
        .thread_model = CIM_THREADS_PARALLEL,
        .init = init,
        .destroy = destroy,
    };
    return &desc;
}
