-- Who stands on the list of each TPS now, in the column order of Model A-Daftar Pemilih, with whole identity numbers.
create view listed_voter as
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
comment on view listed_voter is 'The current list of every TPS with whole identity numbers: for the service, which shows them to whom it may and writes it down. People read voter_list.';
comment on column listed_voter.regency is 'Regency code.';
comment on column listed_voter.voter is 'The voter''s id.';
comment on column listed_voter.nkk is 'Family card number, text as listed. All particulars are NULL when a person was erased or has not come yet.';
comment on column listed_voter.nik is 'Identity number, text as listed: never a key, lists hold shared and 15-digit ones.';
comment on column listed_voter.name is 'Name.';
comment on column listed_voter.birth_place is 'Place of birth.';
comment on column listed_voter.birth_date is 'Date of birth, text as listed.';
comment on column listed_voter.marital is 'B not yet, S married, P formerly.';
comment on column listed_voter.sex is 'L or P.';
comment on column listed_voter.address is 'Street or hamlet.';
comment on column listed_voter.rt is 'RT.';
comment on column listed_voter.rw is 'RW.';
comment on column listed_voter.disability is 'Disability, a word (code books turn digits into words and back).';
comment on column listed_voter.ektp is 'S has a KTP-el, B has none yet.';
comment on column listed_voter.remark is 'belum (not visited yet), sesuai (confirmed, unchanged), ubah (confirmed, particulars changed), baru (recorded at the door).';
comment on column listed_voter.source is 'Source of the list that the voter was born on; NULL for baru.';
comment on column listed_voter.tps is 'TPS, 13 digits.';
comment on column listed_voter.first_tps is 'The TPS where the voter was first listed or recorded.';
comment on column listed_voter.attempts is 'Visits at which the voter was not met.';
comment on column listed_voter.conflicts is 'Registers in open conflict, NULL when none: see open_conflicts.';
comment on column listed_voter.proposed is 'Removals that wait for a ruling, NULL when none: see proposals.';
