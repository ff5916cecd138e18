-- Which file holds the keys of persons, and how many it had when last looked at: another one, or an
-- older copy, is refused.

create table cim_person_file (
  fid {int} primary key autoincrement not null,
  file_id {text} not null,
  keys {int} not null,
  at {time} not null
);
{attributes cim_person_file};
