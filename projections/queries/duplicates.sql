-- $1 regency, $2 area, $3 least similarity of names (0 to 1) → voters on the lists who may be one person, in groups, of
-- which at least one stands in the area. `members` names a group whatever else changes, `cluster` numbers it in this answer.
-- Nothing here decides anything: a person does, by a ruling.
with listed as materialized (
    select voter, tps, nik, nkk, birth_date, sex, upper(regexp_replace(btrim(name), '\s+', ' ', 'g')) as name
    from listed_voter
    where regency = $1
),
alike as (
    select 'nik' as kind, array_agg(voter order by voter) as members, 1.0::real as likeness
    from listed
    where nik <> ''
    group by nik
    having count(*) > 1
    union all
    select 'name_and_birth', array_agg(voter order by voter), 1.0
    from listed
    where name <> '' and birth_date <> ''
    group by name, birth_date
    having count(*) > 1
    union all
    -- Spelling forgiven: born on one day, and nearly one name.
    select 'similar', array[a.voter, b.voter], public.similarity(a.name, b.name)
    from listed a
    join listed b on b.birth_date = a.birth_date and b.voter > a.voter and b.name <> a.name
    where a.birth_date <> '' and public.similarity(a.name, b.name) >= $3::real
),
chosen as (
    select kind, members, likeness, row_number() over (order by kind, likeness desc, members) as cluster
    from alike
    where exists (select from listed l where l.voter = any (alike.members) and starts_with(l.tps, $2))
)
select c.cluster, c.kind, c.likeness, c.members, l.voter, l.tps, l.name, l.birth_date, l.sex, l.nik, l.nkk
from chosen c
join listed l on l.voter = any (c.members)
order by c.cluster, l.tps, l.voter
