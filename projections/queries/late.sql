-- $1 regency, $2 area → entries that came when coklit of their area was closed, in order of arrival.
select * from late_entries where regency = $1 and starts_with(tps, $2) order by position
