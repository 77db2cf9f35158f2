-- $1 regency, $2 area → every entry of field work in the area that counts, by device and seq, with where the phone was
-- when the entry has it. For advice on plausibility: nothing here is ever read by the merge.
select
    e.voter, e.device, e.seq, e.position, b.type, b.tps, b.officer, b.role, b.at, b.entry, b.how,
    (shown(convert_from(p.body, 'UTF8')) -> 'visit' -> 'place' ->> 'lat_e6')::bigint as lat_e6,
    (shown(convert_from(p.body, 'UTF8')) -> 'visit' -> 'place' ->> 'lon_e6')::bigint as lon_e6,
    (shown(convert_from(p.body, 'UTF8')) -> 'visit' -> 'place' ->> 'accuracy_m')::bigint as accuracy_m
from event e
cross join lateral json_to_record(convert_from(e.body, 'UTF8')::json) as b (
    type text, tps text, officer text, role text, at text, entry text, how text
)
left join person p on p.regency = e.regency and p.device = e.device and p.seq = e.seq
where e.regency = $1 and e.standing = 'counted' and b.type not in ('listed', 'ruled') and starts_with(b.tps, $2)
order by e.device, e.seq
