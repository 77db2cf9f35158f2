-- $1 regency, $2 area or TPS → every side of every open conflict there, the most consequential first: `weight` 0 is whether
-- the voter is on the list, 1 on which, 2 for which reason off it, 3 a particular. Among equals the oldest first: `opened`
-- is the position of the first event that said something else than the one before it.
select
    regency, tps, voter, register, value, wins, type, officer, role, at_tps, at, device, seq, position,
    case
        when register = 'tps' then 1
        when register <> 'verdict' then 3
        when bool_or(stays) over conflict and not bool_and(stays) over conflict then 0
        else 2
    end as weight,
    coalesce(min(position) filter (where opinion is distinct from first_opinion) over conflict, position) as opened
from (
    select
        *,
        first_value(opinion) over (partition by voter, register order by position, device, seq) as first_opinion
    from (
        -- That somebody was found, and that nobody came yet, is one opinion: the voter stays.
        select *, value in ('confirmed', 'unvisited') as stays,
            case when register = 'verdict' and value in ('confirmed', 'unvisited') then 'stays' else value end as opinion
        from open_conflicts
        where regency = $1 and starts_with(tps, $2)
    ) said
) aged
window conflict as (partition by voter, register)
order by weight, opened, tps, voter, register, wins desc, device, seq
