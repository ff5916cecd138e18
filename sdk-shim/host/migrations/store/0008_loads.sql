-- Large creates under way: each goes into its layer's table in slices, a transaction each. Records in
-- a run belong to a load that is not complete, and nobody sees them. A load that stands still for too
-- long has lost its process; it is taken back.

create table cim_load (
  fid {int} primary key autoincrement not null,
  id {text} not null unique,
  layer {text} not null,
  alive_at {time} not null,
  taken_back {int} not null default 0
);
{attributes cim_load};

create table cim_load_run (
  fid {int} primary key autoincrement not null,
  load {text} not null,
  layer {text} not null,
  first_fid {int} not null,
  last_fid {int} not null
);
{attributes cim_load_run};
create index cim_load_run_layer on cim_load_run (layer, first_fid);
create index cim_load_run_load on cim_load_run (load, fid);
