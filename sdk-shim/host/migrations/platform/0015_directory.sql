-- People and organisations that follow a directory. Who somebody is there: cim_external_account, provider ':directory'.

-- 'directory', or null: made here.
alter table cim_account add column source {text};
alter table cim_org add column source {text};

-- Each synchronisation that was applied, the comparison's figures of both.
create table cim_directory_sync (
  uid {text} not null primary key,
  at_ms {int} not null,
  by_user {text} not null,
  n_new {int} not null,
  n_changed {int} not null,
  n_ended {int} not null,
  n_refused {int} not null
);
create index cim_directory_sync_at on cim_directory_sync (at_ms);
