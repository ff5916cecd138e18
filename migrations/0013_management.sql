-- Documents, training, plans, applications, notices, equipment, duty, exchange, tasks, calendar.

create table lpg_document (
  {record},
  document_no {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  station_uid {text},
  station_name {text},
  class {text} not null,
  item {text} not null,
  title {text} not null,
  edition {text},
  issued_on {date},
  review_by {date},
  issuer {text},
  state {text} not null,
  posts {text},
  file {text},
  made_up {bool}
);
{layer lpg_document None};
create unique index lpg_document_document_no on lpg_document (document_no);
create index lpg_document_area on lpg_document (area_code);
create index lpg_document_owner on lpg_document (owner_org);
create index lpg_document_class on lpg_document (class);
create index lpg_document_state on lpg_document (state);
create index lpg_document_enterprise_uid on lpg_document (enterprise_uid);
create index lpg_document_item on lpg_document (item);

create table lpg_training (
  {record},
  training_no {text} not null,
  staff_no {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  kind {text} not null,
  topic {text} not null,
  document_no {text},
  trained_on {date} not null,
  hours {real},
  score {real},
  verdict {text} not null,
  next_due_on {date},
  made_up {bool}
);
{layer lpg_training None};
create unique index lpg_training_training_no on lpg_training (training_no);
create index lpg_training_area on lpg_training (area_code);
create index lpg_training_owner on lpg_training (owner_org);
create index lpg_training_kind on lpg_training (kind);
create index lpg_training_verdict on lpg_training (verdict);
create index lpg_training_staff_no on lpg_training (staff_no);
create index lpg_training_next_due_on on lpg_training (next_due_on);

create table lpg_assessment (
  {record},
  assessment_no {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  assessed_at {time} not null,
  department {text} not null,
  person {text} not null,
  post_department {text} not null,
  class {text} not null,
  content {text} not null,
  score {real} not null,
  verdict {text} not null,
  made_up {bool}
);
{layer lpg_assessment None};
create unique index lpg_assessment_assessment_no on lpg_assessment (assessment_no);
create index lpg_assessment_area on lpg_assessment (area_code);
create index lpg_assessment_owner on lpg_assessment (owner_org);
create index lpg_assessment_verdict on lpg_assessment (verdict);
create index lpg_assessment_class on lpg_assessment (class);
create index lpg_assessment_enterprise_uid on lpg_assessment (enterprise_uid);

create table lpg_emergency_plan (
  {record},
  plan_no {text} not null,
  name {text} not null,
  kind {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  station_uid {text},
  station_name {text},
  issued_on {date},
  review_by {date},
  filed_no {text},
  state {text} not null,
  call_list {text},
  steps {text},
  file {text},
  made_up {bool}
);
{layer lpg_emergency_plan None};
create unique index lpg_emergency_plan_plan_no on lpg_emergency_plan (plan_no);
create index lpg_emergency_plan_area on lpg_emergency_plan (area_code);
create index lpg_emergency_plan_owner on lpg_emergency_plan (owner_org);
create index lpg_emergency_plan_kind on lpg_emergency_plan (kind);
create index lpg_emergency_plan_state on lpg_emergency_plan (state);
create index lpg_emergency_plan_enterprise_uid on lpg_emergency_plan (enterprise_uid);

create table lpg_drill (
  {record},
  drill_no {text} not null,
  plan_no {text},
  enterprise_uid {text},
  enterprise_name {text},
  station_uid {text},
  station_name {text},
  kind {text} not null,
  held_on {date} not null,
  topic {text} not null,
  person_count {int},
  duration_min {int},
  review {text},
  verdict {text},
  next_due_on {date},
  made_up {bool}
);
{layer lpg_drill None};
create unique index lpg_drill_drill_no on lpg_drill (drill_no);
create index lpg_drill_area on lpg_drill (area_code);
create index lpg_drill_owner on lpg_drill (owner_org);
create index lpg_drill_kind on lpg_drill (kind);
create index lpg_drill_verdict on lpg_drill (verdict);
create index lpg_drill_enterprise_uid on lpg_drill (enterprise_uid);

create table lpg_change_application (
  {record},
  application_no {text} not null,
  kind {text} not null,
  licence_no {text},
  enterprise_uid {text},
  enterprise_name {text},
  station_uid {text},
  station_name {text},
  applied_on {date} not null,
  effective_on {date},
  accepted_on {date},
  decide_by {date},
  decided_on {date},
  state {text} not null,
  reason {text},
  opinion {text},
  made_up {bool}
);
{layer lpg_change_application None};
create unique index lpg_change_application_application_no on lpg_change_application (application_no);
create index lpg_change_application_area on lpg_change_application (area_code);
create index lpg_change_application_owner on lpg_change_application (owner_org);
create index lpg_change_application_kind on lpg_change_application (kind);
create index lpg_change_application_state on lpg_change_application (state);
create index lpg_change_application_enterprise_uid on lpg_change_application (enterprise_uid);
create index lpg_change_application_licence_no on lpg_change_application (licence_no);

create table lpg_supply_notice (
  {record},
  notice_no {text} not null,
  kind {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  station_uid {text},
  station_name {text},
  user_no {text},
  issued_at {time} not null,
  effective_from {date} not null,
  effective_to {date},
  reason {text} not null,
  hazard_no {text},
  received_by {text},
  approved {bool},
  made_up {bool}
);
{layer lpg_supply_notice None};
create unique index lpg_supply_notice_notice_no on lpg_supply_notice (notice_no);
create index lpg_supply_notice_area on lpg_supply_notice (area_code);
create index lpg_supply_notice_owner on lpg_supply_notice (owner_org);
create index lpg_supply_notice_kind on lpg_supply_notice (kind);
create index lpg_supply_notice_user_no on lpg_supply_notice (user_no);

create table lpg_publication (
  {record},
  publication_no {text} not null,
  kind {text} not null,
  title {text} not null,
  subject_name {text} not null,
  subject_uscc {text},
  document_no {text},
  decided_on {date} not null,
  published_on {date},
  valid_to {date},
  department {text},
  summary {text},
  made_up {bool}
);
{layer lpg_publication None};
create unique index lpg_publication_publication_no on lpg_publication (publication_no);
create index lpg_publication_area on lpg_publication (area_code);
create index lpg_publication_owner on lpg_publication (owner_org);
create index lpg_publication_kind on lpg_publication (kind);

create table lpg_lab_sample (
  {record},
  sample_no {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  station_uid {text},
  station_name {text},
  tag_no {text},
  batch_no {text},
  sampled_at {time} not null,
  lab {text},
  reported_on {date},
  dme_percent {real},
  c3c4_percent {real},
  c5_percent {real},
  vapour_pressure_kpa {real},
  sulphur_mg_m3 {real},
  odour {bool},
  verdict {text} not null,
  made_up {bool}
);
{layer lpg_lab_sample None};
create unique index lpg_lab_sample_sample_no on lpg_lab_sample (sample_no);
create index lpg_lab_sample_area on lpg_lab_sample (area_code);
create index lpg_lab_sample_owner on lpg_lab_sample (owner_org);
create index lpg_lab_sample_verdict on lpg_lab_sample (verdict);
create index lpg_lab_sample_batch_no on lpg_lab_sample (batch_no);

create table lpg_equipment (
  {record},
  equipment_no {text} not null,
  name {text} not null,
  kind {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  station_uid {text},
  station_name {text},
  model {text},
  type_no {text},
  maker {text},
  serial_no {text},
  sim_no {text},
  volume_m3 {real},
  pressure_mpa {real},
  registration_no {text},
  key_facility {bool},
  installed_on {date},
  checked_on {date},
  next_check_on {date},
  check_state {text},
  check_next_change {time},
  state {text} not null,
  made_up {bool}
);
{layer lpg_equipment None};
create unique index lpg_equipment_equipment_no on lpg_equipment (equipment_no);
create index lpg_equipment_area on lpg_equipment (area_code);
create index lpg_equipment_owner on lpg_equipment (owner_org);
create index lpg_equipment_kind on lpg_equipment (kind);
create index lpg_equipment_state on lpg_equipment (state);
create index lpg_equipment_check_state on lpg_equipment (check_state);
create index lpg_equipment_station_uid on lpg_equipment (station_uid);
create index lpg_equipment_next_check_on on lpg_equipment (next_check_on);
create index lpg_equipment_check_next_change on lpg_equipment (check_next_change);

create table lpg_duty_roster (
  {record},
  duty_no {text} not null,
  duty_on {date} not null,
  shift {text} not null,
  department {text} not null,
  station_uid {text},
  person {text} not null,
  phone {text},
  leader {bool},
  signed_in_at {time},
  made_up {bool}
);
{layer lpg_duty_roster None};
create unique index lpg_duty_roster_duty_no on lpg_duty_roster (duty_no);
create index lpg_duty_roster_area on lpg_duty_roster (area_code);
create index lpg_duty_roster_owner on lpg_duty_roster (owner_org);
create index lpg_duty_roster_shift on lpg_duty_roster (shift);
create index lpg_duty_roster_duty_on on lpg_duty_roster (duty_on);

create table lpg_exchange_log (
  {record},
  exchange_no {text} not null,
  direction {text} not null,
  partner {text} not null,
  resource {text},
  started_at {time} not null,
  ended_at {time},
  from_pos {int},
  to_pos {int},
  row_count {int},
  refused_count {int},
  lag_s {int},
  result {text} not null,
  message {text},
  made_up {bool}
);
{layer lpg_exchange_log None};
create unique index lpg_exchange_log_exchange_no on lpg_exchange_log (exchange_no);
create index lpg_exchange_log_area on lpg_exchange_log (area_code);
create index lpg_exchange_log_owner on lpg_exchange_log (owner_org);
create index lpg_exchange_log_direction on lpg_exchange_log (direction);
create index lpg_exchange_log_result on lpg_exchange_log (result);

create table lpg_task (
  {record},
  task_no {text} not null,
  kind {text} not null,
  title {text} not null,
  content {text},
  from_department {text},
  to_department {text},
  issued_at {time} not null,
  receipt_at {time},
  due_on {date},
  done_at {time},
  state {text} not null,
  state_next_change {time},
  result {text},
  subject {text},
  subject_uid {text},
  made_up {bool}
);
{layer lpg_task None};
create unique index lpg_task_task_no on lpg_task (task_no);
create index lpg_task_area on lpg_task (area_code);
create index lpg_task_owner on lpg_task (owner_org);
create index lpg_task_kind on lpg_task (kind);
create index lpg_task_state on lpg_task (state);
create index lpg_task_due_on on lpg_task (due_on);
create index lpg_task_state_next_change on lpg_task (state_next_change);

create table lpg_accident_report (
  {record},
  report_no {text} not null,
  accident_no {text} not null,
  kind {text} not null,
  level {text},
  from_department {text} not null,
  to_department {text},
  reported_at {time} not null,
  received_at {time},
  deaths {int},
  serious_injuries {int},
  minor_injuries {int},
  missing {int},
  loss_cny_10k {real},
  content {text} not null,
  measures {text},
  made_up {bool}
);
{layer lpg_accident_report None};
create unique index lpg_accident_report_report_no on lpg_accident_report (report_no);
create index lpg_accident_report_area on lpg_accident_report (area_code);
create index lpg_accident_report_owner on lpg_accident_report (owner_org);
create index lpg_accident_report_kind on lpg_accident_report (kind);
create index lpg_accident_report_accident_no on lpg_accident_report (accident_no);

create table lpg_recording (
  {record},
  recording_no {text} not null,
  camera_id {text} not null,
  kind {text} not null,
  started_at {time} not null,
  ended_at {time},
  event_no {text},
  file {text},
  sha256 {text},
  keep_to {date},
  made_up {bool}
);
{layer lpg_recording None};
create unique index lpg_recording_recording_no on lpg_recording (recording_no);
create index lpg_recording_area on lpg_recording (area_code);
create index lpg_recording_owner on lpg_recording (owner_org);
create index lpg_recording_kind on lpg_recording (kind);
create index lpg_recording_camera_id on lpg_recording (camera_id);
create index lpg_recording_started_at on lpg_recording (started_at);

create table lpg_reading (
  {record},
  reading_id {text} not null,
  device_no {text} not null,
  kind {text} not null,
  value {real} not null,
  measure_unit {text},
  measured_at {time} not null,
  received_at {time},
  made_up {bool}
);
{layer lpg_reading None};
create unique index lpg_reading_reading_id on lpg_reading (reading_id);
create index lpg_reading_area on lpg_reading (area_code);
create index lpg_reading_owner on lpg_reading (owner_org);
create index lpg_reading_kind on lpg_reading (kind);
create index lpg_reading_device_no on lpg_reading (device_no);
create index lpg_reading_measured_at on lpg_reading (measured_at);

create table lpg_calendar_day (
  {record},
  day {date} not null,
  kind {text} not null,
  name {text},
  basis {text},
  made_up {bool}
);
{layer lpg_calendar_day None};
create unique index lpg_calendar_day_day on lpg_calendar_day (day);
create index lpg_calendar_day_area on lpg_calendar_day (area_code);
create index lpg_calendar_day_owner on lpg_calendar_day (owner_org);
create index lpg_calendar_day_kind on lpg_calendar_day (kind);
