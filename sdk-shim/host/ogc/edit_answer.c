/* host/ogc/edit_answer.c -- see edit_answer.h. */
#include "host/ogc/edit_answer.h"

#include "cim/util.h"
#include "host/base/problem.h"
#include "host/ogc/item.h"

#include <stdlib.h>

enum { ANSWER_BYTES_MAX = 1 << 20 };

/* ---- errors ---- */

void
host_edit_errors_add(struct host_edit_errors *errors, int64_t row, const cim_error *why)
{
    errors->total++;
    if (errors->list == NULL) {
        errors->list = calloc(HOST_EDIT_ERRORS_MAX, sizeof *errors->list);
    }
    if (errors->list != NULL && errors->n < HOST_EDIT_ERRORS_MAX) {
        errors->list[errors->n++] = (struct host_edit_error){row, *why};
    }
}

static int
by_row(const void *a, const void *b)
{
    const int64_t left = ((const struct host_edit_error *)a)->row;
    const int64_t right = ((const struct host_edit_error *)b)->row;
    return left < right ? -1 : left > right;
}

void
host_edit_errors_sort(struct host_edit_errors *errors)
{
    if (errors->list != NULL) {
        qsort(errors->list, errors->n, sizeof *errors->list, by_row);
    }
}

void
host_edit_errors_done(struct host_edit_errors *errors)
{
    free(errors->list);
    *errors = (struct host_edit_errors){.total = 0};
}

/* Clients know the geometry by its name in GeoJSON. */
static const char *
client_name(const char *param)
{
    return strcmp(param, "geom") == 0 ? "geometry" : param;
}

/* The members NAME and NAME_total. */
static void
write_list(const char *name, const struct host_edit_errors *errors, struct cim_buf *out)
{
    cim_buf_addf(out, "\"%s\":[", name);
    for (size_t i = 0; i < errors->n; i++) {
        const cim_error *why = &errors->list[i].why;
        cim_buf_add_text(out, i > 0 ? ",{\"row\":" : "{\"row\":");
        cim_buf_add_int(out, errors->list[i].row);
        cim_buf_add_member(out, "field", client_name(why->param));
        cim_buf_add_member(out, "value", why->value);
        cim_buf_add_member(out, "zh", why->zh);
        cim_buf_add_member(out, "en", why->en);
        cim_buf_add_char(out, '}');
    }
    cim_buf_addf(out, "],\"%s_total\":%lld", name, (long long)errors->total);
}

cim_status
host_edit_answer_problem(const struct host_ask *ask, const struct host_edit_errors *errors,
                         const cim_error *why, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    cim_error named = *why;
    const int32_t http_status = host_problem_http_status(why);
    cim_buf_init(&body, ANSWER_BYTES_MAX);
    cim_copy_text(named.param, sizeof named.param, client_name(why->param));
    host_problem_write(&body, http_status, &named, ask->call->request_id);
    CIM_TRY(cim_buf_status(&body, err));
    body.len--; /* its closing brace: more members follow */
    cim_buf_add_char(&body, ',');
    write_list("errors", errors, &body);
    cim_buf_add_char(&body, '}');
    return host_http_respond_no_store(ask->req, http_status, "application/problem+json", &body,
                                      err);
}

cim_status
host_edit_answer_report(const struct host_ask *ask, const char *layer_id, const cim_edit *edit,
                        int64_t n_read, const struct host_edit_errors *errors,
                        const struct host_edit_errors *warnings, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    cim_buf_init(&body, ANSWER_BYTES_MAX);
    cim_buf_add_text(&body, "{\"collection\":");
    cim_buf_add_json_text(&body, layer_id, SIZE_MAX);
    cim_buf_add_text(&body, ",\"read\":");
    cim_buf_add_int(&body, n_read);
    cim_buf_add_text(&body, ",\"written\":");
    cim_buf_add_int(&body, edit->n_written);
    cim_buf_add_text(&body, ",\"pos\":");
    cim_buf_add_int(&body, edit->pos);
    if (edit->batch[0] != '\0') {
        cim_buf_add_member(&body, "batch", edit->batch);
    }
    cim_buf_add_char(&body, ',');
    write_list("errors", errors, &body);
    cim_buf_add_char(&body, ',');
    write_list("warnings", warnings, &body);
    cim_buf_add_char(&body, '}');
    return host_http_respond_no_store(ask->req, edit->n_written > 0 ? 201 : 200, "application/json",
                                      &body, err);
}

/* ---- one feature ---- */

static cim_status
read_back(struct host_ask *ask, const char *layer_id, int64_t fid, struct cim_buf *body,
          char ret_etag[HOST_ETAG_BYTES])
{
    HOST_AUTO_VISIT struct host_visit visit = {.plugins = NULL};
    struct host_items_request *request = NULL;
    CIM_TRY(host_visit_layer(&visit, ask->ogc, ask->call, layer_id, CIM_ACT_READ, NULL));
    struct host_crs_worker *crs = host_crs_take(ask->ogc->crs);
    if (crs == NULL) {
        return CIM_E_NOMEM;
    }
    cim_status status =
        host_items_request_parse(visit.layer->definition, NULL, 0, crs, &request, NULL);
    if (status == CIM_OK) {
        request->query.fid = fid;
        request->query.limit = 1;
        status = host_item_write(ask, &visit, request, crs, body, ret_etag, NULL);
        host_items_request_free(request);
    }
    host_crs_give(ask->ogc->crs, crs);
    return status;
}

cim_status
host_edit_answer_feature(struct host_ask *ask, const char *layer_id, int64_t fid, bool created,
                         const struct host_edit_errors *warnings, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf body;
    char etag[HOST_ETAG_BYTES] = "";
    char path[256];
    char location[512];
    const char *const asked = ask->path;
    cim_buf_init(&body, HOST_ITEMS_PIECE_BYTES);
    (void)snprintf(path, sizeof path, "/collections/%s/items/%lld", layer_id, (long long)fid);
    ask->path = path;
    const cim_status status = read_back(ask, layer_id, fid, &body, etag);
    ask->path = asked;
    if (created) {
        (void)snprintf(location, sizeof location, "%s%s", ask->base, path);
        CIM_TRY(host_http_add_header(ask->req, "Location", location, err));
    }
    if (status != CIM_OK) {
        cim_buf_done(&body);
        cim_buf_init(&body, ANSWER_BYTES_MAX);
        cim_buf_addf(&body, "{\"id\":%lld}", (long long)fid);
        return host_http_respond_no_store(ask->req, created ? 201 : 200, "application/json", &body,
                                          err);
    }
    CIM_TRY(host_http_add_header(ask->req, "ETag", etag, err));
    if (warnings->total > 0 && body.len > 0 && body.data[body.len - 1] == '}') {
        body.len--; /* its closing brace: a foreign member follows */
        cim_buf_add_char(&body, ',');
        write_list("warnings", warnings, &body);
        cim_buf_add_char(&body, '}');
    }
    return host_http_respond_no_store(ask->req, created ? 201 : 200, "application/geo+json", &body,
                                      err);
}
