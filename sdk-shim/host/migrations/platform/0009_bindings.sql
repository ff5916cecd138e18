-- Input roles of plugins that are bound to datasets of the platform. `content`: what was asked
-- (bindings.h), without the password, which is sealed. busy_until_ms: a refresh is under way, by whoever
-- renews it.

create table cim_binding (
  role {text} not null primary key,
  name {text} not null,
  content {text} not null,
  password {text},
  changed_by {text} not null,
  changed_ms {int} not null,
  next_ms {int},
  busy_until_ms {int},
  tried_ms {int},
  good_ms {int},
  n_records {int} not null,
  n_created {int} not null,
  n_removed {int} not null,
  n_refused {int} not null,
  error_param {text},
  error_value {text},
  error_zh {text},
  error_en {text}
);
