-- $1 regency, $2 area or TPS, $3 voter, $4 how many → the next voters that any event ever placed there, by id.
select distinct voter::text as voter from placement
where regency = $1 and starts_with(tps, $2) and voter > $3::uuid
order by voter
limit $4
