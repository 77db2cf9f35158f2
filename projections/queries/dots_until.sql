-- $1 regency, $2 devices and $3 seqs side by side, $4 events → those of these events that were held by then.
select e.device, e.seq from unnest($2::text[], $3::bigint[]) as named (device, seq)
join event e on e.regency = $1 and e.device = named.device and e.seq = named.seq and e.position <= $4
