-- $1 regency, $2 TPS, $3 the revision that the phone has all of; $4 revision and $5 voter where its sweep stands; $6 how
-- many voters at most → of each voter that was ever placed there and has changed since, in order of that change, the events
-- that changed; all of them when the voter was placed there since.
with changed as (
    select p.voter, p.revision as placed, greatest(p.revision, max(e.revision)) as revision
    from placement p
    join event e on e.regency = $1 and e.voter = p.voter
    where p.regency = $1 and p.tps = $2
    group by p.voter, p.revision
    having (greatest(p.revision, max(e.revision)), p.voter) > ($4::bigint, $5::uuid)
    order by 3, 1
    limit $6
)
select
    c.revision, c.voter::text as voter, c.placed <= $3 as known, e.device, e.seq, e.standing, e.stamp, e.body,
    p.body as person
from changed c
join event e on e.regency = $1 and e.voter = c.voter and (c.placed > $3 or e.revision > $3)
left join person p on p.regency = $1 and p.device = e.device and p.seq = e.seq
order by c.revision, c.voter, e.position
