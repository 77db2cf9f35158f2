-- $1 regency, $2 area or TPS → of every TPS there: voters in conflict, voters with a proposal, and the leaves of its digest.
select
    tps,
    count(*) filter (where conflicts is not null) as in_conflict,
    count(*) filter (where proposed is not null) as proposed,
    array_agg(leaf_hash(decision) order by voter) as leaves
from voter
where regency = $1 and starts_with(tps, $2)
group by tps
