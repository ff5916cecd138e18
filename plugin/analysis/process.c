/* plugin/analysis/process.c -- see process.h. */
#include "analysis/process.h"

#include "analysis/json_file.h"
#include "analysis/json_io.h"
#include "cim/util.h"

#include <stdio.h>

cim_status
lpg_processes_read(struct lpg_process *processes, size_t n, const char *folder, cim_error *err)
{
    for (size_t i = 0; i < n; i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s", folder, processes[i].file);
        CIM_TRY(lpg_json_file_read(path, &processes[i].document, err));
    }
    return CIM_OK;
}

void
lpg_processes_done(struct lpg_process *processes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        (void)json_object_put(processes[i].document);
        processes[i].document = NULL;
    }
}

/* A text of the description; "" where the file lacks it, which the host then refuses. */
static const char *
described(struct json_object *document, const char *key, const char *lang)
{
    struct json_object *text = lpg_in_member(lpg_in_member(document, key), lang);
    return text != NULL ? json_object_get_string(text) : "";
}

cim_status
lpg_processes_register(const struct lpg_process *processes, size_t n, const cim_host *host,
                       void *self, cim_error *err)
{
    const cim_analyses_v1 *analyses = host->get_service(host, CIM_SERVICE_ANALYSES);
    for (size_t i = 0; i < n; i++) {
        struct json_object *document = processes[i].document;
        const cim_analysis analysis = {
            .struct_size = sizeof analysis,
            .flags = processes[i].flags,
            .id = processes[i].id,
            .version = json_object_get_string(lpg_in_member(document, "version")),
            .title_zh = described(document, "title", "zh"),
            .title_en = described(document, "title", "en"),
            .description_zh = described(document, "description", "zh"),
            .description_en = described(document, "description", "en"),
            .inputs = lpg_in_given(lpg_in_member(document, "inputs")),
            .outputs = lpg_in_given(lpg_in_member(document, "outputs")),
            .run = processes[i].run,
            .self = self};
        CIM_TRY(analyses->add_analysis(host, &analysis, err));
    }
    return CIM_OK;
}
