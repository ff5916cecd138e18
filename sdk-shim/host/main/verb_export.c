/* host/main/verb_export.c -- a layer into a file. */
#include "assemble.h"
#include "verb.h"

#include "args.h"
#include "layer_call.h"
#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/exchange/exchange.h"
#include "host/plugins/plugins.h"

#include <stdio.h>

static cim_status
export_layer(struct host_assembly *assembly, const struct host_args *args,
             const struct host_export_options *options, int64_t *ret_count, cim_error *err)
{
    const cim_query query = {.struct_size = sizeof query,
                             .area = host_args_option(args, "area"),
                             .filter_json = host_args_option(args, "filter")};
    struct host_layer_call call;
    cim_status status = CIM_OK;
    CIM_TRY(host_layer_call_begin(&call, &assembly->app, args->words[0], CIM_ACT_EXPORT, err));
    const cim_audit_entry entry = {
        .struct_size = sizeof entry, .action = "export", .layer = args->words[0]};
    status = host_audit_event(assembly->app.audit, NULL, &entry, err);
    if (status != CIM_OK) {
        host_layer_call_end(&call);
        return status;
    }
    status = host_exchange_export(&call.layer->layer, call.layer->definition, &call.call, &query,
                                  args->words[1], options, ret_count, err);
    host_layer_call_end(&call);
    return status;
}

static cim_status
run(struct host_config *config, const char *const *words, cim_error *err)
{
    static const struct host_arg_spec specs[] = {
        {"format", false}, {"encoding", false}, {"crs", false}, {"map", false},
        {"area", false},   {"filter", false},   {NULL, false}};
    struct host_args args;
    struct host_assembly assembly;
    struct host_export_options options = {0};
    int64_t count = 0;
    cim_status status = CIM_OK;
    host_setup_log(config);
    CIM_TRY(host_args_parse(words, specs, 2, &args, err));
    if (args.n_words != 2) {
        return cim_fail(err, CIM_E_INVALID, "export", NULL, "应为 export LAYER FILE",
                        "expected export LAYER FILE");
    }
    CIM_TRY(host_export_format_of(host_args_option(&args, "format"), args.words[1], &options.format,
                                  err));
    options.encoding = host_args_option(&args, "encoding");
    options.crs = host_args_option(&args, "crs");
    options.map = host_args_option(&args, "map");
    CIM_TRY(host_assemble(config, "export", HOST_LEVEL_PLUGINS, &assembly, err));
    status = export_layer(&assembly, &args, &options, &count, err);
    host_disassemble(&assembly);
    if (status == CIM_OK) {
        printf("已导出 %lld 条记录 / %lld records exported\n", (long long)count, (long long)count);
    }
    return status;
}

const struct host_verb host_verb_export = {
    .name = "export",
    .zh = "导出图层为文件",
    .en = "export a layer into a file",
    .usage =
        "  cim-host export LAYER FILE [--format=geojson|geojsonl|csv|gpkg|shp|gdb|kml|kmz|gml|\n"
        "                  dxf|xlsx|txt] [--encoding=GBK] [--crs=EPSG:CODE] "
        "[--map=地块名称=name,…]\n"
        "                  [--area=CODE] [--filter=CQL2-JSON]\n\n"
        "  格式由文件名结尾判断（.zip 为压缩的 Shapefile，.gdb.zip 为压缩的 "
        "FileGDB）；不覆盖已有文件。\n"
        "  --crs 用于 gpkg、shp、gdb、gml、dxf 和 txt；国土 TXT（.txt）须指明 CGCS2000 "
        "的三度带或六度带，\n"
        "  --map 指明地块编号、地块名称、图幅号、地块用途、地类编码各取哪个字段。\n"
        "  The ending tells the format (.zip: a zipped Shapefile, .gdb.zip: a zipped FileGDB); no "
        "file\n"
        "  is overwritten. --crs is for gpkg, shp, gdb, gml, dxf and txt; a TXT of parcels (.txt) "
        "needs\n"
        "  a zone of CGCS2000, and --map says which fields its columns are taken from.\n",
    .run = run,
};
