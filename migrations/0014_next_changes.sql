-- When the classes that change by time change next; empty until the clock has looked.

alter table lpg_enterprise add column licence_next_change {time};
alter table lpg_station add column licence_next_change {time};
alter table lpg_end_user add column inspection_next_change {time};
alter table lpg_hazard add column overdue_next_change {time};
alter table lpg_vehicle add column papers_next_change {time};
alter table lpg_vehicle add column state_next_change {time};
create index lpg_enterprise_licence_next_change on lpg_enterprise (licence_next_change);
create index lpg_station_licence_next_change on lpg_station (licence_next_change);
create index lpg_end_user_inspection_next_change on lpg_end_user (inspection_next_change);
create index lpg_hazard_overdue_next_change on lpg_hazard (overdue_next_change);
create index lpg_vehicle_papers_next_change on lpg_vehicle (papers_next_change);
create index lpg_vehicle_state_next_change on lpg_vehicle (state_next_change);
