-- Who did what. Entries are written to cim_audit_pending in the transaction of what they tell of;
-- the keeper moves them to cim_audit within a second, numbers them without gaps and chains them
-- with a key that the database does not have (docs/operations.md).

create table cim_audit_pending (
  fid {int} primary key autoincrement not null,
  at {time} not null,
  principal {text} not null,
  action {text} not null,
  layer {text},
  record_fid {int},
  record_uid {text},
  area_code {text},
  owner_org {text},
  request_id {text},
  address {text},
  detail {text},
  result {text} not null
);
{attributes cim_audit_pending};

create table cim_audit (
  seq {int} primary key not null,
  at {time} not null,
  principal {text} not null,
  action {text} not null,
  layer {text},
  record_fid {int},
  record_uid {text},
  area_code {text},
  owner_org {text},
  request_id {text},
  address {text},
  detail {text},
  result {text} not null,
  row_mac {text} not null,
  mac {text} not null
);
{attributes cim_audit};
create index cim_audit_at on cim_audit (at);
create index cim_audit_principal on cim_audit (principal, seq);
create index cim_audit_layer on cim_audit (layer, record_fid, seq);
create index cim_audit_action on cim_audit (action, seq);

-- One row: the newest entry, and where the chain begins once old entries have been deleted.
create table cim_audit_head (
  fid {int} primary key autoincrement not null,
  seq {int} not null,
  mac {text} not null,
  proof {text} not null,
  start_seq {int} not null,
  start_mac {text} not null,
  start_proof {text} not null
);
{attributes cim_audit_head};
insert into cim_audit_head (seq, mac, proof, start_seq, start_mac, start_proof)
  values (0, '', '', 0, '', '');
