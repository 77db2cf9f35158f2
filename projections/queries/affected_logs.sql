-- $1 regency; $2, $3 devices and the seqs from which on their logs are meant → the voters that these events are about.
select distinct e.voter::text as voter
from unnest($2::text[], $3::bigint[]) as l (device, first)
join event e on e.regency = $1 and e.device = l.device and e.seq >= l.first
order by 1
