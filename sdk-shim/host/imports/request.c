/* host/imports/request.c -- what an import is asked to do, as JSON. */
#include "host/imports/internal.h"

#include "cim/util.h"
#include "host/identity/json_in.h"

#include <json-c/json.h>
#include <string.h>

/* The separators of host_import_options' lists are hidden. */
static void
add_hidden(struct cim_buf *out, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (strchr("\\,=:", *at) != NULL) {
            cim_buf_add_char(out, '\\');
        }
        cim_buf_add_char(out, *at);
    }
}

/* Also an empty text, which here means "as the file says" or "left out". */
static cim_status
read_text(const struct host_json_in *in, const char *key, enum host_json_need need,
          const char **ret_text, cim_error *err)
{
    struct json_object *value = NULL;
    const bool there = json_object_object_get_ex(in->value, key, &value);
    if (there && json_object_is_type(value, json_type_string) &&
        json_object_get_string_len(value) == 0) {
        *ret_text = "";
        return CIM_OK;
    }
    return host_json_text(in, key, need, ret_text, err);
}

struct list {
    const char *key;
    const char *const *keys; /* of an element, NULL-terminated: name, text, and maybe a third */
    char between;            /* the first two */
};

static cim_status
read_list(const struct host_json_in *root, const struct list *list, struct cim_buf *out,
          cim_error *err)
{
    struct host_json_in elements = {0};
    CIM_TRY(host_json_list(root, list->key, HOST_JSON_OPTIONAL, &elements, err));
    for (size_t i = 0; i < host_json_length(&elements); i++) {
        struct host_json_in element;
        CIM_TRY(host_json_object_at(&elements, i, &element, err));
        CIM_TRY(host_json_keys(&element, list->keys, err));
        cim_buf_add_text(out, i > 0 ? "," : "");
        for (size_t k = 0; list->keys[k] != NULL; k++) {
            const char *text = NULL;
            CIM_TRY(read_text(&element, list->keys[k], HOST_JSON_REQUIRED, &text, err));
            if (k > 0) {
                cim_buf_add_char(out, k == 1 ? list->between : '=');
            }
            add_hidden(out, text);
        }
    }
    return cim_buf_status(out, err);
}

static cim_status
read_flag(const struct host_json_in *root, const char *key, uint32_t flag, uint32_t *flags,
          cim_error *err)
{
    bool set = false;
    CIM_TRY(host_json_bool(root, key, HOST_JSON_OPTIONAL, &set, err));
    *flags |= set ? flag : 0U;
    return CIM_OK;
}

static cim_status
read_flags(const struct host_json_in *root, uint32_t *flags, cim_error *err)
{
    const char *geometry = "refuse";
    CIM_TRY(read_flag(root, "row_wise", HOST_IMPORT_ROW_WISE, flags, err));
    CIM_TRY(read_flag(root, "dry_run", HOST_IMPORT_DRY_RUN, flags, err));
    CIM_TRY(read_flag(root, "compare", HOST_IMPORT_COMPARE, flags, err));
    CIM_TRY(read_flag(root, "overlaps", HOST_IMPORT_COMPARE | HOST_IMPORT_OVERLAPS, flags, err));
    CIM_TRY(host_json_text(root, "geometry", HOST_JSON_OPTIONAL, &geometry, err));
    if (strcmp(geometry, "repair") == 0) {
        *flags |= HOST_IMPORT_REPAIR;
    } else if (strcmp(geometry, "keep") == 0) {
        *flags |= HOST_IMPORT_ANY_AREA;
    } else if (strcmp(geometry, "refuse") != 0) {
        return host_json_refuse(root, "geometry", "应为 refuse、repair 或 keep",
                                "expected refuse, repair or keep", err);
    }
    return CIM_OK;
}

/* NULL where it is empty: then the file tells. */
static cim_status
read_option(const struct host_json_in *root, const char *key, const char **ret_text, cim_error *err)
{
    const char *text = "";
    CIM_TRY(read_text(root, key, HOST_JSON_OPTIONAL, &text, err));
    *ret_text = text[0] != '\0' ? text : NULL;
    return CIM_OK;
}

static cim_status
read_request(struct host_import_request *request, cim_error *err)
{
    static const char *const keys[] = {
        "file",   "layer",    "name",    "crs",      "encoding", "source_layer", "map", "set",
        "values", "row_wise", "dry_run", "geometry", "compare",  "overlaps",     NULL};
    static const char *const map_keys[] = {"column", "field", NULL};
    static const char *const set_keys[] = {"field", "value", NULL};
    static const char *const value_keys[] = {"field", "from", "to", NULL};
    static const struct list map = {"map", map_keys, '='};
    static const struct list set = {"set", set_keys, '='};
    static const struct list values = {"values", value_keys, ':'};
    const struct host_json_in root = {.where = "import", .value = request->json};
    struct host_import_options *options = &request->options;
    CIM_TRY(host_json_keys(&root, keys, err));
    CIM_TRY(host_json_text(&root, "layer", HOST_JSON_REQUIRED, &request->layer, err));
    CIM_TRY(read_text(&root, "name", HOST_JSON_OPTIONAL, &request->name, err));
    CIM_TRY(read_option(&root, "crs", &options->crs, err));
    CIM_TRY(read_option(&root, "encoding", &options->encoding, err));
    CIM_TRY(read_option(&root, "source_layer", &options->source_layer, err));
    CIM_TRY(read_list(&root, &map, &request->map, err));
    CIM_TRY(read_list(&root, &set, &request->set, err));
    CIM_TRY(read_list(&root, &values, &request->values, err));
    options->map = request->map.data;
    options->set = request->set.data;
    options->values = request->values.data;
    return read_flags(&root, &options->flags, err);
}

cim_status
host_import_request_parse(const char *text, size_t len, struct host_import_request *ret_request,
                          cim_error *err)
{
    struct host_import_request request = {.name = ""};
    cim_status status = CIM_OK;
    cim_buf_init(&request.map, HOST_IMPORT_REQUEST_MAX);
    cim_buf_init(&request.set, HOST_IMPORT_REQUEST_MAX);
    cim_buf_init(&request.values, HOST_IMPORT_REQUEST_MAX);
    status = host_json_parse("import", text, len, &request.json, err);
    if (status == CIM_OK) {
        status = read_request(&request, err);
    }
    if (status != CIM_OK) {
        host_import_request_done(&request);
        return status;
    }
    *ret_request = request;
    return CIM_OK;
}

void
host_import_request_done(struct host_import_request *request)
{
    json_object_put(request->json);
    request->json = NULL;
    cim_buf_done(&request->map);
    cim_buf_done(&request->set);
    cim_buf_done(&request->values);
}
