-- Who asked for which data, and what became of it. `fields`: names with commas; null: all. `grant_uid`: the grant
-- that was made of it. `renews`: the request whose grant it prolongs.
create table cim_request (
  uid {text} not null primary key,
  requester {text} not null,
  holder_kind {text} not null,
  holder {text} not null,
  resource {text} not null,
  actions {text} not null,
  fields {text},
  areas {text} not null,
  until_ms {int} not null,
  reason {text} not null,
  renews {text},
  state {text} not null,
  created_ms {int} not null,
  decided_by {text},
  decided_ms {int},
  decision {text},
  grant_uid {text}
);
create index cim_request_requester on cim_request (requester, created_ms);
create index cim_request_state on cim_request (state, created_ms);
