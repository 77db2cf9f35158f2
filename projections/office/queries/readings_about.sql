-- $1 voter, $2 TPS → readings of the voter, and of lists that one of the TPS is in.
select l.*, a.login
from read_log l
left join account a using (account)
where l.voter = $1::uuid
    or (l.voter is null and exists (select from unnest($2::text[]) as at (tps) where starts_with(at.tps, l.area)))
order by l.entry
