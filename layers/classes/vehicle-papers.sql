-- Permits, insurance and inspections of vehicles: notice 30 days before the end.
select fid, version,
  case when valid_to is null or valid_to > {day 30} then 'valid'
       when valid_to < {day} then 'expired'
       else 'expiring' end as state,
  case when valid_to is null or valid_to < {day} then {never}
       when valid_to > {day 30} then {midnight valid_to -30}
       else {midnight valid_to 1} end as state_next_change
from lpg_vehicle_paper
where state_next_change is null or state_next_change <= {now}
order by fid
limit :slice
