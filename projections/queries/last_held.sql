-- $1 regency, $2 devices → the seq of the last event of each that has one, and its position in the journal.
select d.device, e.seq, e.position
from unnest($2::text[]) as d (device)
cross join lateral (
    select seq, position
    from event
    where regency = $1 and event.device = d.device
    order by seq desc
    limit 1
) e
