-- Test of a cylinder: due in the last 30 days, overdue after its date; past its scrap date whatever
-- the test says.
select fid, version,
  case when state = 'scrapped' then 'scrapped'
       when scrap_on <= {day} then 'scrap_due'
       when next_test_on < {day} then 'overdue'
       when next_test_on <= {day 30} then 'due'
       else 'valid' end as test_state,
  case when state = 'scrapped' or scrap_on <= {day} then {never}
       when next_test_on is null or next_test_on < {day}
            then case when scrap_on is null then {never} else {midnight scrap_on 0} end
       when next_test_on <= {day 30}
            then case when {midnight scrap_on 0} < {midnight next_test_on 1}
                      then {midnight scrap_on 0} else {midnight next_test_on 1} end
       else case when {midnight scrap_on 0} < {midnight next_test_on -30}
                 then {midnight scrap_on 0} else {midnight next_test_on -30} end
       end as test_next_change
from lpg_cylinder
where test_next_change is null or test_next_change <= {now}
order by fid
limit :slice
