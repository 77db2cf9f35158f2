-- $1 regency → of every device that sent anything: entries held, and how many wait or are kept out of the count.
select * from device_health where regency = $1 order by device
