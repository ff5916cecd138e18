/* host/main/verb_migrate.c -- brings the stores to the newest schema, or the data to another
 * database. */
#include "assemble.h"
#include "move_store.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"

#include <stdio.h>

/* Opening the stores migrates what is the host's; starting the enabled plugins what is theirs. */
static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {{"to", false}, {NULL, false}};
    struct host_args args;
    struct host_assembly assembly;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 0, &args, err));
    const char *target = host_args_option(&args, "to");
    if (target != NULL) {
        return host_move_store(config, target, err);
    }
    CIM_TRY(host_assemble(config, "migrate", HOST_LEVEL_PLUGINS, &assembly, err));
    host_disassemble(&assembly);
    printf("数据库结构已是最新 / the schema is up to date\n");
    return CIM_OK;
}

const struct host_verb host_verb_migrate = {
    .name = "migrate",
    .zh = "升级数据库结构",
    .en = "bring the stores to the newest schema",
    .usage =
        "  cim-host migrate\n"
        "  cim-host migrate --to=postgresql://…|FILE\n\n"
        "  创建或升级 var 中的 platform.db 与 cim.gpkg，以及已启用插件的表。\n"
        "  Creates or upgrades platform.db and cim.gpkg in var, and the tables of enabled "
        "plugins.\n"
        "  --to 把全部业务数据搬到另一个数据库（空的 PostgreSQL 库，或新的 GeoPackage "
        "文件），逐表\n"
        "  核对行数与散列；须停机，源库不改动，配置也不改动。\n"
        "  --to copies all data to another database (an empty one of PostgreSQL, or a new\n"
        "  GeoPackage file) and compares each table by rows and hash. The host must not serve;\n"
        "  the source and the settings stay as they are.\n",
    .run = run,
};
