-- $1 regency → of every device that sent anything: entries held, and how many of them wait or are kept out of the count.
select
    device,
    count(*) as held,
    max(seq) as seq,
    max(position) as position,
    count(*) filter (where standing = 'parked') as parked,
    count(*) filter (where standing not in ('counted', 'parked')) as quarantined,
    count(*) filter (where standing = 'late') as late
from event
where regency = $1
group by device
order by device
