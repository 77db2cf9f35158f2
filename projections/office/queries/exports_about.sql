-- $1 TPS, or null for all; $2 and $3 a window, or null → exports, by when they were asked for.
select a.login, a.role, x.area, x.what, x.format, x.position, x.unmasked, x.asked_at, x.state, x.rows
from export x
join account a using (account)
where ($1::text[] is null or exists (select from unnest($1::text[]) as at (tps) where starts_with(at.tps, x.area)))
    and ($2::timestamptz is null or x.asked_at >= $2)
    and ($3::timestamptz is null or x.asked_at < $3)
order by x.asked_at, x.export
