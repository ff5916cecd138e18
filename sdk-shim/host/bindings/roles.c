/* host/bindings/roles.c -- the inputs that plugins' manifests name. */
#include "host/bindings/bindings.h"

#include "cim/util.h"
#include "host/plugins/plugins.h"

#include <json-c/json.h>

static const char *
text_of(struct json_object *object, const char *key)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : "";
}

struct walk {
    void (*each)(void *arg, const struct host_binding_role *role);
    void *arg;
};

static void
take_plugin(void *arg, const struct host_plugin_info *info)
{
    const struct walk *walk = arg;
    struct json_object *inputs = NULL;
    if (info->manifest == NULL || !json_object_object_get_ex(info->manifest, "inputs", &inputs)) {
        return;
    }
    for (size_t i = 0; i < json_object_array_length(inputs); i++) {
        struct json_object *input = json_object_array_get_idx(inputs, i);
        struct json_object *title = json_object_object_get(input, "title");
        struct host_binding_role role;
        cim_copy_text(role.role, sizeof role.role, text_of(input, "role"));
        cim_copy_text(role.layer, sizeof role.layer, text_of(input, "layer"));
        cim_copy_text(role.zh, sizeof role.zh, text_of(title, "zh"));
        cim_copy_text(role.en, sizeof role.en, text_of(title, "en"));
        walk->each(walk->arg, &role);
    }
}

void
host_binding_each_role(struct host_app *app,
                       void (*each)(void *arg, const struct host_binding_role *role), void *arg)
{
    struct walk walk = {each, arg};
    host_plugins_each(app->plugins, take_plugin, &walk);
}

struct search {
    const char *role;
    struct host_binding_role *found;
    bool there;
};

static void
look(void *arg, const struct host_binding_role *role)
{
    struct search *search = arg;
    if (strcmp(role->role, search->role) == 0) {
        *search->found = *role;
        search->there = true;
    }
}

cim_status
host_binding_find_role(struct host_app *app, const char *role, struct host_binding_role *ret_role,
                       cim_error *err)
{
    struct search search = {.role = role, .found = ret_role};
    host_binding_each_role(app, look, &search);
    return search.there ? CIM_OK
                        : cim_fail(err, CIM_E_NOTFOUND, "role", role, "没有插件有这个输入角色",
                                   "no plugin has this input role");
}
