-- Accounts, what they may do, who is signed in, and who tried.

create table cim_account (
  username {text} not null primary key,
  display_name {text} not null,
  org {text},
  password_hash {text} not null,
  password_set_ms {int} not null
);

-- `areas`: codes separated by commas, or *.
create table cim_account_role (
  username {text} not null,
  role {text} not null,
  areas {text} not null,
  org {text},
  until_ms {int} not null,
  primary key (username, role)
);

-- Tokens are kept as SHA-256: who reads the file cannot sign in with it.
create table cim_session (
  token_hash {text} not null primary key,
  kind {text} not null,
  username {text} not null,
  created_ms {int} not null,
  last_seen_ms {int} not null,
  expires_ms {int} not null
);
create index cim_session_username on cim_session (username);

-- Failures in a row, of names that exist and of names that do not, so that they answer alike.
create table cim_sign_in_failure (
  username {text} not null primary key,
  failures {int} not null,
  last_ms {int} not null,
  locked_until_ms {int} not null
);
create index cim_sign_in_failure_last on cim_sign_in_failure (last_ms);

-- Only ever appended to.
create table cim_sign_in_log (
  uid {text} not null primary key,
  at_ms {int} not null,
  event {text} not null,
  username {text} not null,
  result {text} not null,
  reason {text},
  address {text},
  request_id {text}
);
create index cim_sign_in_log_at on cim_sign_in_log (at_ms);
