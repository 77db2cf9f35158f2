-- Failures and buckets of a day ago say nothing any more. Locks that hold stay.
with old as (delete from rate where at < now() - interval '1 day')
delete from lockout where first_at < now() - interval '1 day' and coalesce(until, first_at) < now()
