-- $1 regency, $2 voters → every event about them, in order of arrival.
select e.position, e.standing, e.stamp, e.body, p.body as person
from event e
left join person p on p.regency = $1 and p.device = e.device and p.seq = e.seq
where e.regency = $1 and e.voter = any ($2::uuid[])
order by e.position
