-- $1 regency, $2 device, $3 how many at most → the device's events that do not count, the oldest first, each beside the
-- position that this is as of; one row without an event when there is none.
select c.events as as_of, e.seq, e.standing
from checkpoint c
left join lateral (
    select seq, standing
    from event
    where regency = $1 and device = $2 and standing <> 'counted'
    order by seq
    limit $3
) e on true
where c.regency = $1
order by e.seq
