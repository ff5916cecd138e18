/* host/bindings/routes.c -- bindings over HTTP. */
#include "host/bindings/bindings.h"

#include "cim/util.h"
#include "host/audit/audit.h"
#include "host/http/http.h"
#include "kit/cleanup.h"

enum { ANSWER_BYTES_MAX = 4 << 20 };

static void
note(const struct host_app *app, const cim_call *call, const char *action, const char *role,
     const char *name)
{
    CIM_AUTO_BUF struct cim_buf detail;
    cim_buf_init(&detail, 4096);
    cim_buf_add_text(&detail, "{\"name\":");
    cim_buf_add_json_text(&detail, name != NULL ? name : "", SIZE_MAX);
    cim_buf_add_char(&detail, '}');
    const cim_audit_entry entry = {
        .struct_size = sizeof entry,
        .action = action,
        .layer = role,
        .detail = name != NULL && cim_buf_status(&detail, NULL) == CIM_OK ? detail.data : NULL};
    host_audit_note(app->audit, call, &entry);
}

struct listing {
    struct host_app *app;
    struct cim_buf *out;
    cim_status status;
    cim_error error;
    int64_t n;
};

static void
add_role(void *arg, const struct host_binding_role *role)
{
    struct listing *listing = arg;
    if (listing->status == CIM_OK) {
        cim_buf_add_text(listing->out, listing->n++ > 0 ? "," : "");
        listing->status = host_binding_write(listing->app, role, listing->out, &listing->error);
    }
}

static cim_status
handle_list(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf out;
    struct listing listing = {.app = self, .out = &out};
    (void)call;
    cim_buf_init(&out, ANSWER_BYTES_MAX);
    cim_buf_add_text(&out, "{\"bindings\":[");
    host_binding_each_role(self, add_role, &listing);
    cim_buf_add_text(&out, "]}");
    if (listing.status != CIM_OK) {
        if (err != NULL) {
            *err = listing.error;
        }
        return listing.status;
    }
    return host_http_respond_no_store(req, 200, "application/json", &out, err);
}

static cim_status
answer_role(struct host_app *app, const struct host_binding_role *role, cim_http_req *req,
            cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf out;
    cim_buf_init(&out, ANSWER_BYTES_MAX);
    CIM_TRY(host_binding_write(app, role, &out, err));
    return host_http_respond_no_store(req, 200, "application/json", &out, err);
}

static cim_status
find_role(struct host_app *app, cim_http_req *req, struct host_binding_role *ret_role,
          cim_error *err)
{
    return host_binding_find_role(app, host_http_path_param(req, "role"), ret_role, err);
}

static cim_status
read_body(struct host_app *app, const struct host_binding_role *role, cim_http_req *req,
          struct host_binding *ret_binding, cim_error *err)
{
    const char *text = NULL;
    uint64_t len = 0;
    CIM_TRY(host_http_body_text(req, HOST_BINDING_BODY_MAX, &text, &len, err));
    return host_binding_parse(app, role, text, (size_t)len, ret_binding, err);
}

static cim_status
handle_get(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_binding_role role;
    (void)call;
    CIM_TRY(find_role(self, req, &role, err));
    return answer_role(self, &role, req, err);
}

static void
wake(const struct host_app *app)
{
    host_bindings_wake(app->bindings);
}

static cim_status
handle_put(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    HOST_AUTO_BINDING struct host_binding binding = {.root = NULL};
    struct host_binding_role role;
    CIM_TRY(find_role(self, req, &role, err));
    CIM_TRY(read_body(self, &role, req, &binding, err));
    CIM_TRY(host_binding_save(self, &binding, call->principal, err));
    wake(self);
    note(self, call, "binding.put", role.role, binding.name);
    return answer_role(self, &role, req, err);
}

static cim_status
handle_delete(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_binding_role role;
    cim_blob none = {0};
    CIM_TRY(find_role(self, req, &role, err));
    CIM_TRY(host_binding_remove(self, role.role, err));
    note(self, call, "binding.remove", role.role, NULL);
    return host_http_respond(req, 204, NULL, &none, err);
}

static cim_status
handle_refresh(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    struct host_binding_role role;
    CIM_TRY(find_role(self, req, &role, err));
    CIM_TRY(host_binding_ask(self, role.role, err));
    wake(self);
    note(self, call, "binding.ask", role.role, NULL);
    return answer_role(self, &role, req, err);
}

/* What the body asks, with the password that is kept where it names none; without a body the
 * binding as it is. */
static cim_status
handle_test(void *self, const cim_call *call, cim_http_req *req, cim_error *err)
{
    CIM_AUTO_BUF struct cim_buf out;
    HOST_AUTO_BINDING struct host_binding binding = {.root = NULL};
    struct host_binding_role role;
    const char *text = NULL;
    uint64_t len = 0;
    (void)call;
    cim_buf_init(&out, ANSWER_BYTES_MAX);
    CIM_TRY(find_role(self, req, &role, err));
    CIM_TRY(host_http_body_text(req, HOST_BINDING_BODY_MAX, &text, &len, err));
    if (len == 0) {
        CIM_TRY(host_binding_load(self, role.role, &binding, err));
    } else {
        CIM_TRY(host_binding_parse(self, &role, text, (size_t)len, &binding, err));
        CIM_TRY(host_binding_keep_password(self, &binding, err));
    }
    cim_buf_add_char(&out, '{');
    const cim_status status = host_binding_test(self, &role, &binding, &out, err);
    cim_buf_add_char(&out, '}');
    /* What ails the source is the answer, no fault of ours. */
    return status == CIM_OK ? host_http_respond_no_store(req, 200, "application/json", &out, err)
           : status == CIM_E_IO ? CIM_E_STATE
                                : status;
}

cim_status
host_bindings_add_routes(struct host_app *app, cim_error *err)
{
    static const struct host_route_param one[] = {
        {"role", "path", "{\"type\":\"string\"}", "输入角色", "input role"}, {.name = NULL}};
    const struct host_route routes[] = {
        {"GET", "/admin/api/bindings", 0, NULL, "listBindings", "输入角色与数据绑定",
         "Input roles and their bindings", NULL, handle_list, app, NULL},
        {"GET", "/admin/api/bindings/{role}", 0, NULL, "getBinding", "一个输入角色的绑定",
         "The binding of an input role", one, handle_get, app, NULL},
        {"PUT", "/admin/api/bindings/{role}", 0, NULL, "putBinding", "绑定数据集", "Bind a dataset",
         one, handle_put, app, NULL},
        {"DELETE", "/admin/api/bindings/{role}", 0, NULL, "removeBinding", "解除绑定，现有副本保留",
         "End a binding; the copy stays", one, handle_delete, app, NULL},
        {"POST", "/admin/api/bindings/{role}/refresh", 0, NULL, "refreshBinding", "立即刷新",
         "Refresh now", one, handle_refresh, app, NULL},
        {"POST", "/admin/api/bindings/{role}/test", HOST_ROUTE_HEAVY, NULL, "testBinding",
         "试取少量记录，不保存", "Fetch some records and store nothing", one, handle_test, app,
         NULL},
    };
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct host_route route = routes[i];
        route.permission = HOST_BINDINGS_FUNCTION;
        CIM_TRY(host_http_add_route(app->http, &route, err));
    }
    return CIM_OK;
}
