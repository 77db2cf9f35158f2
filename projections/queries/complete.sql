-- $1 regency; $2, $3 the device and seq of events whose person has come; $4 the step that brings it.
update event
set revision = $4
from unnest($2::text[], $3::bigint[]) as d (device, seq)
where event.regency = $1 and event.device = d.device and event.seq = d.seq
