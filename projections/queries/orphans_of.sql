-- $1 regency; $2, $3, $4 the device, first and last seq of stretches of logs → every orphan that belongs there.
select o.position, o.seq, o.device, o.body
from unnest($2::text[], $3::bigint[], $4::bigint[]) as l (device, first, last)
join orphan o on o.regency = $1 and o.device = l.device and o.seq between l.first and l.last
