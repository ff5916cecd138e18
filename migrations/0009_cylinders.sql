-- Cylinders with tags and readers, and what happens to them. Events and fillings are many: few indexes.

create table lpg_cylinder (
  {record},
  tag_no {text} not null,
  serial_no {text},
  model {text} not null,
  capacity_l {real},
  tare_kg {real},
  max_fill_kg {real},
  maker {text},
  maker_licence {text},
  standard {text},
  manufactured_on {date},
  design_life_years {int},
  owner_enterprise_uid {text},
  owner_enterprise_name {text},
  custodian_uid {text},
  registration_no {text},
  registered_on {date},
  last_test_on {date},
  next_test_on {date},
  scrap_on {date},
  state {text} not null,
  test_state {text} not null,
  test_next_change {time},
  weight_before_kg {real},
  weight_after_kg {real},
  last_filled_at {time},
  last_link {text},
  last_holder_name {text},
  last_holder_card_no {text},
  this_link {text},
  this_holder_name {text},
  this_holder_card_no {text},
  holder_kind {text},
  holder_uid {text},
  held_since {time},
  made_up {bool}
);
{layer lpg_cylinder None};
create unique index lpg_cylinder_tag_no on lpg_cylinder (tag_no);
create index lpg_cylinder_area on lpg_cylinder (area_code);
create index lpg_cylinder_owner on lpg_cylinder (owner_org);
create index lpg_cylinder_state on lpg_cylinder (state);
create index lpg_cylinder_test_state on lpg_cylinder (test_state);
create index lpg_cylinder_model on lpg_cylinder (model);
create index lpg_cylinder_serial_no on lpg_cylinder (serial_no);
create index lpg_cylinder_holder_uid on lpg_cylinder (holder_uid);
create index lpg_cylinder_next_test_on on lpg_cylinder (next_test_on);
create index lpg_cylinder_test_next_change on lpg_cylinder (test_next_change);

create table lpg_cylinder_tag (
  {record},
  tag_no {text} not null,
  type_no {text},
  kind {text} not null,
  state {text} not null,
  serial_no {text},
  issuer_code {text},
  issued_on {date},
  retired_on {date},
  replaced_by {text},
  reason {text},
  made_up {bool}
);
{layer lpg_cylinder_tag None};
create unique index lpg_cylinder_tag_tag_no on lpg_cylinder_tag (tag_no);
create index lpg_cylinder_tag_area on lpg_cylinder_tag (area_code);
create index lpg_cylinder_tag_owner on lpg_cylinder_tag (owner_org);
create index lpg_cylinder_tag_state on lpg_cylinder_tag (state);
create index lpg_cylinder_tag_kind on lpg_cylinder_tag (kind);
create index lpg_cylinder_tag_serial_no on lpg_cylinder_tag (serial_no);

create table lpg_tag_type (
  {record},
  type_no {text} not null,
  name {text} not null,
  kind {text} not null,
  maker {text},
  frequency_mhz {real} not null,
  air_interface {text} not null,
  memory_bits {int} not null,
  read_range_m {real} not null,
  ip_rating {text} not null,
  temperature_min_c {real} not null,
  temperature_max_c {real} not null,
  mounting {text} not null,
  retention_years {int} not null,
  write_cycles {int} not null,
  tamper_proof {bool} not null,
  ex_marking {text},
  certificate_no {text},
  made_up {bool}
);
{layer lpg_tag_type None};
create unique index lpg_tag_type_type_no on lpg_tag_type (type_no);
create index lpg_tag_type_area on lpg_tag_type (area_code);
create index lpg_tag_type_owner on lpg_tag_type (owner_org);
create index lpg_tag_type_kind on lpg_tag_type (kind);

create table lpg_reader_type (
  {record},
  type_no {text} not null,
  name {text} not null,
  kind {text} not null,
  maker {text},
  interface {text} not null,
  read_range_m {real} not null,
  ip_rating {text} not null,
  emc {text} not null,
  safety {text} not null,
  power_w {real} not null,
  online {bool},
  offline_capacity {int},
  certificate_no {text},
  made_up {bool}
);
{layer lpg_reader_type None};
create unique index lpg_reader_type_type_no on lpg_reader_type (type_no);
create index lpg_reader_type_area on lpg_reader_type (area_code);
create index lpg_reader_type_owner on lpg_reader_type (owner_org);
create index lpg_reader_type_kind on lpg_reader_type (kind);

create table lpg_cylinder_event (
  {record},
  event_id {text} not null,
  occurred_at {time} not null,
  received_at {time},
  tag_no {text} not null,
  step {text} not null,
  source {text} not null,
  reader_no {text},
  reader_sequence {int},
  offline {bool},
  from_kind {text},
  from_uid {text},
  from_name {text},
  from_card_no {text},
  to_kind {text},
  to_uid {text},
  to_name {text},
  to_card_no {text},
  operator_no {text},
  document_no {text},
  weight_before_kg {real},
  weight_after_kg {real},
  lon_deg {real},
  lat_deg {real},
  illegal_flow {bool},
  made_up {bool}
);
{layer lpg_cylinder_event None};
create unique index lpg_cylinder_event_event_id on lpg_cylinder_event (event_id);
create index lpg_cylinder_event_area on lpg_cylinder_event (area_code);
create index lpg_cylinder_event_owner on lpg_cylinder_event (owner_org);
create index lpg_cylinder_event_step on lpg_cylinder_event (step);
create index lpg_cylinder_event_source on lpg_cylinder_event (source);
create index lpg_cylinder_event_tag_no on lpg_cylinder_event (tag_no);
create index lpg_cylinder_event_occurred_at on lpg_cylinder_event (occurred_at);
create index lpg_cylinder_event_to_uid on lpg_cylinder_event (to_uid);

create table lpg_filling (
  {record},
  filling_no {text} not null,
  filled_at {time} not null,
  tag_no {text} not null,
  serial_no {text},
  model {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  station_uid {text},
  station_name {text},
  scale_no {text},
  operator_no {text},
  source {text} not null,
  tare_kg {real},
  weight_before_kg {real},
  weight_after_kg {real},
  net_kg {real},
  precheck {text},
  postcheck {text},
  result {text} not null,
  block_reason {text},
  dme_percent {real},
  batch_no {text},
  clip_no {text},
  made_up {bool}
);
{layer lpg_filling None};
create unique index lpg_filling_filling_no on lpg_filling (filling_no);
create index lpg_filling_area on lpg_filling (area_code);
create index lpg_filling_owner on lpg_filling (owner_org);
create index lpg_filling_result on lpg_filling (result);
create index lpg_filling_model on lpg_filling (model);
create index lpg_filling_source on lpg_filling (source);
create index lpg_filling_tag_no on lpg_filling (tag_no);
create index lpg_filling_filled_at on lpg_filling (filled_at);
create index lpg_filling_station_uid on lpg_filling (station_uid);

create table lpg_cylinder_test (
  {record},
  test_no {text} not null,
  tag_no {text} not null,
  serial_no {text},
  tested_on {date} not null,
  station_uid {text},
  station_name {text},
  inspector_no {text},
  appearance {text},
  interior {text},
  hydraulic {text},
  hydraulic_mpa {real},
  valve {text},
  tightness {text},
  ambient_lel {real},
  wall_mm {real},
  tare_kg {real},
  verdict {text} not null,
  next_test_on {date},
  made_up {bool}
);
{layer lpg_cylinder_test None};
create unique index lpg_cylinder_test_test_no on lpg_cylinder_test (test_no);
create index lpg_cylinder_test_area on lpg_cylinder_test (area_code);
create index lpg_cylinder_test_owner on lpg_cylinder_test (owner_org);
create index lpg_cylinder_test_verdict on lpg_cylinder_test (verdict);
create index lpg_cylinder_test_tag_no on lpg_cylinder_test (tag_no);
create index lpg_cylinder_test_tested_on on lpg_cylinder_test (tested_on);
