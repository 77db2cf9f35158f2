-- $1 regency, $2 voters with a comma between → every event about them, with the right copy of its person. (An array
-- costs the driver more per voter than all the rest of the question.)
select e.voter::text, e.device, e.seq, e.standing, e.body, p.body as person, e.stamp
from event e
left join person p on p.regency = $1 and p.device = e.device and p.seq = e.seq
where e.regency = $1 and e.voter = any (string_to_array($2, ',')::uuid[])
