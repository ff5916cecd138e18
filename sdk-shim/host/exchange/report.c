/* host/exchange/report.c -- what an import says about itself. */
#include "host/exchange/exchange.h"

#include "cim/util.h"

#include <stdlib.h>

void
host_import_report_done(struct host_import_report *report)
{
    free(report->refusals);
    free(report->warnings);
    free(report->ignored);
    *report = (struct host_import_report){0};
}

static void
add_refusal(struct cim_buf *out, const struct host_import_refusal *refusal)
{
    cim_buf_add_text(out, "{\"row\":");
    cim_buf_add_int(out, refusal->row);
    cim_buf_add_member(out, "field", refusal->why.param);
    cim_buf_add_member(out, "value", refusal->why.value);
    cim_buf_add_member(out, "zh", refusal->why.zh);
    cim_buf_add_member(out, "en", refusal->why.en);
    cim_buf_add_char(out, '}');
}

static void
add_list(struct cim_buf *out, const struct host_import_refusal *list, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        if (i > 0) {
            cim_buf_add_char(out, ',');
        }
        add_refusal(out, &list[i]);
    }
}

static void
add_grades(struct cim_buf *out, const struct host_import_report *report)
{
    cim_buf_add_text(out, ",\"placed\":[");
    for (int32_t i = 0; i < report->n_grades; i++) {
        const struct host_import_grade *of = &report->grades[i];
        cim_buf_add_text(out, i > 0 ? ",{\"grade\":" : "{\"grade\":");
        cim_buf_add_json_text(out, of->grade, SIZE_MAX);
        cim_buf_add_member(out, "zh", of->zh);
        cim_buf_add_member(out, "en", of->en);
        cim_buf_addf(out, ",\"count\":%lld,\"good\":%s}", (long long)of->n,
                     of->good != 0 ? "true" : "false");
    }
    cim_buf_add_char(out, ']');
}

void
host_import_report_write(const struct host_import_report *report, const char *layer_id,
                         struct cim_buf *out)
{
    cim_buf_add_text(out, "\"layer\":");
    cim_buf_add_json_text(out, layer_id, SIZE_MAX);
    cim_buf_add_text(out, ",\"read\":");
    cim_buf_add_int(out, report->n_read);
    cim_buf_add_text(out, ",\"written\":");
    cim_buf_add_int(out, report->n_written);
    cim_buf_add_text(out, ",\"refused\":[");
    add_list(out, report->refusals, report->n_refusals);
    cim_buf_add_text(out, "],\"refused_total\":");
    cim_buf_add_int(out, report->n_refused);
    cim_buf_add_text(out, ",\"warnings\":[");
    add_list(out, report->warnings, report->n_warnings);
    cim_buf_add_text(out, "],\"warned_total\":");
    cim_buf_add_int(out, report->n_warned);
    if (report->n_grades > 0) {
        add_grades(out, report);
    }
    cim_buf_add_text(out, ",\"pos\":");
    cim_buf_add_int(out, report->pos);
    cim_buf_add_text(out, report->dry_run != 0 ? ",\"dry_run\":true" : ",\"dry_run\":false");
    if (report->batch[0] != '\0') {
        cim_buf_add_member(out, "batch", report->batch);
    }
    cim_buf_add_member(out, "format", report->format);
    cim_buf_add_member(out, "crs", report->crs);
    cim_buf_add_member(out, "encoding", report->encoding);
    cim_buf_add_text(out, ",\"ignored_columns\":[");
    for (int32_t i = 0; i < report->n_ignored; i++) {
        if (i > 0) {
            cim_buf_add_char(out, ',');
        }
        cim_buf_add_json_text(out, report->ignored[i], SIZE_MAX);
    }
    cim_buf_add_char(out, ']');
}
