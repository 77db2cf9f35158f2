-- Who stands on the list of each TPS now, in the column order of Model A-Daftar Pemilih. Six digits and ten stars of an
-- identity number is the commission's own practice: with four hidden, the birth date and 9,999 guesses give the number.
create view voter_list with (security_barrier) as
select
    regency,
    voter,
    case when (select may_unmask()) then nkk else left(nkk, 6) || repeat('*', greatest(length(nkk) - 6, 0)) end as nkk,
    case when (select may_unmask()) then nik else left(nik, 6) || repeat('*', greatest(length(nik) - 6, 0)) end as nik,
    hidden(name) as name,
    hidden(birth_place) as birth_place,
    birth_date,
    marital,
    sex,
    hidden(address) as address,
    rt,
    rw,
    disability,
    ektp,
    remark,
    hidden(source) as source,
    tps,
    first_tps,
    attempts,
    conflicts,
    proposed
from listed_voter;
comment on view voter_list is 'The current list of every TPS: voters whose verdict is confirmed or unvisited. Filter by regency and tps.';
comment on column voter_list.regency is 'Regency code.';
comment on column voter_list.voter is 'The voter''s id.';
comment on column voter_list.nkk is 'Family card number, text as listed; six digits shown, the others as stars. All particulars are NULL when a person was erased or has not come yet.';
comment on column voter_list.nik is 'Identity number, text as listed; six digits shown, the others as stars; never a key, lists hold shared and 15-digit ones.';
comment on column voter_list.name is 'Name.';
comment on column voter_list.birth_place is 'Place of birth.';
comment on column voter_list.birth_date is 'Date of birth, text as listed.';
comment on column voter_list.marital is 'B not yet, S married, P formerly.';
comment on column voter_list.sex is 'L or P.';
comment on column voter_list.address is 'Street or hamlet.';
comment on column voter_list.rt is 'RT.';
comment on column voter_list.rw is 'RW.';
comment on column voter_list.disability is 'Disability, a word (code books turn digits into words and back).';
comment on column voter_list.ektp is 'S has a KTP-el, B has none yet.';
comment on column voter_list.remark is 'belum (not visited yet), sesuai (confirmed, unchanged), ubah (confirmed, particulars changed), baru (recorded at the door).';
comment on column voter_list.source is 'Source of the list that the voter was born on; NULL for baru.';
comment on column voter_list.tps is 'TPS, 13 digits.';
comment on column voter_list.first_tps is 'The TPS where the voter was first listed or recorded.';
comment on column voter_list.attempts is 'Visits at which the voter was not met.';
comment on column voter_list.conflicts is 'Registers in open conflict, NULL when none: see open_conflicts.';
comment on column voter_list.proposed is 'Removals that wait for a ruling, NULL when none: see proposals.';
