/* host/main/verb_binding.c -- input roles bound to datasets of the platform. */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/bindings/bindings.h"
#include "host/plugins/plugins.h"
#include "kit/cleanup.h"
#include "kit/time.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

enum { ANSWER_BYTES_MAX = 4 << 20 };

static _Atomic int interrupted;

static void
interrupt(int number)
{
    (void)number;
    atomic_store(&interrupted, 1);
}

static void
print_role(void *arg, const struct host_binding_role *role)
{
    struct host_app *app = arg;
    HOST_AUTO_BINDING struct host_binding binding = {.root = NULL};
    cim_error err = {.code = CIM_OK};
    char good[CIM_TIME_TEXT_MAX] = "-";
    if (host_binding_load(app, role->role, &binding, &err) != CIM_OK) {
        printf("%-20s %s / %s: %s\n", role->role, role->zh, role->en,
               err.code == CIM_E_NOTFOUND ? "未绑定 / not bound" : err.en);
        return;
    }
    if (binding.good_ms > 0) {
        cim_time_format(binding.good_ms, good);
    }
    printf("%-20s %s: %s %s %s (%lld, %s)\n", role->role, role->zh, binding.name, binding.url,
           binding.dataset, (long long)binding.n_records, good);
    if (binding.error.code != CIM_OK) {
        printf("%-20s ! %s / %s\n", "", binding.error.zh, binding.error.en);
    }
}

static void
note(const struct host_app *app, const char *action, const char *role)
{
    const cim_audit_entry entry = {.struct_size = sizeof entry, .action = action, .layer = role};
    host_audit_note(app->audit, NULL, &entry);
}

static cim_status
read_file(const char *path, const struct host_binding_role *role, struct host_app *app,
          struct host_binding *ret_binding, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf buf;
    char piece[4096];
    size_t n = 0;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
    cim_buf_init(&buf, HOST_BINDING_BODY_MAX);
    if (file == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "file", path, "无法打开“%s”", "cannot open '%s'",
                        path);
    }
    while ((n = fread(piece, 1, sizeof piece, file)) > 0) {
        cim_buf_add(&buf, piece, n);
    }
    if (file != stdin) {
        (void)fclose(file); /* only read */
    }
    CIM_TRY(cim_buf_status(&buf, err));
    return host_binding_parse(app, role, buf.len > 0 ? buf.data : "", buf.len, ret_binding, err);
}

static cim_status
set(struct host_app *app, const char *role_id, const char *path, cim_error *err)
{
    HOST_AUTO_BINDING struct host_binding binding = {.root = NULL};
    struct host_binding_role role;
    CIM_TRY(host_binding_find_role(app, role_id, &role, err));
    CIM_TRY(read_file(path, &role, app, &binding, err));
    CIM_TRY(host_binding_save(app, &binding, "cim-host", err));
    note(app, "binding.put", role_id);
    printf("%s 已绑定“%s” / %s is bound to '%s'\n", role_id, binding.name, role_id, binding.name);
    return CIM_OK;
}

static cim_status
refresh(struct host_app *app, const char *role, cim_error *err)
{
    HOST_AUTO_BINDING struct host_binding binding = {.root = NULL};
    CIM_TRY(host_binding_refresh(app, role, &interrupted, err));
    CIM_TRY(host_binding_load(app, role, &binding, err));
    printf("%s: %lld 条，新 %lld，去 %lld / %lld records, %lld new, %lld gone\n", role,
           (long long)binding.n_records, (long long)binding.n_created, (long long)binding.n_removed,
           (long long)binding.n_records, (long long)binding.n_created,
           (long long)binding.n_removed);
    return CIM_OK;
}

static cim_status
test(struct host_app *app, const char *role_id, cim_error *err)
{
    HOST_AUTO_BINDING struct host_binding binding = {.root = NULL};
    CIM_AUTO_BUF struct cim_buf out;
    struct host_binding_role role;
    cim_buf_init(&out, ANSWER_BYTES_MAX);
    CIM_TRY(host_binding_find_role(app, role_id, &role, err));
    CIM_TRY(host_binding_load(app, role_id, &binding, err));
    cim_buf_add_char(&out, '{');
    CIM_TRY(host_binding_test(app, &role, &binding, &out, err));
    cim_buf_add_char(&out, '}');
    CIM_TRY(cim_buf_status(&out, err));
    printf("%s\n", out.data);
    return CIM_OK;
}

static cim_status
act(struct host_app *app, const struct host_args *args, cim_error *err)
{
    const char *action = args->words[0];
    const char *role = args->words[1];
    if (strcmp(action, "set") == 0) {
        return set(app, role, args->words[2], err);
    }
    if (strcmp(action, "remove") == 0) {
        CIM_TRY(host_binding_remove(app, role, err));
        note(app, "binding.remove", role);
        return CIM_OK;
    }
    return strcmp(action, "refresh") == 0 ? refresh(app, role, err) : test(app, role, err);
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {{NULL, false}};
    static const char *const with_role[] = {"remove", "refresh", "test", NULL};
    const struct sigaction action = {.sa_handler = interrupt};
    struct host_args args;
    struct host_assembly assembly;
    bool known = false;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 3, &args, err));
    const char *name = args.n_words > 0 ? args.words[0] : "list";
    const bool lists = strcmp(name, "list") == 0 && args.n_words <= 1;
    for (size_t i = 0; with_role[i] != NULL; i++) {
        known = known || (strcmp(with_role[i], name) == 0 && args.n_words == 2);
    }
    known = known || lists || (strcmp(name, "set") == 0 && args.n_words == 3);
    if (!known) {
        return cim_fail(err, CIM_E_INVALID, "action", name,
                        "应为 binding list、set ROLE FILE、remove ROLE、test ROLE 或 refresh ROLE",
                        "expected binding list, set ROLE FILE, remove ROLE, test ROLE or refresh "
                        "ROLE");
    }
    CIM_TRY(host_assemble(config, "binding", lists ? HOST_LEVEL_IDENTITY : HOST_LEVEL_PLUGINS,
                          &assembly, err));
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    cim_status status = CIM_OK;
    if (lists) {
        host_binding_each_role(&assembly.app, print_role, &assembly.app);
    } else {
        status = act(&assembly.app, &args, err);
    }
    host_disassemble(&assembly);
    return status;
}

const struct host_verb host_verb_binding = {
    .name = "binding",
    .zh = "把输入角色绑定到平台的数据集",
    .en = "bind input roles to datasets of the platform",
    .usage =
        "  cim-host binding list\n"
        "  cim-host binding set ROLE FILE.json     (- 为标准输入 / standard input)\n"
        "  cim-host binding test|refresh|remove ROLE\n\n"
        "  FILE: {\"name\", \"kind\": \"ogcapi\" | \"wfs\" | \"table\" | \"file\", \"url\", "
        "\"dataset\",\n"
        "  \"username\", \"password\", \"refresh_min\", \"others\": \"remove\" | \"keep\", "
        "\"import\"}\n\n"
        "  可访问的主机与目录由设置 bindings.hosts、bindings.dirs 列出。平台运行时请用管理台。\n"
        "  remove 只解除绑定，现有副本保留。\n"
        "  The settings bindings.hosts and bindings.dirs list what may be fetched from. While the\n"
        "  platform serves, use the console. remove ends the binding; the copy stays.\n",
    .run = run,
};
