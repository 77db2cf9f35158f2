-- $1 regency, $2 and $3 the devices and seqs of dots → the voter of each that is held.
select e.device, e.seq, e.voter::text
from unnest($2::text[], $3::bigint[]) as d (device, seq)
join event e on e.regency = $1 and e.device = d.device and e.seq = d.seq
