-- $1 regency, $2 area → entries that count, by officer, TPS, day and kind.
select officer, role, tps, day, kind, n from day_count
where regency = $1 and starts_with(tps, $2) and n <> 0
order by officer, role, tps, day, kind
