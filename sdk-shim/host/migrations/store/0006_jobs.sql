-- Work that outlives a request, one queue for all hosts of a store. Results are files below jobs.dir.

-- `host`: who works on it; empty while nobody does. `not_before_ms`, `tell_at_ms`: by the machines' clock.
-- `subscribed`: somebody is told of its states; `told_state`: the last one that was.
create table cim_job (
  fid {int} primary key autoincrement not null,
  id {text} not null unique,
  kind {text} not null,
  owner {text} not null,
  lang {text} not null,
  flags {int} not null,
  state {int} not null,
  attempts {int} not null,
  fraction {real} not null,
  message_zh {text} not null,
  message_en {text} not null,
  created_ms {int} not null,
  started_ms {int} not null,
  finished_ms {int} not null,
  updated_ms {int} not null,
  expires_ms {int} not null,
  pos {int} not null,
  result_bytes {int} not null,
  error_code {int} not null,
  error_param {text} not null,
  error_value {text} not null,
  error_zh {text} not null,
  error_en {text} not null,
  inputs {text} not null,
  request {text} not null,
  host {text} not null,
  not_before_ms {int} not null,
  subscribed {int} not null,
  told_state {int} not null,
  tell_attempts {int} not null,
  tell_at_ms {int} not null
);
{attributes cim_job};
create index cim_job_owner on cim_job (owner, id);
create index cim_job_state on cim_job (state, owner);
create index cim_job_told on cim_job (subscribed, tell_at_ms);

-- Hosts that take jobs, and how often each has shown that it is alive. The row without a name is what
-- transactions lock that must not run beside each other: those that take from the queue or add to it.
create table cim_job_host (
  fid {int} primary key autoincrement not null,
  name {text} not null unique,
  beat {int} not null
);
{attributes cim_job_host};
insert into cim_job_host (name, beat) values ('', 0);
