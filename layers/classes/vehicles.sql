-- Vehicles: papers by the earliest of four dates, with notice 30 days before; a vehicle on its way
-- that is silent for 5 minutes is offline.
select fid, version,
  case when (select min(d) from (select insurance_to as d union all select transport_permit_to
             union all select driver_permit_to union all select escort_permit_to) as ends)
            < {day} then 'expired'
       when (select min(d) from (select insurance_to as d union all select transport_permit_to
             union all select driver_permit_to union all select escort_permit_to) as ends)
            <= {day 30} then 'expiring'
       else 'valid' end as papers_state,
  coalesce((select min(t) from (
      select {midnight insurance_to -30} as t union all select {midnight insurance_to 1}
      union all select {midnight transport_permit_to -30}
      union all select {midnight transport_permit_to 1}
      union all select {midnight driver_permit_to -30} union all select {midnight driver_permit_to 1}
      union all select {midnight escort_permit_to -30} union all select {midnight escort_permit_to 1}
    ) as borders where t > {now}), {never}) as papers_next_change,
  case when state in ('moving', 'loaded_stop') and {time_add last_fix_at 300} <= {now}
            then 'offline'
       else state end as state,
  case when state in ('moving', 'loaded_stop') and {time_add last_fix_at 300} > {now}
            then {time_add last_fix_at 300}
       else {never} end as state_next_change
from lpg_vehicle
where papers_next_change is null or papers_next_change <= {now}
   or state_next_change is null or state_next_change <= {now}
order by fid
limit :slice
