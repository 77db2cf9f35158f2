-- $1 regency, $2 devices → seq, hash and stamp of the last event of each that has one.
select d.device, e.seq, sha256(e.body) as hash, e.stamp
from unnest($2::text[]) as d (device)
cross join lateral (
    select seq, body, stamp
    from event
    where regency = $1 and event.device = d.device
    order by seq desc
    limit 1
) e
