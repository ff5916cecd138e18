-- Roads and the risk elements beside them.

create table lpg_road (
  {record},
  {geom LineString},
  name {text},
  class {text} not null,
  length_km {real},
  source {text},
  made_up {bool}
);
{layer lpg_road LineString};
create index lpg_road_area on lpg_road (area_code);
create index lpg_road_owner on lpg_road (owner_org);
create index lpg_road_class on lpg_road (class);

create table lpg_risk_element (
  {record},
  {geom Point},
  name {text} not null,
  kind {text} not null,
  element_group {text} not null,
  buffer_m {real},
  persons {int},
  address {text},
  valid_from {date},
  valid_to {date},
  confirm_state {text},
  source {text},
  made_up {bool}
);
{layer lpg_risk_element Point};
create index lpg_risk_element_area on lpg_risk_element (area_code);
create index lpg_risk_element_owner on lpg_risk_element (owner_org);
create index lpg_risk_element_element_group on lpg_risk_element (element_group);
create index lpg_risk_element_kind on lpg_risk_element (kind);
