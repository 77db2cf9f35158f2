-- $1 regency → device, seq and hash of the last event of every log.
select distinct on (device) device, seq, sha256(body) as hash
from event
where regency = $1
order by device, seq desc
