-- Emergency resources, transport routes, restricted zones and gas detectors.

create table lpg_emergency_resource (
  {record},
  {geom Point},
  resource_no {text} not null,
  name {text} not null,
  kind {text} not null,
  address {text},
  contact {text},
  duty_phone {text},
  staff_count {int},
  vehicle_count {int},
  bed_count {int},
  capability {text},
  open_24h {bool},
  checked_on {date},
  made_up {bool}
);
{layer lpg_emergency_resource Point};
create unique index lpg_emergency_resource_resource_no on lpg_emergency_resource (resource_no);
create index lpg_emergency_resource_area on lpg_emergency_resource (area_code);
create index lpg_emergency_resource_owner on lpg_emergency_resource (owner_org);
create index lpg_emergency_resource_kind on lpg_emergency_resource (kind);

create table lpg_transport_route (
  {record},
  {geom LineString},
  route_no {text} not null,
  name {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  from_name {text},
  from_station_uid {text},
  to_name {text},
  to_station_uid {text},
  length_km {real},
  expected_min {int},
  state {text} not null,
  risk {text},
  risk_index {real},
  exposed_persons {int},
  hazard_count {int},
  deviation_m {real},
  approved_by {text},
  valid_from {date},
  valid_to {date},
  made_up {bool}
);
{layer lpg_transport_route LineString};
create unique index lpg_transport_route_route_no on lpg_transport_route (route_no);
create index lpg_transport_route_area on lpg_transport_route (area_code);
create index lpg_transport_route_owner on lpg_transport_route (owner_org);
create index lpg_transport_route_state on lpg_transport_route (state);
create index lpg_transport_route_risk on lpg_transport_route (risk);
create index lpg_transport_route_enterprise_uid on lpg_transport_route (enterprise_uid);

create table lpg_restricted_zone (
  {record},
  {geom MultiPolygon},
  zone_no {text} not null,
  name {text} not null,
  kind {text} not null,
  all_day {bool} not null,
  hours_from {text},
  hours_to {text},
  weekdays {text},
  speed_limit_km_h {int},
  permit_possible {bool},
  authority {text},
  basis {text},
  valid_from {date},
  valid_to {date},
  made_up {bool}
);
{layer lpg_restricted_zone MultiPolygon};
create unique index lpg_restricted_zone_zone_no on lpg_restricted_zone (zone_no);
create index lpg_restricted_zone_area on lpg_restricted_zone (area_code);
create index lpg_restricted_zone_owner on lpg_restricted_zone (owner_org);
create index lpg_restricted_zone_kind on lpg_restricted_zone (kind);

create table lpg_detector (
  {record},
  {geom Point},
  detector_no {text} not null,
  gb28181_id {text},
  name {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  station_uid {text},
  station_name {text},
  place_kind {text},
  medium {text},
  model {text},
  maker {text},
  controller_no {text},
  link {text},
  level1_lel {real},
  level2_lel {real},
  reading_lel {real},
  state {text} not null,
  state_next_change {time},
  last_seen_at {time},
  calibrated_on {date},
  calibration_to {date},
  ex_certificate_no {text},
  ex_certificate_to {date},
  metrology_certificate_no {text},
  metrology_certificate_to {date},
  installed_on {date},
  made_up {bool}
);
{layer lpg_detector Point};
create unique index lpg_detector_detector_no on lpg_detector (detector_no);
create unique index lpg_detector_gb28181_id on lpg_detector (gb28181_id);
create index lpg_detector_area on lpg_detector (area_code);
create index lpg_detector_owner on lpg_detector (owner_org);
create index lpg_detector_state on lpg_detector (state);
create index lpg_detector_place_kind on lpg_detector (place_kind);
create index lpg_detector_station_uid on lpg_detector (station_uid);
create index lpg_detector_state_next_change on lpg_detector (state_next_change);
