-- $1 regency, $2 area → families split over several TPS, one of which lies in the area.
select f.* from split_families f
where f.regency = $1 and exists (select from unnest(f.tps) as at (tps) where starts_with(at.tps, $2))
order by f.tps, f.nkk
