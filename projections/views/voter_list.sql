-- Who stands on the list of each TPS now, in the column order of Model A-Daftar Pemilih.
create view voter_list as
select
    v.regency,
    v.voter,
    r.nkk,
    r.nik,
    r.name,
    r.birth_place,
    r.birth_date,
    r.marital,
    r.sex,
    r.address,
    r.rt,
    r.rw,
    r.disability,
    r.ektp,
    case
        when v.verdict = 'unvisited' then 'belum'
        when v.source is null then 'baru'
        when v.changed then 'ubah'
        else 'sesuai'
    end as remark,
    v.source,
    v.tps,
    v.first_tps,
    v.attempts,
    v.conflicts,
    v.proposed
from voter v
left join lateral json_to_record(shown(v.record) -> 'fields') as r (
    nkk text, nik text, name text, birth_place text, birth_date text, marital text, sex text,
    address text, rt text, rw text, disability text, ektp text
) on true
where v.on_list;
comment on view voter_list is 'The current list of every TPS: voters whose verdict is confirmed or unvisited. Filter by regency and tps.';
comment on column voter_list.regency is 'Regency code.';
comment on column voter_list.voter is 'The voter''s id.';
comment on column voter_list.nkk is 'Family card number, text as listed. All particulars are NULL when a person was erased or has not come yet.';
comment on column voter_list.nik is 'Identity number, text as listed: never a key, lists hold shared and 15-digit ones.';
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
