-- $1 regency, $2 area, $3 after which voter, $4 how many → who is on the lists of the area, by id, with what tells people
-- apart across lists.
select voter::text, tps, remark as why, null as to_area, nik, name, birth_date from listed_voter
where regency = $1 and starts_with(tps, $2) and voter > $3::uuid
order by voter
limit $4
