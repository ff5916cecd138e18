-- Periodic checks of equipment: notice 30 days before they are due.
select fid, version,
  case when next_check_on is null or next_check_on > {day 30} then 'valid'
       when next_check_on < {day} then 'expired'
       else 'expiring' end as check_state,
  case when next_check_on is null or next_check_on < {day} then {never}
       when next_check_on > {day 30} then {midnight next_check_on -30}
       else {midnight next_check_on 1} end as check_next_change
from lpg_equipment
where check_next_change is null or check_next_change <= {now}
order by fid
limit :slice
