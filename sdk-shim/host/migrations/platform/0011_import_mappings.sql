-- Mappings of the import wizard that somebody kept for the next file of the same kind. `org`: its people see
-- it too; null: the owner alone. `content`: {"crs", "map", "set", "values"} as in an import's request.

create table cim_import_mapping (
  layer {text} not null,
  name {text} not null,
  owner {text} not null,
  org {text},
  content {text} not null,
  changed_ms {int} not null,
  primary key (owner, layer, name)
);
create index cim_import_mapping_org on cim_import_mapping (org, layer);
