/* host/main/verb_erase.c -- erasing the person of a record, by the operator. */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"
#include "host/admin/admin.h"
#include "host/base/clock.h"
#include "host/http/http.h"
#include "host/identity/identity.h"

#include <stdio.h>

static int32_t
never_cancelled(const cim_call *call)
{
    (void)call;
    return 0;
}

static cim_status
erase(struct host_app *app, const struct host_erasure *erasure, cim_error *err)
{
    struct host_principal *principal = host_identity_system_principal(app->identity);
    struct host_call_context context = {.principal = principal};
    const cim_call call = {.struct_size = sizeof call,
                           .request_id = "erase",
                           .principal = host_principal_name(principal),
                           .lang = "zh",
                           .now_ms = host_clock_now_ms(app->clock),
                           .cancelled = never_cancelled,
                           .impl = &context};
    struct host_erased erased = {.fid = 0};
    if (principal == NULL) {
        return cim_fail_nomem(err);
    }
    const cim_status status = host_erase_person(app, &call, erasure, &erased, err);
    if (status == CIM_OK) {
        printf("已删除 %s 第 %lld 号记录（%s）中的个人信息，密钥已销毁 / %s, record %lld (%s): the "
               "person was erased, the key is destroyed\n",
               erasure->layer, (long long)erased.fid, erased.uid, erasure->layer,
               (long long)erased.fid, erased.uid);
    }
    host_principal_release(principal);
    return status;
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {
        {"layer", false}, {"fid", false}, {"uid", false}, {"reason", false}, {NULL, false}};
    struct host_erasure erasure = {.fid = 0};
    struct host_args args;
    struct host_assembly assembly;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 0, &args, err));
    CIM_TRY(host_args_need(&args, "layer", &erasure.layer, err));
    CIM_TRY(host_args_int(&args, "fid", 1, INT64_MAX, 0, &erasure.fid, err));
    erasure.uid = host_args_option(&args, "uid");
    erasure.reason = host_args_option(&args, "reason");
    CIM_TRY(host_assemble(config, "erase", HOST_LEVEL_PLUGINS, &assembly, err));
    const cim_status status = erase(&assembly.app, &erasure, err);
    host_disassemble(&assembly);
    return status;
}

const struct host_verb host_verb_erase = {
    .name = "erase",
    .zh = "删除一条记录中的个人信息",
    .en = "erase the person of a record",
    .usage =
        "  cim-host erase --layer=ID (--uid=UID | --fid=NUMBER) --reason=TEXT\n\n"
        "  记录留下，其中的姓名、证件号码、电话、地址改为“已删除”，此人的密钥随即销毁：备份、变更\n"
        "  日志与撤销用的旧值也不再能读出，不可恢复。理由记入审计。平台运行时请用\n"
        "  POST /admin/api/erasures。\n"
        "  The record stays; names, identity numbers, phones and addresses in it say that they\n"
        "  were erased, and the key is destroyed: backups and old values open no more either, for\n"
        "  good. The reason is kept in the audit. While the platform serves:\n"
        "  POST /admin/api/erasures.\n",
    .run = run,
};
