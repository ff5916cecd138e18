-- Identity numbers and phones lie encrypted, each behind its blind index: a whole value is found by
-- how its column begins.
create index lpg_end_user_id_no on lpg_end_user (id_no);
create index lpg_end_user_phone on lpg_end_user (phone);
create index lpg_staff_id_no on lpg_staff (id_no);
create index lpg_staff_phone on lpg_staff (phone);
create index lpg_order_phone on lpg_order (phone);
create index lpg_complaint_phone on lpg_complaint (phone);
