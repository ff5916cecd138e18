-- Work that outlives a request. Results are files below var/jobs/<id>.

create table cim_job (
  id {text} not null primary key,
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
  inputs {text} not null
);
create index cim_job_owner on cim_job (owner, id);
create index cim_job_state on cim_job (state, expires_ms);
