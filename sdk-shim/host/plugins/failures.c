/* What plugins did to the platform: workers that ended inside them. */
#include "host/base/log.h"
#include "host/base/note.h"
#include "host/store/row.h"
#include "host/plugins/plugin.h"
#include "host/store/store.h"
#include "kit/time.h"

#include <json-c/json.h>

static const char *
kind_of(int32_t end)
{
    switch (end) {
    case HOST_END_CRASH:
        return "crash";
    case HOST_END_HANG:
        return "hang";
    case HOST_END_MEMORY:
        return "memory";
    default:
        return "exit";
    }
}

/* ---- writing down ---- */

/* Memory names nobody: it is the only enabled plugin's, or it is not known whose. */
static cim_status
blame_for_memory(cim_tx *tx, char ret_plugin[HOST_NOTE_PLUGIN_ID_MAX], cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    CIM_AUTO_FREE char *only = NULL;
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_query(tx,
                             "select min(cast(id as text)), count(*) from cim_plugin where enabled "
                             "= 1",
                             NULL, 0, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    only = there && host_row_i64(&row, 1) == 1 ? host_row_text(&row, 0) : NULL;
    if (only != NULL) {
        cim_copy_text(ret_plugin, HOST_NOTE_PLUGIN_ID_MAX, only);
    }
    return CIM_OK;
}

static cim_status
write_down(cim_tx *tx, const struct host_ending *ending, const char *plugin, cim_error *err)
{
    const cim_value values[] = {
        host_value_text("plugin", plugin),
        host_value_i64("at", ending->at_ms),
        host_value_text("kind", kind_of(ending->end)),
        host_value_i64("number", ending->number),
        host_value_i64("kept", HOST_FAILURES_KEPT),
        host_value_i64("since", ending->at_ms - HOST_FAILURES_WINDOW_MS),
        host_value_i64("out", HOST_FAILURES_OUT),
    };
    CIM_TRY(host_store_exec(tx,
                            "insert into cim_plugin_failure (plugin, at_ms, kind, number) values "
                            "(:plugin, :at, :kind, :number)",
                            values, 4, NULL, err));
    const cim_value trim[] = {values[0], values[4]};
    CIM_TRY(host_store_exec(tx,
                            "delete from cim_plugin_failure where plugin = :plugin and n not in "
                            "(select n from cim_plugin_failure where plugin = :plugin order by n "
                            "desc limit :kept)",
                            trim, 2, NULL, err));
    const cim_value judge[] = {values[0], values[1], values[5], values[6]};
    return host_store_exec(tx,
                           "update cim_plugin set enabled = 0, out_at_ms = :at where id = :plugin "
                           "and enabled = 1 and (select count(*) from cim_plugin_failure where "
                           "plugin = :plugin and at_ms > :since) >= :out",
                           judge, 4, NULL, err);
}

struct endings {
    const struct host_ending *list;
    int32_t n;
};

static cim_status
write_all(void *arg, cim_tx *tx, cim_error *err)
{
    const struct endings *endings = arg;
    for (int32_t i = 0; i < endings->n; i++) {
        char plugin[HOST_NOTE_PLUGIN_ID_MAX];
        cim_copy_text(plugin, sizeof plugin, endings->list[i].plugin);
        if (plugin[0] == '\0' && endings->list[i].end == HOST_END_MEMORY) {
            CIM_TRY(blame_for_memory(tx, plugin, err));
        }
        if (plugin[0] != '\0') {
            CIM_TRY(write_down(tx, &endings->list[i], plugin, err));
        }
    }
    return CIM_OK;
}

cim_status
host_plugins_note_endings(struct host_plugins *plugins, const struct host_ending *endings,
                          int32_t n_endings, cim_error *err)
{
    struct endings all = {endings, n_endings};
    return n_endings > 0 ? host_store_write(plugins->app->platform, write_all, &all, NULL, err)
                         : CIM_OK;
}

/* ---- reading ---- */

static cim_status
load_list(struct host_plugin *plugin, struct json_object *list, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {host_value_text("plugin", plugin->id)};
    struct host_row row = {0};
    bool there = false;
    CIM_TRY(host_store_read(plugin->owner->app->platform,
                            "select at_ms, kind, number from cim_plugin_failure where plugin = "
                            ":plugin order by n desc",
                            values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    while (there) {
        struct json_object *one = json_object_new_object();
        CIM_AUTO_FREE char *kind = host_row_text(&row, 1);
        char at[CIM_TIME_TEXT_MAX];
        cim_time_format(host_row_i64(&row, 0), at);
        json_object_object_add(one, "at", json_object_new_string(at));
        json_object_object_add(one, "kind", json_object_new_string(kind != NULL ? kind : ""));
        json_object_object_add(one, "number", json_object_new_int64(host_row_i64(&row, 2)));
        json_object_array_add(list, one);
        CIM_TRY(host_row_next(&row, &there, err));
    }
    return CIM_OK;
}

static cim_status
is_out(const struct host_plugin *plugin, bool *ret_out, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {host_value_text("id", plugin->id)};
    struct host_row row = {0};
    CIM_TRY(host_store_read(plugin->owner->app->platform,
                            "select out_at_ms from cim_plugin where id = :id and out_at_ms is not "
                            "null",
                            values, 1, &rows, err));
    row.rows = rows;
    return host_row_next(&row, ret_out, err);
}

cim_status
host_failures_load(struct host_plugin *plugin, cim_error *err)
{
    struct json_object *list = NULL;
    bool out = false;
    cim_status status = CIM_OK;
    if (plugin->owner->app->platform == NULL || plugin->failures != NULL) {
        return CIM_OK;
    }
    list = json_object_new_array();
    status = load_list(plugin, list, err);
    if (status != CIM_OK || json_object_array_length(list) == 0) {
        json_object_put(list);
        return status;
    }
    (void)pthread_mutex_lock(&plugin->owner->lock);
    plugin->failures = list;
    (void)pthread_mutex_unlock(&plugin->owner->lock);
    CIM_TRY(is_out(plugin, &out, err));
    if (out) {
        struct json_object *last = json_object_array_get_idx(list, 0);
        cim_error why = {.code = CIM_OK};
        const char *kind = json_object_get_string(json_object_object_get(last, "kind"));
        const char *at = json_object_get_string(json_object_object_get(last, "at"));
        (void)cim_fail(&why, CIM_E_STATE, NULL, plugin->id,
                       "一分钟内 %d 次使工作进程中断（最近：%s，%s），已停用；修好后请重新启用",
                       "it ended the worker %d times within a minute (last: %s, %s) and was put "
                       "out of service; enable it again once it is mended",
                       HOST_FAILURES_OUT, kind, at);
        host_log_error("plugins", plugin->id, &why);
        host_plugin_set_state(plugin, HOST_PLUGIN_FAILED, &why);
    }
    return CIM_OK;
}
