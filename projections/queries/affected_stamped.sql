-- $1 regency, $2 registry position → the voters of whom an event was admitted there or after it.
select distinct voter::text as voter from event where regency = $1 and stamp >= $2 order by 1
