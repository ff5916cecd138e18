-- Organisations, roles that administrators make, and grants: who may do what, where, until when.

-- `area`: code of the area the organisation belongs to, or *.
create table cim_org (
  code {text} not null primary key,
  name {text} not null,
  kind {text} not null,
  parent {text},
  area {text} not null,
  ended_ms {int}
);
create index cim_org_parent on cim_org (parent);

-- `content`: {"grants": […], "functions": […], …} as in a manifest. A role is granted inside its area only.
create table cim_role (
  id {text} not null primary key,
  zh {text} not null,
  en {text} not null,
  area {text} not null,
  content {text} not null,
  changed_by {text} not null,
  changed_ms {int} not null,
  ended_ms {int}
);

-- `holder_kind`: user, role, org. `kind`: role, resource, function; `name`: its id or pattern. `content`
-- of a resource: one grant as in a manifest. `areas`: codes separated by commas, * for all, null for
-- those of the holder. Rows are ended, never deleted: they answer who could see what, and when.
create table cim_grant (
  uid {text} not null primary key,
  holder_kind {text} not null,
  holder {text} not null,
  kind {text} not null,
  name {text} not null,
  content {text},
  areas {text},
  org {text},
  from_ms {int} not null,
  until_ms {int} not null,
  granted_by {text} not null,
  granted_ms {int} not null,
  why {text},
  ended_by {text},
  ended_ms {int}
);
create index cim_grant_holder on cim_grant (holder_kind, holder);
create index cim_grant_until on cim_grant (until_ms);

insert into cim_grant (uid, holder_kind, holder, kind, name, areas, org, from_ms, until_ms, granted_by, granted_ms)
  select 'account:' || username || ':' || role, 'user', username, 'role', role, areas, org, 0, until_ms,
    'cim-host', 0 from cim_account_role;
drop table cim_account_role;

-- `area`: where the account belongs; null: where its organisation is.
alter table cim_account add column area {text};
alter table cim_account add column ended_ms {int};
