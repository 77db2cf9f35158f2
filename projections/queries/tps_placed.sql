-- $1 regency, $2 area → every TPS of the area that any event ever named for a voter.
select distinct tps from placement where regency = $1 and starts_with(tps, $2) order by tps
