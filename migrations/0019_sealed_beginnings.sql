-- A sealed text is found by its beginning: the index needs no more of it.
drop index lpg_end_user_id_no;
drop index lpg_end_user_phone;
drop index lpg_staff_id_no;
drop index lpg_staff_phone;
drop index lpg_order_phone;
drop index lpg_complaint_phone;
create index lpg_end_user_id_no on lpg_end_user (substr(id_no, 1, 40));
create index lpg_end_user_phone on lpg_end_user (substr(phone, 1, 40));
create index lpg_staff_id_no on lpg_staff (substr(id_no, 1, 40));
create index lpg_staff_phone on lpg_staff (substr(phone, 1, 40));
create index lpg_order_phone on lpg_order (substr(phone, 1, 40));
create index lpg_complaint_phone on lpg_complaint (substr(phone, 1, 40));
