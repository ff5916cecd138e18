-- Users of bottled gas: the largest table, so it carries only the indexes that lists and legends need.

create table lpg_end_user (
  {record},
  {geom Point},
  user_no {text} not null,
  name {text},
  id_no {text},
  phone {text},
  address {text},
  consumer {text} not null,
  kind {text} not null,
  premises {text},
  enterprise_uid {text},
  enterprise_name {text},
  station_uid {text},
  real_name_state {text} not null,
  contract_on {date},
  inspection_state {text} not null,
  last_inspection_on {date},
  next_inspection_on {date},
  cylinder_model {text},
  cylinders_in_use {int},
  cylinder_next_test_on {date},
  ordered_12m_count {int},
  ordered_12m_kg {real},
  abnormal_purchase {bool},
  alarm_fitted {bool},
  made_up {bool}
);
{layer lpg_end_user Point};
create unique index lpg_end_user_user_no on lpg_end_user (user_no);
create index lpg_end_user_area on lpg_end_user (area_code);
create index lpg_end_user_owner on lpg_end_user (owner_org);
create index lpg_end_user_inspection_state on lpg_end_user (inspection_state);
create index lpg_end_user_kind on lpg_end_user (kind);
create index lpg_end_user_real_name_state on lpg_end_user (real_name_state);
create index lpg_end_user_next_inspection_on on lpg_end_user (next_inspection_on);
create index lpg_end_user_enterprise_uid on lpg_end_user (enterprise_uid);
