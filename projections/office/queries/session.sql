-- The open session with the mark $1 that was used within $2 seconds, or all of them where $1 is NULL; and its account.
select s.kind, s.token, s.made_at as session_made_at, s.seen_at, s.ends_at, s.seen_at < now() - interval '1 minute' as is_stale, a.*
from session s
join account a on a.account = s.account
where ($1::bytea is null or s.token = $1) and s.revoked_at is null and s.ends_at > now()
    and s.seen_at > now() - make_interval(secs => $2) and a.closed_at is null
order by s.made_at desc
