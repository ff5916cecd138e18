/* host/main/verb_areas.c -- the tree of administrative areas. */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"
#include "host/identity/areas.h"

#include <stdio.h>

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {{NULL, false}};
    struct host_args args;
    struct host_assembly assembly;
    int64_t count = 0;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 2, &args, err));
    if (args.n_words != 2 || strcmp(args.words[0], "import") != 0) {
        return cim_fail(err, CIM_E_INVALID, "action", args.n_words > 0 ? args.words[0] : NULL,
                        "应为 areas import FILE.csv", "expected areas import FILE.csv");
    }
    CIM_TRY(host_assemble(config, "areas", HOST_LEVEL_IDENTITY, &assembly, err));
    const cim_status status = host_areas_import(assembly.app.areas, args.words[1], &count, err);
    host_disassemble(&assembly);
    if (status == CIM_OK) {
        printf("已导入 %lld 个区划 / %lld areas imported\n", (long long)count, (long long)count);
    }
    return status;
}

const struct host_verb host_verb_areas = {
    .name = "areas",
    .zh = "导入行政区划",
    .en = "import administrative areas",
    .usage = "  cim-host areas import FILE.csv\n\n"
             "  CSV 列 / columns: code,name,level,parent,aliases,valid_from,valid_to,managed_by\n"
             "  整表替换；有一行不合要求则全部不改。\n"
             "  Replaces the tree; one bad line and nothing changes.\n",
    .run = run,
};
