-- $1 and $2 a window → its readings, those together that are alike in all but their time. Of acts on accounts, and of reading
-- the log itself, no voter is shown.
select
    a.login, a.role, l.action, l.area, count(distinct l.voter) as voters, l.fields,
    count(*) as answers, sum(l.rows)::bigint as rows, min(l.at) as first, max(l.at) as last
from read_log l
left join account a using (account)
where l.at >= $1 and l.at < $2 and l.action <> 'readings' and not starts_with(l.action, 'account ')
group by a.login, a.role, l.action, l.area, l.fields
order by min(l.entry)
