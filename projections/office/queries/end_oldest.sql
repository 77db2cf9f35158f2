-- $1 account, $2 how many sessions it may have open → ends those beyond, the oldest first.
update session set revoked_at = now()
where token in (
    select token from session
    where account = $1 and revoked_at is null and ends_at > now()
    order by made_at desc
    offset $2
)
