-- $1 regency, $2 area, $3 digits of the parts (6, 10 or 13) → entries that count, by part, day and kind.
select left(tps, $3::integer) as area, day, kind, sum(n)::bigint as n
from day_count
where regency = $1 and starts_with(tps, $2) and n <> 0
group by 1, 2, 3
order by 1, 2, 3
