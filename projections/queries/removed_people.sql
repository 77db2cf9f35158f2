-- $1 regency, $2 area, $3 after which voter, $4 how many → who stands on a roll of the area and is off the list, by id.
select v.voter::text, v.tps, coalesce(v.reason, v.verdict) as why, null as to_area, r.nik, r.name, r.birth_date
from voter v
left join lateral json_to_record(shown(v.record) -> 'fields') as r (nik text, name text, birth_date text) on true
where v.regency = $1 and starts_with(v.tps, $2) and not v.on_list and v.voter > $3::uuid
order by v.voter
limit $4
