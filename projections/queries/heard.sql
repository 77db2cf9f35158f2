-- $1 regency, $2 positions → when the step that took in the event at each was applied (view device_health says it of now).
select p.position, m.at
from unnest($2::bigint[]) as p (position)
cross join lateral (
    select s.at
    from step_mark s
    where s.regency = $1 and s.events >= p.position
    order by s.events, s.revision
    limit 1
) m
