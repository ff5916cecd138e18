-- Vehicles with their last fix, and cameras.

create table lpg_vehicle (
  {record},
  {geom Point},
  vehicle_no {text} not null,
  plate {text},
  plate_colour {text},
  filing_no {text},
  kind {text} not null,
  model {text},
  enterprise_uid {text},
  enterprise_name {text},
  insurance_to {date},
  transport_permit_no {text},
  transport_permit_to {date},
  papers_state {text},
  route_name {text},
  driver_name {text},
  driver_permit_to {date},
  escort_name {text},
  escort_permit_to {date},
  full_count {int},
  empty_count {int},
  max_count {int},
  rated_load_kg {real},
  max_volume_l {real},
  overloaded {bool},
  gps_fitted {bool},
  recorder_fitted {bool},
  video_state {text},
  state {text} not null,
  heading_deg {real},
  speed_km_h {real},
  mileage_today_km {real},
  last_fix_at {time},
  last_maintained_on {date},
  next_maintenance_on {date},
  made_up {bool}
);
{layer lpg_vehicle Point};
create unique index lpg_vehicle_vehicle_no on lpg_vehicle (vehicle_no);
create unique index lpg_vehicle_plate on lpg_vehicle (plate);
create index lpg_vehicle_area on lpg_vehicle (area_code);
create index lpg_vehicle_owner on lpg_vehicle (owner_org);
create index lpg_vehicle_state on lpg_vehicle (state);
create index lpg_vehicle_kind on lpg_vehicle (kind);
create index lpg_vehicle_papers_state on lpg_vehicle (papers_state);
create index lpg_vehicle_enterprise_uid on lpg_vehicle (enterprise_uid);
create index lpg_vehicle_last_fix_at on lpg_vehicle (last_fix_at);

create table lpg_camera (
  {record},
  {geom Point},
  name {text} not null,
  gb28181_id {text} not null,
  place_kind {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  station_uid {text},
  station_name {text},
  address {text},
  state {text} not null,
  offline_since {time},
  network {text},
  private_line {bool},
  codec {text},
  heading_deg {real},
  retained_from {date},
  installed_on {date},
  made_up {bool}
);
{layer lpg_camera Point};
create unique index lpg_camera_gb28181_id on lpg_camera (gb28181_id);
create index lpg_camera_area on lpg_camera (area_code);
create index lpg_camera_owner on lpg_camera (owner_org);
create index lpg_camera_state on lpg_camera (state);
create index lpg_camera_place_kind on lpg_camera (place_kind);
create index lpg_camera_station_uid on lpg_camera (station_uid);
