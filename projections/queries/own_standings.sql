-- $1 regency, $2 device, $3 how many at most → the device's events that do not count, the oldest first.
select seq, standing
from event
where regency = $1 and device = $2 and standing <> 'counted'
order by seq
limit $3
