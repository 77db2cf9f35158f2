-- $1 regency, $2 TPS → everybody who stands on its roll or first stood there, with the particulars that tell them apart.
select
    voter::text as voter, tps, first_tps, on_list, source is not null as was_listed, verdict, reason,
    shown(record) -> 'fields' ->> 'name' as name,
    shown(record) -> 'fields' ->> 'nik' as nik
from voter
where regency = $1 and (tps = $2 or first_tps = $2)
order by voter
