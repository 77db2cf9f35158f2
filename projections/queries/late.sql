-- $1 regency, $2 area → entries that came when coklit of their area was closed, in order of arrival.
select e.voter, e.device, e.seq, e.position, b.type, b.tps, b.officer, b.role, b.at
from event e
cross join lateral json_to_record(convert_from(e.body, 'UTF8')::json) as b (type text, tps text, officer text, role text, at text)
where e.regency = $1 and e.standing = 'late' and starts_with(b.tps, $2)
order by e.position
