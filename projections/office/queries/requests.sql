-- $1 request, or null; $2 voter, or null; $3 area, or null; $4 whether those with an answer too → requests, the first due first.
select *, coalesce(answered_at, now()) > due_at as is_late
from voter_request
where ($1::uuid is null or request = $1)
    and ($2::uuid is null or voter = $2)
    and ($3::text is null or starts_with(tps, $3))
    and ($4 or answered_at is null)
order by due_at, request
