-- Requests that were done under an Idempotency-Key, and what they answered.

create table cim_idempotency (
  fid {int} primary key autoincrement not null,
  principal {text} not null,
  idem_key {text} not null,
  fingerprint {text} not null,
  target {text} not null,
  at {time} not null,
  expires_at {time} not null,
  final {int} not null,
  status {int} not null,
  mime {text},
  body {text},
  etag {text},
  location {text}
);
{attributes cim_idempotency};
create unique index cim_idempotency_key on cim_idempotency (principal, idem_key);
create index cim_idempotency_expires on cim_idempotency (expires_at);
