-- $1 regency, $2 area or TPS → every side of every open conflict there.
select * from open_conflicts where regency = $1 and starts_with(tps, $2) order by tps, voter, register, not wins, device, seq
