-- $1 regency, $2 TPS → its current list, by name as on paper.
select * from voter_list where regency = $1 and tps = $2 order by name nulls last, voter
