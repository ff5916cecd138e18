/* host/main/verb_user.c -- local accounts. */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/identity/identity.h"
#include "kit/buf.h"
#include "kit/cleanup.h"
#include "kit/time.h"

#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum { PASSWORD_MAX_BYTES = 256, DETAIL_BYTES_MAX = 8 << 10 };
#define DAY_MS INT64_C(86400000)

static cim_status
read_line(FILE *file, char password[PASSWORD_MAX_BYTES], cim_error *err)
{
    if (fgets(password, PASSWORD_MAX_BYTES, file) == NULL) {
        return cim_fail(err, CIM_E_INVALID, "password", NULL, "没有读到密码",
                        "no password could be read");
    }
    password[strcspn(password, "\r\n")] = '\0';
    return CIM_OK;
}

static cim_status
ask(char password[PASSWORD_MAX_BYTES], cim_error *err)
{
    struct termios shown;
    struct termios hidden;
    if (tcgetattr(STDIN_FILENO, &shown) != 0) {
        return cim_fail(err, CIM_E_INVALID, "password-file", NULL,
                        "不在终端上：用 --password-file=FILE 给出密码（- 为标准输入）",
                        "not on a terminal: give --password-file=FILE (-: standard input)");
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    (void)fprintf(stderr, "密码 / password: ");
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    const cim_status status = read_line(stdin, password, err);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    (void)fprintf(stderr, "\n");
    return status;
}

/* Never from the command line: it shows in the list of processes. */
static cim_status
read_password(const struct host_args *args, char password[PASSWORD_MAX_BYTES], cim_error *err)
{
    const char *path = host_args_option(args, "password-file");
    if (path == NULL) {
        return ask(password, err);
    }
    if (strcmp(path, "-") == 0) {
        return read_line(stdin, password, err);
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return cim_fail(err, CIM_E_INVALID, "password-file", path, "无法打开“%s”",
                        "cannot open '%s'", path);
    }
    const cim_status status = read_line(file, password, err);
    (void)fclose(file);
    return status;
}

static cim_status
read_until(const struct host_args *args, int64_t *ret_until_ms, cim_error *err)
{
    const char *text = host_args_option(args, "until");
    int32_t day = 0;
    *ret_until_ms = INT64_MAX;
    if (text == NULL) {
        return CIM_OK;
    }
    if (cim_date_parse(text, SIZE_MAX, &day) != CIM_OK) {
        return cim_fail(err, CIM_E_INVALID, "until", text, "应为 YYYY-MM-DD",
                        "expected YYYY-MM-DD");
    }
    /* To the end of that day in Beijing. */
    *ret_until_ms = ((int64_t)day + 1) * DAY_MS - 8 * (DAY_MS / 24);
    return CIM_OK;
}

static cim_status
add(struct host_identity *identity, const struct host_args *args, cim_error *err)
{
    char password[PASSWORD_MAX_BYTES];
    const char *name = host_args_option(args, "name");
    const char *areas = host_args_option(args, "areas");
    struct host_account_input input = {.username = args->words[1],
                                       .display_name = name != NULL ? name : args->words[1],
                                       .password = password,
                                       .areas = areas != NULL ? areas : "",
                                       .org = host_args_option(args, "org"),
                                       .must_change =
                                           host_args_option(args, "first-change") != NULL};
    CIM_TRY(host_args_need(args, "roles", &input.roles, err));
    CIM_TRY(read_until(args, &input.until_ms, err));
    CIM_TRY(read_password(args, password, err));
    CIM_TRY(host_identity_put_account(identity, &input, err));
    printf("账号 %s 已保存 / account %s is saved\n", input.username, input.username);
    return CIM_OK;
}

static cim_status
change_password(struct host_identity *identity, const struct host_args *args, cim_error *err)
{
    char password[PASSWORD_MAX_BYTES];
    CIM_TRY(read_password(args, password, err));
    CIM_TRY(host_identity_set_password(identity, args->words[1], password, err));
    printf("账号 %s 的密码已更改 / the password of %s is changed\n", args->words[1],
           args->words[1]);
    return CIM_OK;
}

static cim_status
remove_factor(struct host_identity *identity, const struct host_args *args, cim_error *err)
{
    CIM_TRY(host_identity_remove_factor(identity, args->words[1], err));
    printf("账号 %s 的第二因素已移除 / the second factor of %s is removed\n", args->words[1],
           args->words[1]);
    return CIM_OK;
}

/* As the API tells it: who is one's subject, what he may do from now on. */
static void
note(const struct host_app *app, const struct host_args *args)
{
    static const char *const told[] = {"roles", "areas", "org", "until"};
    const bool adds = strcmp(args->words[0], "add") == 0;
    CIM_AUTO_BUF struct cim_buf detail;
    cim_buf_init(&detail, DETAIL_BYTES_MAX);
    cim_buf_add_text(&detail, "{\"subject\":");
    cim_buf_add_json_text(&detail, args->words[1], SIZE_MAX);
    for (size_t i = 0; adds && i < sizeof told / sizeof told[0]; i++) {
        const char *text = host_args_option(args, told[i]);
        if (text != NULL) {
            cim_buf_addf(&detail, ",\"%s\":", told[i]);
            cim_buf_add_json_text(&detail, text, SIZE_MAX);
        }
    }
    cim_buf_add_char(&detail, '}');
    const cim_audit_entry entry = {
        .struct_size = sizeof entry,
        .action = adds                                    ? "account.put"
                  : strcmp(args->words[0], "passwd") == 0 ? "account.password"
                                                          : "account.factor.remove",
        .layer = "cim.access",
        .uid = args->words[1],
        .detail = cim_buf_status(&detail, NULL) == CIM_OK ? detail.data : NULL};
    host_audit_note(app->audit, NULL, &entry);
}

static void
print_account(void *arg, const char *username, const char *display_name, const char *roles)
{
    (void)arg;
    printf("%-16s %s  [%s]\n", username, display_name, roles);
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {
        {"roles", false}, {"areas", false},         {"name", false},        {"org", false},
        {"until", false}, {"password-file", false}, {"first-change", true}, {NULL, false}};
    struct host_args args;
    struct host_assembly assembly;
    cim_status status = CIM_OK;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 2, &args, err));
    const char *action = args.n_words > 0 ? args.words[0] : "list";
    const size_t wanted = strcmp(action, "list") == 0 ? args.n_words : 2;
    const bool known = strcmp(action, "list") == 0 || strcmp(action, "add") == 0 ||
                       strcmp(action, "passwd") == 0 || strcmp(action, "remove-factor") == 0;
    if (!known || args.n_words != wanted || args.n_words > 2) {
        return cim_fail(
            err, CIM_E_INVALID, "action", action,
            "应为 user list、user add NAME、user passwd NAME 或 user remove-factor NAME",
            "expected user list, user add NAME, user passwd NAME or user "
            "remove-factor NAME");
    }
    CIM_TRY(host_assemble(config, "user", HOST_LEVEL_IDENTITY, &assembly, err));
    if (strcmp(action, "add") == 0) {
        status = add(assembly.app.identity, &args, err);
    } else if (strcmp(action, "passwd") == 0) {
        status = change_password(assembly.app.identity, &args, err);
    } else if (strcmp(action, "remove-factor") == 0) {
        status = remove_factor(assembly.app.identity, &args, err);
    } else {
        status = host_identity_each_account(assembly.app.identity, print_account, NULL, err);
    }
    if (status == CIM_OK && args.n_words == 2) {
        note(&assembly.app, &args);
    }
    host_disassemble(&assembly);
    return status;
}

const struct host_verb host_verb_user = {
    .name = "user",
    .zh = "管理本地账号",
    .en = "manage local accounts",
    .usage =
        "  cim-host user list\n"
        "  cim-host user add NAME --roles=ROLE,… [--areas=CODE,…|*] [--name=显示名] [--org=ORG]\n"
        "                         [--until=YYYY-MM-DD] [--password-file=FILE] [--first-change]\n"
        "  cim-host user passwd NAME [--password-file=FILE]\n"
        "  cim-host user remove-factor NAME\n\n"
        "  密码从终端、文件或标准输入（-）读取，不放在命令行上。add 对已有账号是覆盖。\n"
        "  The password comes from the terminal, a file or standard input (-), never from the\n"
        "  command line. add replaces an account that exists. "
        "--first-change：首次登录须更换密码。\n"
        "  --first-change: the password is changed at the first sign-in.\n",
    .run = run,
};
