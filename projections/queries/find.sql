-- $1 regency, $2 area, $3 NIK or null, $4 part of a name or null, $5 how many at most → voters with a state, on a list or off, by name.
select
    v.voter, v.tps, v.verdict, v.reason, r.name, r.nik, r.sex, r.birth_date, r.address, r.rt, r.rw
from voter v,
lateral json_to_record(shown(v.record) -> 'fields') as r (
    name text, nik text, sex text, birth_date text, address text, rt text, rw text
)
where
    v.regency = $1
    and starts_with(v.tps, $2)
    and ($3::text is null or r.nik = $3)
    and ($4::text is null or position(upper($4) in upper(r.name)) > 0)
order by r.name nulls last, v.voter
limit $5
