-- $1 regency, $2 voters, $3 events, $4 persons → every event about them up to that event, with what had come of persons.
select e.position, e.standing, e.stamp, e.body, p.body as person
from event e
left join person p on p.regency = $1 and p.device = e.device and p.seq = e.seq and p.position <= $4
where e.regency = $1 and e.voter = any ($2::uuid[]) and e.position <= $3
order by e.position
