/* host/main/verb_retention.c -- what is kept for a time goes when it is over. */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"
#include "host/retention/retention.h"
#include "kit/time.h"

#include <stdio.h>

static void
print_count(void *arg, const struct host_retention_count *count)
{
    const bool *dry_run = arg;
    char time[CIM_TIME_TEXT_MAX];
    cim_time_format_local(count->before_ms, time);
    printf("%-24s %s  %lld %s\n", count->what, time, (long long)count->n,
           *dry_run ? "将删除 / would go" : "已删除 / gone");
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {{"dry-run", true}, {NULL, false}};
    struct host_args args;
    struct host_assembly assembly;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 1, &args, err));
    if (args.n_words != 1 || strcmp(args.words[0], "run") != 0) {
        return cim_fail(err, CIM_E_INVALID, "action", args.n_words > 0 ? args.words[0] : NULL,
                        "应为 retention run", "expected retention run");
    }
    bool dry_run = host_args_option(&args, "dry-run") != NULL;
    CIM_TRY(host_assemble(config, "retention", HOST_LEVEL_PLUGINS, &assembly, err));
    const cim_status status =
        host_retention_run(&assembly.app, dry_run, print_count, &dry_run, NULL, err);
    host_disassemble(&assembly);
    return status;
}

const struct host_verb host_verb_retention = {
    .name = "retention",
    .zh = "删除已过保留期的数据",
    .en = "delete what is past its time",
    .usage =
        "  cim-host retention run [--dry-run]\n\n"
        "  图层按其定义中的 retention，变更日志、审计、批次按设置 retention.…；"
        "平台运行时每夜自动执行。\n"
        "  Layers by the retention of their definitions; change log, audit and batches by the\n"
        "  settings retention.…. The serving platform does it each night by itself.\n",
    .run = run,
};
