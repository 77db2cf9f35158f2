-- Families whose members stand on the lists of several TPS: mapping should not split a family.
create view split_families with (security_barrier) as
select
    regency,
    case when (select may_unmask()) then nkk else left(nkk, 6) || repeat('*', greatest(length(nkk) - 6, 0)) end as nkk,
    count(*) as voters,
    array_agg(distinct tps order by tps) as tps,
    array_agg(voter order by tps, voter) as members
from listed_voter
where listed_voter.nkk <> ''
group by regency, listed_voter.nkk
having count(distinct tps) > 1;
comment on view split_families is 'Family cards whose voters are on the lists of more than one TPS. Filter by regency. A card number can be wrong: for a person to look at.';
comment on column split_families.regency is 'Regency code.';
comment on column split_families.nkk is 'Family card number, text as listed; six digits shown, the others as stars.';
comment on column split_families.voters is 'Voters on the lists under this number.';
comment on column split_families.tps is 'The TPS, sorted.';
comment on column split_families.members is 'The voters, by TPS, then id.';
