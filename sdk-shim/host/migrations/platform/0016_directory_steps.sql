-- What each synchronisation with a directory changed, in order, so that it can be put back: the record before (null: there was none) and
-- after. `kind`: person or org; `grants`: uids of those that the step gave, separated by commas. Steps of older runs are forgotten.
create table cim_directory_step (
  run {text} not null,
  n {int} not null,
  kind {text} not null,
  name {text} not null,
  before_image {text},
  after_image {text} not null,
  grants {text} not null,
  primary key (run, n)
);

alter table cim_directory_sync add column undone_ms {int};
alter table cim_directory_sync add column undone_by {text};

-- Which run was the last is told by its number: two may have the same time, and clocks are set back.
alter table cim_directory_sync add column seq {int} not null default 0;
update cim_directory_sync set seq = (select count(*) from cim_directory_sync o where o.at_ms < cim_directory_sync.at_ms
  or (o.at_ms = cim_directory_sync.at_ms and o.uid <= cim_directory_sync.uid));
