-- Which plugins the administrator wants enabled.

create table cim_plugin (
  id {text} not null primary key,
  enabled {int} not null
);
