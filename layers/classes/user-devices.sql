-- Devices of users: expired after the last day of their life. What else they report is theirs.
select fid, version,
  case when state <> 'removed' and life_to < {day} then 'expired'
       when state = 'expired' then 'working'
       else state end as state,
  case when state = 'removed' or life_to is null or life_to < {day} then {never}
       else {midnight life_to 1} end as state_next_change
from lpg_user_device
where state_next_change is null or state_next_change <= {now}
order by fid
limit :slice
