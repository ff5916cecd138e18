-- Local accounts: passwords that must be changed and those of before, second factors, and where a session comes from.

alter table cim_account add column must_change {int} not null default 0;

-- Hashes of passwords of before, so that none comes back soon.
create table cim_password_history (
  uid {text} not null primary key,
  username {text} not null,
  hash {text} not null,
  until_ms {int} not null
);
create index cim_password_history_username on cim_password_history (username, until_ms);

alter table cim_session add column address {text};
alter table cim_session add column agent {text};

-- Locks in a row: each lasts twice as long as the one before.
alter table cim_sign_in_failure add column locks {int} not null default 0;

-- `secret`: sealed. `last_step`: of the newest code that was taken; none is taken twice. Without confirmed_ms
-- it is being set up and asks for nothing yet.
create table cim_second_factor (
  username {text} not null primary key,
  secret {text} not null,
  created_ms {int} not null,
  confirmed_ms {int},
  last_step {int} not null
);
-- Used ones are deleted.
create table cim_recovery_code (
  username {text} not null,
  hash {text} not null,
  primary key (username, hash)
);
