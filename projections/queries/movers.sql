-- $1 regency, $2 area → everybody who moved from or to a TPS of the area, gone or said to be gone.
select * from movers
where regency = $1 and (starts_with(from_tps, $2) or starts_with(to_tps, $2))
order by from_tps, voter
