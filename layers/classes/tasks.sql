-- Tasks: overdue after their last day.
select fid, version,
  case when state in ('done', 'cancelled') then state
       when due_on < {day} then 'overdue'
       when state = 'overdue' then case when receipt_at is null then 'open' else 'accepted' end
       else state end as state,
  case when state in ('done', 'cancelled') or due_on is null or due_on < {day} then {never}
       else {midnight due_on 1} end as state_next_change
from lpg_task
where state_next_change is null or state_next_change <= {now}
order by fid
limit :slice
