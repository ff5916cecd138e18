-- Licence of an enterprise: from 60 days before its end it is expiring, after its last day expired.
-- Suspension and cancellation are decided by people and stay.
select fid, version,
  case when licence_state in ('suspended', 'cancelled') or licence_to is null then licence_state
       when licence_to < {day} then 'expired'
       when licence_to > {day 60} then 'valid'
       when renewal_applied_on is not null
            and (licence_from is null or renewal_applied_on >= licence_from) then 'expiring_applied'
       else 'expiring' end as licence_state,
  case when licence_state in ('suspended', 'cancelled') or licence_to is null
            or licence_to < {day} then {never}
       when licence_to > {day 60} then {midnight licence_to -60}
       else {midnight licence_to 1} end as licence_next_change
from lpg_enterprise
where licence_next_change is null or licence_next_change <= {now}
order by fid
limit :slice
