-- $1 accounts, $2 areas, $3 voters: what each was shown there today, beside what it was shown before.
insert into budget (account, area, day, voters)
select account, area, (now() at time zone 'utc')::date, voters
from unnest($1::uuid[], $2::text[], $3::bigint[]) as shown (account, area, voters)
order by account, area
on conflict (account, area, day) do update set voters = budget.voters + excluded.voters
