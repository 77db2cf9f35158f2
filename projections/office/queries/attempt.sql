-- Count an attempt in a scope, and lock the scope when there were too many: $1 scope, $2 failures at most, $3 seconds of
-- the window and of the lock. A lock that is there is not made longer; when it is over, counting begins anew.
insert into lockout as l (scope, failures, first_at, until)
values ($1, 1, now(), null)
on conflict (scope) do update set
    failures = case
        when l.until > now() then l.failures
        when l.until is not null or l.first_at < now() - make_interval(secs => $3) then 1
        else l.failures + 1
    end,
    first_at = case
        when l.until > now() then l.first_at
        when l.until is not null or l.first_at < now() - make_interval(secs => $3) then now()
        else l.first_at
    end,
    until = case
        when l.until > now() then l.until
        when l.until is not null or l.first_at < now() - make_interval(secs => $3) then null
        when l.failures + 1 > $2 then now() + make_interval(secs => $3)
        else null
    end
returning until, coalesce(extract(epoch from until - now())::float8, 0) as wait_seconds, failures
