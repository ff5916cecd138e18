-- Who is told of changes at which address. `layers`: ids with commas; null: all that the owner may read. `secret`
-- signs the messages, sealed. `pos`: changes up to it were told. `state`: active, dead (given up), paused.
create table cim_subscription (
  uid {text} not null primary key,
  owner {text} not null,
  url {text} not null,
  layers {text},
  secret {text} not null,
  pos {int} not null,
  state {text} not null,
  failures {int} not null,
  next_ms {int} not null,
  created_ms {int} not null,
  told_ms {int},
  n_told {int} not null,
  error_zh {text},
  error_en {text}
);
create index cim_subscription_owner on cim_subscription (owner);
create index cim_subscription_state on cim_subscription (state, next_ms);

-- How often each resource was used, by whom, a row a day in Beijing. `kind`: read, export, tile, picture, run.
create table cim_usage (
  day {text} not null,
  resource {text} not null,
  principal {text} not null,
  kind {text} not null,
  n {int} not null,
  primary key (day, resource, principal, kind)
);
