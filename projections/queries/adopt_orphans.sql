-- $1 regency; $2, $3 the device and seq of orphans whose event has come.
delete from orphan
using unnest($2::text[], $3::bigint[]) as d (device, seq)
where orphan.regency = $1 and orphan.device = d.device and orphan.seq = d.seq
