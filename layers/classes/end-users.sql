-- Inspection of a user: past the end of its period it is overdue, until the next one is recorded.
-- A hazard or a refusal says more and stays.
select fid, version,
  case when inspection_state in ('passed', 'absent') and next_inspection_on < {day} then 'overdue'
       else inspection_state end as inspection_state,
  case when inspection_state in ('passed', 'absent') and next_inspection_on >= {day}
            then {midnight next_inspection_on 1}
       else {never} end as inspection_next_change
from lpg_end_user
where inspection_next_change is null or inspection_next_change <= {now}
order by fid
limit :slice
