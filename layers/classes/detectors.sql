-- Detectors: silent for 5 minutes is offline; else the set points decide, which are exceeded only by
-- more than themselves (20 and 50 % LEL where none is set).
select fid, version,
  case when state = 'none' or last_seen_at is null then state
       when {time_add last_seen_at 300} <= {now} then 'offline'
       when reading_lel > coalesce(level2_lel, 50) then 'level2'
       when reading_lel > coalesce(level1_lel, 20) then 'level1'
       else 'normal' end as state,
  case when state = 'none' or last_seen_at is null
            or {time_add last_seen_at 300} <= {now} then {never}
       else {time_add last_seen_at 300} end as state_next_change
from lpg_detector
where state_next_change is null or state_next_change <= {now}
order by fid
limit :slice
