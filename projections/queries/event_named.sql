-- $1 regency, $2 device, $3 seq → that event.
select position, standing, stamp, body, null::bytea as person
from event
where regency = $1 and device = $2 and seq = $3
