-- Enterprises and their stations.

create table lpg_enterprise (
  {record},
  {geom Point},
  org_code {text} not null,
  name {text} not null,
  short_name {text},
  kind {text} not null,
  uscc {text},
  address {text},
  business_scope {text},
  licence_no {text},
  licence_from {date},
  licence_to {date},
  licence_state {text} not null,
  renewal_applied_on {date},
  legal_rep {text},
  controller {text},
  first_responsible_recorded {bool},
  safety_manager {text},
  contact_phone {text},
  station_count {int},
  vehicle_count {int},
  staff_count {int},
  cylinder_count {int},
  user_count {int},
  filled_last_month_t {real},
  credit_grade {text},
  credit_score {real},
  risk {text},
  open_hazards {int},
  open_major_hazards {int},
  over_volume_stations {int},
  video_state {text},
  last_check_on {date},
  established_on {date},
  made_up {bool}
);
{layer lpg_enterprise Point};
create unique index lpg_enterprise_org_code on lpg_enterprise (org_code);
create unique index lpg_enterprise_uscc on lpg_enterprise (uscc);
create unique index lpg_enterprise_licence_no on lpg_enterprise (licence_no);
create index lpg_enterprise_area on lpg_enterprise (area_code);
create index lpg_enterprise_owner on lpg_enterprise (owner_org);
create index lpg_enterprise_licence_state on lpg_enterprise (licence_state);
create index lpg_enterprise_risk on lpg_enterprise (risk);
create index lpg_enterprise_kind on lpg_enterprise (kind);
create index lpg_enterprise_licence_to on lpg_enterprise (licence_to);

create table lpg_station (
  {record},
  {geom Point},
  station_no {text} not null,
  name {text} not null,
  kind {text} not null,
  class {text},
  enterprise_uid {text},
  enterprise_name {text},
  address {text},
  licence_no {text},
  licence_from {date},
  licence_to {date},
  licence_state {text} not null,
  renewal_applied_on {date},
  keeper {text},
  contact_phone {text},
  premises_m2 {real},
  store_m2 {real},
  tank_volume_m3 {real},
  volume_limit_l {real},
  full_volume_l {real},
  full_ysp4_7 {int},
  full_ysp12 {int},
  full_ysp26_2 {int},
  full_ysp35_5 {int},
  full_ysp118 {int},
  empty_count {int},
  over_volume {bool},
  overdue_cylinders {int},
  systems_in_force {int},
  systems_required {int},
  detector_state {text},
  detector_lel {real},
  camera_count {int},
  video_state {text},
  user_count {int},
  risk {text},
  open_hazards {int},
  open_major_hazards {int},
  last_check_on {date},
  made_up {bool}
);
{layer lpg_station Point};
create unique index lpg_station_station_no on lpg_station (station_no);
create unique index lpg_station_licence_no on lpg_station (licence_no);
create index lpg_station_area on lpg_station (area_code);
create index lpg_station_owner on lpg_station (owner_org);
create index lpg_station_licence_state on lpg_station (licence_state);
create index lpg_station_kind on lpg_station (kind);
create index lpg_station_risk on lpg_station (risk);
create index lpg_station_enterprise_uid on lpg_station (enterprise_uid);
create index lpg_station_licence_to on lpg_station (licence_to);
