-- The voters with a disability whose coklit counts, by officer, TPS and day: line E of an officer's report.
create view disabled_work with (security_barrier) as
select
    v.regency,
    b.tps,
    hidden(b.officer) as officer,
    b.role,
    coalesce(b.visited, left(b.at, 10))::date as day,
    count(distinct v.voter) as n
from voter v
join event e on e.regency = v.regency and e.voter = v.voter and e.standing = 'counted'
cross join lateral json_to_record(convert_from(e.body, 'UTF8')::json) as b (
    type text, tps text, officer text, role text, at text, visited text
)
where v.disability is not null and b.type not in ('listed', 'not_met', 'ruled')
group by 1, 2, 3, 4, 5;
comment on view disabled_work is 'How many voters with a disability each officer did coklit of, by TPS and day. Filter by regency.';
comment on column disabled_work.regency is 'Regency code.';
comment on column disabled_work.tps is 'The roll that was worked on.';
comment on column disabled_work.officer is 'The officer''s id.';
comment on column disabled_work.role is 'pantarlih, pps, ppk or kpu.';
comment on column disabled_work.day is 'The day of the visit where the entry says it, else the day on the device''s own clock.';
comment on column disabled_work.n is 'Voters.';
