-- $1 regency, $2 TPS → every event about every voter that was ever placed there, in order of arrival.
select e.position, e.standing, e.stamp, e.body, p.body as person
from placement a
join event e on e.regency = $1 and e.voter = a.voter
left join person p on p.regency = $1 and p.device = e.device and p.seq = e.seq
where a.regency = $1 and a.tps = $2
order by e.position
