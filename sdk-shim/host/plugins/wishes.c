/* Which plugins the administrator wants enabled, in platform.db. */
#include "host/store/row.h"
#include "host/plugins/plugin.h"
#include "host/store/store.h"

cim_status
host_wishes_set(struct host_plugins *plugins, const char *id, bool enabled, cim_error *err)
{
    const cim_value values[] = {
        host_value_text("id", id),
        host_value_i64("enabled", enabled ? 1 : 0),
    };
    if (plugins->app->platform == NULL || plugins->guest) {
        return CIM_OK;
    }
    return host_store_write_one(plugins->app->platform,
                                "insert into cim_plugin (id, enabled) values (:id, :enabled) on "
                                "conflict (id) do update set enabled = excluded.enabled, "
                                "out_at_ms = null",
                                values, 2, NULL, err);
}

cim_status
host_wishes_get(struct host_plugins *plugins, const char *id, bool *ret_enabled, cim_error *err)
{
    CIM_AUTO_ROWS cim_rows *rows = NULL;
    const cim_value values[] = {host_value_text("id", id)};
    struct host_row row = {0};
    bool there = false;
    *ret_enabled = false;
    if (plugins->app->platform == NULL) {
        return CIM_OK;
    }
    CIM_TRY(host_store_read(plugins->app->platform, "select enabled from cim_plugin where id = :id",
                            values, 1, &rows, err));
    row.rows = rows;
    CIM_TRY(host_row_next(&row, &there, err));
    *ret_enabled = there && host_row_i64(&row, 0) != 0;
    return CIM_OK;
}
