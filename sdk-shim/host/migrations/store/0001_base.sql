-- What the platform itself keeps beside the data: the area tree and the change log.

create table cim_area (
  fid {int} primary key autoincrement not null,
  code {text} not null unique,
  name {text} not null,
  level {text} not null,
  parent {text},
  aliases {text},
  valid_from {date},
  valid_to {date},
  managed_by {text},
  ord {int},
  ord_end {int}
);
{attributes cim_area};
create index cim_area_parent on cim_area (parent);

-- `pos` is dense: the writer gives it out in the order of commits.
create table cim_change (
  pos {int} primary key not null,
  layer {text} not null,
  fid {int} not null,
  op {int} not null,
  area_code {text},
  owner_org {text},
  at {time} not null
);
{attributes cim_change};

-- The newest position of each layer, so that opening the store does not read the log.
create table cim_layer_pos (
  fid {int} primary key autoincrement not null,
  layer {text} not null unique,
  pos {int} not null
);
{attributes cim_layer_pos};
