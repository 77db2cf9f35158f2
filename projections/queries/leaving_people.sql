-- $1 regency, $2 area, $3 after which voter, $4 how many → who left the area for another regency or is said to have, by id.
select m.voter::text, m.from_tps as tps, m.state as why, m.to_area, r.nik, r.name, r.birth_date
from movers m
join voter v on v.regency = m.regency and v.voter = m.voter
left join lateral json_to_record(shown(v.record) -> 'fields') as r (nik text, name text, birth_date text) on true
where m.regency = $1 and starts_with(m.from_tps, $2) and m.to_area is not null and m.state in ('gone', 'proposed')
    and m.voter > $3::uuid
order by m.voter
limit $4
