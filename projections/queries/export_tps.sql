-- $1 regency, $2 area → every TPS of the area on whose roll somebody stands, on the list or off.
select tps from tps_count where regency = $1 and starts_with(tps, $2) and on_list + removed > 0 order by tps
