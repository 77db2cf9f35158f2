-- $1 accounts, $2 areas → for each pair of them, once, what was read there today, what was granted, and whether it is
-- locked; and in every row, or in the only one, the moment and the last entry of the log.
select now.at, now.entry, now.hash, asked.account, asked.area, coalesce(b.voters, 0) as voters,
    coalesce(b.granted, 0) as granted, l.scope is not null as is_locked
from (
    select clock_timestamp() as at, coalesce(last.entry, 0) as entry, last.hash
    from (select 1) as one
    left join (select entry, hash from read_log order by entry desc limit 1) as last on true
) as now
left join unnest($1::uuid[], $2::text[]) as asked (account, area) on true
left join budget b on b.account = asked.account and b.area = asked.area and b.day = (now() at time zone 'utc')::date
left join lockout l on l.scope = 'reading:' || asked.account || ':' || asked.area and l.until > now()
