/* host/main/verb_upgrade.c -- lets the running platform put a new worker in the place of its old
 * one. */
#include "control.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"

#include <stdio.h>

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {{NULL, false}};
    struct host_args args;
    CIM_TRY(host_args_parse(words, specs, 0, &args, err));
    CIM_TRY(host_control_ask(config, "upgrade", err));
    printf("新工作进程就绪后接替，在途请求不丢失 / a new worker takes over once it is ready; "
           "nothing in "
           "flight is lost\n");
    return CIM_OK;
}

const struct host_verb host_verb_upgrade = {
    .name = "upgrade",
    .zh = "不停机换用新版本",
    .en = "let a new version take over while serving",
    .usage =
        "  cim-host upgrade\n\n"
        "  "
        "程序或插件文件更新之后：运行中的平台启动新工作进程（先执行迁移），就绪后旧进程处理完在途请"
        "求再退出。\n"
        "  After files of the program or of a plugin changed: the running platform starts a new "
        "worker, migrations\n  first; once it is ready the old one finishes its requests and "
        "leaves.\n",
    .run = run,
};
