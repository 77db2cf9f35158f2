-- $1 regency, $2 positions → the device and seq of the event that was projected from each.
select position, device, seq
from event
where regency = $1 and position = any($2::bigint[])
