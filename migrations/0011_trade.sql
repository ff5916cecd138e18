-- Stocks, sales, orders, prices, residue and connections.

create table lpg_station_stock (
  {record},
  stock_no {text} not null,
  counted_at {time} not null,
  station_uid {text},
  station_name {text},
  model {text} not null,
  full_count {int} not null,
  empty_count {int} not null,
  overdue_count {int},
  scrap_count {int},
  unknown_count {int},
  received_count {int},
  issued_count {int},
  difference {int},
  full_volume_l {real},
  made_up {bool}
);
{layer lpg_station_stock None};
create unique index lpg_station_stock_stock_no on lpg_station_stock (stock_no);
create index lpg_station_stock_area on lpg_station_stock (area_code);
create index lpg_station_stock_owner on lpg_station_stock (owner_org);
create index lpg_station_stock_model on lpg_station_stock (model);
create index lpg_station_stock_station_uid on lpg_station_stock (station_uid);
create index lpg_station_stock_counted_at on lpg_station_stock (counted_at);

create table lpg_sale (
  {record},
  sale_no {text} not null,
  sold_at {time} not null,
  enterprise_uid {text},
  enterprise_name {text},
  station_uid {text},
  station_name {text},
  goods {text} not null,
  user_no {text},
  user_name {text},
  real_name_state {text} not null,
  user_kind {text},
  tag_no {text},
  model {text},
  quantity {int} not null,
  net_kg {real},
  unit_price_cny {real},
  amount_cny {real},
  payment {text},
  order_no {text},
  made_up {bool}
);
{layer lpg_sale None};
create unique index lpg_sale_sale_no on lpg_sale (sale_no);
create index lpg_sale_area on lpg_sale (area_code);
create index lpg_sale_owner on lpg_sale (owner_org);
create index lpg_sale_goods on lpg_sale (goods);
create index lpg_sale_real_name_state on lpg_sale (real_name_state);
create index lpg_sale_model on lpg_sale (model);
create index lpg_sale_user_no on lpg_sale (user_no);
create index lpg_sale_sold_at on lpg_sale (sold_at);
create index lpg_sale_station_uid on lpg_sale (station_uid);
create index lpg_sale_tag_no on lpg_sale (tag_no);

create table lpg_order (
  {record},
  order_no {text} not null,
  kind {text} not null,
  channel {text} not null,
  goods {text} not null,
  ordered_at {time} not null,
  booked_for {time},
  user_no {text} not null,
  address {text},
  phone {text},
  station_uid {text},
  station_name {text},
  model {text},
  quantity {int} not null,
  state {text} not null,
  deliverer_no {text},
  vehicle_no {text},
  delivered_at {time},
  doorstep_check {text},
  score {int},
  made_up {bool}
);
{layer lpg_order None};
create unique index lpg_order_order_no on lpg_order (order_no);
create index lpg_order_area on lpg_order (area_code);
create index lpg_order_owner on lpg_order (owner_org);
create index lpg_order_state on lpg_order (state);
create index lpg_order_kind on lpg_order (kind);
create index lpg_order_channel on lpg_order (channel);
create index lpg_order_user_no on lpg_order (user_no);
create index lpg_order_ordered_at on lpg_order (ordered_at);
create index lpg_order_station_uid on lpg_order (station_uid);

create table lpg_price_list (
  {record},
  price_no {text} not null,
  enterprise_uid {text},
  enterprise_name {text},
  station_uid {text},
  station_name {text},
  model {text} not null,
  price_cny {real} not null,
  delivery_fee_cny {real},
  deposit_cny {real},
  valid_from {date} not null,
  valid_to {date},
  made_up {bool}
);
{layer lpg_price_list None};
create unique index lpg_price_list_price_no on lpg_price_list (price_no);
create index lpg_price_list_area on lpg_price_list (area_code);
create index lpg_price_list_owner on lpg_price_list (owner_org);
create index lpg_price_list_model on lpg_price_list (model);
create index lpg_price_list_station_uid on lpg_price_list (station_uid);

create table lpg_residue_order (
  {record},
  order_no {text} not null,
  tag_no {text} not null,
  station_uid {text},
  station_name {text},
  found_at {time} not null,
  residue_kg {real} not null,
  state {text} not null,
  evacuated_at {time},
  evacuated_kg {real},
  operator_no {text},
  made_up {bool}
);
{layer lpg_residue_order None};
create unique index lpg_residue_order_order_no on lpg_residue_order (order_no);
create index lpg_residue_order_area on lpg_residue_order (area_code);
create index lpg_residue_order_owner on lpg_residue_order (owner_org);
create index lpg_residue_order_state on lpg_residue_order (state);
create index lpg_residue_order_tag_no on lpg_residue_order (tag_no);

create table lpg_connection (
  {record},
  connection_no {text} not null,
  user_no {text} not null,
  tag_no {text} not null,
  connected_at {time} not null,
  worker_no {text},
  leak_test {text} not null,
  regulator_ok {bool},
  hose_ok {bool},
  safety_told {bool},
  photo {text},
  made_up {bool}
);
{layer lpg_connection None};
create unique index lpg_connection_connection_no on lpg_connection (connection_no);
create index lpg_connection_area on lpg_connection (area_code);
create index lpg_connection_owner on lpg_connection (owner_org);
create index lpg_connection_leak_test on lpg_connection (leak_test);
create index lpg_connection_user_no on lpg_connection (user_no);
create index lpg_connection_tag_no on lpg_connection (tag_no);
