-- Buildings, land use, control lines and planned projects: what siting measures against.

create table lpg_building (
  {record},
  {geom Polygon},
  building_no {text} not null,
  name {text},
  use {text} not null,
  storeys {int},
  basement_storeys {int},
  height_m {real},
  fire_rating {text},
  structure {text},
  high_rise_class {text},
  important_public {bool},
  open_flame {bool},
  residents {int},
  households {int},
  floor_area_m2 {real},
  built_year {int},
  address {text},
  confirm_state {text},
  source {text},
  made_up {bool}
);
{layer lpg_building Polygon};
create unique index lpg_building_building_no on lpg_building (building_no);
create index lpg_building_area on lpg_building (area_code);
create index lpg_building_owner on lpg_building (owner_org);
create index lpg_building_use on lpg_building (use);
create index lpg_building_high_rise_class on lpg_building (high_rise_class);

create table lpg_land_use (
  {record},
  {geom MultiPolygon},
  parcel_no {text} not null,
  code {text} not null,
  state {text} not null,
  name {text},
  area_m2 {real},
  plan_name {text},
  valid_from {date},
  valid_to {date},
  confirm_state {text},
  source {text},
  made_up {bool}
);
{layer lpg_land_use MultiPolygon};
create unique index lpg_land_use_parcel_no on lpg_land_use (parcel_no);
create index lpg_land_use_area on lpg_land_use (area_code);
create index lpg_land_use_owner on lpg_land_use (owner_org);
create index lpg_land_use_code on lpg_land_use (code);
create index lpg_land_use_state on lpg_land_use (state);

create table lpg_control_line (
  {record},
  {geom MultiPolygon},
  line_no {text} not null,
  kind {text} not null,
  effect {text} not null,
  name {text},
  basis {text},
  area_m2 {real},
  valid_from {date},
  valid_to {date},
  confirm_state {text},
  source {text},
  made_up {bool}
);
{layer lpg_control_line MultiPolygon};
create unique index lpg_control_line_line_no on lpg_control_line (line_no);
create index lpg_control_line_area on lpg_control_line (area_code);
create index lpg_control_line_owner on lpg_control_line (owner_org);
create index lpg_control_line_kind on lpg_control_line (kind);
create index lpg_control_line_effect on lpg_control_line (effect);

create table lpg_planned_project (
  {record},
  {geom MultiPolygon},
  project_no {text} not null,
  name {text} not null,
  use {text} not null,
  stage {text} not null,
  important_public {bool},
  high_rise_class {text},
  storeys {int},
  height_m {real},
  residents {int},
  approved_on {date} not null,
  complete_on {date},
  builder {text},
  builder_uscc {text},
  source {text},
  made_up {bool}
);
{layer lpg_planned_project MultiPolygon};
create unique index lpg_planned_project_project_no on lpg_planned_project (project_no);
create index lpg_planned_project_area on lpg_planned_project (area_code);
create index lpg_planned_project_owner on lpg_planned_project (owner_org);
create index lpg_planned_project_stage on lpg_planned_project (stage);
create index lpg_planned_project_use on lpg_planned_project (use);
