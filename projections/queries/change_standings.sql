-- $1 regency; $2, $3, $4 the device, seq and new standing of events; $5 the step that changes them.
update event
set standing = d.standing, revision = $5
from unnest($2::text[], $3::bigint[], $4::text[]) as d (device, seq, standing)
where event.regency = $1 and event.device = d.device and event.seq = d.seq
