-- $1 regency; $2, $3, $4 the device, first and last seq of stretches of logs → the voters that wait for one of them.
select distinct w.voter::text
from unnest($2::text[], $3::bigint[], $4::bigint[]) as l (device, first, last)
join waiting w on w.regency = $1 and w.device = l.device and w.seq between l.first and l.last
