-- $1 regency, $2 TPS → everybody on its list as an export has them, by name as on paper.
select
    voter::text, nkk, nik, name, birth_place, birth_date, marital, sex, address, rt, rw, disability, ektp, remark, source,
    tps, first_tps, attempts, conflicts, proposed
from voter_list
where regency = $1 and tps = $2
order by name nulls last, voter_list.voter
