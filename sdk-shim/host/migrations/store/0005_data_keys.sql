-- Which keys personal data of this store lies encrypted under: of each version a fingerprint, which
-- tells it from any other key and nothing about it. A key file that does not have them all is refused.

create table cim_data_key (
  fid {int} primary key autoincrement not null,
  version {int} not null unique,
  fingerprint {text} not null,
  at {time} not null
);
{attributes cim_data_key};
