-- What addresses are matched with, and how the position of a user came about.

create table lpg_address_point (
  {record},
  {geom Point},
  address {text} not null,
  kind {text} not null,
  address_no {text},
  checked_on {date},
  source {text},
  made_up {bool}
);
{layer lpg_address_point Point};
alter table lpg_address_point add column search_words {text};
create index lpg_address_point_area on lpg_address_point (area_code);
create index lpg_address_point_owner on lpg_address_point (owner_org);
create index lpg_address_point_kind on lpg_address_point (kind);
create unique index lpg_address_point_address_no on lpg_address_point (address_no);

alter table lpg_end_user add column position_grade {text};
alter table lpg_end_user add column position_error_m {real};
alter table lpg_end_user add column position_source {text};
-- The queue of those to be placed by hand.
create index lpg_end_user_position_grade on lpg_end_user (position_grade);
update lpg_end_user set position_grade = 'none' where geom is null;
