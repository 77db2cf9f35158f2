-- $1 regency, $2 voters → the dots of every event about them.
select device, seq from event where regency = $1 and voter = any ($2::uuid[]) order by device, seq
