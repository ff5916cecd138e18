-- Edits of many records, and what each did to them, so that they can be undone for a time.

create table cim_batch (
  fid {int} primary key autoincrement not null,
  id {text} not null unique,
  at {time} not null,
  principal {text} not null,
  request_id {text},
  layer {text} not null,
  op {int} not null,
  records {int} not null,
  undo_of {text},
  undone_by {text}
);
{attributes cim_batch};
create index cim_batch_at on cim_batch (at);

-- `image`: the record before; absent for records that the batch created (a run of them).
create table cim_batch_row (
  fid {int} primary key autoincrement not null,
  batch {text} not null,
  record_fid {int} not null,
  last_fid {int} not null,
  version {int} not null,
  image {text}
);
{attributes cim_batch_row};
create index cim_batch_row_batch on cim_batch_row (batch, fid);
