-- Where vehicles were as they drove: many rows, so few indexes and none of space.

create table lpg_vehicle_position (
  {record},
  position_id {text} not null,
  vehicle_no {text} not null,
  trip_no {text},
  fixed_at {time} not null,
  received_at {time},
  lon {real} not null,
  lat {real} not null,
  speed_km_h {real},
  heading_deg {real},
  made_up {bool}
);
{layer lpg_vehicle_position None};
create unique index lpg_vehicle_position_position_id on lpg_vehicle_position (position_id);
create index lpg_vehicle_position_vehicle on lpg_vehicle_position (vehicle_no, fixed_at);
