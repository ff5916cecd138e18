-- Inspections, user devices, hazard steps, complaints, cases and credit.

create table lpg_inspection (
  {record},
  {geom Point},
  inspection_no {text} not null,
  kind {text} not null,
  subject {text} not null,
  subject_uid {text},
  subject_no {text},
  enterprise_uid {text},
  enterprise_name {text},
  plan_no {text},
  form_name {text},
  started_at {time} not null,
  ended_at {time},
  inspector {text},
  inspector_no {text},
  result {text} not null,
  item_count {int},
  failed_count {int},
  score {real},
  photo {text},
  signature {text},
  offline {bool},
  remark {text},
  made_up {bool}
);
{layer lpg_inspection Point};
create unique index lpg_inspection_inspection_no on lpg_inspection (inspection_no);
create index lpg_inspection_area on lpg_inspection (area_code);
create index lpg_inspection_owner on lpg_inspection (owner_org);
create index lpg_inspection_kind on lpg_inspection (kind);
create index lpg_inspection_result on lpg_inspection (result);
create index lpg_inspection_subject on lpg_inspection (subject);
create index lpg_inspection_subject_uid on lpg_inspection (subject_uid);
create index lpg_inspection_started_at on lpg_inspection (started_at);

create table lpg_inspection_item (
  {record},
  item_no {text} not null,
  inspection_no {text} not null,
  sequence {int} not null,
  item {text},
  content {text} not null,
  verdict {text} not null,
  remark {text},
  photo {text},
  hazard_no {text},
  made_up {bool}
);
{layer lpg_inspection_item None};
create unique index lpg_inspection_item_item_no on lpg_inspection_item (item_no);
create index lpg_inspection_item_area on lpg_inspection_item (area_code);
create index lpg_inspection_item_owner on lpg_inspection_item (owner_org);
create index lpg_inspection_item_verdict on lpg_inspection_item (verdict);
create index lpg_inspection_item_item on lpg_inspection_item (item);
create index lpg_inspection_item_inspection_no on lpg_inspection_item (inspection_no);

create table lpg_user_device (
  {record},
  device_no {text} not null,
  user_no {text} not null,
  kind {text} not null,
  model {text},
  maker {text},
  sim_no {text},
  installed_on {date},
  life_to {date},
  state {text} not null,
  state_next_change {time},
  reading_lel {real},
  last_seen_at {time},
  made_up {bool}
);
{layer lpg_user_device None};
create unique index lpg_user_device_device_no on lpg_user_device (device_no);
create index lpg_user_device_area on lpg_user_device (area_code);
create index lpg_user_device_owner on lpg_user_device (owner_org);
create index lpg_user_device_kind on lpg_user_device (kind);
create index lpg_user_device_state on lpg_user_device (state);
create index lpg_user_device_user_no on lpg_user_device (user_no);
create index lpg_user_device_state_next_change on lpg_user_device (state_next_change);

create table lpg_hazard_step (
  {record},
  step_no {text} not null,
  hazard_no {text} not null,
  step {text} not null,
  done_at {time} not null,
  done_by {text},
  department {text},
  opinion {text},
  problem {text},
  place {text},
  before_photo {text},
  after_photo {text},
  made_up {bool}
);
{layer lpg_hazard_step None};
create unique index lpg_hazard_step_step_no on lpg_hazard_step (step_no);
create index lpg_hazard_step_area on lpg_hazard_step (area_code);
create index lpg_hazard_step_owner on lpg_hazard_step (owner_org);
create index lpg_hazard_step_step on lpg_hazard_step (step);
create index lpg_hazard_step_hazard_no on lpg_hazard_step (hazard_no);

create table lpg_complaint (
  {record},
  {geom Point},
  complaint_no {text} not null,
  channel {text} not null,
  kind {text} not null,
  content {text} not null,
  complainant {text},
  phone {text},
  place {text},
  enterprise_uid {text},
  enterprise_name {text},
  received_at {time} not null,
  answer_by {date},
  answered_at {time},
  state {text} not null,
  department {text},
  answer {text},
  case_no {text},
  made_up {bool}
);
{layer lpg_complaint Point};
create unique index lpg_complaint_complaint_no on lpg_complaint (complaint_no);
create index lpg_complaint_area on lpg_complaint (area_code);
create index lpg_complaint_owner on lpg_complaint (owner_org);
create index lpg_complaint_kind on lpg_complaint (kind);
create index lpg_complaint_state on lpg_complaint (state);
create index lpg_complaint_channel on lpg_complaint (channel);

create table lpg_case (
  {record},
  {geom Point},
  case_no {text} not null,
  title {text} not null,
  stage {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  subject {text} not null,
  subject_uid {text},
  subject_name {text},
  basis {text},
  found_at {time} not null,
  transferred_at {time},
  transfer_no {text},
  to_department {text},
  filed_on {date},
  decided_on {date},
  decision_no {text},
  penalty {text},
  fine_cny {real},
  replied_on {date},
  published_on {date},
  hazard_no {text},
  complaint_no {text},
  evidence {text},
  made_up {bool}
);
{layer lpg_case Point};
create unique index lpg_case_case_no on lpg_case (case_no);
create index lpg_case_area on lpg_case (area_code);
create index lpg_case_owner on lpg_case (owner_org);
create index lpg_case_stage on lpg_case (stage);
create index lpg_case_penalty on lpg_case (penalty);
create index lpg_case_enterprise_uid on lpg_case (enterprise_uid);

create table lpg_credit_entry (
  {record},
  entry_no {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  kind {text} not null,
  points {real} not null,
  occurred_on {date} not null,
  reason {text} not null,
  document_no {text},
  case_no {text},
  expires_on {date},
  appealed {bool},
  repaired_on {date},
  made_up {bool}
);
{layer lpg_credit_entry None};
create unique index lpg_credit_entry_entry_no on lpg_credit_entry (entry_no);
create index lpg_credit_entry_area on lpg_credit_entry (area_code);
create index lpg_credit_entry_owner on lpg_credit_entry (owner_org);
create index lpg_credit_entry_kind on lpg_credit_entry (kind);
create index lpg_credit_entry_enterprise_uid on lpg_credit_entry (enterprise_uid);
