-- Hazards with their workflow times, and accidents with their reporting chain.

create table lpg_hazard (
  {record},
  {geom Point},
  hazard_no {text} not null,
  description {text},
  basis {text},
  grade {text} not null,
  state {text} not null,
  source {text},
  item {text},
  subject {text} not null,
  subject_uid {text},
  subject_name {text},
  enterprise_uid {text},
  enterprise_name {text},
  place {text},
  found_by {text},
  found_at {time} not null,
  issued_at {time},
  accepted_at {time},
  submitted_at {time},
  reviewed_at {time},
  closed_at {time},
  rectify_by {date},
  extended_to {date},
  overdue {bool},
  listed {bool},
  before_photo {text},
  after_photo {text},
  handled_problem {text},
  handled_place {text},
  review_opinion {text},
  reopened {int},
  made_up {bool}
);
{layer lpg_hazard Point};
create unique index lpg_hazard_hazard_no on lpg_hazard (hazard_no);
create index lpg_hazard_area on lpg_hazard (area_code);
create index lpg_hazard_owner on lpg_hazard (owner_org);
create index lpg_hazard_grade on lpg_hazard (grade);
create index lpg_hazard_state on lpg_hazard (state);
create index lpg_hazard_subject on lpg_hazard (subject);
create index lpg_hazard_rectify_by on lpg_hazard (rectify_by);
create index lpg_hazard_found_at on lpg_hazard (found_at);

create table lpg_accident (
  {record},
  {geom Point},
  accident_no {text} not null,
  title {text} not null,
  kind {text} not null,
  grade {text} not null,
  state {text} not null,
  occurred_at {time} not null,
  place_kind {text},
  place {text},
  cause {text},
  deaths {int},
  serious_injuries {int},
  minor_injuries {int},
  loss_cny_10k {real},
  enterprise_uid {text},
  enterprise_name {text},
  user_no {text},
  cylinder_tag {text},
  reported_county_at {time},
  relayed_city_at {time},
  relayed_province_at {time},
  measures {text},
  inquiry {text},
  rectification {text},
  closed_on {date},
  made_up {bool}
);
{layer lpg_accident Point};
create unique index lpg_accident_accident_no on lpg_accident (accident_no);
create index lpg_accident_area on lpg_accident (area_code);
create index lpg_accident_owner on lpg_accident (owner_org);
create index lpg_accident_grade on lpg_accident (grade);
create index lpg_accident_kind on lpg_accident (kind);
create index lpg_accident_cause on lpg_accident (cause);
create index lpg_accident_place_kind on lpg_accident (place_kind);
create index lpg_accident_occurred_at on lpg_accident (occurred_at);
