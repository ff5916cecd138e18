/* host/main/verb_batch.c -- edits of many records: listed and undone. */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"
#include "host/base/clock.h"
#include "host/batches/batches.h"
#include "host/http/http.h"
#include "host/identity/identity.h"
#include "kit/buf.h"
#include "kit/cleanup.h"

#include <stdio.h>

enum { LIST_DEFAULT = 100, PAGE_BYTES_MAX = 4 << 20, REFUSALS_SHOWN = 50 };

static cim_status
list(struct host_app *app, const struct host_args *args, cim_error *err)
{
    struct host_batch_filter filter = {.principal = host_args_option(args, "principal"),
                                       .layer = host_args_option(args, "layer")};
    CIM_AUTO_BUF struct cim_buf out;
    int64_t limit = 0;
    int64_t next = 0;
    cim_buf_init(&out, PAGE_BYTES_MAX);
    CIM_TRY(host_args_int(args, "limit", 1, HOST_BATCH_PAGE_MAX, LIST_DEFAULT, &limit, err));
    filter.limit = (int32_t)limit;
    CIM_TRY(host_batches_list(app, &filter, "\n", &out, &next, err));
    if (out.len > 0) {
        printf("%s\n", out.data);
    }
    return CIM_OK;
}

static int32_t
never_cancelled(const cim_call *call)
{
    (void)call;
    return 0;
}

static void
print_report(const struct host_undo_report *report)
{
    for (int32_t i = 0; i < report->n_refusals && i < REFUSALS_SHOWN; i++) {
        const struct host_batch_refusal *refusal = &report->refusals[i];
        (void)fprintf(stderr, "fid %lld: %s '%s': %s / %s\n", (long long)refusal->fid,
                      refusal->why.param, refusal->why.value, refusal->why.zh, refusal->why.en);
    }
    printf("写 %lld，拒 %lld，批次 %s / written %lld, refused %lld, batch %s\n",
           (long long)report->n_written, (long long)report->n_refused, report->batch,
           (long long)report->n_written, (long long)report->n_refused, report->batch);
}

static cim_status
undo(struct host_app *app, const struct host_args *args, cim_error *err)
{
    struct host_principal *principal = host_identity_system_principal(app->identity);
    struct host_call_context context = {.principal = principal};
    const cim_call call = {.struct_size = sizeof call,
                           .request_id = "batch",
                           .principal = host_principal_name(principal),
                           .lang = "zh",
                           .now_ms = host_clock_now_ms(app->clock),
                           .cancelled = never_cancelled,
                           .impl = &context};
    struct host_undo_report report = {.n_written = 0};
    struct host_batch batch;
    cim_status status =
        principal != NULL ? host_batch_load(app, args->words[1], &batch, err) : cim_fail_nomem(err);
    if (status == CIM_OK) {
        status = host_batch_undo(app, &call, &batch, host_args_option(args, "row-wise") != NULL,
                                 &report, err);
        if (status == CIM_OK || report.n_refused > 0) {
            print_report(&report);
        }
        host_undo_report_done(&report);
    }
    host_principal_release(principal);
    return status;
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {{"principal", false},
                                                 {"layer", false},
                                                 {"limit", false},
                                                 {"row-wise", true},
                                                 {NULL, false}};
    struct host_args args;
    struct host_assembly assembly;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 2, &args, err));
    const char *action = args.n_words > 0 ? args.words[0] : "list";
    const bool undoes = strcmp(action, "undo") == 0 && args.n_words == 2;
    if (!undoes && (strcmp(action, "list") != 0 || args.n_words > 1)) {
        return cim_fail(err, CIM_E_INVALID, "action", action, "应为 batch list 或 batch undo ID",
                        "expected batch list or batch undo ID");
    }
    CIM_TRY(host_assemble(config, "batch", undoes ? HOST_LEVEL_PLUGINS : HOST_LEVEL_READ, &assembly,
                          err));
    const cim_status status =
        undoes ? undo(&assembly.app, &args, err) : list(&assembly.app, &args, err);
    host_disassemble(&assembly);
    return status;
}

const struct host_verb host_verb_batch = {
    .name = "batch",
    .zh = "列出、撤销批量写入",
    .en = "list and undo edits of many records",
    .usage =
        "  cim-host batch list [--principal=NAME] [--layer=ID] [--limit=100]\n"
        "  cim-host batch undo ID [--row-wise]\n\n"
        "  撤销是一次新的写入：新建的删除，删除的恢复，修改的还原。之后又被改过的记录逐条列出，\n"
        "  并使整个撤销作罢，除非 --row-wise。\n"
        "  An undo is a new edit: created records go, deleted ones come back, changed ones get "
        "their\n"
        "  old values. Records that were changed since are listed, and stop the undo unless\n"
        "  --row-wise.\n",
    .run = run,
};
