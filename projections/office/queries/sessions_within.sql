-- $1 and $2 a window → sessions that were open for a while of it.
select a.login, a.role, s.kind, s.made_at, s.seen_at, coalesce(s.revoked_at, s.ends_at) as ended_at
from session s
join account a using (account)
where s.made_at < $2 and coalesce(s.revoked_at, s.ends_at) > $1
order by s.made_at, a.login
