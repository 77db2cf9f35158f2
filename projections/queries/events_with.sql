-- $1 regency, $2 standings → the events that have one of them, in order of arrival. Their persons are not asked for.
select position, standing, stamp, body, null::bytea as person
from event
where regency = $1 and standing <> 'counted' and standing = any ($2::text[])
order by position
