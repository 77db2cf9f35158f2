-- $1 regency, $2 area or TPS → every proposal that stands there.
select * from proposals where regency = $1 and starts_with(tps, $2) order by tps, voter, proposal, device, seq
