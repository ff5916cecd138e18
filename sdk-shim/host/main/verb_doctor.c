/* host/main/verb_doctor.c -- what an operator wants to know before asking for help. */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "lock.h"
#include "cim/util.h"
#include "host/base/config.h"
#include "host/identity/areas.h"
#include "host/plugins/plugins.h"
#include "host/store/store.h"

#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { LEAST_FREE_MIB = 512, LEAST_FILES = 4096 };

static int s_problems;

__attribute__((format(printf, 2, 3))) static void
say(int ok, const char *format, ...)
{
    va_list args;
    s_problems += ok == 0;
    printf("%s ", ok != 0 ? "ok  " : "!!  ");
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    printf("\n");
}

static void
check_machine(const char *var)
{
    struct statvfs disk;
    struct rlimit files;
    if (statvfs(var, &disk) == 0) {
        const unsigned long long free_mib =
            (unsigned long long)disk.f_bavail * disk.f_frsize >> 20U;
        say(free_mib >= LEAST_FREE_MIB, "数据目录可用空间 / free space of %s: %llu MiB", var,
            free_mib);
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        say(files.rlim_max >= LEAST_FILES, "可打开文件数 / open files allowed: %llu",
            (unsigned long long)files.rlim_max);
    }
}

static void
print_plugin(void *arg, const struct host_plugin_info *info)
{
    (void)arg;
    say(info->state != HOST_PLUGIN_FAILED, "插件 / plugin %s: %s", info->id,
        info->reason != NULL                 ? info->reason
        : info->state == HOST_PLUGIN_ENABLED ? "enabled"
                                             : "disabled");
}

static void
print_broken(void *arg, const char *layer_id, const cim_error *why)
{
    (void)arg;
    say(0, "图层 / layer %s: %s / %s", layer_id, why->zh, why->en);
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {{NULL, false}};
    struct host_args args;
    struct host_assembly assembly;
    const char *var = host_config_text(config, "var");
    char holder[32];
    int64_t pid = 0;
    char path[PATH_MAX];
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 0, &args, err));
    CIM_TRY(host_lock_holder(var, &pid, holder, err));
    check_machine(access(var, F_OK) == 0 ? var : ".");
    say(host_share_path("migrations/store", path, sizeof path, NULL) == CIM_OK,
        "随程序的文件 / files of the program");
    if (pid != 0) {
        printf(
            "    进程 %lld（cim-host %s）正在使用数据目录，存储未检查 / process %lld (cim-host %s) "
            "has the data directory: stores not checked\n",
            (long long)pid, holder, (long long)pid, holder);
        return CIM_OK;
    }
    CIM_TRY(host_assemble(config, "doctor", HOST_LEVEL_PLUGINS, &assembly, err));
    say(1, "存储 / stores: %s, %s, pos %lld", host_store_name(assembly.app.platform),
        host_store_name(assembly.app.store), (long long)host_store_pos(assembly.app.store));
    say(1, "加密密钥与库中数据相符 / the encryption keys are those of the data");
    const int32_t areas = cim_area_tree_count(host_areas_tree(assembly.app.areas));
    say(areas > 0, "区划 / areas: %d", (int)areas);
    host_plugins_each(assembly.app.plugins, print_plugin, NULL);
    if (host_plugins_each_broken(assembly.app.plugins, print_broken, NULL) == 0) {
        say(1, "图层的数据表与定义一致 / tables of the layers are as their definitions say");
    }
    host_disassemble(&assembly);
    if (s_problems > 0) {
        return cim_fail(err, CIM_E_STATE, NULL, NULL, "发现 %d 个问题", "%d problems found",
                        s_problems);
    }
    return CIM_OK;
}

const struct host_verb host_verb_doctor = {
    .name = "doctor",
    .zh = "检查安装与数据",
    .en = "check the installation and the data",
    .usage = "  cim-host doctor\n\n"
             "  检查数据目录、存储、区划与插件；平台运行时只报告进程。\n"
             "  Checks data directory, stores, areas and plugins; while the platform runs it only "
             "names the process.\n",
    .run = run,
};
