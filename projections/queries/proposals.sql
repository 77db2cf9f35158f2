-- $1 regency, $2 area or TPS → every proposal that stands there, the most consequential first: `weight` 0 is about somebody
-- on the list, 1 about somebody who is off it anyhow. Among equals the oldest first.
select *, case when verdict in ('confirmed', 'unvisited') then 0 else 1 end as weight
from proposals
where regency = $1 and starts_with(tps, $2)
order by weight, position, voter, proposal
