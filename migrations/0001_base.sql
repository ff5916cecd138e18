-- Base geography: what every map is drawn on.

create table lpg_district (
  {record},
  {geom MultiPolygon},
  code {text} not null,
  name {text} not null,
  level {text} not null,
  parent {text},
  population {int},
  area_km2 {real},
  source {text}
);
{layer lpg_district MultiPolygon};
create unique index lpg_district_code on lpg_district (code);
create index lpg_district_area on lpg_district (area_code);
create index lpg_district_owner on lpg_district (owner_org);
create index lpg_district_parent on lpg_district (parent);

create table lpg_coastline (
  {record},
  {geom Polygon},
  name {text},
  kind {text} not null,
  area_km2 {real},
  source {text}
);
{layer lpg_coastline Polygon};
create index lpg_coastline_area on lpg_coastline (area_code);
create index lpg_coastline_owner on lpg_coastline (owner_org);

create table lpg_place (
  {record},
  {geom Point},
  name {text} not null,
  name_en {text},
  class {text} not null,
  population {int},
  county_code {text},
  source_id {text},
  source {text}
);
{layer lpg_place Point};
create index lpg_place_area on lpg_place (area_code);
create index lpg_place_owner on lpg_place (owner_org);
create index lpg_place_class on lpg_place (class);
