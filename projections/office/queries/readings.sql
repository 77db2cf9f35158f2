-- $1 area, and as far as they are given $2 login, $3 action, $4 voter, $5 an entry's number → $6 entries before that one at
-- most, the latest first: of the area or a part of it, of a wider one, or of a voter who stands there now.
select l.*, a.login
from read_log l
left join account a using (account)
where (
        starts_with(l.area, $1) or starts_with($1, l.area)
        or (
            l.area is null
            and exists (
                select from {schema}.voter v
                where v.regency = left($1, 4) and v.voter = l.voter and starts_with(v.tps, $1)
            )
        )
    )
    and ($2::text is null or a.login = $2)
    and ($3::text is null or l.action = $3)
    and ($4::uuid is null or l.voter = $4)
    and ($5::bigint is null or l.entry < $5)
order by l.entry desc
limit $6
