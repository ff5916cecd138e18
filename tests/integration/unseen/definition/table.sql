create table lpg_lighthouse (
  {record},
  {geom Point},
  light_no {text} not null,
  name {text} not null,
  kind {text} not null,
  height_m {real},
  lamps {int},
  lit {bool} not null,
  unlit_reason {text},
  built_on {date},
  overhauled_on {date},
  seen_at {time},
  operator_code {text},
  keeper_phone {text},
  search_words {text}
);
{layer lpg_lighthouse Point};
create unique index lpg_lighthouse_light_no on lpg_lighthouse (light_no);
create index lpg_lighthouse_area on lpg_lighthouse (area_code);
create index lpg_lighthouse_kind on lpg_lighthouse (kind);
