-- $1 regency, $2 area → of the voters with a disability, whose coklit by which officer on which day counts.
select b.officer, b.role, b.tps, coalesce(b.visited, left(b.at, 10))::date as day, count(distinct v.voter)::bigint as n
from voter v
join event e on e.regency = v.regency and e.voter = v.voter and e.standing = 'counted'
cross join lateral json_to_record(convert_from(e.body, 'UTF8')::json) as b (
    type text, tps text, officer text, role text, at text, visited text
)
where v.regency = $1 and v.disability is not null and b.type not in ('listed', 'not_met', 'ruled') and starts_with(b.tps, $2)
group by 1, 2, 3, 4
order by 1, 2, 3, 4
