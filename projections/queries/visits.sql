-- $1 regency, $2 area → every entry of field work in the area that counts, by device and seq, with its home (a
-- family card, unreadable) and where the phone was, when the entry has it. For advice on plausibility: nothing here is ever read by the merge.
select
    e.voter, e.device, e.seq, e.position, b.type, b.tps, b.officer, b.role, b.at, b.entry, b.how,
    md5(shown(v.record) -> 'fields' ->> 'nkk') as home,
    w.place ->> 'lat_e6' as lat_e6,
    w.place ->> 'lon_e6' as lon_e6
from event e
cross join lateral json_to_record(convert_from(e.body, 'UTF8')::json) as b (
    type text, tps text, officer text, role text, at text, entry text, how text
)
left join voter v on v.regency = e.regency and v.voter = e.voter
left join person p on p.regency = e.regency and p.device = e.device and p.seq = e.seq
left join lateral (select shown(convert_from(p.body, 'UTF8')) -> 'visit' -> 'place' as place) w on true
where e.regency = $1 and e.standing = 'counted' and b.type not in ('listed', 'ruled') and starts_with(b.tps, $2)
order by e.device, e.seq
