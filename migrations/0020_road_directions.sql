-- What a road is to a vehicle: its direction, its level where roads cross, its limit, its bans.

alter table lpg_road add column direction {text};
alter table lpg_road add column level {int};
alter table lpg_road add column speed_km_h {int};
alter table lpg_road add column no_dangerous_goods {bool};
