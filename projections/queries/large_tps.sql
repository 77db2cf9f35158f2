-- $1 regency, $2 area, $3 limit → TPS of the area with more voters on the list than the limit, the largest first.
select tps, on_list, on_list - $3::bigint as over from tps_count
where regency = $1 and starts_with(tps, $2) and on_list > $3::bigint
order by on_list desc, tps
