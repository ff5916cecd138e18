-- Hazards: overdue after the last day for rectification, or the day it was extended to.
select fid, version,
  case when state <> 'closed' and coalesce(extended_to, rectify_by) < {day} then 1 else 0 end
    as overdue,
  case when state = 'closed' or coalesce(extended_to, rectify_by) is null
            or coalesce(extended_to, rectify_by) < {day} then {never}
       when extended_to is not null then {midnight extended_to 1}
       else {midnight rectify_by 1} end as overdue_next_change
from lpg_hazard
where overdue_next_change is null or overdue_next_change <= {now}
order by fid
limit :slice
