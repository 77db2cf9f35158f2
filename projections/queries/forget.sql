-- $1 regency, $2 voters with a comma between: their rows go, new ones follow in the same transaction. Most voters have no
-- sides, so those are looked for only where the row says that there are some.
with gone as (
    delete from voter
    where regency = $1 and voter = any (string_to_array($2, ',')::uuid[])
    returning voter, conflicts, proposed
)
delete from side
using gone
where side.regency = $1 and side.voter = gone.voter and (gone.conflicts is not null or gone.proposed is not null)
