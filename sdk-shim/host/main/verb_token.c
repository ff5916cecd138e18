/* host/main/verb_token.c -- a bearer token for scripts on this machine. */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/identity/identity.h"

#include <stdio.h>

enum { HOURS_MAX = 24 * 366, HOURS_DEFAULT = 8 };

static void
note(const struct host_app *app, const char *username, int64_t hours)
{
    char detail[64];
    const cim_audit_entry entry = {.struct_size = sizeof entry,
                                   .action = "token.issue",
                                   .layer = "cim.access",
                                   .uid = username,
                                   .detail = detail};
    (void)snprintf(detail, sizeof detail, "{\"hours\":%lld}", (long long)hours);
    host_audit_note(app->audit, NULL, &entry);
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {{"hours", false}, {NULL, false}};
    struct host_args args;
    struct host_assembly assembly;
    char token[HOST_BEARER_TEXT];
    int64_t hours = 0;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 1, &args, err));
    CIM_TRY(host_args_int(&args, "hours", 1, HOURS_MAX, HOURS_DEFAULT, &hours, err));
    if (args.n_words != 1) {
        return cim_fail(err, CIM_E_INVALID, "username", NULL, "应为 token NAME",
                        "expected token NAME");
    }
    CIM_TRY(host_assemble(config, "token", HOST_LEVEL_IDENTITY, &assembly, err));
    const cim_status status = host_identity_issue_token(assembly.app.identity, args.words[0],
                                                        hours * 3600000, token, err);
    if (status == CIM_OK) {
        note(&assembly.app, args.words[0], hours);
    }
    host_disassemble(&assembly);
    if (status == CIM_OK) {
        printf("%s\n", token);
    }
    return status;
}

const struct host_verb host_verb_token = {
    .name = "token",
    .zh = "为账号签发访问令牌",
    .en = "issue an access token for an account",
    .usage = "  cim-host token NAME [--hours=8]\n\n"
             "  打印一个 Bearer 令牌；平台运行时改用 POST /auth/token。\n"
             "  Prints a bearer token; while the platform runs use POST /auth/token.\n",
    .run = run,
};
