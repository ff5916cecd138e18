/* host/main/verb_import.c -- a file into a layer, with a progress bar and a report. */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "bar.h"
#include "cim/util.h"
#include "host/catalogue/lineage.h"
#include "host/base/clock.h"
#include "host/exchange/exchange.h"
#include "host/http/http.h"
#include "host/identity/identity.h"
#include "host/plugins/plugins.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { REFUSALS_SHOWN = 50 };

static volatile sig_atomic_t s_interrupted;

static void
interrupt(int number)
{
    (void)number;
    s_interrupted = 1;
}

static int32_t
not_cancelled(const cim_call *call)
{
    (void)call;
    return s_interrupted != 0;
}

static int32_t
draw(void *arg, int64_t done, int64_t total)
{
    host_bar_count(arg, done, total);
    return s_interrupted != 0;
}

static void
print_rows(const struct host_import_refusal *rows, int32_t n, int64_t n_all)
{
    for (int32_t i = 0; i < n && i < REFUSALS_SHOWN; i++) {
        const cim_error *why = &rows[i].why;
        (void)fprintf(stderr, "第 %lld 行 / row %lld: %s '%s': %s / %s\n", (long long)rows[i].row,
                      (long long)rows[i].row, why->param, why->value, why->zh, why->en);
    }
    if (n_all > REFUSALS_SHOWN) {
        (void)fprintf(stderr, "… %lld\n", (long long)n_all);
    }
}

static void
print_report(const struct host_import_report *report, const char *layer)
{
    print_rows(report->refusals, report->n_refusals, report->n_refused);
    print_rows(report->warnings, report->n_warnings, report->n_warned);
    printf("%s: 读 %lld，写 %lld，拒 %lld%s / read %lld, written %lld, refused %lld%s (%s, %s)\n",
           layer, (long long)report->n_read, (long long)report->n_written,
           (long long)report->n_refused, report->dry_run != 0 ? "（试运行）" : "",
           (long long)report->n_read, (long long)report->n_written, (long long)report->n_refused,
           report->dry_run != 0 ? " (dry run)" : "", report->format, report->crs);
    for (int32_t i = 0; i < report->n_grades; i++) {
        const struct host_import_grade *of = &report->grades[i];
        printf("  %s / %s: %lld\n", of->zh, of->en, (long long)of->n);
    }
}

static uint32_t
flags_of(const struct host_args *args)
{
    static const struct {
        const char *option;
        uint32_t flag;
    } options[] = {
        {"row-wise", HOST_IMPORT_ROW_WISE},
        {"dry-run", HOST_IMPORT_DRY_RUN},
        {"repair", HOST_IMPORT_REPAIR},
        {"any-area", HOST_IMPORT_ANY_AREA},
        {"compare", HOST_IMPORT_COMPARE},
        {"overlaps", HOST_IMPORT_COMPARE | HOST_IMPORT_OVERLAPS},
    };
    uint32_t flags = 0;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        flags |= host_args_option(args, options[i].option) != NULL ? options[i].flag : 0U;
    }
    return flags;
}

static cim_status
import(struct host_app *app, const struct host_args *args, const char *layer_id, const char *path,
       cim_error *err)
{
    struct host_bar bar = host_bar_begin();
    struct host_import_report report = {0};
    const struct host_layer *layer = NULL;
    struct host_principal *principal = host_identity_system_principal(app->identity);
    struct host_call_context context = {.principal = principal};
    cim_call call = {.struct_size = sizeof call,
                     .request_id = "import",
                     .principal = host_principal_name(principal),
                     .lang = "zh",
                     .now_ms = host_clock_now_ms(app->clock),
                     .cancelled = not_cancelled,
                     .impl = &context};
    struct host_layer_reading reading = {.app = app, .call = &call};
    const struct host_layer_reader reader = {host_layer_read, &reading};
    const struct host_import_options options = {
        .reader = &reader,
        .flags = flags_of(args),
        .crs = host_args_option(args, "crs"),
        .encoding = host_args_option(args, "encoding"),
        .source_layer = host_args_option(args, "source-layer"),
        .map = host_args_option(args, "map"),
        .set = host_args_option(args, "set"),
        .values = host_args_option(args, "values"),
        .progress = draw,
        .arg = &bar,
    };
    cim_status status = host_identity_scope(app->identity, principal, layer_id, CIM_ACT_CREATE,
                                            call.now_ms, &call.scope, err);
    if (status == CIM_OK) {
        status = host_plugins_enter_layer(app->plugins, layer_id, &call, &layer, err);
    }
    if (status == CIM_OK) {
        status = host_exchange_import(&layer->layer, layer->definition, &call, path, &options,
                                      &report, err);
        host_bar_end(&bar);
        if (status == CIM_OK || report.n_read > 0) {
            print_report(&report, layer_id);
        }
        if (status == CIM_OK && (options.flags & HOST_IMPORT_DRY_RUN) == 0) {
            const struct host_lineage lineage = {.layer = layer_id,
                                                 .way = "command",
                                                 .source = path,
                                                 .n_written = report.n_written,
                                                 .n_refused = report.n_refused};
            host_lineage_note(app, &call, &lineage);
        }
        host_import_report_done(&report);
        host_plugins_leave(app->plugins, layer->plugin_id);
    }
    host_principal_release(principal);
    return status;
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {
        {"layer", false},   {"crs", false},   {"encoding", false}, {"source-layer", false},
        {"map", false},     {"set", false},   {"values", false},   {"row-wise", true},
        {"dry-run", true},  {"repair", true}, {"any-area", true},  {"compare", true},
        {"overlaps", true}, {NULL, false}};
    const struct sigaction action = {.sa_handler = interrupt};
    struct host_args args;
    struct host_assembly assembly;
    const char *layer = NULL;
    char path[PATH_MAX];
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 1, &args, err));
    CIM_TRY(host_args_need(&args, "layer", &layer, err));
    if (args.n_words != 1) {
        return cim_fail(err, CIM_E_INVALID, "file", NULL, "应给出一个文件", "one file is expected");
    }
    /* The operator's own links are followed; what an archive or a Shapefile brings is not. */
    if (realpath(args.words[0], path) == NULL) {
        return cim_fail(err, CIM_E_NOTFOUND, "file", args.words[0], "文件“%s”不存在",
                        "there is no file '%s'", args.words[0]);
    }
    CIM_TRY(host_assemble(config, "import", HOST_LEVEL_PLUGINS, &assembly, err));
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    const cim_status status = import(&assembly.app, &args, layer, path, err);
    host_disassemble(&assembly);
    return status;
}

const struct host_verb host_verb_import = {
    .name = "import",
    .zh = "把文件导入图层",
    .en = "import a file into a layer",
    .usage =
        "  cim-host import FILE --layer=ID [--crs=CRS] [--encoding=NAME] [--source-layer=NAME]\n"
        "                  [--map=列=字段,…] [--set=字段=值,…] [--values=字段:原值=值,…]\n"
        "                  [--row-wise] [--dry-run] [--repair | --any-area] [--compare] "
        "[--overlaps]\n\n"
        "  GeoJSON、GeoJSONSeq、GeoPackage、Shapefile 与 FileGDB（可为 zip）、KML、KMZ、GML、CSV、"
        "XLSX、DXF、\n"
        "  国土界址点 TXT。不声明坐标系的文件须给出 --crs：\n"
        "  cgcs2000、wgs84、gcj02、bd09 或 EPSG:代码。有一行不合要求则全部不写，除非 --row-wise。\n"
        "  无效的面被拒绝；--repair 修复，--any-area 照收。--compare 指出几何相同的行，--overlaps "
        "另指出重叠的面。\n"
        "  A file that declares no reference system needs --crs. One bad row and nothing is "
        "written,\n"
        "  unless --row-wise. Ctrl-C undoes the import.\n",
    .run = run,
};
