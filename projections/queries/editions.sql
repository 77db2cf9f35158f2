-- $1 regency, $2 TPS codes → its moment, build and step as in `edition`; and of each of the TPS what tells whether a row of its
-- roll was written since: a row that is written has another place or another transaction, and one that left is no more counted.
-- One statement, so one moment.
select
    c.regency, c.election, c.events, c.persons, c.generation, c.revision,
    array(
        select (
            select count(*) || '.' || coalesce(sum(hashtextextended(v.xmin::text || v.ctid::text, 0)), 0)
            from voter v
            where v.regency = c.regency and v.tps = asked.tps
        )
        from unnest($2::text[]) with ordinality as asked (tps, nth)
        order by asked.nth
    ) as imprints
from checkpoint c
where c.regency = $1
