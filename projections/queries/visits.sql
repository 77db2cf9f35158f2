-- $1 regency, $2 area → field work in the area that counts, by device and seq.
select * from visits where regency = $1 and starts_with(tps, $2) order by device, seq
