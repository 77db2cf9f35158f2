-- $1 regency, $2 area → voters with a disability whose coklit counts, by officer, TPS and day.
select * from disabled_work where regency = $1 and starts_with(tps, $2) order by officer, role, tps, day
