-- $1 voter, $2 TPS → readings of the voter, and of lists that one of the TPS is in; acts on accounts, and reading the log
-- itself, are none.
select l.*, a.login
from read_log l
left join account a using (account)
where (
        l.voter = $1::uuid
        or (l.voter is null and exists (select from unnest($2::text[]) as at (tps) where starts_with(at.tps, l.area)))
    )
    and l.action <> 'readings' and not starts_with(l.action, 'account ')
order by l.entry
