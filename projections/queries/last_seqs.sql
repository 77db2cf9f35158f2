-- $1 regency, $2 devices → the seq of the last event of each that has one.
select device, max(seq) as seq from event where regency = $1 and device = any ($2::text[]) group by device
