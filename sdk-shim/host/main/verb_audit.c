/* host/main/verb_audit.c -- verifying, listing and exporting the audit, also beside a host that
 * serves. */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "cim/util.h"
#include "host/audit/audit.h"
#include "kit/buf.h"
#include "kit/time.h"

#include <stdio.h>

enum { LIST_DEFAULT = 100, PAGE_BYTES_MAX = 32 << 20 };

static void
print_fault(void *arg, enum host_audit_fault fault, int64_t first, int64_t last)
{
    const char *zh = NULL;
    const char *en = NULL;
    (void)arg;
    host_audit_fault_text(fault, &zh, &en);
    printf("!! %s", host_audit_fault_name(fault));
    if (last >= first) {
        printf(" %lld", (long long)first);
        if (last > first) {
            printf("-%lld", (long long)last);
        }
    }
    printf(": %s / %s\n", zh, en);
}

static cim_status
verify(const struct host_app *app, cim_error *err)
{
    struct host_audit_paths paths;
    struct host_audit_options options;
    struct host_audit_verdict verdict;
    CIM_TRY(host_audit_options_of(app, &paths, &options, err));
    CIM_TRY(host_audit_verify(&options, print_fault, NULL, &verdict, err));
    printf("审计记录 %lld 条（%lld 至 %lld），锚点 %lld 个，待入链 %lld 条，问题 %lld 处 / %lld "
           "entries (%lld to %lld), %lld anchors, %lld not chained yet, %lld faults\n",
           (long long)verdict.n_entries, (long long)verdict.first, (long long)verdict.last,
           (long long)verdict.n_anchors, (long long)verdict.n_pending, (long long)verdict.n_faults,
           (long long)verdict.n_entries, (long long)verdict.first, (long long)verdict.last,
           (long long)verdict.n_anchors, (long long)verdict.n_pending, (long long)verdict.n_faults);
    return verdict.n_faults == 0
               ? CIM_OK
               : cim_fail(err, CIM_E_STATE, NULL, NULL, "审计链有 %lld 处问题",
                          "the audit chain has %lld faults", (long long)verdict.n_faults);
}

static cim_status
read_time(const struct host_args *args, const char *name, int64_t *ret_ms, cim_error *err)
{
    const char *text = host_args_option(args, name);
    return text == NULL || cim_time_parse(text, SIZE_MAX, ret_ms) == CIM_OK
               ? CIM_OK
               : cim_fail(err, CIM_E_INVALID, name, text,
                          "应为 RFC 3339 时间，例如 2026-11-22T08:00:00Z",
                          "expected an RFC 3339 time such as 2026-11-22T08:00:00Z");
}

/* `rest`: how many entries, all of them with INT64_MAX. */
static cim_status
list(const struct host_app *app, struct host_audit_filter *filter, int64_t rest, cim_error *err)
{
    struct host_audit_page page = {.more = true};
    while (page.more && rest > 0) {
        CIM_AUTO_BUF struct cim_buf out;
        cim_buf_init(&out, PAGE_BYTES_MAX);
        filter->limit = (int32_t)(rest < HOST_AUDIT_PAGE_MAX ? rest : HOST_AUDIT_PAGE_MAX);
        CIM_TRY(host_audit_list(app->store, filter, "\n", &out, &page, err));
        if (page.n > 0) {
            (void)fwrite(out.data, 1, out.len, stdout);
            (void)fputc('\n', stdout);
        }
        filter->after = page.last;
        rest -= page.n;
    }
    return fflush(stdout) == 0 && ferror(stdout) == 0
               ? CIM_OK
               : cim_fail(err, CIM_E_IO, NULL, NULL, "输出失败", "the output could not be written");
}

static cim_status
act(const struct host_app *app, const struct host_args *args, cim_error *err)
{
    const char *action = args->words[0];
    struct host_audit_filter filter = {.principal = host_args_option(args, "principal"),
                                       .action = host_args_option(args, "action"),
                                       .layer = host_args_option(args, "layer"),
                                       .uid = host_args_option(args, "uid"),
                                       .from_ms = INT64_MIN,
                                       .to_ms = INT64_MAX};
    int64_t most = INT64_MAX;
    if (strcmp(action, "verify") == 0) {
        return verify(app, err);
    }
    CIM_TRY(read_time(args, "from", &filter.from_ms, err));
    CIM_TRY(read_time(args, "to", &filter.to_ms, err));
    if (strcmp(action, "list") == 0) {
        CIM_TRY(host_args_int(args, "limit", 1, INT64_MAX, LIST_DEFAULT, &most, err));
        return list(app, &filter, most, err);
    }
    if (strcmp(action, "export") == 0) {
        filter.oldest_first = true;
        return list(app, &filter, most, err);
    }
    return cim_fail(err, CIM_E_INVALID, "action", action, "应为 verify、list 或 export",
                    "expected verify, list or export");
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {
        {"principal", false}, {"action", false}, {"layer", false}, {"uid", false},
        {"from", false},      {"to", false},     {"limit", false}, {NULL, false}};
    struct host_args args;
    struct host_assembly assembly;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 1, &args, err));
    if (args.n_words == 0) {
        args.words[args.n_words++] = "verify";
    }
    CIM_TRY(host_assemble(config, "audit", HOST_LEVEL_READ, &assembly, err));
    const cim_status status = act(&assembly.app, &args, err);
    host_disassemble(&assembly);
    return status;
}

const struct host_verb host_verb_audit = {
    .name = "audit",
    .zh = "校验、查询、导出审计记录",
    .en = "verify, list, export the audit",
    .usage =
        "  cim-host audit verify\n"
        "  cim-host audit list [--limit=100] [筛选 / filters]\n"
        "  cim-host audit export [筛选 / filters] > FILE\n\n"
        "  筛选 / filters: --principal=NAME --action=NAME --layer=ID --uid=UID --from=TIME "
        "--to=TIME\n\n"
        "  verify 逐条核对审计链与锚点，指出改动、删除、插入、乱序、截断与整体改写的位置。\n"
        "  list 新的在前，export 旧的在前，每行一个 JSON 对象。平台运行时也可使用。\n"
        "  verify reads the whole chain and its anchors and names each change, removal, "
        "insertion,\n"
        "  reordering, truncation and rewriting with its position. One JSON object a line. All of\n"
        "  it also works while the platform serves.\n",
    .run = run,
};
