-- Workers that ended inside a plugin, and since when a plugin is out of service for that.

create table cim_plugin_failure (
  n {int} not null primary key,
  plugin {text} not null,
  at_ms {int} not null,
  kind {text} not null,
  number {int} not null
);
create index cim_plugin_failure_plugin on cim_plugin_failure (plugin, n);

alter table cim_plugin add column out_at_ms {int};
