-- $1 regency, $2 device, $3 how many at most → the device's events that do not count, the oldest first, each beside the
-- position that this is as of, and of a parked one the dots that it waits for; one row without an event when there is none.
select c.events as as_of, e.seq, e.standing, e.awaited
from checkpoint c
left join lateral (
    select own.seq, own.standing, case when own.standing = 'parked' then (
        select array_agg(named.key || ':' || named.value order by named.key)
        from jsonb_each_text(convert_from(own.body, 'UTF8')::jsonb -> 'clock') named
        where not exists (
            select from event cause
            where cause.regency = $1 and cause.device = named.key and cause.seq = named.value::bigint
        )
    ) end as awaited
    from event own
    where own.regency = $1 and own.device = $2 and own.standing <> 'counted'
    order by own.seq
    limit $3
) e on true
where c.regency = $1
order by e.seq
