-- $1 regency, $2 area → how many stand on its lists.
select coalesce(sum(on_list), 0)::bigint as voters from tps_count where regency = $1 and starts_with(tps, $2)
