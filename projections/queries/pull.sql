-- $1 regency, $2 TPS; $3 revision and $4 voter of the cursor; $5 how many voters at most → the events about each voter
-- that was ever placed there and has changed since, by change; all of them when the voter was placed there since.
-- What changed at the cursor's own revision comes again: a page may end within it, and coming twice is harmless.
with changed as (
    select p.voter, p.revision as placed, greatest(p.revision, max(e.revision)) as revision
    from placement p
    join event e on e.regency = $1 and e.voter = p.voter
    where p.regency = $1 and p.tps = $2
    group by p.voter, p.revision
    having (greatest(p.revision, max(e.revision)), p.voter) > ($3, $4::uuid)
    order by revision, p.voter
    limit $5
)
select
    c.revision, c.voter::text as voter, c.placed < $3 as known, e.device, e.seq, e.standing, e.body, p.body as person
from changed c
join event e on e.regency = $1 and e.voter = c.voter and (c.placed >= $3 or e.revision >= $3)
left join person p on p.regency = $1 and p.device = e.device and p.seq = e.seq
order by c.revision, c.voter, e.position
