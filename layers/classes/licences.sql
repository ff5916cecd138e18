-- Licences: as for enterprises, with suspension and cancellation as facts of their own.
select fid, version,
  case when cancelled_on is not null then 'cancelled'
       when suspended = 1 then 'suspended'
       when valid_to < {day} then 'expired'
       when valid_to > {day 60} then 'valid'
       when renewal_applied_on is not null and renewal_applied_on >= valid_from
            then 'expiring_applied'
       else 'expiring' end as state,
  case when cancelled_on is not null or suspended = 1 or valid_to < {day} then {never}
       when valid_to > {day 60} then {midnight valid_to -60}
       else {midnight valid_to 1} end as state_next_change
from lpg_licence
where state_next_change is null or state_next_change <= {now}
order by fid
limit :slice
