-- $1 regency, $2 devices, $3 seqs → the events with these names, each with its person.
select e.device, e.seq, e.position, e.standing, e.stamp, e.body, p.body as person
from unnest($2::text[], $3::bigint[]) as d (device, seq)
join event e on e.regency = $1 and e.device = d.device and e.seq = d.seq
left join person p on p.regency = $1 and p.device = e.device and p.seq = e.seq
