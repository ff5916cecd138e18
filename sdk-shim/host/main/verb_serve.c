/* host/main/verb_serve.c -- the platform: a supervisor with a worker that serves, or one process.
 */
#include "assemble.h"
#include "control.h"
#include "lock.h"
#include "serve.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"
#include "host/base/config.h"
#include "host/base/log.h"
#include "host/http/http.h"
#include "host/supervisor/supervisor.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

struct address {
    const char *text;
    int32_t port;
};

static void
announce(void *arg)
{
    const struct address *address = arg;
    host_print_url(address->text, address->port);
}

static cim_status
find_program(char program[PATH_MAX], cim_error *err)
{
    const ssize_t len = readlink("/proc/self/exe", program, PATH_MAX - 1);
    if (len <= 0) {
        return cim_fail(err, CIM_E_IO, NULL, NULL, "找不到程序自身：%s",
                        "the program does not find itself: %s", strerrorname_np(errno));
    }
    program[len] = '\0';
    return CIM_OK;
}

static cim_status
supervise(struct host_config *config, int *ret_code, cim_error *err)
{
    struct address address = {.text = host_config_text(config, "http.address")};
    char program[PATH_MAX];
    int lock_fd = -1;
    int listen_fd = -1;
    int control_fd = -1;
    cim_error why = {.code = CIM_OK};
    CIM_TRY(find_program(program, err));
    CIM_TRY(host_lock_take(host_config_text(config, "var"), "serve", &lock_fd, err));
    cim_status status =
        host_http_listen(address.text, (int32_t)host_config_int(config, "http.port"), &listen_fd,
                         &address.port, err);
    if (status == CIM_OK) {
        if (host_control_listen(config, &control_fd, &why) != CIM_OK) {
            host_log_error("serve", "control", &why); /* the platform serves without it */
        }
        const struct host_supervisor_options options = {
            .config = config,
            .program = program,
            .words = host_config_args(config),
            .listen_fd = listen_fd,
            .control_fd = control_fd,
            .serving = announce,
            .arg = &address,
        };
        status = host_supervise(&options, ret_code, err);
        (void)close(listen_fd);
        host_control_close(config, control_fd);
    }
    (void)close(lock_fd);
    return status;
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    /* --worker is for the supervisor, which has put socket and note at their places. */
    static const struct host_arg_spec specs[] = {
        {"worker", true}, {"no-supervisor", true}, {NULL, false}};
    struct host_args args;
    int code = 0;
    CIM_TRY(host_args_parse(words, specs, 0, &args, err));
    host_setup_log(config);
    if (host_args_option(&args, "worker") != NULL) {
        return host_serve(config, true, err);
    }
    if (host_args_option(&args, "no-supervisor") != NULL ||
        !host_config_bool(config, "supervisor.enabled")) {
        return host_serve(config, false, err);
    }
    CIM_TRY(supervise(config, &code, err));
    /* A worker that could not start has said why. */
    return code == 0 ? CIM_OK : code == HOST_EXIT_INVALID ? CIM_E_INVALID : CIM_E_STATE;
}

const struct host_verb host_verb_serve = {
    .name = "serve",
    .zh = "启动平台",
    .en = "run the platform",
    .usage =
        "  cim-host serve [--port=8080] [--var=DIR] [--plugins.dirs=DIR:DIR] … "
        "[--no-supervisor]\n\n"
        "  在标准输出打印网址；SIGTERM 或 SIGINT 使其从容停止，再来一次立即结束。"
        "监管进程看护工作进程，\n  崩溃、卡死或内存超限即予更换；--no-supervisor "
        "只运行一个进程，用于调试。\n"
        "  Prints its address on standard output; SIGTERM or SIGINT stops it gracefully, a "
        "second one at once.\n  A supervisor replaces the process that serves when it crashes, "
        "hangs or takes too much memory;\n  --no-supervisor runs one process, for debugging.\n",
    .run = run,
};
