-- What the catalogue keeps beside the definitions: where the records of a layer came from.

-- `way`: file, job, command, binding. `source`: name of the file or of the bound dataset; may be empty.
create table cim_lineage (
  fid {int} primary key autoincrement not null,
  layer {text} not null,
  at_ms {int} not null,
  principal {text} not null,
  way {text} not null,
  job {text},
  source {text} not null,
  n_written {int} not null,
  n_refused {int} not null
);
create index cim_lineage_layer on cim_lineage (layer, at_ms);
