-- Staff, certificates, licences, papers of vehicles, maintenance and waybills.

create table lpg_staff (
  {record},
  staff_no {text} not null,
  name {text} not null,
  id_no {text},
  gender {text},
  born_on {date},
  phone {text},
  enterprise_uid {text},
  enterprise_name {text},
  station_uid {text},
  station_name {text},
  post {text} not null,
  employed_on {date},
  left_on {date},
  work_years {int},
  state {text} not null,
  card_no {text},
  photo {text},
  made_up {bool}
);
{layer lpg_staff None};
create unique index lpg_staff_staff_no on lpg_staff (staff_no);
create index lpg_staff_area on lpg_staff (area_code);
create index lpg_staff_owner on lpg_staff (owner_org);
create index lpg_staff_post on lpg_staff (post);
create index lpg_staff_state on lpg_staff (state);
create index lpg_staff_enterprise_uid on lpg_staff (enterprise_uid);

create table lpg_staff_certificate (
  {record},
  certificate_no {text} not null,
  staff_no {text} not null,
  holder_name {text},
  kind {text} not null,
  issuer {text},
  valid_from {date},
  valid_to {date},
  state {text} not null,
  state_next_change {time},
  scan {text},
  made_up {bool}
);
{layer lpg_staff_certificate None};
create unique index lpg_staff_certificate_certificate_no on lpg_staff_certificate (certificate_no);
create index lpg_staff_certificate_area on lpg_staff_certificate (area_code);
create index lpg_staff_certificate_owner on lpg_staff_certificate (owner_org);
create index lpg_staff_certificate_kind on lpg_staff_certificate (kind);
create index lpg_staff_certificate_state on lpg_staff_certificate (state);
create index lpg_staff_certificate_staff_no on lpg_staff_certificate (staff_no);
create index lpg_staff_certificate_valid_to on lpg_staff_certificate (valid_to);
create index lpg_staff_certificate_state_next_change on lpg_staff_certificate (state_next_change);

create table lpg_licence (
  {record},
  licence_no {text} not null,
  kind {text} not null,
  holder_kind {text} not null,
  holder_uid {text},
  holder_name {text} not null,
  holder_uscc {text},
  business_scope {text},
  issuer {text},
  issued_on {date},
  valid_from {date} not null,
  valid_to {date} not null,
  renewal_applied_on {date},
  suspended {bool},
  cancelled_on {date},
  state {text} not null,
  state_next_change {time},
  published_on {date},
  scan {text},
  made_up {bool}
);
{layer lpg_licence None};
create unique index lpg_licence_licence_no on lpg_licence (licence_no);
create index lpg_licence_area on lpg_licence (area_code);
create index lpg_licence_owner on lpg_licence (owner_org);
create index lpg_licence_kind on lpg_licence (kind);
create index lpg_licence_state on lpg_licence (state);
create index lpg_licence_holder_uid on lpg_licence (holder_uid);
create index lpg_licence_valid_to on lpg_licence (valid_to);
create index lpg_licence_state_next_change on lpg_licence (state_next_change);

create table lpg_vehicle_paper (
  {record},
  paper_no {text} not null,
  vehicle_no {text} not null,
  plate {text},
  kind {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  issuer {text},
  valid_from {date},
  valid_to {date} not null,
  state {text} not null,
  state_next_change {time},
  scan {text},
  made_up {bool}
);
{layer lpg_vehicle_paper None};
create unique index lpg_vehicle_paper_paper_no on lpg_vehicle_paper (paper_no);
create index lpg_vehicle_paper_area on lpg_vehicle_paper (area_code);
create index lpg_vehicle_paper_owner on lpg_vehicle_paper (owner_org);
create index lpg_vehicle_paper_kind on lpg_vehicle_paper (kind);
create index lpg_vehicle_paper_state on lpg_vehicle_paper (state);
create index lpg_vehicle_paper_vehicle_no on lpg_vehicle_paper (vehicle_no);
create index lpg_vehicle_paper_valid_to on lpg_vehicle_paper (valid_to);
create index lpg_vehicle_paper_state_next_change on lpg_vehicle_paper (state_next_change);

create table lpg_maintenance (
  {record},
  maintenance_no {text} not null,
  subject_kind {text} not null,
  subject_no {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  kind {text} not null,
  done_on {date} not null,
  next_due_on {date},
  workshop {text},
  worker {text},
  content {text},
  mileage_km {real},
  verdict {text},
  made_up {bool}
);
{layer lpg_maintenance None};
create unique index lpg_maintenance_maintenance_no on lpg_maintenance (maintenance_no);
create index lpg_maintenance_area on lpg_maintenance (area_code);
create index lpg_maintenance_owner on lpg_maintenance (owner_org);
create index lpg_maintenance_kind on lpg_maintenance (kind);
create index lpg_maintenance_verdict on lpg_maintenance (verdict);
create index lpg_maintenance_subject_no on lpg_maintenance (subject_no);
create index lpg_maintenance_next_due_on on lpg_maintenance (next_due_on);

create table lpg_trip (
  {record},
  trip_no {text} not null,
  vehicle_no {text} not null,
  plate {text},
  enterprise_uid {text},
  enterprise_name {text},
  route_no {text},
  driver_no {text},
  escort_no {text},
  from_station_uid {text},
  from_name {text},
  to_station_uid {text},
  to_name {text},
  state {text} not null,
  planned_at {time},
  started_at {time},
  ended_at {time},
  full_count {int},
  empty_count {int},
  load_kg {real},
  volume_l {real},
  distance_km {real},
  online_s {int},
  speed_events {int},
  deviations {int},
  made_up {bool}
);
{layer lpg_trip None};
create unique index lpg_trip_trip_no on lpg_trip (trip_no);
create index lpg_trip_area on lpg_trip (area_code);
create index lpg_trip_owner on lpg_trip (owner_org);
create index lpg_trip_state on lpg_trip (state);
create index lpg_trip_vehicle_no on lpg_trip (vehicle_no);
create index lpg_trip_started_at on lpg_trip (started_at);
create index lpg_trip_enterprise_uid on lpg_trip (enterprise_uid);
